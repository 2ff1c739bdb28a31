"""The constant-Q transform: bins that are evenly spaced in pitch."""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxlisten.errors import InputError
from jaxlisten.features.inputs import counts, framed, require, sound
from jaxlisten.features.spectral import Window, mel_product
from jaxlisten.ops import decimate, widened
from jaxlisten.types import Array

C1_HZ = 440.0 * 2 ** (-45 / 12)


def cqt(
    y: Array,
    *,
    sr: float = 22050,
    hop_length: int = 512,
    fmin: float | None = None,
    n_bins: int = 84,
    bins_per_octave: int = 12,
    tuning: float = 0.0,
    filter_scale: float = 1.0,
    norm: float | None = 1,
    sparsity: float = 0.01,
    window: Window = "hann",
    scale: bool = True,
    pad_mode: str = "constant",
    res_type: str = "soxr_hq",
) -> Array:
    """Compute the constant-Q transform, octave by octave: each octave down, the sound is decimated by 2.

    The decimation is that of SoXR, whose filters are measured on the host by its answers to impulses, so that the
    default of librosa is met as it is.

    Args:
        y: ``[*batch, time]``.
        sr: sample rate in Hz.
        hop_length: samples between two frames. It is halved with each decimation as long as it is even.
        fmin: the lowest bin in Hz; None: C1, about 32.7.
        n_bins: bins, from `fmin` upwards.
        bins_per_octave: how many bins divide an octave.
        tuning: raises every bin by this many bins.
        filter_scale: above 1, longer filters: finer in frequency, coarser in time.
        norm: each filter is divided by this norm before it is scaled; None: by none.
        sparsity: the weakest values of a filter's spectrum, up to this share of its sum, are left out.
        window: of the filters.
        scale: divide each bin by the square root of its filter's length.
        pad_mode: how a frame looks past the ends, as in `stft`.
        res_type: SoXR's quality: "soxr_hq", "soxr_vhq" or "soxr_mq".

    Returns:
        complex64 ``[*batch, n_bins, frames]`` with ``frames = 1 + time // hop_length`` for a `hop_length` that can be
        halved at every decimation, and about as many otherwise.

    Raises:
        InputError: the highest filter reaches beyond ``sr / 2``, the signal is too short, or a setting has no meaning.

    Example:
        >>> tone = jnp.sin(2 * jnp.pi * 440 * jnp.linspace(0, 1, 22050))
        >>> int(jnp.abs(jax.jit(cqt)(tone))[:, 20].argmax())  # A4 is 45 semitones above C1
        45

    Reference:
        `librosa.cqt`, within 1e-4 of the largest value of the clip; Schörkhuber and Klapuri 2010. When an octave may be
        decimated is decided as in librosa 1.0; 0.11 differs where a bin lies above 0.4 `sr`.
    """
    counts("cqt", hop_length=hop_length, n_bins=n_bins, bins_per_octave=bins_per_octave)
    y = sound("cqt", y)
    plan = _plan(
        sr, hop_length, fmin, n_bins, bins_per_octave, tuning, filter_scale, norm, sparsity, window, scale, res_type
    )
    x, octaves = widened(y), []
    for octave in plan:
        x = _decimated(x, octave.factor, res_type)
        frames, _ = framed("cqt", x, len(octave.kernels[0]), octave.hop_length, True, pad_mode)
        octaves.append(mel_product(frames, octave.kernels))
    fewest = min(octave.shape[-2] for octave in octaves)
    both = jnp.concatenate([octave[..., :fewest, :] for octave in reversed(octaves)], axis=-1)
    both = jnp.swapaxes(both, -1, -2).reshape(*y.shape[:-1], n_bins, 2, fewest)
    return jax.lax.complex(both[..., 0, :], both[..., 1, :])


class _Octave(NamedTuple):
    """How the bins of one octave are computed, the octaves from the top down.

    Attributes:
        factor: the sound is decimated by this, again, before.
        hop_length: in samples of the decimated sound.
        kernels: ``[2 * bins, n_fft]``, float32: real and imaginary part of each bin by turns.
    """

    factor: int
    hop_length: int
    kernels: np.ndarray


@functools.lru_cache(maxsize=16)
def _plan(
    sr: float,
    hop_length: int,
    fmin: float | None,
    n_bins: int,
    bins_per_octave: int,
    tuning: float,
    filter_scale: float,
    norm: float | None,
    sparsity: float,
    window: Window,
    scale: bool,
    res_type: str,
) -> list[_Octave]:
    from librosa.filters import wavelet_lengths

    fmin = C1_HZ if fmin is None else fmin
    require(fmin > 0, "cqt", "fmin above 0", fmin)
    require(filter_scale > 0, "cqt", "filter_scale above 0", filter_scale)
    require(0 <= sparsity < 1, "cqt", "sparsity from 0 to below 1", sparsity)
    require(res_type in _QUALITIES, "cqt", f"res_type to be one of {', '.join(_QUALITIES)}", repr(res_type))
    freqs = fmin * 2.0 ** ((np.arange(n_bins) + tuning) / bins_per_octave)
    ratio = 4.0 ** (1 / bins_per_octave)
    alpha = np.full(n_bins, (ratio - 1) / (ratio + 1))  # bandwidth over frequency, the same for all
    wavelets: dict[str, Any] = {"window": window, "filter_scale": filter_scale, "gamma": 0}
    _, cutoff = wavelet_lengths(freqs=freqs, sr=sr, alpha=alpha, **wavelets)
    if cutoff > sr / 2:
        got = f"{cutoff:.0f} Hz for the highest of n_bins={n_bins}"
        raise InputError(f"cqt: expected filters that end below sr / 2 = {sr / 2:g} Hz, got {got}")

    n_octaves = math.ceil(n_bins / bins_per_octave)
    factor = 2 ** _early_halvings(sr, cutoff, hop_length, n_octaves)
    sr, hop_length = sr / factor, hop_length // factor
    lengths, _ = wavelet_lengths(freqs=freqs, sr=sr, alpha=alpha, **wavelets)
    gain = 1 / np.sqrt(lengths) if scale else np.full(n_bins, math.sqrt(factor))
    octaves, rate, stop = [], sr, n_bins
    for k in range(n_octaves):
        start = max(stop - bins_per_octave, 0)
        bins = slice(start, stop)
        kernels = _kernels(freqs[bins], rate, alpha[bins], norm, sparsity, wavelets)
        kernels = kernels * (gain[bins] * math.sqrt(sr / rate))[:, None]
        parts = np.stack([kernels.real, kernels.imag], axis=1).reshape(-1, kernels.shape[-1])
        octaves.append(_Octave(factor, hop_length, parts.astype(np.float32)))
        # The next octave is computed from half the samples, if all of it lies below where decimation begins to damp.
        factor = 2 if k + 1 < n_octaves and hop_length % 2 == 0 and freqs[start - 1] <= rate / 5 else 1
        rate, hop_length, stop = rate / factor, hop_length // factor, start
    return octaves


def _early_halvings(sr: float, cutoff: float, hop_length: int, n_octaves: int) -> int:
    """Count how often the sound can be halved before the first octave."""
    by_frequency = math.ceil(math.log2(sr / 2 / cutoff)) - 2
    by_hop = (hop_length & -hop_length).bit_length() - n_octaves
    return max(0, min(by_frequency, by_hop))


def _kernels(
    freqs: np.ndarray, sr: float, alpha: np.ndarray, norm: float | None, sparsity: float, wavelets: dict
) -> np.ndarray:
    """Return what a frame is multiplied by for each bin, complex ``[bins, n_fft]``.

    librosa multiplies the spectrum of a frame by the spectra of the filters, of which it keeps the positive
    frequencies and the largest values. Here that product is turned back into one in time.
    """
    from librosa.filters import wavelet
    from librosa.util import sparsify_rows

    settings: dict[str, Any] = {"norm": norm, "alpha": alpha, **wavelets}  # librosa's types say less than it takes
    basis, lengths = wavelet(freqs=freqs, sr=sr, pad_fft=True, **settings)
    n_fft = basis.shape[1]
    spectra = np.fft.fft(basis * (lengths[:, None] / n_fft), axis=1)[:, : 1 + n_fft // 2]
    spectra = sparsify_rows(spectra, quantile=sparsity, dtype=np.complex128).toarray()
    return np.fft.fft(np.pad(spectra, [(0, 0), (0, n_fft - spectra.shape[1])]), axis=1)


_QUALITIES = ("soxr_vhq", "soxr_hq", "soxr_mq", "soxr_lq", "soxr_qq")


def _decimated(x: Array, factor: int, res_type: str) -> Array:
    """Decimate as ``librosa.resample(x, orig_sr=factor, target_sr=1, res_type=res_type, scale=True)``."""
    if factor == 1:
        return x
    time = x.shape[-1]
    require(time >= factor, "cqt", f"at least {factor} samples", time)
    taps, start = _soxr_response(factor, res_type)
    y = decimate(x, taps, factor)
    begin = mel_product(x[..., : start.shape[1]], start[: y.shape[-1], :time])
    y = y + jnp.pad(begin, [(0, 0)] * (y.ndim - 1) + [(0, y.shape[-1] - begin.shape[-1])])
    if (2 * time + factor) // (2 * factor) < y.shape[-1]:  # SoXR rounds the length; librosa fills up with a zero
        y = jnp.concatenate([y[..., :-1], jnp.zeros_like(y[..., -1:])], axis=-1)
    return y


@functools.lru_cache(maxsize=16)
def _soxr_response(factor: int, res_type: str) -> tuple[np.ndarray, np.ndarray]:
    """Measure how SoXR decimates, by impulses: it is linear, but not quite the same at the start.

    Returns:
        The filter, ``[2 R + 1]``, and what the first samples of a sound add to the first of the result,
        ``[results, samples]``, because between two stages of halving SoXR drops what would come before the start.
        Both contain librosa's scale of ``sqrt(factor)``.
    """
    import soxr

    reach, first = 256, 8 * factor  # in results and in samples; no filter of SoXR's reaches further
    time = 4 * reach * factor

    def answer(place: int) -> np.ndarray:
        impulse = np.zeros(time)
        impulse[place] = math.sqrt(factor)
        return soxr.resample(impulse, factor, 1, quality=res_type)

    answers = np.stack([answer(k) for k in (*range(first), *range(time // 2, time // 2 + factor))], axis=1)
    # An impulse at sample k gives taps[factor * n - k] at result n: together, `factor` neighbours give every tap.
    middle = answers[reach : 3 * reach + 1, first:]
    taps = middle[:, ::-1].reshape(-1)[factor - 1 :]
    start = answers[:reach, :first] - taps[reach * factor + factor * np.arange(reach)[:, None] - np.arange(first)]
    return taps, start
