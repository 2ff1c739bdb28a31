"""Functions whose plain form has an infinite or undefined gradient where there is silence."""

from __future__ import annotations

import jax.numpy as jnp

from jaxlisten.types import Array


def safe_power(x: Array, exponent: float) -> Array:
    """Compute ``x ** exponent`` with a gradient of 0 at ``x = 0``, where that of a root is infinite.

    Args:
        x: any shape, floating, at least 0.
        exponent: above 0.

    Returns:
        The shape and dtype of `x`.
    """
    if exponent == 1.0:
        return x
    zero = x == 0
    return jnp.where(zero, jnp.zeros((), x.dtype), jnp.where(zero, jnp.ones((), x.dtype), x) ** exponent)


def largest(x: Array) -> Array:
    """Take the largest value along the last axis, which stays, of length 1.

    Its gradient goes to the first place where that value stands. JAX's own maximum divides by how many values equal
    it; a compiler that computes them twice, rounded differently, finds none, and 0 / 0 is NaN.

    Args:
        x: ``[..., n]``.

    Returns:
        ``[..., 1]``.
    """
    places = jnp.expand_dims(jnp.arange(x.shape[-1]), range(x.ndim - 1))
    chosen = places == jnp.argmax(x, axis=-1, keepdims=True)
    return jnp.where(chosen, x, jnp.zeros((), x.dtype)).sum(axis=-1, keepdims=True)
