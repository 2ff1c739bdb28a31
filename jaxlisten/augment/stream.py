"""Streams made of training clips, as a detector hears them."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from jaxlisten.augment.base import check_range, clips, drawn_level, power, take
from jaxlisten.augment.level import Recordings
from jaxlisten.errors import InputError
from jaxlisten.types import Array, Batch, Padded

IGNORED = -1
"""The target of a step at which nothing is right or wrong."""

_RAMP = 0.01
_BEFORE_END, _LONG = 0.08, 1.5
_HOLD, _AFTER = 0.35, 0.25


@dataclass(frozen=True)
class InStream:
    """Make a stream of each clip: background, often the clip before it in the batch, a pause, the clip, background.

    Each step of the stream has a target of its own. It is the class of a clip from its end (of a long one, from its
    first second and a half) until a third of a second later; while less of a clip has been heard, and long after it,
    there is nothing to find. Between the two nothing is asked: the targets are `IGNORED`.

    Args:
        recordings: the background.
        samples: how long a stream is.
        step: samples from one target to the next.
        steps: how many targets there are; the first one is for the first sample.
        sr: sample rate in Hz.
        nothing: the index of the class of steps with nothing to find.
        snr_db: the range that the ratio of the levels of clip and background is drawn from, evenly, in decibels.
        gap: the range that the pause between two clips is drawn from, evenly, in seconds.

    Returns:
        When called with class indices ``y [batch]``: streams ``[batch, samples]`` and targets ``[batch, steps]``.

    Raises:
        InputError: when made with a setting that is out of range; when called with other targets.
    """

    recordings: Recordings
    samples: int
    step: int
    steps: int
    sr: int
    nothing: int
    snr_db: tuple[float, float] = (0.0, 40.0)
    gap: tuple[float, float] = (0.1, 0.6)

    def __post_init__(self) -> None:
        check_range(self, "snr_db")
        check_range(self, "gap")
        for name in ("samples", "step", "steps", "sr"):
            if getattr(self, name) < 1:
                raise InputError(f"InStream: expected {name} of 1 or more, got {getattr(self, name)}")

    def __call__(self, key: Array, batch: Batch) -> Batch:
        x, n = clips(self, batch)
        if jnp.ndim(batch.y) != 1 or not jnp.issubdtype(jnp.asarray(batch.y).dtype, jnp.integer):
            raise InputError("InStream: expected class indices y [batch]; give other targets another augmentation")
        keys = jax.random.split(key, 7)
        items, y = len(x), jnp.asarray(batch.y)

        def uniform(key: Array, low: Array | float, high: Array | float) -> Array:
            return low + jax.random.uniform(key, (items,)) * (high - low)

        # The clip before it begins up to half of itself before the stream; one in four streams has none.
        before, n_before, y_before = (jnp.roll(a, 1, axis=0) for a in (x, n, y))
        n_before = jnp.where(jax.random.bernoulli(keys[0], 0.25, (items,)), 0, n_before)
        first = uniform(keys[1], -0.5 * n_before.astype(jnp.float32), 0.3 * self.sr).astype(jnp.int32)
        gap = uniform(keys[2], self.gap[0] * self.sr, self.gap[1] * self.sr).astype(jnp.int32)
        second = jnp.where(n_before > 0, first + n_before + gap, gap)

        louder = 10 ** (uniform(keys[3], -6.0, 6.0) / 20).astype(x.dtype)[:, None]
        ratio = louder * jnp.sqrt(power(x, n) / jnp.maximum(power(before, n_before), 1e-20))
        stream = self._laid(x, n, second) + jnp.minimum(ratio, 1e3) * self._laid(before, n_before, first)
        level = drawn_level(keys[4], x, n, self.snr_db, 0.9)
        stream = stream + self.recordings.cut(keys[5], stream) * level

        targets = jnp.full((items, self.steps), self.nothing, y.dtype)
        targets = self._told(targets, y_before, first, n_before)
        targets = self._told(targets, y, second, n)
        there = n > 0
        length = jnp.where(there, self.samples, 0).astype(n.dtype)
        return Batch(Padded(jnp.where(there[:, None], stream, 0), length), targets, batch.weight)

    def _laid(self, x: Array, n: Array, place: Array) -> Array:
        """Return streams with each clip from `place` on and silence elsewhere; it comes and goes softly."""
        source = jnp.arange(self.samples) - place[:, None]
        ramp = jnp.minimum(source + 1, n[:, None] - source).astype(x.dtype) / (_RAMP * self.sr)
        return take(x, source, n) * jnp.clip(ramp, 0, 1)

    def _told(self, targets: Array, y: Array, begin: Array, n: Array) -> Array:
        """Write into the targets ``[batch, steps]`` what clips say that begin at `begin` and are `n` long."""
        time = (jnp.arange(self.steps) * self.step).astype(jnp.float32)
        begin, end = (place.astype(jnp.float32)[:, None] for place in (begin, begin + n))
        there = (n > 0)[:, None]
        due = jnp.minimum(end - _BEFORE_END * self.sr, begin + _LONG * self.sr)
        over = end + _HOLD * self.sr
        unclear = there & (time > begin + 0.4 * (due - begin)) & (time < over + _AFTER * self.sr)
        heard = there & (time >= due) & (time <= over)
        return jnp.where(heard, y[:, None], jnp.where(unclear, IGNORED, targets))
