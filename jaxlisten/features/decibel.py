"""Levels in decibel."""

from __future__ import annotations

import math
from collections.abc import Callable

import jax.numpy as jnp

from jaxlisten.errors import InputError
from jaxlisten.ops import largest, widened
from jaxlisten.types import Array

Reference = float | Callable[..., Array]
"""What is 0 dB: a value above 0, or a function such as `jax.numpy.max` that takes it from each clip
(``ref(S, axis=..., keepdims=True)``)."""


def power_to_db(S: Array, *, ref: Reference = 1.0, amin: float = 1e-10, top_db: float | None = 80.0) -> Array:
    """Turn power into decibel: ``10 log10(max(S, amin) / max(ref, amin))``.

    Args:
        S: power, ``[*batch, freq, time]``; an array of fewer axes is one clip.
        ref: the power that is 0 dB, above 0; or a function of each clip, such as `jax.numpy.max`.
        amin: the least power that is told from silence, above 0.
        top_db: values more than this far below the peak *of their own clip* (the last two axes) are raised to it;
            None leaves them. In dB.

    Returns:
        Levels in dB, in the shape and dtype of `S`.

    Raises:
        InputError: `S` is not real and floating, `amin` or `ref` is not above 0, or `top_db` is negative.

    Example:
        >>> power_to_db(jnp.array([1.0, 0.1, 0.0]), top_db=50.0).round(2).tolist()
        [0.0, -10.0, -50.0]

    Reference:
        `librosa.power_to_db` of one clip at a time (librosa 0.11 takes the peak of a whole batch), within 1e-3 dB.
    """
    S = _checked("power_to_db", S, ref, amin, top_db)
    wide = widened(S)
    return _levels(wide, _value(ref, wide), amin, top_db).astype(S.dtype)


def amplitude_to_db(S: Array, *, ref: Reference = 1.0, amin: float = 1e-5, top_db: float | None = 80.0) -> Array:
    """Turn amplitude into decibel: ``20 log10(max(|S|, amin) / max(ref, amin))``.

    Args:
        S: amplitude, ``[*batch, freq, time]``; an array of fewer axes is one clip.
        ref: the amplitude that is 0 dB, above 0; or a function of each clip, such as `jax.numpy.max`.
        amin: the least amplitude that is told from silence, above 0.
        top_db: as in `power_to_db`.

    Returns:
        Levels in dB, in the shape and dtype of `S`.

    Raises:
        InputError: `S` is not real and floating, `amin` or `ref` is not above 0, or `top_db` is negative.

    Example:
        >>> amplitude_to_db(jnp.array([2.0, 0.2]), ref=jnp.max).round(2).tolist()
        [0.0, -20.0]

    Reference:
        `librosa.amplitude_to_db` of one clip at a time, within 1e-3 dB.
    """
    S = _checked("amplitude_to_db", S, ref, amin, top_db)
    wide = widened(S)
    magnitude_ref = _value(ref, jnp.abs(wide))
    return _levels(jnp.square(wide), magnitude_ref * magnitude_ref, amin * amin, top_db).astype(S.dtype)


def db_to_power(S_db: Array, *, ref: float = 1.0) -> Array:
    """Turn decibel into power: ``ref 10 ** (S_db / 10)``.

    Args:
        S_db: levels in dB, any shape, floating.
        ref: the power that is 0 dB.

    Returns:
        Power, in the shape and dtype of `S_db`.

    Example:
        >>> db_to_power(jnp.array([0.0, -20.0])).round(4).tolist()
        [1.0, 0.009999999776482582]

    Reference:
        `librosa.db_to_power`, within 1e-5 of each value.
    """
    S_db = _floating("db_to_power", S_db)
    return (ref * jnp.exp((math.log(10.0) / 10.0) * widened(S_db))).astype(S_db.dtype)


def db_to_amplitude(S_db: Array, *, ref: float = 1.0) -> Array:
    """Turn decibel into amplitude: ``ref 10 ** (S_db / 20)``.

    Args:
        S_db: levels in dB, any shape, floating.
        ref: the amplitude that is 0 dB.

    Returns:
        Amplitude, in the shape and dtype of `S_db`.

    Example:
        >>> db_to_amplitude(jnp.array([0.0, 6.0206])).round(3).tolist()
        [1.0, 2.0]

    Reference:
        `librosa.db_to_amplitude`, within 1e-5 of each value.
    """
    S_db = _floating("db_to_amplitude", S_db)
    return (ref * jnp.exp((math.log(10.0) / 20.0) * widened(S_db))).astype(S_db.dtype)


def _levels(power: Array, ref: Array | float, amin: float, top_db: float | None) -> Array:
    scale = 10.0 / math.log(10.0)
    floor = math.log(max(amin, ref)) if isinstance(ref, float | int) else jnp.log(jnp.maximum(ref, amin))
    levels = scale * (jnp.log(jnp.maximum(power, amin)) - floor)
    if top_db is None or levels.ndim == 0:
        return levels
    axes = min(levels.ndim, 2)
    peak = largest(levels.reshape(*levels.shape[:-axes], -1))
    return jnp.maximum(levels, peak.reshape(*levels.shape[:-axes], *[1] * axes) - top_db)


def _value(ref: Reference, S: Array) -> Array | float:
    axes = tuple(range(-min(S.ndim, 2), 0))
    return ref(S, axis=axes, keepdims=True) if callable(ref) else ref


def _floating(function: str, S: Array) -> Array:
    S = jnp.asarray(S)
    if not jnp.issubdtype(S.dtype, jnp.floating):
        cause = "take jnp.abs of a complex spectrum first"
        raise InputError(f"{function}: expected real, floating values, got {S.dtype}: {cause}")
    return S


def _checked(function: str, S: Array, ref: Reference, amin: float, top_db: float | None) -> Array:
    if amin <= 0 or not (callable(ref) or ref > 0):
        raise InputError(f"{function}: expected amin and ref above 0, got amin={amin}, ref={ref}")
    if top_db is not None and top_db < 0:
        raise InputError(f"{function}: expected top_db of at least 0, got {top_db}")
    return _floating(function, S)
