"""What every feature asks of its input, in one place."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from jaxlisten.errors import InputError
from jaxlisten.ops import frame, widened
from jaxlisten.types import Array

PAD_MODES = ("constant", "edge", "reflect", "symmetric")


def sound(function: str, y: Array | None) -> Array:
    """Return a waveform as an array, or raise an `InputError` that names the function.

    Args:
        function: who asks.
        y: ``[*batch, time]``, floating, at least one sample.
    """
    if y is None:
        raise InputError(f"{function}: expected a waveform y or a spectrogram S, got neither")
    y = jnp.asarray(y)
    if not jnp.issubdtype(y.dtype, jnp.floating):
        cause = "divide integer samples by the largest value of their type"
        raise InputError(f"{function}: expected floating samples, got {y.dtype}: {cause}")
    if y.ndim == 0 or y.shape[-1] == 0:
        raise InputError(f"{function}: expected y [*batch, time] with at least one sample, got the shape {y.shape}")
    return y


def spectra(function: str, S: Array) -> Array:
    """Return a spectrogram ``[*batch, freq, time]`` as an array, or raise an `InputError` that names the function."""
    S = jnp.asarray(S)
    if not jnp.issubdtype(S.dtype, jnp.floating):
        cause = "take jnp.abs of a complex spectrum first"
        raise InputError(f"{function}: expected a real, floating S, got {S.dtype}: {cause}")
    if S.ndim < 2 or 0 in S.shape[-2:]:
        raise InputError(f"{function}: expected S [*batch, freq, time], got the shape {S.shape}")
    return S


def counts(function: str, **settings: object) -> None:
    """Raise an `InputError` unless every setting is a whole number of at least 1."""
    for name, value in settings.items():
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
            raise InputError(f"{function}: expected {name} to be a whole number of at least 1, got {value!r}")


def require(holds: bool, function: str, expected: str, got: object) -> None:
    """Raise an `InputError` unless a condition on the settings holds."""
    if not holds:
        raise InputError(f"{function}: expected {expected}, got {got}")


def framed(
    function: str, y: Array | None, frame_length: int, hop_length: int, center: bool, pad_mode: str
) -> tuple[Array, np.dtype]:
    """Cut a waveform into frames as librosa does.

    Args:
        function: who asks, for the message of an `InputError`.
        y: ``[*batch, time]``.
        frame_length, hop_length: in samples.
        center: frame t is centred on sample ``t * hop_length``; otherwise it begins there.
        pad_mode: one of `PAD_MODES`: how a centred frame looks past the ends.

    Returns:
        ``[*batch, frames, frame_length]``, float32 at least, and the dtype of `y`.
    """
    counts(function, frame_length=frame_length, hop_length=hop_length)
    given = sound(function, y)
    padded = widened(given)
    if center:
        require(pad_mode in PAD_MODES, function, f"pad_mode to be one of {', '.join(PAD_MODES)}", repr(pad_mode))
        half = frame_length // 2
        padded = jnp.pad(padded, [(0, 0)] * (given.ndim - 1) + [(half, half)], mode=pad_mode)
    samples = padded.shape[-1]
    require(samples >= frame_length, function, f"at least frame_length={frame_length} samples", samples)
    return frame(padded, frame_length, hop_length), given.dtype
