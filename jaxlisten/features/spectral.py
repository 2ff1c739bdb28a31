"""Short-time spectra."""

from __future__ import annotations

import functools
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from jaxlisten.errors import InputError
from jaxlisten.features.inputs import counts, framed, require, spectra
from jaxlisten.ops import exact_magnitude, overlap_add, safe_power, widened
from jaxlisten.types import Array

Window = str | tuple[Any, ...]
"""What `scipy.signal.get_window` knows: a name, or a name with its parameters, such as ``("kaiser", 4.0)``."""


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
    """Return the triangular mel filters of `librosa.filters.mel`, ``[n_mels, 1 + n_fft // 2]``, float32, read-only.

    Raises:
        InputError: there is no band: `n_mels` below 1, or not ``0 <= fmin < fmax``.
    """
    import librosa.filters

    counts("mel_filters", n_mels=n_mels, n_fft=n_fft)
    highest = sr / 2 if fmax is None else fmax
    require(0 <= fmin < highest, "mel_filters", "0 <= fmin < fmax", f"fmin={fmin}, fmax={highest}")
    filters = librosa.filters.mel(sr=sr, n_fft=n_fft, n_mels=n_mels, fmin=fmin, fmax=fmax, htk=htk, norm=norm)
    filters.setflags(write=False)
    return filters


@functools.lru_cache(maxsize=64)
def window_samples(window: Window, win_length: int, n_fft: int) -> np.ndarray:
    """Return a periodic window of `win_length` samples in the middle of `n_fft`, ``[n_fft]``, float32, read-only.

    Reference: `scipy.signal.get_window`, centred as in `librosa.stft`.

    Raises:
        InputError: SciPy knows no such window.
    """
    samples = _window(window, win_length, n_fft).astype(np.float32)
    samples.setflags(write=False)
    return samples


def _window(window: Window, win_length: int, n_fft: int) -> np.ndarray:
    import scipy.signal

    try:
        samples = scipy.signal.get_window(window, win_length, fftbins=True)
    except ValueError as error:
        raise InputError(f"window_samples: expected a window that scipy knows, got {window!r}: {error}") from None
    left = (n_fft - win_length) // 2
    return np.pad(samples, (left, n_fft - win_length - left))


def power_spectrum(frames: Array, window: Array, power: float = 2.0) -> Array:
    """Compute ``|DFT(frames * window)| ** power`` of real frames, in float32 at least.

    Args:
        frames: ``[..., n_fft]``.
        window: ``[n_fft]``.
        power: 2 for power (needs no square root), 1 for magnitude.

    Returns:
        ``[..., 1 + n_fft // 2]``, float32 (float64 if `frames` is). The gradient of a root at 0 is taken as 0.
    """
    spectrum = jnp.fft.rfft(_windowed(widened(frames), window))
    return safe_power(jnp.square(spectrum.real) + jnp.square(spectrum.imag), power / 2)


def stft(
    y: Array,
    *,
    n_fft: int = 2048,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Window = "hann",
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
        pad_mode: how a centred frame looks past the ends: "constant" (zeros), "reflect", "symmetric", "edge".

    Returns:
        complex64 ``[*batch, 1 + n_fft // 2, frames]``, with ``frames = 1 + time // hop_length`` if centred (for an even
        `n_fft`), otherwise ``1 + (time - n_fft) // hop_length``.

    Raises:
        InputError: the signal is not floating or too short for one frame, or a setting has no meaning.

    Example:
        >>> stft(jnp.zeros(8000), n_fft=512, hop_length=160).shape
        (257, 51)

    Reference:
        `librosa.stft`, within 1e-5 of the largest value.
    """
    hop_length, win_length = _lengths("stft", n_fft, hop_length, win_length)
    frames, _ = framed("stft", y, n_fft, hop_length, center, pad_mode)
    return jnp.swapaxes(jnp.fft.rfft(_windowed(frames, window_samples(window, win_length, n_fft))), -1, -2)


def istft(
    stft_matrix: Array,
    *,
    hop_length: int | None = None,
    win_length: int | None = None,
    n_fft: int | None = None,
    window: Window = "hann",
    center: bool = True,
    length: int | None = None,
) -> Array:
    """Go back from a short-time Fourier transform to the waveform, by least squares.

    The frames are windowed again, added up where they overlap, and divided by the sum of the squared windows.

    Args:
        stft_matrix: complex ``[*batch, 1 + n_fft // 2, frames]``.
        hop_length, win_length, window, center: as they were in `stft`.
        n_fft: samples a frame; None: ``2 * (bins - 1)``. To be given where it was odd.
        length: cut or zero-pad the result to this many samples; None: all that the frames cover.

    Returns:
        float32 ``[*batch, time]``.

    Raises:
        InputError: `stft_matrix` is not complex, its bins are not those of `n_fft`, or a setting has no meaning.

    Example:
        >>> y = jnp.sin(jnp.arange(1000.0))
        >>> bool(jnp.allclose(istft(stft(y, n_fft=256), length=1000), y, atol=1e-5))
        True

    Reference:
        `librosa.istft`, within 1e-5 of the largest value; Griffin and Lim 1984, equation 6.
    """
    spectrum = jnp.asarray(stft_matrix)
    if not jnp.issubdtype(spectrum.dtype, jnp.complexfloating) or spectrum.ndim < 2:
        got = f"{spectrum.dtype} of the shape {spectrum.shape}"
        raise InputError(f"istft: expected a complex [*batch, freq, time], got {got}: a magnitude has lost its phase")
    bins, count = spectrum.shape[-2:]
    n_fft = 2 * (bins - 1) if n_fft is None else n_fft
    require(bins == 1 + n_fft // 2, "istft", f"{1 + n_fft // 2} bins for n_fft={n_fft}", bins)
    hop_length, win_length = _lengths("istft", n_fft, hop_length, win_length)
    start = n_fft // 2 if center else 0
    if length:
        counts("istft", length=length)
        count = min(count, -(-(length + 2 * start) // hop_length))
    frames = jnp.fft.irfft(jnp.swapaxes(spectrum[..., :count], -1, -2), n_fft)
    y = overlap_add(_windowed(frames, window_samples(window, win_length, n_fft)), hop_length)
    y = _windowed(y, _reciprocal_of_windows(window, win_length, n_fft, hop_length, count))
    wanted = length or y.shape[-1] - 2 * start
    y = y[..., start : start + wanted]
    return jnp.pad(y, [(0, 0)] * (y.ndim - 1) + [(0, wanted - y.shape[-1])])


def spectrogram(
    y: Array,
    *,
    n_fft: int = 2048,
    hop_length: int | None = 512,
    win_length: int | None = None,
    window: Window = "hann",
    center: bool = True,
    pad_mode: str = "constant",
    power: float = 1.0,
) -> Array:
    """Compute ``|stft| ** power``: the spectrogram that librosa's features begin with.

    Args:
        y: ``[*batch, time]``.
        n_fft, hop_length, win_length, window, center, pad_mode: as in `stft`.
        power: exponent of the magnitude: 1 for magnitude, 2 for power. Above 0.

    Returns:
        ``[*batch, 1 + n_fft // 2, frames]``, in the dtype of `y`.

    Raises:
        InputError: as `stft`; or `power` is not above 0.

    Example:
        >>> spectrogram(jnp.ones(1000), n_fft=256, hop_length=100, power=2.0).shape
        (129, 11)

    Reference:
        ``np.abs(librosa.stft(...)) ** power``, within 1e-5 of the largest value.
    """
    S, _, dtype = magnitudes(
        "spectrogram", y, None, n_fft, hop_length, win_length, window, center, pad_mode, power=power
    )
    return S.astype(dtype)


def melspectrogram(
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
    power: float = 2.0,
    n_mels: int = 128,
    fmin: float = 0.0,
    fmax: float | None = None,
    htk: bool = False,
    norm: Literal["slaney"] | float | None = "slaney",
) -> Array:
    """Compute the mel-scaled spectrogram.

    Args:
        y: ``[*batch, time]``; or give `S`.
        sr: sample rate in Hz.
        S: a spectrogram ``[*batch, 1 + n_fft // 2, frames]`` in place of `y`, already raised to `power`.
        n_fft, hop_length, win_length, window, center, pad_mode: as in `stft`.
        power: exponent of the magnitude: 2 for power, 1 for magnitude.
        n_mels: mel bands.
        fmin, fmax: edges of the lowest and the highest band in Hz; None: ``sr / 2``.
        htk: HTK's mel formula in place of Slaney's.
        norm: "slaney" gives each filter the same area; None leaves peaks of 1.

    Returns:
        ``[*batch, n_mels, frames]``, in the dtype of `y` or `S`.

    Raises:
        InputError: as `spectrogram`; or there is no band between `fmin` and `fmax`.

    Example:
        >>> melspectrogram(jnp.ones(8000), sr=8000, n_fft=256, hop_length=80, n_mels=40).shape
        (40, 101)

    Reference:
        `librosa.feature.melspectrogram`, within 1e-5 of the largest value.
    """
    spectrum, n_fft, dtype = magnitudes(
        "melspectrogram", y, S, n_fft, hop_length, win_length, window, center, pad_mode, power=power
    )
    filters = mel_filters(sr=sr, n_fft=n_fft, n_mels=n_mels, fmin=fmin, fmax=fmax, htk=htk, norm=norm)
    return apply_filters(spectrum, filters).astype(dtype)


def mel_product(spectrum: Array, filters: Array) -> Array:
    """Weigh the bins by the filters: ``[..., bins]`` and ``[n_mels, bins]`` to ``[..., n_mels]``.

    At full float32 precision on every device: the TF32 of a GPU would lose the equality with librosa.
    """
    return jnp.einsum(
        "...f,mf->...m", spectrum, jnp.asarray(filters, spectrum.dtype), precision=jax.lax.Precision.HIGHEST
    )


def apply_filters(S: Array, filters: Array) -> Array:
    """Weigh the rows of ``S [..., freq, time]`` by ``filters [n, freq]``, as `mel_product`: ``[..., n, time]``."""
    return jnp.swapaxes(mel_product(jnp.swapaxes(S, -1, -2), filters), -1, -2)


def magnitudes(
    function: str,
    y: Array | None,
    S: Array | None,
    n_fft: int,
    hop_length: int | None,
    win_length: int | None,
    window: Window,
    center: bool,
    pad_mode: str,
    *,
    power: float = 1.0,
    exact: bool = False,
) -> tuple[Array, int, np.dtype]:
    """Return the spectrogram that was given, or that of the waveform that was given.

    What asks for the softest bins (`exact`, and a `power` below 1, which raises them) gets them from a float64 FFT.

    Returns:
        ``[*batch, freq, time]``, float32 at least; the `n_fft` that it belongs to; and the dtype of what was given.
    """
    require(power > 0, function, "power above 0", power)
    if S is not None:
        given = spectra(function, S)
        bins = given.shape[-2]
        return widened(given), n_fft if 1 + n_fft // 2 == bins else 2 * (bins - 1), given.dtype
    hop_length, win_length = _lengths(function, n_fft, hop_length, win_length)
    frames, dtype = framed(function, y, n_fft, hop_length, center, pad_mode)
    if exact or power < 1:
        spectrum = safe_power(exact_magnitude(frames, _window(window, win_length, n_fft)), power)
    else:
        spectrum = power_spectrum(frames, window_samples(window, win_length, n_fft), power)
    return jnp.swapaxes(spectrum, -1, -2), n_fft, dtype


def _lengths(function: str, n_fft: int, hop_length: int | None, win_length: int | None) -> tuple[int, int]:
    win_length = n_fft if win_length is None else win_length
    hop_length = win_length // 4 if hop_length is None else hop_length
    counts(function, n_fft=n_fft, hop_length=hop_length, win_length=win_length)
    require(win_length <= n_fft, function, f"win_length of at most n_fft={n_fft}", win_length)
    return hop_length, win_length


def _windowed(frames: Array, window: np.ndarray) -> Array:
    return frames * jnp.expand_dims(jnp.asarray(window, frames.dtype), range(frames.ndim - 1))


@functools.lru_cache(maxsize=64)
def _reciprocal_of_windows(window: Window, win_length: int, n_fft: int, hop_length: int, frames: int) -> np.ndarray:
    """Return 1 / (sum of the squared windows at each sample), and 1 where there is none, float32."""
    squared = np.square(window_samples(window, win_length, n_fft), dtype=np.float64)
    total = np.zeros(n_fft + (frames - 1) * hop_length)
    for start in range(0, frames * hop_length, hop_length):
        total[start : start + n_fft] += squared
    present = total > np.finfo(np.float32).tiny
    reciprocal = (1.0 / np.where(present, total, 1.0)).astype(np.float32)
    reciprocal.setflags(write=False)
    return reciprocal
