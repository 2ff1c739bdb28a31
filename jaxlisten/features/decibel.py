"""Levels in decibel."""

from __future__ import annotations

import math

import jax.numpy as jnp

from jaxlisten.ops import widened
from jaxlisten.types import Array


def power_to_db(S: Array, *, ref: float = 1.0, amin: float = 1e-10, top_db: float | None = 80.0) -> Array:
    """Turn power into decibel: ``10 log10(max(S, amin) / ref)``.

    Args:
        S: power, ``[*batch, freq, time]``, or with `top_db` None any shape.
        ref: the power that is 0 dB, above 0.
        amin: the least power that is told from silence, above 0.
        top_db: values more than this far below the peak *of their own clip* (the last two axes) are raised to it;
            None leaves them. In dB.

    Returns:
        Levels in dB, in the shape and dtype of `S`.

    Raises:
        ValueError: `amin` or `ref` is not above 0, or `top_db` is negative.

    Reference:
        `librosa.power_to_db` of one clip at a time (librosa 0.11 takes the peak of a whole batch), within 1e-3 dB.
    """
    if amin <= 0 or ref <= 0:
        raise ValueError(f"power_to_db: expected amin and ref above 0, got amin={amin}, ref={ref}")
    if top_db is not None and top_db < 0:
        raise ValueError(f"power_to_db: expected top_db of at least 0, got {top_db}")
    S = jnp.asarray(S)
    levels = (10.0 / math.log(10.0)) * jnp.log(jnp.maximum(widened(S), amin)) - 10.0 * math.log10(max(amin, ref))
    if top_db is not None:
        levels = jnp.maximum(levels, levels.max(axis=(-2, -1), keepdims=True) - top_db)
    return levels.astype(S.dtype)
