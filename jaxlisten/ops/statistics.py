"""Statistics over the valid steps of a ragged batch."""

from __future__ import annotations

import jax.numpy as jnp

from jaxlisten.types import Array


def masked_moments(x: Array, valid: Array | None = None) -> tuple[Array, Array, Array]:
    """Compute count, mean and (biased) variance of each channel over every valid step of every item, in float32.

    Args:
        x: ``[..., channel]``.
        valid: booleans that broadcast to ``x.shape[:-1]``, or None: all are valid.

    Returns:
        count ``[]``, mean ``[channel]``, variance ``[channel]``. With no valid step at all, all three are 0.
    """
    x = x.astype(jnp.float32)
    axes = tuple(range(x.ndim - 1))
    weight = jnp.broadcast_to(jnp.ones(()) if valid is None else valid, x.shape[:-1]).astype(jnp.float32)[..., None]
    count = weight.sum()
    safe = jnp.maximum(count, 1.0)
    mean = (x * weight).sum(axes) / safe
    # Two passes: the one-pass form loses all digits of a variance that is small beside the mean, as dB values have.
    variance = (jnp.square(x - mean) * weight).sum(axes) / safe
    return count, mean, variance
