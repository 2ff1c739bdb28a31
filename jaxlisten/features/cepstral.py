"""Cepstral coefficients and their slopes over time."""

from __future__ import annotations

import functools
from typing import Literal

import jax.numpy as jnp
import numpy as np

from jaxlisten.errors import InputError
from jaxlisten.features.decibel import power_to_db
from jaxlisten.features.inputs import counts, require, spectra
from jaxlisten.features.spectral import Window, apply_filters, magnitudes, mel_filters, mel_product
from jaxlisten.ops import frame, widened
from jaxlisten.types import Array


def mfcc(
    y: Array | None = None,
    *,
    sr: float = 22050,
    S: Array | None = None,
    n_mfcc: int = 20,
    dct_type: Literal[1, 2, 3] = 2,
    norm: Literal["ortho"] | None = "ortho",
    lifter: float = 0,
    mel_norm: Literal["slaney"] | float | None = "slaney",
    n_fft: int = 2048,
    hop_length: int | None = 512,
    win_length: int | None = None,
    window: Window = "hann",
    center: bool = True,
    pad_mode: str = "constant",
    power: float = 2.0,
    n_mels: int = 128,
    fmin: float = 0.0,
    fmax: float | None = None,
    htk: bool = False,
) -> Array:
    """Compute mel-frequency cepstral coefficients: the cosine transform, along frequency, of a log-mel spectrogram.

    Args:
        y: ``[*batch, time]``; or give `S`.
        sr: sample rate in Hz.
        S: a log-mel spectrogram in dB, ``[*batch, n_mels, frames]``.
        n_mfcc: how many of the coefficients to keep; at most `n_mels` are there.
        dct_type, norm: of the cosine transform, as in `scipy.fft.dct`.
        lifter: above 0, coefficient n (from 0) is multiplied by ``1 + lifter / 2 * sin(pi (n + 1) / lifter)``.
        mel_norm: `norm` of `melspectrogram`.
        n_fft, hop_length, win_length, window, center, pad_mode, power, n_mels, fmin, fmax, htk: as in `melspectrogram`.

    Returns:
        ``[*batch, n_mfcc, frames]``, in the dtype of `y` or `S`.

    Raises:
        InputError: as `melspectrogram`; or a setting of the cosine transform has no meaning.

    Example:
        >>> import jax
        >>> jax.jit(lambda y: mfcc(y, sr=8000, n_fft=256, hop_length=80, n_mels=40, n_mfcc=13))(jnp.ones(8000)).shape
        (13, 101)

    Reference:
        `librosa.feature.mfcc`, within 1e-4 of the largest value; Davis and Mermelstein 1980.
    """
    counts("mfcc", n_mfcc=n_mfcc)
    require(lifter >= 0, "mfcc", "lifter of at least 0", lifter)
    require(dct_type in (1, 2, 3), "mfcc", "dct_type 1, 2 or 3", dct_type)
    require(norm in ("ortho", None), "mfcc", 'norm "ortho" or None', repr(norm))
    if S is None:
        spectrum, n_fft, dtype = magnitudes(
            "mfcc", y, None, n_fft, hop_length, win_length, window, center, pad_mode, power=power
        )
        filters = mel_filters(sr=sr, n_fft=n_fft, n_mels=n_mels, fmin=fmin, fmax=fmax, htk=htk, norm=mel_norm)
        levels = power_to_db(apply_filters(spectrum, filters))
    else:
        given = spectra("mfcc", S)
        levels, dtype = widened(given), given.dtype
    cosines = _cosines(levels.shape[-2], n_mfcc, dct_type, norm, lifter)
    return apply_filters(levels, cosines).astype(dtype)


def delta(
    data: Array,
    *,
    width: int = 9,
    order: int = 1,
    axis: int = -1,
    mode: Literal["interp", "nearest", "mirror", "constant", "wrap"] = "interp",
) -> Array:
    """Compute the slope of a feature over time, as that of the best polynomial through each window.

    Args:
        data: ``[*batch, freq, time]``, or any shape, floating.
        width: steps of a window, odd, at least 3.
        order: of the derivative, and of the polynomial.
        axis: along which to differentiate.
        mode: what stands beyond the ends: "interp" takes the polynomial through the first and the last window;
            "nearest" repeats the end, "mirror" reflects on it, "constant" is zeros, "wrap" starts again.

    Returns:
        The shape and dtype of `data`, per step.

    Raises:
        InputError: `width` is not odd, below 3 or (for "interp") longer than `data`, or `order`
            is not from 1 to ``width - 1``.

    Example:
        >>> delta(3 * jnp.arange(6.0), width=5).round().tolist()
        [3.0, 3.0, 3.0, 3.0, 3.0, 3.0]

    Reference:
        `librosa.feature.delta`, within 1e-5 of the largest value; Savitzky and Golay 1964.
    """
    counts("delta", width=width, order=order)
    require(width >= 3 and width % 2 == 1, "delta", "an odd width of at least 3", width)
    require(order < width, "delta", f"order below width={width}", order)
    data = jnp.asarray(data)
    require(jnp.issubdtype(data.dtype, jnp.floating), "delta", "floating data", data.dtype)
    x = jnp.moveaxis(widened(data), axis, -1)
    steps, half = x.shape[-1], width // 2
    require(steps >= width or mode != "interp", "delta", f"at least width={width} steps", steps)
    middle, first, last = _slopes(width, order)
    if mode == "interp":
        inner = mel_product(frame(x, width, 1), middle)[..., 0]
        ends = mel_product(x[..., :width], first), mel_product(x[..., -width:], last)
        slope = jnp.concatenate([ends[0], inner, ends[1]], axis=-1)
    elif mode in _PADDING:
        x = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(half, half)], mode=_PADDING[mode])
        slope = mel_product(frame(x, width, 1), middle)[..., 0]
    else:
        raise InputError(f"delta: expected mode interp, {', '.join(_PADDING)}, got {mode!r}")
    return jnp.moveaxis(slope, -1, axis).astype(data.dtype)


_PADDING = {"nearest": "edge", "mirror": "reflect", "constant": "constant", "wrap": "wrap"}
"""SciPy's names of what lies beyond the ends, and NumPy's."""


@functools.lru_cache(maxsize=64)
def _cosines(n: int, n_mfcc: int, dct_type: int, norm: str | None, lifter: float) -> np.ndarray:
    """Return the liftered cosine transform as a matrix, ``[min(n_mfcc, n), n]``, float32."""
    import scipy.fft

    cosines = np.asarray(scipy.fft.dct(np.eye(n), type=dct_type, norm=norm, axis=0))[:n_mfcc]
    if lifter > 0:
        cosines = cosines * (1 + lifter / 2 * np.sin(np.pi * np.arange(1, 1 + len(cosines)) / lifter))[:, None]
    return cosines.astype(np.float32)


@functools.lru_cache(maxsize=64)
def _slopes(width: int, order: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what a window is multiplied by for the slope in its middle ``[1, width]``, and for those in its first and
    in its last half ``[width // 2, width]``."""
    import scipy.signal

    whole = np.asarray(scipy.signal.savgol_filter(np.eye(width), width, polyorder=order, deriv=order, axis=0))
    half = width // 2
    return whole[half : half + 1], whole[:half], whole[half + 1 :]
