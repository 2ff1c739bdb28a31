"""The shape of a spectrum in a few numbers a frame."""

from __future__ import annotations

import functools
import itertools
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxlisten.errors import InputError
from jaxlisten.features.decibel import power_to_db
from jaxlisten.features.inputs import counts, require, spectra
from jaxlisten.features.normalize import normalize
from jaxlisten.features.spectral import Window, magnitudes
from jaxlisten.ops import safe_power, widened
from jaxlisten.types import Array


def spectral_centroid(
    y: Array | None = None,
    *,
    sr: float = 22050,
    S: Array | None = None,
    n_fft: int = 2048,
    hop_length: int | None = 512,
    freq: Array | None = None,
    win_length: int | None = None,
    window: Window = "hann",
    center: bool = True,
    pad_mode: str = "constant",
) -> Array:
    """Compute the mean frequency of each frame, weighted by magnitude: ``sum of freq S / sum of S``.

    Args:
        y: ``[*batch, time]``; or give `S`.
        sr: sample rate in Hz.
        S: a magnitude spectrogram ``[*batch, freq, frames]``, at least 0.
        n_fft, hop_length, win_length, window, center, pad_mode: as in `stft`.
        freq: the bins' frequencies in Hz, ``[freq]`` or the shape of `S`; None: those of an FFT.

    Returns:
        Hz, ``[*batch, 1, frames]``, in the dtype of `y` or `S`; 0 where a frame is silent.

    Raises:
        InputError: as `spectrogram`; or `freq` does not fit.

    Example:
        >>> spectral_centroid(S=jnp.array([[1.0], [3.0]]), freq=jnp.array([100.0, 200.0])).tolist()
        [[175.0]]

    Reference:
        `librosa.feature.spectral_centroid`, within 1e-4 of the largest value; Klapuri and Davy 2007, chapter 5.
    """
    spectrum, n_fft, dtype = magnitudes(
        "spectral_centroid", y, S, n_fft, hop_length, win_length, window, center, pad_mode
    )
    return _centroid(spectrum, _frequencies("spectral_centroid", freq, spectrum, sr, n_fft)).astype(dtype)


def spectral_bandwidth(
    y: Array | None = None,
    *,
    sr: float = 22050,
    S: Array | None = None,
    n_fft: int = 2048,
    hop_length: int | None = 512,
    win_length: int | None = None,
    window: Window = "hann",
    center: bool = True,
    pad_mode: str = "constant",
    freq: Array | None = None,
    centroid: Array | None = None,
    norm: bool = True,
    p: float = 2,
) -> Array:
    """Compute how far each frame spreads around its centroid: ``(sum of S |freq - centroid| ** p) ** (1 / p)``.

    Args:
        y, sr, S, n_fft, hop_length, win_length, window, center, pad_mode, freq: as in `spectral_centroid`.
        centroid: ``[*batch, 1, frames]`` in Hz; None: it is computed.
        norm: bring each frame's magnitudes to the sum 1 first.
        p: the exponent of the deviation, above 0.

    Returns:
        Hz, ``[*batch, 1, frames]``, in the dtype of `y` or `S`; 0 where a frame is silent.

    Raises:
        InputError: as `spectral_centroid`; or `p` is not above 0.

    Example:
        >>> float(spectral_bandwidth(S=jnp.ones((2, 1)), freq=jnp.array([100.0, 300.0]))[0, 0])
        100.0

    Reference:
        `librosa.feature.spectral_bandwidth`, within 1e-4 of the largest value.
    """
    require(p > 0, "spectral_bandwidth", "p above 0", p)
    spectrum, n_fft, dtype = magnitudes(
        "spectral_bandwidth", y, S, n_fft, hop_length, win_length, window, center, pad_mode
    )
    hz = _frequencies("spectral_bandwidth", freq, spectrum, sr, n_fft)
    mean = _centroid(spectrum, hz) if centroid is None else jnp.asarray(centroid, spectrum.dtype)
    weight = normalize(spectrum, norm=1, axis=-2) if norm else spectrum
    moment = (weight * safe_power(jnp.abs(hz - mean), p)).sum(axis=-2, keepdims=True)
    return safe_power(moment, 1 / p).astype(dtype)


def spectral_rolloff(
    y: Array | None = None,
    *,
    sr: float = 22050,
    S: Array | None = None,
    n_fft: int = 2048,
    hop_length: int | None = 512,
    win_length: int | None = None,
    window: Window = "hann",
    center: bool = True,
    pad_mode: str = "constant",
    freq: Array | None = None,
    roll_percent: float = 0.85,
) -> Array:
    """Find the lowest frequency below which a share `roll_percent` of each frame's magnitude lies.

    It is a choice among bins: its gradient with respect to the sound is 0.

    Args:
        y, sr, S, n_fft, hop_length, win_length, window, center, pad_mode, freq: as in `spectral_centroid`.
        roll_percent: the share, between 0 and 1.

    Returns:
        Hz, ``[*batch, 1, frames]``, in the dtype of `y` or `S`.

    Raises:
        InputError: as `spectral_centroid`; or `roll_percent` is not between 0 and 1.

    Example:
        >>> float(spectral_rolloff(S=jnp.ones((10, 1)), freq=jnp.arange(10.0), roll_percent=0.45)[0, 0])
        4.0

    Reference:
        `librosa.feature.spectral_rolloff`: the same bins.
    """
    require(0 < roll_percent < 1, "spectral_rolloff", "roll_percent between 0 and 1", roll_percent)
    spectrum, n_fft, dtype = magnitudes(
        "spectral_rolloff", y, S, n_fft, hop_length, win_length, window, center, pad_mode
    )
    hz = _frequencies("spectral_rolloff", freq, spectrum, sr, n_fft)
    total = jnp.cumsum(spectrum, axis=-2)
    enough = total >= roll_percent * total[..., -1:, :]
    return jnp.where(enough, hz, jnp.inf).min(axis=-2, keepdims=True).astype(dtype)


def spectral_flatness(
    y: Array | None = None,
    *,
    S: Array | None = None,
    n_fft: int = 2048,
    hop_length: int | None = 512,
    win_length: int | None = None,
    window: Window = "hann",
    center: bool = True,
    pad_mode: str = "constant",
    amin: float = 1e-10,
    power: float = 2.0,
) -> Array:
    """Compute how like noise (1) or like a tone (0) each frame is: geometric over arithmetic mean of its power.

    Args:
        y: ``[*batch, time]``; or give `S`.
        S: a magnitude spectrogram ``[*batch, freq, frames]``, at least 0.
        n_fft, hop_length, win_length, window, center, pad_mode: as in `stft`.
        amin: the least power that is told from silence, above 0.
        power: exponent of the magnitude, above 0.

    Returns:
        From 0 to 1, ``[*batch, 1, frames]``, in the dtype of `y` or `S`; 1 where a frame is silent.

    Raises:
        InputError: as `spectrogram`; or `amin` or `power` is not above 0.

    Example:
        >>> float(spectral_flatness(S=jnp.ones((9, 1)))[0, 0])
        1.0

    Reference:
        `librosa.feature.spectral_flatness`, within 1e-4 of the largest value; Dubnov 2004.
    """
    require(amin > 0 and power > 0, "spectral_flatness", "amin and power above 0", f"amin={amin}, power={power}")
    S = None if S is None else safe_power(widened(spectra("spectral_flatness", S)), power)
    spectrum, _, dtype = magnitudes(
        "spectral_flatness", y, S, n_fft, hop_length, win_length, window, center, pad_mode, power=power
    )
    audible = jnp.maximum(spectrum, amin)
    geometric = jnp.exp(jnp.log(audible).mean(axis=-2, keepdims=True))
    return (geometric / audible.mean(axis=-2, keepdims=True)).astype(dtype)


def spectral_contrast(
    y: Array | None = None,
    *,
    sr: float = 22050,
    S: Array | None = None,
    n_fft: int = 2048,
    hop_length: int | None = 512,
    win_length: int | None = None,
    window: Window = "hann",
    center: bool = True,
    pad_mode: str = "constant",
    freq: np.ndarray | None = None,
    fmin: float = 200.0,
    n_bands: int = 6,
    quantile: float = 0.02,
    linear: bool = False,
) -> Array:
    """Compute the distance between the peaks and the valleys of each octave band.

    Args:
        y, sr, S, n_fft, hop_length, win_length, window, center, pad_mode: as in `spectral_centroid`.
        freq: the bins' frequencies in Hz, ``[freq]``, on the host; None: those of an FFT.
        fmin: upper edge in Hz of the lowest band; each further band is an octave, and the last goes to the top.
        n_bands: how many octaves, at least 1.
        quantile: the share of a band's bins that are its peaks, and its valleys. Between 0 and 1.
        linear: give the difference of magnitudes; otherwise of levels in dB, each at most 80 dB below the clip's peak.

    Returns:
        ``[*batch, n_bands + 1, frames]``, in the dtype of `y` or `S`.

    Raises:
        InputError: as `spectrogram`; or a band lies beyond ``sr / 2``, holds no bin, or a setting has no meaning.

    Example:
        >>> import jax
        >>> jax.jit(lambda y: spectral_contrast(y, sr=8000, n_bands=4))(jnp.ones(8000)).shape
        (5, 16)

    Reference:
        `librosa.feature.spectral_contrast`, within 1e-3 dB; Jiang et al. 2002.
    """
    counts("spectral_contrast", n_bands=n_bands)
    require(0 < quantile < 1, "spectral_contrast", "quantile between 0 and 1", quantile)
    spectrum, n_fft, dtype = magnitudes(
        "spectral_contrast", y, S, n_fft, hop_length, win_length, window, center, pad_mode, exact=True
    )
    hz = np.fft.rfftfreq(n_fft, 1 / sr) if freq is None else np.asarray(freq)
    bins = spectrum.shape[-2]
    require(hz.shape == (bins,), "spectral_contrast", f"freq of the shape {(bins,)}", hz.shape)
    bands = _octave_bands(tuple(hz.tolist()), sr, fmin, n_bands, quantile)
    ordered = [jnp.sort(spectrum[..., band.first : band.stop, :], axis=-2) for band in bands]
    valley = jnp.stack([s[..., : b.count, :].mean(axis=-2) for s, b in zip(ordered, bands, strict=True)], axis=-2)
    peak = jnp.stack([s[..., -b.count :, :].mean(axis=-2) for s, b in zip(ordered, bands, strict=True)], axis=-2)
    contrast = peak - valley if linear else power_to_db(peak) - power_to_db(valley)
    return contrast.astype(dtype)


class _Band(NamedTuple):
    """The bins of a band, and how many of them are its peaks, and its valleys."""

    first: int
    stop: int
    count: int


@functools.lru_cache(maxsize=16)
def _octave_bands(hz: tuple[float, ...], sr: float, fmin: float, n_bands: int, quantile: float) -> list[_Band]:
    edges = np.concatenate([[0.0], fmin * 2.0 ** np.arange(n_bands + 1)])
    if fmin <= 0 or edges[-2] >= sr / 2:
        got = f"fmin={fmin}, n_bands={n_bands}, sr={sr}"
        raise InputError(f"spectral_contrast: expected 0 < fmin and bands that begin below sr / 2, got {got}")
    frequency = np.asarray(hz)
    bands = []
    for k, (low, high) in enumerate(itertools.pairwise(edges)):
        inside = np.flatnonzero((frequency >= low) & (frequency <= high))
        if not len(inside):
            raise InputError(f"spectral_contrast: expected bins from {low:g} to {high:g} Hz, got none: n_fft is small")
        # Each band takes the bin below it as well, and leaves its last one, which still counts, to the next.
        first, last = int(inside[0]) - (k > 0), int(inside[-1])
        stop = len(frequency) if k == n_bands else last
        if first >= stop:
            raise InputError(f"spectral_contrast: expected bins from {low:g} to {high:g} Hz, got one: n_fft is small")
        size = (stop if k == n_bands else last + 1) - first
        bands.append(_Band(first, stop, max(int(np.rint(quantile * size)), 1)))
    return bands


def _centroid(S: Array, freq: Array) -> Array:
    return (freq * normalize(S, norm=1, axis=-2)).sum(axis=-2, keepdims=True)


def _frequencies(function: str, freq: Array | None, spectrum: Array, sr: float, n_fft: int) -> Array:
    """Return the bins' frequencies in Hz, with as many axes as the spectrum."""
    hz = jnp.asarray(np.fft.rfftfreq(n_fft, 1 / sr) if freq is None else freq, spectrum.dtype)
    if hz.ndim == 1:
        hz = hz[:, None]
    bins = spectrum.shape[-2]
    require(hz.shape[-2] == bins, function, f"freq of {bins} bins", hz.shape[-2])
    return jnp.expand_dims(hz, range(spectrum.ndim - hz.ndim))
