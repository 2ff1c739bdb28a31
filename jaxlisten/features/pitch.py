"""Fundamental frequency."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from jaxlisten.features.inputs import framed, require
from jaxlisten.ops import largest
from jaxlisten.types import Array


def yin(
    y: Array,
    *,
    fmin: float,
    fmax: float,
    sr: float = 22050,
    frame_length: int = 2048,
    hop_length: int | None = None,
    trough_threshold: float = 0.1,
    center: bool = True,
    pad_mode: str = "constant",
) -> Array:
    """Estimate the fundamental frequency of each frame.

    The period is the first trough below `trough_threshold` of the normalised difference between the frame and itself
    shifted, or its deepest point if there is none, refined by a parabola through its neighbours.
    The choice of a trough is discrete; the gradient is that of the refinement.

    Args:
        y: ``[*batch, time]``.
        fmin, fmax: the lowest and the highest frequency to look for in Hz; at least two periods of `fmin` should fit
            into a frame.
        sr: sample rate in Hz.
        frame_length: in samples.
        hop_length: samples between two frames; None: ``frame_length // 4``.
        trough_threshold: the difference, as a share of its mean so far, below which a trough is a period.
        center: frame t is centred on sample ``t * hop_length``; otherwise it begins there.
        pad_mode: how a centred frame looks past the ends, as in `stft`.

    Returns:
        Hz, ``[*batch, frames]``, in the dtype of `y`. A silent frame gives about `fmax`: use `rms` to tell it.

    Raises:
        InputError: not ``0 < fmin < fmax <= sr / 2``, a period of `fmin` is longer than a frame, or the signal is not
            floating or too short.

    Example:
        >>> tone = jnp.sin(2 * jnp.pi * 220 * jnp.linspace(0, 1, 8000))
        >>> float(jax.jit(lambda y: yin(y, fmin=80, fmax=500, sr=8000))(tone)[4].round())
        220.0

    Reference:
        `librosa.yin`, within 1e-4 in each frame where rounding does not choose another trough (the tests allow
        1 frame in 200); de Cheveigné and Kawahara 2002, steps 2 to 5.
    """
    require(0 < fmin < fmax <= sr / 2, "yin", f"0 < fmin < fmax <= sr / 2 = {sr / 2:g} Hz", f"fmin={fmin}, fmax={fmax}")
    expected = f"a frame_length above {math.ceil(sr / fmin) + 1} for fmin={fmin} Hz"
    require(sr / fmin < frame_length - 1, "yin", expected, frame_length)
    hop_length = frame_length // 4 if hop_length is None else hop_length
    frames, dtype = framed("yin", y, frame_length, hop_length, center, pad_mode)
    shortest = math.floor(sr / fmax)
    longest = min(math.ceil(sr / fmin), frame_length - 1)
    difference = _normalized_difference(frames, shortest, longest)
    place = _first_trough(difference, trough_threshold)
    shift = _at(parabolic_shift(difference), place)
    return (sr / (shortest + place.astype(shift.dtype) + shift)).astype(dtype)


def parabolic_shift(x: Array) -> Array:
    """Find the extremum of the parabola through each value and its neighbours on the last axis.

    Returns:
        Steps from the value, between -1 and 1, in the shape of `x`; 0 at the ends and where it is further away.
    """
    before, at, after = x[..., :-2], x[..., 1:-1], x[..., 2:]
    curvature, slope = after + before - 2 * at, (after - before) / 2
    near = jnp.abs(slope) < jnp.abs(curvature)
    shift = jnp.where(near, -slope / jnp.where(near, curvature, 1.0), 0.0)
    return jnp.pad(shift, [(0, 0)] * (x.ndim - 1) + [(1, 1)])


def _normalized_difference(frames: Array, shortest: int, longest: int) -> Array:
    """Compute d'(lag), the cumulative mean normalised difference: ``[..., frame_length]`` to ``[..., lags]``.

    ``d(lag) = sum of (x_n - x_{n + lag}) ** 2`` with zeros behind the frame; d' is d over its mean over lags so far.
    """
    # The result does not depend on the scale of a frame; near scale 1, nothing that is divided by is near 0. Powers of
    # two leave every digit as it is.
    scale = jax.lax.stop_gradient(largest(jnp.abs(frames)))
    silent = scale < jnp.finfo(frames.dtype).tiny
    frames = frames * jnp.ldexp(jnp.ones_like(scale), -jnp.frexp(jnp.where(silent, 1.0, scale))[1])
    size = 1 << (2 * frames.shape[-1] - 2).bit_length()
    spectrum = jnp.fft.rfft(frames, size)
    correlation = jnp.fft.irfft(jnp.square(spectrum.real) + jnp.square(spectrum.imag), size)[..., : longest + 1]
    # The energy that no longer overlaps; librosa forgets it at the first lag, and so do we.
    lost = jnp.cumsum(jnp.square(frames), axis=-1)[..., 1:longest]
    lost = jnp.concatenate([jnp.zeros_like(lost[..., :1]), lost], axis=-1)
    difference = 2 * (correlation[..., :1] - correlation[..., 1:]) - lost
    lags = jnp.expand_dims(jnp.arange(1, longest + 1, dtype=frames.dtype), range(frames.ndim - 1))
    mean = (jnp.cumsum(difference, axis=-1) / lags)[..., shortest - 1 :]
    return jnp.where(silent, 0.0, difference[..., shortest - 1 :] / jnp.where(silent, 1.0, mean))


def _first_trough(x: Array, threshold: float) -> Array:
    """Find the first local minimum below a threshold along the last axis, or the smallest value if there is none."""
    falls = jnp.concatenate([jnp.full_like(x[..., :1], True, bool), x[..., 1:] < x[..., :-1]], axis=-1)
    # At the first lag, a trough has to be below its neighbour; everywhere else it may be level with it.
    rises = [x[..., :1] < x[..., 1:2], x[..., 1:-1] <= x[..., 2:], jnp.full_like(x[..., :1], True, bool)]
    rises = jnp.concatenate(rises, axis=-1)
    trough = falls & rises & (x < threshold)
    return jnp.where(trough.any(axis=-1), jnp.argmax(trough, axis=-1), jnp.argmin(x, axis=-1))


def _at(x: Array, place: Array) -> Array:
    return jnp.take_along_axis(x, place[..., None], axis=-1)[..., 0]
