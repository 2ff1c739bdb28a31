"""Following a level over time."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxlisten.types import Array


def running_peak(level: Array, release: float, carry: Array) -> Array:
    """Follow the peaks of a level, and let go of them slowly: ``p[t] = max(level[t], p[t - 1] - release)``.

    With ``q[t] = p[t] + release * t`` this is a running maximum, which runs in parallel.

    Args:
        level: ``[*batch, time]``, floating.
        release: how much the peak falls in a step, from 0 upwards.
        carry: p of the step before the first, ``[*batch]``.

    Returns:
        p, ``[*batch, time]``.
    """
    fall = release * jnp.arange(level.shape[-1], dtype=level.dtype)
    level = level.at[..., 0].max(carry - jnp.asarray(release, level.dtype))
    return jax.lax.cummax(level + fall, axis=level.ndim - 1) - fall
