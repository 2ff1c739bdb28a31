"""Energy by pitch class."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from jaxlisten.features.inputs import counts
from jaxlisten.features.normalize import normalize
from jaxlisten.features.spectral import Window, magnitudes
from jaxlisten.features.tuning import estimate_tuning
from jaxlisten.types import Array


def chroma_stft(
    y: Array | None = None,
    *,
    sr: float = 22050,
    S: Array | None = None,
    norm: float | None = np.inf,
    n_fft: int = 2048,
    hop_length: int | None = 512,
    win_length: int | None = None,
    window: Window = "hann",
    center: bool = True,
    pad_mode: str = "constant",
    tuning: float | None = None,
    n_chroma: int = 12,
    ctroct: float = 5.0,
    octwidth: float | None = 2.0,
    base_c: bool = True,
) -> Array:
    """Compute how a power spectrum spreads over the pitch classes of an octave.

    Args:
        y: ``[*batch, time]``; or give `S`.
        sr: sample rate in Hz.
        S: a power spectrogram ``[*batch, freq, frames]``.
        norm: each frame is divided by this norm: infinity for its largest value, a number above 0, or None.
        n_fft, hop_length, win_length, window, center, pad_mode: as in `stft`.
        tuning: deviation from A440 in fractions of a class; None: `estimate_tuning` of each clip, which is a choice
            among hundredths and has no gradient.
        n_chroma: classes of an octave.
        ctroct, octwidth: octaves far from `ctroct` (5: about 1 kHz) weigh less, by a Gaussian of this width; with
            `octwidth` None all weigh the same.
        base_c: the first class is C; otherwise A.

    Returns:
        ``[*batch, n_chroma, frames]``, in the dtype of `y` or `S`.

    Raises:
        InputError: as `spectrogram`; or `n_chroma` or `norm` has no meaning.

    Example:
        >>> tone = jnp.sin(2 * jnp.pi * 440 * jnp.linspace(0, 1, 16000))
        >>> chroma = jax.jit(lambda y: chroma_stft(y, sr=16000))(tone)
        >>> chroma.argmax(axis=0)[5:8].tolist()  # A is the tenth from C
        [9, 9, 9]

    Reference:
        `librosa.feature.chroma_stft` of one clip at a time, within 1e-4 of the largest value; Ellis 2007.
    """
    counts("chroma_stft", n_chroma=n_chroma)
    spectrum, n_fft, dtype = magnitudes(
        "chroma_stft", y, S, n_fft, hop_length, win_length, window, center, pad_mode, power=2.0
    )
    if tuning is None:
        deviation = estimate_tuning(S=spectrum, sr=sr, n_fft=n_fft, bins_per_octave=n_chroma)
    else:
        deviation = jnp.full(spectrum.shape[:-2], tuning, spectrum.dtype)
    filters = _filters(deviation, sr, n_fft, n_chroma, ctroct, octwidth, base_c)
    chroma = jnp.einsum("...cf,...ft->...ct", filters, spectrum, precision=jax.lax.Precision.HIGHEST)
    return normalize(chroma, norm=norm, axis=-2).astype(dtype)


def _filters(
    tuning: Array, sr: float, n_fft: int, n_chroma: int, ctroct: float, octwidth: float | None, base_c: bool
) -> Array:
    """Compute the filters of `librosa.filters.chroma` for the tuning ``[*batch]`` of each clip.

    Args:
        tuning: what the others do not depend on is computed on the host, in float64.

    Returns:
        ``[*batch, n_chroma, 1 + n_fft // 2]``.
    """
    bins = 1 + n_fft // 2
    classes = n_chroma * np.log2(np.arange(1, bins + 1) * (sr / n_fft) / 27.5)
    classes = np.concatenate([[classes[0] - 1.5 * n_chroma], classes])  # 0 Hz stands an octave and a half below
    classes, width = classes[:-1], np.maximum(np.diff(classes), 1.0)
    dtype, tuning = tuning.dtype, tuning[..., None, None]
    table = lambda x: jnp.expand_dims(jnp.asarray(x, dtype), range(tuning.ndim - 2))  # noqa: E731

    half = np.round(n_chroma / 2)
    turn = np.mod(classes - np.arange(n_chroma)[:, None], n_chroma)  # small, so that float32 keeps the digits
    distance = jnp.mod(table(turn) - tuning + half, float(n_chroma)) - half
    weight = normalize(jnp.exp(-0.5 * jnp.square(2 * distance / table(width[None]))), norm=2, axis=-2)
    if octwidth is not None:
        octave = (table(classes[None] / n_chroma) - tuning / n_chroma - ctroct) / octwidth
        weight = weight * jnp.exp(-0.5 * jnp.square(octave))
    if base_c:
        weight = jnp.roll(weight, -3 * (n_chroma // 12), axis=-2)
    return weight
