"""Pictures of sound, and of what a front end makes of it."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxlisten.errors import InputError
from jaxlisten.evaluate.filters import bank_params, first_front_end
from jaxlisten.evaluate.plot.axes import BLUE, axes_for, columns_of, tidy
from jaxlisten.features import melspectrogram
from jaxlisten.nn import FilterBank, Layer, LogMel, Mel
from jaxlisten.nn.front_end import MelFrames
from jaxlisten.types import Array, Params, State

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RANGE_DB = 80.0
"""Levels that are further below the loudest one are drawn as silence."""
_N_MELS = 64
_ROUND_HZ = (200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000)
_LEAST = 1e-10
"""The least power that is told from silence, as in `jaxlisten.LogMel`."""
_POINTS = 4
"""Samples a pixel from which on a waveform is drawn as the range of each pixel's samples."""


def waveform(clip: Array, sr: int, *, ax: Axes | None = None) -> Axes:
    """Draw a clip's samples over time.

    Args:
        clip: ``[time]``, full scale is 1.
        sr: sample rate in Hz.
        ax: where to draw; None: on a new figure.

    Returns:
        The Matplotlib axes.

    Raises:
        InputError: the clip isn't one channel of finite samples.

    Example:
        >>> import jaxlisten as jl
        >>> clip = jl.data.synthetic(36).audio[0]
        >>> jl.plot.waveform(clip, 8000).get_xlabel()
        'time (s)'
    """
    samples = _samples("waveform", clip, sr)
    ax = axes_for(ax)
    columns = columns_of(ax)
    if len(samples) <= _POINTS * columns:
        ax.plot(np.arange(len(samples)) / sr, samples, color=BLUE, linewidth=0.8)
    else:
        starts = np.arange(columns) * len(samples) // columns
        low, high = (function.reduceat(samples, starts) for function in (np.minimum, np.maximum))
        ax.fill_between(starts / sr, low, high, color=BLUE, linewidth=0.6)
    ax.set_xlim(0, len(samples) / sr)
    return tidy(ax, title="Waveform", x="time (s)", y="amplitude (full scale 1)")


def spectrogram(
    clip: Array, sr: int, front_end: Layer | None = None, params: Params | None = None, *, ax: Axes | None = None
) -> Axes:
    """Draw a clip's levels in dB over time and mel-spaced frequency, or whatever a front end makes of it.

    Args:
        clip: ``[time]``, full scale is 1.
        sr: sample rate in Hz.
        front_end: a layer from ``[time]`` to ``[frames, channel]``; None: the levels of 64 mel bands every 10 ms, down
            to `RANGE_DB` below the loudest, averaged in power where there are more frames than pixels.
        params: of `front_end`; None: those that it starts with.
        ax: where to draw; None: on a new figure, with a scale of colours.

    Returns:
        The Matplotlib axes; the picture is ``.images[0]``.

    Raises:
        InputError: the clip isn't one channel of finite samples, or the front end doesn't make frames of it.
        LayerError: the front end refuses the clip.

    Example:
        >>> import jaxlisten as jl
        >>> clip = jl.data.synthetic(36).audio[0]
        >>> jl.plot.spectrogram(clip, 8000).get_ylabel()
        'frequency (kHz)'
        >>> jl.plot.spectrogram(clip, 8000, jl.MFCC(8000)).get_ylabel()
        'coefficient'
    """
    from matplotlib.ticker import MaxNLocator

    samples = _samples("spectrogram", clip, sr)
    own, ax = ax is None, axes_for(ax)
    seconds = len(samples) / sr
    if front_end is None:
        image, centres = _mel_levels(samples, sr, columns_of(ax)), _mel_centres(sr)
        name, unit, low, high = "", "level (dB)", image.max() - RANGE_DB, image.max()
    else:
        image, centres, name = _made_by(front_end, params, samples)
        telling = image[:, 1:] if name == "coefficient" and image.shape[1] > 1 else image  # the first is the loudness
        unit, low, high = "value", telling.min(), telling.max()
    step = seconds / max(1, len(image) - 1) / 2  # the first and the last frame are centred on the ends of the clip
    drawn = ax.imshow(
        image.T,
        origin="lower",
        aspect="auto",
        cmap="magma",
        interpolation="none",
        vmin=low,
        vmax=high,
        extent=(-step, seconds + step, -0.5, image.shape[1] - 0.5),
    )
    ax.set_xlim(0, seconds)
    if own:
        ax.figure.colorbar(drawn, ax=ax, label=unit).outline.set_visible(False)  # pyright: ignore
    if centres is not None:
        places, labels = _mel_ticks(centres)
        ax.set_yticks(places, labels)
        name = "frequency (kHz)"
    else:
        ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    return tidy(ax, title="Spectrogram", x="time (s)", y=name, grid=None)


def _samples(function: str, clip: Array, sr: int) -> np.ndarray:
    samples = np.asarray(clip, np.float32)
    if samples.ndim != 1 or not samples.size:
        raise InputError(
            f"{function}: expected one clip [time] with at least one sample, got shape {samples.shape}; take one "
            "channel, or the mean of them"
        )
    if sr <= 0:
        raise InputError(f"{function}: expected a sample rate above 0 Hz, got {sr}")
    if not np.isfinite(samples).all():
        raise InputError(f"{function}: expected finite samples, got others; is the file damaged?")
    return samples


def _mel_settings(sr: int) -> dict[str, Any]:
    """Return a 25 ms window every 10 ms, zero-padded to twice its length so that no mel band is empty."""
    win_length = max(2, round(0.025 * sr))
    n_fft = 2 ** (2 * win_length - 1).bit_length()
    return {"sr": sr, "n_fft": n_fft, "hop_length": max(1, round(0.010 * sr)), "win_length": win_length}


@functools.partial(jax.jit, static_argnames="sr")
def _mel_power(samples: Array, sr: int) -> Array:
    return melspectrogram(samples, **_mel_settings(sr), n_mels=_N_MELS).T


def _mel_levels(samples: np.ndarray, sr: int, columns: int) -> np.ndarray:
    """Return the levels of at most `columns` frames in dB, ``[frames, n_mels]``."""
    settings = _mel_settings(sr)
    # Clips of nearly one length share a compilation; frames see zeros behind a clip either way.
    buffer = np.zeros(4 ** math.ceil(math.log(max(len(samples), settings["n_fft"]), 4)), np.float32)
    buffer[: len(samples)] = samples
    power = np.asarray(_mel_power(buffer, sr))[: 1 + len(samples) // settings["hop_length"]]
    columns = min(columns, len(power))
    starts = np.arange(columns) * len(power) // columns
    mean = np.add.reduceat(power, starts) / np.diff(starts, append=len(power))[:, None]
    levels = 10 * np.log10(np.maximum(mean, _LEAST))
    return np.maximum(levels, levels.max() - RANGE_DB)


def _mel_centres(sr: int) -> np.ndarray:
    return mel_centres(_N_MELS, 0.0, sr / 2)


def mel_centres(n_mels: int, fmin: float, fmax: float) -> np.ndarray:
    """Return the centre of each mel band in Hz, ``[n_mels]``."""
    import librosa

    return librosa.mel_frequencies(n_mels=n_mels + 2, fmin=fmin, fmax=fmax)[1:-1]


def _mel_ticks(centres: np.ndarray) -> tuple[list[float], list[str]]:
    """Choose round frequencies that are far enough from each other: their places among the bands, and kHz as text."""
    places, labels = [], []
    order = np.argsort(centres)
    for hz in _ROUND_HZ:
        place = float(np.interp(hz, centres[order], np.arange(len(centres))))
        if centres.min() <= hz <= centres.max() and (not places or place - places[-1] >= len(centres) / 9):
            places.append(place)
            labels.append(f"{hz / 1000:g}")
    return places, labels


@functools.partial(jax.jit, static_argnums=0)
def _applied(front_end: Layer, params: Params, state: State, samples: Array) -> Any:
    return front_end.apply(params, state, samples)[0]


def _made_by(front_end: Layer, params: Params | None, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray | None, str]:
    """Apply a front end: the image ``[frames, channel]``, the centre of each channel in Hz if it has one, its name."""
    start, state = front_end.init(jax.random.key(0), jax.ShapeDtypeStruct(samples.shape, jnp.float32))
    params = start if params is None else params
    y = _applied(front_end, params, state, samples)
    if getattr(y, "ndim", 0) != 2:
        raise InputError(
            f"spectrogram: expected a front end that makes [frames, channel] of a clip, {type(front_end).__name__} "
            f"makes {getattr(y, 'shape', type(y).__name__)}"
        )
    image = np.asarray(y, np.float32)
    found = first_front_end(front_end, params, state)
    centres = _centres(*found) if found else None
    coefficients = bool(found) and isinstance(found[0], MelFrames) and centres is None
    return (
        image,
        centres if centres is not None and len(centres) == image.shape[1] else None,
        ("coefficient" if coefficients else "channel"),
    )


def _centres(layer: Any, params: Params | None) -> np.ndarray | None:
    if isinstance(layer, FilterBank):
        return np.asarray(layer.frequencies(bank_params(layer, params))[0])
    if isinstance(layer, LogMel | Mel):
        return mel_centres(layer.n_mels, layer.fmin, layer.sr / 2 if layer.fmax is None else layer.fmax)
    return None
