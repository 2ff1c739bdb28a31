"""Augmentations that change how loud a clip is, and what is heard with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from jaxlisten.augment.base import changed, check_order, check_range, check_share, clips, drawn_level, power
from jaxlisten.errors import InputError
from jaxlisten.types import Array, Batch


@dataclass(frozen=True)
class Gain:
    """Make each clip louder or softer by a number of decibels drawn evenly from a range.

    Args:
        low_db, high_db: the range.
    """

    low_db: float = -20.0
    high_db: float = 20.0

    def __post_init__(self) -> None:
        check_order(self, "low_db", "high_db")

    def __call__(self, key: Array, batch: Batch) -> Batch:
        x, n = clips(self, batch)
        decibels = jax.random.uniform(key, (len(x), 1), minval=self.low_db, maxval=self.high_db)
        return changed(batch, x * (10 ** (decibels / 20)).astype(x.dtype), n)


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
        check_range(self, "snr_db")
        check_share(self, "share")

    def __call__(self, key: Array, batch: Batch) -> Batch:
        x, n = clips(self, batch)
        items, time = x.shape
        colour_key, noise_key, place_key, level_key = jax.random.split(key, 4)
        level = drawn_level(level_key, x, n, self.snr_db, self.share)
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
        return changed(batch, x + z * level, n)


class Recordings:
    """Background recordings for `Background`, end to end: a value by its content, so that it can be compiled in.

    Args:
        clips: float arrays ``[time]`` at the sample rate of the data; together at least one second or so, and at least
            as long as the longest clip that they are laid under.
    """

    def __init__(self, clips: Sequence[Array]):
        parts = [np.asarray(clip, np.float32) for clip in clips]
        self.samples: np.ndarray = np.concatenate([*parts, np.zeros(0, np.float32)])
        if not len(self.samples) or not np.isfinite(self.samples).all() or not self.samples.any():
            raise InputError("Recordings: expected clips of finite samples [time], not all of them silent")
        self._hash = hash(self.samples.tobytes())

    def cut(self, key: Array, like: Array) -> Array:
        """Draw a random cut for each clip, ``[batch, time]`` in the shape and dtype of `like`, each of power 1."""
        n = like.shape[1]
        samples = np.resize(self.samples, max(len(self.samples), n + 1))
        places = jax.random.randint(key, (len(like),), 0, len(samples) - n + 1)
        whole = jnp.asarray(samples, like.dtype)
        z = jax.vmap(lambda place: jax.lax.dynamic_slice(whole, (place,), (n,)))(places)
        return z * jax.lax.rsqrt(jnp.maximum(jnp.square(z).mean(1, keepdims=True), 1e-20))

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
        check_range(self, "snr_db")
        check_share(self, "share")

    def __call__(self, key: Array, batch: Batch) -> Batch:
        x, n = clips(self, batch)
        place_key, level_key = jax.random.split(key)
        z = self.recordings.cut(place_key, x)
        # A clip that is shorter than the batch is laid over a part of its cut, whose own power counts.
        z = z * jax.lax.rsqrt(jnp.maximum(power(z, n), 1e-20))
        return changed(batch, x + z * drawn_level(level_key, x, n, self.snr_db, self.share), n)
