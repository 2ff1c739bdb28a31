"""Features of the waveform itself, without a spectrum."""

from __future__ import annotations

import jax.numpy as jnp

from jaxlisten.errors import InputError
from jaxlisten.features.inputs import framed, require, spectra
from jaxlisten.ops import safe_power, widened
from jaxlisten.types import Array


def rms(
    y: Array | None = None,
    *,
    S: Array | None = None,
    frame_length: int = 2048,
    hop_length: int = 512,
    center: bool = True,
    pad_mode: str = "constant",
) -> Array:
    """Compute the root of the mean square of each frame.

    Args:
        y: ``[*batch, time]``; or give `S`.
        S: a magnitude spectrogram ``[*batch, 1 + frame_length // 2, frames]`` without a window, by Parseval's theorem.
        frame_length, hop_length: in samples.
        center: frame t is centred on sample ``t * hop_length``; otherwise it begins there.
        pad_mode: how a centred frame looks past the ends, as in `stft`.

    Returns:
        ``[*batch, 1, frames]``, in the dtype of `y` or `S`. Its gradient is 0 where a frame is silent.

    Raises:
        InputError: the input is not floating, too short for one frame, or of other bins than those of `frame_length`.

    Example:
        >>> rms(jnp.full(1000, 0.5), frame_length=100, hop_length=500, center=False).tolist()
        [[0.5, 0.5]]

    Reference:
        `librosa.feature.rms`, within 1e-5 of the largest value.
    """
    if y is not None:
        frames, dtype = framed("rms", y, frame_length, hop_length, center, pad_mode)
        power = jnp.square(frames).mean(axis=-1)[..., None, :]
        return safe_power(power, 0.5).astype(dtype)
    if S is None:
        raise InputError("rms: expected a waveform y or a spectrogram S, got neither")
    magnitude = spectra("rms", S)
    given, bins = magnitude.shape[-2], 1 + frame_length // 2
    require(given == bins, "rms", f"S of {bins} bins for frame_length={frame_length}", given)
    # Every bin but the first, and but the last of an even frame, stands for two of the whole spectrum.
    power = jnp.square(widened(magnitude))
    total = 2 * power.sum(axis=-2, keepdims=True) - power[..., :1, :]
    if frame_length % 2 == 0:
        total = total - power[..., -1:, :]
    return (safe_power(total, 0.5) / frame_length).astype(magnitude.dtype)


def zero_crossing_rate(
    y: Array,
    *,
    frame_length: int = 2048,
    hop_length: int = 512,
    center: bool = True,
    threshold: float = 1e-10,
    ref_magnitude: float | None = None,
    pad: bool = False,
    zero_pos: bool = True,
) -> Array:
    """Compute the share of each frame's samples whose sign differs from that of the sample before.

    It is a count: its gradient is 0.

    Args:
        y: ``[*batch, time]``.
        frame_length, hop_length: in samples.
        center: frame t is centred on sample ``t * hop_length``, and the first and last sample are repeated past the
            ends; otherwise it begins there.
        threshold: samples of at most this magnitude are taken as 0.
        ref_magnitude: what `threshold` is a multiple of; None: 1.
        pad: the first sample of each frame counts as a crossing.
        zero_pos: 0 has the sign of a positive number; otherwise it has a third sign.

    Returns:
        From 0 to 1, ``[*batch, 1, frames]``, in the dtype of `y`.

    Raises:
        InputError: the input is not floating or too short for one frame.

    Example:
        >>> zero_crossing_rate(jnp.array([1.0, -1.0, -1.0, 1.0]), frame_length=4, hop_length=4, center=False).tolist()
        [[0.5]]

    Reference:
        `librosa.feature.zero_crossing_rate`, exact.
    """
    frames, dtype = framed("zero_crossing_rate", y, frame_length, hop_length, center, "edge")
    quiet = jnp.abs(frames) <= threshold * (1.0 if ref_magnitude is None else ref_magnitude)
    clipped = jnp.where(quiet, 0.0, frames)
    sign = clipped < 0 if zero_pos else jnp.sign(clipped)
    crossings = (sign[..., 1:] != sign[..., :-1]).sum(axis=-1) + int(pad)
    return (crossings.astype(frames.dtype) / frame_length)[..., None, :].astype(dtype)
