"""Augmentation: what another voice, room, distance or microphone would have changed, drawn anew at every step.

An augmentation is a value, a frozen dataclass of settings, with one pure function ``(key, batch) -> batch`` that runs
inside the compiled training step. It takes and returns batches of raw sound, ``[batch, time]``, with or without
`Padded`. What works on features, behind the front end, is a layer: `SpecAugment` and `FrequencyWarp`.

    >>> recipe = Chain((Speed(0.9, 1.1), Noise(snr_db=(5.0, 40.0)), Gain()))
    >>> hash(recipe) == hash(Chain((Speed(0.9, 1.1), Noise(snr_db=(5.0, 40.0)), Gain())))
    True
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from jaxlisten.errors import InputError
from jaxlisten.types import Array, Batch, Padded


class Augmentation(Protocol):
    """A random change of a batch. Equal settings are equal values, so that a step is compiled once."""

    def __call__(self, key: Array, batch: Batch) -> Batch: ...


@dataclass(frozen=True)
class Chain:
    """Apply augmentations one after the other, each with a key of its own.

    Args:
        parts: the first one first.
    """

    parts: tuple[Augmentation, ...]

    def __call__(self, key: Array, batch: Batch) -> Batch:
        for index, part in enumerate(self.parts):
            batch = part(jax.random.fold_in(key, index), batch)
        return batch


@dataclass(frozen=True)
class Gain:
    """Make each clip louder or softer by a number of decibels drawn evenly from a range.

    Args:
        low_db, high_db: the range.
    """

    low_db: float = -20.0
    high_db: float = 20.0

    def __post_init__(self) -> None:
        _in_order(self, "low_db", "high_db")

    def __call__(self, key: Array, batch: Batch) -> Batch:
        x, n = _clips(self, batch)
        decibels = jax.random.uniform(key, (len(x), 1), minval=self.low_db, maxval=self.high_db)
        return _with(batch, x * (10 ** (decibels / 20)).astype(x.dtype), n)


@dataclass(frozen=True)
class Noise:
    """Add noise of a random colour to some of the clips, at a random distance below their level.

    With w white noise, a drawn evenly from -1 to 1 and P(.) the mean square of a clip::

        z[t] = w[t] + a w[t - 1],        y = x + z sqrt(P(x) / P(z)) 10^(-snr_db / 20)

    Args:
        snr_db: the range that the signal-to-noise ratio is drawn from, evenly, in decibels.
        share: of the clips that get noise.
    """

    snr_db: tuple[float, float] = (5.0, 40.0)
    share: float = 0.5

    def __post_init__(self) -> None:
        _range(self, "snr_db")
        _share(self, "share")

    def __call__(self, key: Array, batch: Batch) -> Batch:
        x, n = _clips(self, batch)
        items, time = x.shape
        colour_key, noise_key, place_key, level_key = jax.random.split(key, 4)
        level = _level(level_key, x, n, self.snr_db, self.share)
        # All clips take their cuts from one noise, twice as long as a clip: drawing is what costs. It is drawn in a
        # branch, which XLA can't fuse with the cutting: it would draw each sample anew for every clip.
        size = (2 * time + 1,)
        white = jax.lax.cond(
            jnp.any(level > 0), lambda: jax.random.normal(noise_key, size, x.dtype), lambda: jnp.zeros(size, x.dtype)
        )
        places = jax.random.randint(place_key, (items,), 0, time)
        cut = jax.vmap(lambda place: jax.lax.dynamic_slice(white, (place,), (time + 1,)))(places)
        tilt = jax.random.uniform(colour_key, (items, 1), x.dtype, -1.0, 1.0)
        z = (cut[:, 1:] + tilt * cut[:, :-1]) * jax.lax.rsqrt(1 + jnp.square(tilt))
        return _with(batch, x + z * level, n)


class Recordings:
    """Background recordings for `Background`, end to end: a value by its content, so that it can be compiled in.

    Args:
        clips: float arrays ``[time]`` at the sample rate of the data; together at least one second or so, and at least
            as long as the longest clip that they are laid under.
    """

    def __init__(self, clips: Sequence[Array]):
        self.samples = np.concatenate([np.asarray(clip, np.float32) for clip in clips]) if len(clips) else np.zeros(0)
        if not len(self.samples) or not np.isfinite(self.samples).all() or not self.samples.any():
            raise InputError("Recordings: expected clips of finite samples [time], not all of them silent")
        self._hash = hash(self.samples.tobytes())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Recordings) and np.array_equal(self.samples, other.samples)

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return f"Recordings({len(self.samples)} samples)"


@dataclass(frozen=True)
class Background:
    """Lay some of the clips over a random cut of background recordings, at a random distance above it.

    Args:
        recordings: what lies behind the clips.
        snr_db: the range that the ratio of the levels is drawn from, evenly, in decibels.
        share: of the clips that get a background.
    """

    recordings: Recordings
    snr_db: tuple[float, float] = (0.0, 30.0)
    share: float = 0.5

    def __post_init__(self) -> None:
        _range(self, "snr_db")
        _share(self, "share")

    def __call__(self, key: Array, batch: Batch) -> Batch:
        x, n = _clips(self, batch)
        place_key, level_key = jax.random.split(key)
        samples = np.resize(self.recordings.samples, max(len(self.recordings.samples), x.shape[1] + 1))
        places = jax.random.randint(place_key, (len(x),), 0, len(samples) - x.shape[1] + 1)
        take = jax.vmap(lambda place: jax.lax.dynamic_slice(jnp.asarray(samples, x.dtype), (place,), (x.shape[1],)))
        z = take(places)
        z = z * jax.lax.rsqrt(jnp.maximum(_power(z, n), 1e-20))
        return _with(batch, x + z * _level(level_key, x, n, self.snr_db, self.share), n)


@dataclass(frozen=True)
class TimeShift:
    """Move each clip in its frame: silence comes in at one end, and what leaves at the other is lost.

    Args:
        share: the largest shift to either side, as a share of the clip.
    """

    share: float = 0.1

    def __post_init__(self) -> None:
        _share(self, "share")

    def __call__(self, key: Array, batch: Batch) -> Batch:
        x, n = _clips(self, batch)
        by = jax.random.uniform(key, (len(x),), minval=-self.share, maxval=self.share) * n.astype(jnp.float32)
        source = jnp.arange(x.shape[1]) - jnp.round(by).astype(jnp.int32)[:, None]
        return _with(batch, _take(x, source, n), n)


@dataclass(frozen=True)
class Speed:
    """Play each clip faster or slower, which moves its pitch and its formants along: another voice or instrument.

    Clips become shorter or longer; what no longer fits in the batch is cut off. The factor is drawn evenly on a
    logarithmic scale, and samples are interpolated by cubics through four of them (Catmull-Rom).

    Args:
        low, high: the range of the factor; above 1 is faster and higher.

    Reference:
        Ko et al. 2015, *Audio augmentation for speech recognition*.
    """

    low: float = 0.85
    high: float = 1.15

    def __post_init__(self) -> None:
        _in_order(self, "low", "high")
        if self.low <= 0:
            raise InputError(f"Speed: expected factors above 0, got low={self.low}")

    def __call__(self, key: Array, batch: Batch) -> Batch:
        x, n = _clips(self, batch)
        low, high = float(np.log(self.low)), float(np.log(self.high))
        factor = jnp.exp(jax.random.uniform(key, (len(x), 1), minval=low, maxval=high))
        place = jnp.arange(x.shape[1], dtype=jnp.float32) * factor
        whole = jnp.floor(place)
        t, i = (place - whole).astype(x.dtype), whole.astype(jnp.int32)
        a, b, c, d = (_take(x, i + k, n) for k in (-1, 0, 1, 2))
        y = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
        length = jnp.clip(jnp.floor(n.astype(jnp.float32) / factor[:, 0]).astype(n.dtype), 1, x.shape[1])
        return Batch(Padded(y, jnp.where(n > 0, length, 0)), batch.y, batch.weight)


@dataclass(frozen=True)
class Mixup:
    """Mix each clip with its neighbour in the batch, and their targets in the same proportion.

    With l drawn from Beta(alpha, alpha) and reflected to at least a half, and both clips at the level of the first::

        x' = l x_i + (1 - l) x_j,        y' = l y_i + (1 - l) y_j

    Args:
        alpha: above 0; 1 draws proportions evenly, small ones mix hardly at all.
        classes: how many there are, where the targets are class indices; None: they are numbers already.
        share: of the clips that are mixed.

    Reference:
        Zhang et al. 2018, *mixup: Beyond empirical risk minimization*.
    """

    alpha: float = 0.2
    classes: int | None = None
    share: float = 1.0

    def __post_init__(self) -> None:
        _share(self, "share")
        if self.alpha <= 0:
            raise InputError(f"Mixup: expected alpha above 0, got {self.alpha}")

    def __call__(self, key: Array, batch: Batch) -> Batch:
        x, n = _clips(self, batch)
        y = self._numbers(batch.y)
        part_key, share_key = jax.random.split(key)
        part = jax.random.choice(part_key, _beta_quantiles(self.alpha), (len(x),))
        both = (batch.weight > 0) & (jnp.roll(batch.weight, 1) > 0)
        mixed = both & jax.random.bernoulli(share_key, self.share, (len(x),))
        part = jnp.where(mixed, jnp.maximum(part, 1 - part), 1.0)
        x = _present(x, n)
        other = jnp.roll(x, 1, axis=0)
        level = jnp.sqrt(_power(x, n) / jnp.maximum(_power(other, jnp.roll(n, 1)), 1e-20))
        mine, its = part.astype(x.dtype)[:, None], (1 - part).astype(x.dtype)[:, None]
        x = mine * x + jnp.where(mixed[:, None], its * level * other, 0)
        n = jnp.where(mixed, jnp.maximum(n, jnp.roll(n, 1)), n)
        part = part.reshape(-1, *(1,) * (y.ndim - 1))
        return _with(batch._replace(y=part * y + (1 - part) * jnp.roll(y, 1, axis=0)), x, n)

    def _numbers(self, y: Array) -> Array:
        y = jnp.asarray(y)
        if y.ndim > 1 or jnp.issubdtype(y.dtype, jnp.floating):
            return y.astype(jnp.float32)
        if self.classes is None:
            raise InputError("Mixup: class indices can't be mixed; say how many classes there are, classes=")
        return jax.nn.one_hot(y, self.classes)


@functools.cache
def _beta_quantiles(alpha: float) -> np.ndarray:
    """Return 1,000 quantiles of Beta(alpha, alpha): drawing one compiles in no time, where a sampler takes seconds."""
    from scipy.special import betaincinv

    return betaincinv(alpha, alpha, (np.arange(1000) + 0.5) / 1000).astype(np.float32)


def _clips(augmentation: object, batch: Batch) -> tuple[Array, Array]:
    """Return the samples ``[batch, time]`` and the lengths ``[batch]``; refuse anything but raw sound."""
    x = batch.x
    values = x.values if isinstance(x, Padded) else x
    if getattr(values, "ndim", 0) != 2 or not jnp.issubdtype(values.dtype, jnp.floating):
        raise InputError(
            f"{type(augmentation).__name__}: expected a batch of raw sound, x [batch, time], got "
            f"{getattr(values, 'dtype', type(values).__name__)} {getattr(values, 'shape', '')}; train without augment="
        )
    values = jnp.asarray(values)
    n = jnp.asarray(x.length) if isinstance(x, Padded) else jnp.full(values.shape[:1], values.shape[1], jnp.int32)
    return values, n


def _with(batch: Batch, x: Array, n: Array) -> Batch:
    return batch._replace(x=Padded(x, n) if isinstance(batch.x, Padded) else x)


def _present(x: Array, n: Array) -> Array:
    """Set what lies behind the end of each clip to zero."""
    return jnp.where(jnp.arange(x.shape[1]) < n[:, None], x, 0)


def _power(x: Array, n: Array) -> Array:
    """Compute the mean square of each clip, ``[batch, 1]``."""
    return jnp.square(_present(x, n)).sum(1, keepdims=True) / jnp.maximum(n, 1).astype(x.dtype)[:, None]


def _take(x: Array, index: Array, n: Array) -> Array:
    """Take samples by their place in each clip, silence outside it."""
    inside = (index >= 0) & (index < n[:, None])
    return jnp.where(inside, jnp.take_along_axis(x, jnp.clip(index, 0, x.shape[1] - 1), axis=1), 0)


def _level(key: Array, x: Array, n: Array, snr_db: tuple[float, float], share: float) -> Array:
    """Draw the amplitude ``[batch, 1]`` of what is added to each clip; 0 for clips that nothing is added to."""
    ratio_key, share_key = jax.random.split(key)
    ratio = jax.random.uniform(ratio_key, (len(x), 1), x.dtype, *snr_db)
    chosen = jax.random.bernoulli(share_key, share, (len(x), 1))
    return jnp.where(chosen, jnp.sqrt(_power(x, n)) * (10 ** (-ratio / 20)).astype(x.dtype), 0)


def _in_order(value: Any, low: str, high: str) -> None:
    a, b = getattr(value, low), getattr(value, high)
    if not a <= b:
        raise InputError(f"{type(value).__name__}: expected {low} no higher than {high}, got {a} and {b}")


def _range(value: Any, name: str) -> None:
    pair = getattr(value, name)
    if not isinstance(pair, tuple) or len(pair) != 2 or not pair[0] <= pair[1]:
        raise InputError(f"{type(value).__name__}: expected {name} as a pair (low, high), got {pair!r}")


def _share(value: Any, name: str) -> None:
    if not 0 <= getattr(value, name) <= 1:
        raise InputError(f"{type(value).__name__}: expected {name} from 0 to 1, got {getattr(value, name)}")
