"""A clip in a few hundred numbers: features from `jaxlisten.features`, pooled over time on the device."""

from __future__ import annotations

import functools
import math
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from jaxlisten.data import Dataset, batches, bucket_lengths
from jaxlisten.errors import InputError
from jaxlisten.features import mfcc
from jaxlisten.nn import LogMel
from jaxlisten.types import Array, Padded

Kind = Literal["mfcc", "log_mel"]

KINDS: dict[str, str] = {"mfcc": "MFCC", "log_mel": "log-mel"}
"""What `describe` can pool, and what it is called."""

_N_MELS, _N_MFCC = 40, 20
_RANGE_DB = 80.0
"""Levels further below the loudest one of the clip count as that."""
_POOLED = ("mean", "deviation", "change", "beginning", "middle", "end")


class Described(NamedTuple):
    """Clips as rows of numbers.

    Attributes:
        values: ``[n, features]``, float32.
        names: of each feature, such as ``"MFCC 3, mean"``.
    """

    values: NDArray[np.float32]
    names: tuple[str, ...]


def describe(data: Dataset, kind: Kind = "mfcc", *, batch_size: int = 64) -> Described:
    """Describe each clip by six figures of each coefficient or band over its time.

    They are the mean; the standard deviation; the standard deviation of the change from one frame to the next; and the
    means of the first, the second and the last third of the clip. Frames are 25 ms long, every 10 ms. Levels end 80 dB
    below the loudest one of the clip. Padding counts nowhere, so a clip is described as it would be alone.

    Args:
        data: the clips.
        kind: "mfcc", 20 coefficients of 40 mel bands, or "log_mel", the levels of the 40 bands in dB; fewer bands where
            the sample rate is low.
        batch_size: clips at once; it changes the speed only.

    Raises:
        InputError: there is no clip, or the kind is unknown.

    Example:
        >>> from jaxlisten.data import synthetic
        >>> found = describe(synthetic(36))
        >>> found.values.shape, found.names[20]
        ((36, 120), 'MFCC 0, deviation')
    """
    if kind not in KINDS:
        raise InputError(f"describe: expected a kind of {', '.join(KINDS)}, got {kind!r}")
    if not len(data):
        raise InputError("describe: expected at least one clip, got none")
    front, n_mfcc = _front(data.sr), _N_MFCC if kind == "mfcc" else None
    found = [
        (indices, _describe(front, n_mfcc, batch.x))
        for indices, batch in batches(data, min(batch_size, len(data)), bucket_lengths(data.lengths))
    ]
    each = [f"MFCC {i}" for i in range(min(_N_MFCC, front.n_mels))] if n_mfcc else [_band(hz) for hz in _centres(front)]
    values = np.empty((len(data), len(_POOLED) * len(each)), np.float32)
    for indices, rows in found:
        values[indices] = np.asarray(rows)[: len(indices)]
    return Described(values, tuple(f"{name}, {pooled}" for pooled in _POOLED for name in each))


def _front(sr: int) -> LogMel:
    """Return the log-mel spectrogram for a sample rate."""
    window = max(32, round(0.025 * sr))
    n_fft = 2 ** math.ceil(math.log2(window))
    n_mels = min(_N_MELS, n_fft // 6)
    return LogMel(sr=sr, n_fft=n_fft, hop_length=max(1, round(0.010 * sr)), win_length=window, n_mels=n_mels)


def _centres(front: LogMel) -> NDArray[np.float64]:
    """Return the centre of each band in Hz."""
    from librosa import mel_frequencies

    return np.asarray(mel_frequencies(front.n_mels + 2, fmin=front.fmin, fmax=front.sr / 2)[1:-1])


def _band(hz: float) -> str:
    return f"{hz:.0f} Hz" if hz < 1000 else f"{hz / 1000:.2f} kHz"


@functools.partial(jax.jit, static_argnums=(0, 1))
def _describe(front: LogMel, n_mfcc: int | None, x: Padded) -> Array:
    """Describe clips ``[batch, time]``: ``[batch, 6 * channel]``."""
    heard, _ = front.apply({}, {}, x)
    levels, frames = heard.values, jnp.maximum(heard.length, 1)[:, None]
    time = jnp.arange(levels.shape[1])[None]
    valid = time < frames
    loudest = jnp.max(jnp.where(valid[..., None], levels, -jnp.inf), axis=(1, 2), keepdims=True)
    levels = jnp.where(valid[..., None], jnp.maximum(levels, loudest - _RANGE_DB), 0.0)
    if n_mfcc:
        levels = jnp.swapaxes(mfcc(S=jnp.swapaxes(levels, 1, 2), n_mfcc=n_mfcc), 1, 2)
    mean, deviation = _moments(levels, valid)
    _, change = _moments(jnp.diff(levels, axis=1), (time[:, 1:] < frames))
    thirds = [_moments(levels, part)[0] for part in _thirds(time, frames)]
    return jnp.concatenate([mean, deviation, change, *thirds], axis=-1)


def _moments(x: Array, valid: Array) -> tuple[Array, Array]:
    """Return the mean and the standard deviation over the valid steps of ``x [batch, time, channel]``; 0 of none."""
    weight = valid.astype(x.dtype)[..., None]
    count = jnp.maximum(weight.sum(axis=1, keepdims=True), 1.0)
    mean = (x * weight).sum(axis=1, keepdims=True) / count
    variance = (jnp.square(x - mean) * weight).sum(axis=1, keepdims=True) / count
    return mean[:, 0], jnp.sqrt(variance)[:, 0]


def _thirds(time: Array, frames: Array) -> list[Array]:
    """Tell which frames are in each third; of clips too short to have three, thirds share a frame."""
    starts = [i * frames // 3 for i in range(3)]
    return [(time >= start) & (time < jnp.maximum(start + 1, (i + 1) * frames // 3)) for i, start in enumerate(starts)]
