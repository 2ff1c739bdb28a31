"""How far an instrument is tuned from A440."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np

from jaxlisten.features.inputs import counts, require
from jaxlisten.features.pitch import parabolic_shift
from jaxlisten.features.spectral import Window, magnitudes
from jaxlisten.ops import largest
from jaxlisten.types import Array

# The defaults of librosa.piptrack: pitches are looked for in this range, among peaks above this share of the frame's.
_FMIN_HZ, _FMAX_HZ, _THRESHOLD = 150.0, 4000.0, 0.1


def estimate_tuning(
    y: Array | None = None,
    *,
    sr: float = 22050,
    S: Array | None = None,
    n_fft: int = 2048,
    resolution: float = 0.01,
    bins_per_octave: int = 12,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Window = "hann",
    center: bool = True,
    pad_mode: str = "constant",
) -> Array:
    """Estimate the tuning of each clip, in fractions of a bin: the commonest deviation of its spectral peaks.

    Args:
        y: ``[*batch, time]``; or give `S`.
        sr: sample rate in Hz.
        S: a spectrogram ``[*batch, freq, frames]``, at least 0.
        n_fft, hop_length, win_length, window, center, pad_mode: as in `stft`.
        resolution: width of the histogram's bins, between 0 and 1.
        bins_per_octave: how many bins divide an octave.

    Returns:
        From -0.5 to 0.5, ``[*batch]``, in float32 at least; 0 where there is no peak. It has no gradient.

    Raises:
        InputError: as `spectrogram`; or a setting has no meaning.

    Example:
        >>> tone = jnp.sin(2 * jnp.pi * 440 * 2 ** (0.3 / 12) * jnp.linspace(0, 1, 16000))
        >>> round(float(jax.jit(lambda y: estimate_tuning(y, sr=16000))(tone)), 1)
        0.3

    Reference:
        `librosa.estimate_tuning` of one clip at a time: the same bin, where rounding does not decide between two.
    """
    counts("estimate_tuning", bins_per_octave=bins_per_octave)
    require(0 < resolution < 1, "estimate_tuning", "resolution between 0 and 1", resolution)
    spectrum, n_fft, _ = magnitudes("estimate_tuning", y, S, n_fft, hop_length, win_length, window, center, pad_mode)
    hz, strength = _peaks(jnp.swapaxes(jax.lax.stop_gradient(spectrum), -1, -2), sr, n_fft)
    hz, strength = hz.reshape(*spectrum.shape[:-2], -1), strength.reshape(*spectrum.shape[:-2], -1)
    return _commonest_deviation(hz, (hz > 0) & (strength >= _median(strength, hz > 0)), resolution, bins_per_octave)


def _peaks(S: Array, sr: float, n_fft: int) -> tuple[Array, Array]:
    """Find the local maxima of each frame of ``[*batch, frames, freq]``, refined by parabolas.

    Returns:
        Hz, 0 where there is no peak, and the height of the peak; only rows between the lowest and the highest pitch.
    """
    shift = parabolic_shift(S)
    slope = jnp.concatenate([S[..., 1:2] - S[..., :1], (S[..., 2:] - S[..., :-2]) / 2, S[..., -1:] - S[..., -2:-1]], -1)
    height = S + 0.5 * slope * shift
    strong = jnp.where(_THRESHOLD * largest(S) < S, S, 0.0)
    above_next = jnp.concatenate([strong[..., :-1] >= strong[..., 1:], jnp.full_like(S[..., :1], True, bool)], -1)
    above_last = jnp.concatenate([jnp.full_like(S[..., :1], False, bool), strong[..., 1:] > strong[..., :-1]], -1)
    bins = np.fft.rfftfreq(n_fft, 1 / sr)
    rows = np.flatnonzero((bins >= _FMIN_HZ) & (bins < min(_FMAX_HZ, sr / 2)))
    rows = slice(rows[0], rows[-1] + 1) if len(rows) else slice(0, 1)
    place = jnp.expand_dims(jnp.arange(S.shape[-1], dtype=S.dtype), range(S.ndim - 1))
    hz = jnp.where(above_last & above_next, (place + shift) * (sr / n_fft), 0.0)
    return hz[..., rows], height[..., rows]


def _median(x: Array, valid: Array) -> Array:
    """Compute the median of the valid values along the last axis, which stays."""
    ordered = jnp.sort(jnp.where(valid, x, jnp.inf), axis=-1)
    count = valid.sum(axis=-1, keepdims=True)
    low, high = jnp.maximum(count - 1, 0) // 2, jnp.minimum(count // 2, x.shape[-1] - 1)
    return (jnp.take_along_axis(ordered, low, -1) + jnp.take_along_axis(ordered, high, -1)) / 2


def _commonest_deviation(hz: Array, valid: Array, resolution: float, bins_per_octave: int) -> Array:
    octaves = jnp.log2(jnp.where(valid, hz, 440.0) / 27.5)
    deviation = jnp.mod(bins_per_octave * octaves, 1.0)
    deviation = jnp.where(deviation >= 0.5, deviation - 1.0, deviation)
    edges = np.linspace(-0.5, 0.5, math.ceil(1 / resolution) + 1)
    below = jnp.asarray(edges, hz.dtype).reshape(-1, *[1] * hz.ndim)
    at_least = ((deviation[None] >= below) & valid[None]).sum(axis=-1)
    commonest = jnp.argmax(at_least[:-1] - at_least[1:], axis=0)
    return jnp.where(valid.any(axis=-1), jnp.asarray(edges, hz.dtype)[commonest], 0.0)
