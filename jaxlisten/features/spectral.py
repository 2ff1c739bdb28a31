"""Short-time spectra."""

from __future__ import annotations

import functools
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

from jaxlisten.ops import frame, widened
from jaxlisten.types import Array


@functools.lru_cache(maxsize=64)
def mel_filters(
    *,
    sr: float,
    n_fft: int,
    n_mels: int = 128,
    fmin: float = 0.0,
    fmax: float | None = None,
    htk: bool = False,
    norm: Literal["slaney"] | float | None = "slaney",
) -> np.ndarray:
    """Return the triangular mel filters of `librosa.filters.mel`, ``[n_mels, 1 + n_fft // 2]``, float32, read-only."""
    import librosa.filters

    filters = librosa.filters.mel(sr=sr, n_fft=n_fft, n_mels=n_mels, fmin=fmin, fmax=fmax, htk=htk, norm=norm)
    filters.setflags(write=False)
    return filters


@functools.lru_cache(maxsize=64)
def window_samples(window: str, win_length: int, n_fft: int) -> np.ndarray:
    """Return a periodic window of `win_length` samples in the middle of `n_fft`, ``[n_fft]``, float32, read-only.

    Reference: `scipy.signal.get_window`, centred as in `librosa.stft`.
    """
    import scipy.signal

    samples = scipy.signal.get_window(window, win_length, fftbins=True)
    left = (n_fft - win_length) // 2
    samples = np.pad(samples, (left, n_fft - win_length - left)).astype(np.float32)
    samples.setflags(write=False)
    return samples


def power_spectrum(frames: Array, window: Array, power: float = 2.0) -> Array:
    """Compute ``|DFT(frames * window)| ** power`` of real frames, in float32 at least.

    Args:
        frames: ``[..., n_fft]``.
        window: ``[n_fft]``.
        power: 2 for power (needs no square root), 1 for magnitude.

    Returns:
        ``[..., 1 + n_fft // 2]``, float32 (float64 if `frames` is).
    """
    frames = widened(frames)
    spectrum = jnp.fft.rfft(frames * window.astype(frames.dtype))
    squared = jnp.square(spectrum.real) + jnp.square(spectrum.imag)
    if power == 2.0:
        return squared
    # The gradient of a root at 0 is infinite; where there is no sound it is taken as 0.
    silent = squared == 0.0
    return jnp.where(silent, 0.0, jnp.where(silent, 1.0, squared) ** (power / 2))


def stft(
    y: Array,
    *,
    n_fft: int = 2048,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: str = "hann",
    center: bool = True,
    pad_mode: str = "constant",
) -> Array:
    """Compute the short-time Fourier transform.

    Args:
        y: ``[*batch, time]``.
        n_fft: samples a frame, after zero-padding the window.
        hop_length: samples between two frames; None: ``win_length // 4``.
        win_length: samples of the window; None: `n_fft`.
        window: a name that `scipy.signal.get_window` knows.
        center: frame t is centred on sample ``t * hop_length``; otherwise it begins there.
        pad_mode: how a centred frame looks past the ends: "constant" (zeros), "reflect", "edge".

    Returns:
        complex64 ``[*batch, 1 + n_fft // 2, frames]``, with ``frames = 1 + time // hop_length`` if centred (for an even
        `n_fft`), otherwise ``1 + (time - n_fft) // hop_length``.

    Raises:
        ValueError: the signal is too short for one frame, or a length is not above 0 or longer than `n_fft`.

    Reference:
        `librosa.stft`, within 1e-5 of the largest value.
    """
    frames, window_ = _frames(y, n_fft, hop_length, win_length, window, center, pad_mode)
    return jnp.swapaxes(jnp.fft.rfft(frames * window_.astype(frames.dtype)), -1, -2)


def melspectrogram(
    y: Array,
    *,
    sr: float = 22050,
    n_fft: int = 2048,
    hop_length: int | None = 512,
    win_length: int | None = None,
    window: str = "hann",
    center: bool = True,
    pad_mode: str = "constant",
    power: float = 2.0,
    n_mels: int = 128,
    fmin: float = 0.0,
    fmax: float | None = None,
    htk: bool = False,
    norm: Literal["slaney"] | float | None = "slaney",
) -> Array:
    """Compute the mel-scaled spectrogram.

    Args:
        y: ``[*batch, time]``.
        sr: sample rate in Hz.
        n_fft, hop_length, win_length, window, center, pad_mode: as in `stft`.
        power: exponent of the magnitude: 2 for power, 1 for magnitude.
        n_mels: mel bands.
        fmin, fmax: edges of the lowest and the highest band in Hz; None: ``sr / 2``.
        htk: HTK's mel formula in place of Slaney's.
        norm: "slaney" gives each filter the same area; None leaves peaks of 1.

    Returns:
        float32 ``[*batch, n_mels, frames]``.

    Reference:
        `librosa.feature.melspectrogram`, within 1e-5 of the largest value.
    """
    frames, window_ = _frames(y, n_fft, hop_length, win_length, window, center, pad_mode)
    filters = mel_filters(sr=sr, n_fft=n_fft, n_mels=n_mels, fmin=fmin, fmax=fmax, htk=htk, norm=norm)
    spectrum = power_spectrum(frames, window_, power)
    return jnp.swapaxes(mel_product(spectrum, filters), -1, -2)


def mel_product(spectrum: Array, filters: Array) -> Array:
    """Weigh the bins by the filters: ``[..., bins]`` and ``[n_mels, bins]`` to ``[..., n_mels]``.

    At full float32 precision on every device: the TF32 of a GPU would lose the equality with librosa.
    """
    return jnp.einsum(
        "...f,mf->...m", spectrum, jnp.asarray(filters, spectrum.dtype), precision=jax.lax.Precision.HIGHEST
    )


def _frames(y, n_fft, hop_length, win_length, window, center, pad_mode) -> tuple[Array, np.ndarray]:
    win_length = n_fft if win_length is None else win_length
    hop_length = win_length // 4 if hop_length is None else hop_length
    if not (0 < win_length <= n_fft and hop_length > 0):
        lengths = f"n_fft={n_fft}, win_length={win_length}, hop_length={hop_length}"
        raise ValueError(f"stft: expected 0 < win_length <= n_fft and hop_length above 0, got {lengths}")
    y = widened(jnp.asarray(y))
    if center:
        y = jnp.pad(y, [(0, 0)] * (y.ndim - 1) + [(n_fft // 2, n_fft // 2)], mode=pad_mode)
    return frame(y, n_fft, hop_length), window_samples(window, win_length, n_fft)
