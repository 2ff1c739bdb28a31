"""Pooling over time, with masks."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np

from jaxlisten.ops.statistics import widened
from jaxlisten.types import Array


def max_pool(x: Array, valid: Array, *, window: int, stride: int) -> Array:
    """Take the largest valid value of each window. A window without any gives 0.

    Args:
        x: ``[*batch, time, channel]``.
        valid: booleans that broadcast to ``[*batch, time]``.
        window: steps a window.
        stride: steps between the starts of two windows.

    Returns:
        ``[*batch, 1 + (time - window) // stride, channel]``.
    """
    lowest = np.array(-np.inf, x.dtype)
    y = _reduce(jnp.where(valid[..., None], x, lowest), _largest, jax.lax.max, lowest, window, stride)
    return jnp.where(jnp.isneginf(y), jnp.zeros((), x.dtype), y)


def mean_pool(x: Array, valid: Array, *, window: int, stride: int) -> Array:
    """Average the valid values of each window, summed in float32 at least. A window without any gives 0.

    Args:
        x: ``[*batch, time, channel]``.
        valid: booleans that broadcast to ``[*batch, time]``.
        window: steps a window.
        stride: steps between the starts of two windows.

    Returns:
        ``[*batch, 1 + (time - window) // stride, channel]``.
    """
    wide = widened(jnp.where(valid[..., None], x, 0))
    zero = np.zeros((), wide.dtype)
    weight = valid[..., None].astype(wide.dtype)
    total = _reduce(wide, jnp.sum, jax.lax.add, zero, window, stride)
    count = _reduce(weight, jnp.sum, jax.lax.add, zero, window, stride)
    return (total / jnp.maximum(count, 1.0)).astype(x.dtype)


def _reduce(x: Array, reduce, combine, start: np.ndarray, window: int, stride: int) -> Array:
    *batch, time, channel = x.shape
    frames = 1 + (time - window) // stride
    if window == stride:  # disjoint windows: the gradient of a reshape is free, that of reduce_window is not
        return reduce(x[..., : frames * window, :].reshape(*batch, frames, window, channel), -2)
    sizes, steps = [1] * len(batch) + [window, 1], [1] * len(batch) + [stride, 1]
    return jax.lax.reduce_window(x, start, combine, sizes, steps, "VALID")


@functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
def _largest(x: Array, axis: int) -> Array:
    """Take the maximum along an axis; its gradient goes to the first of the largest values.

    JAX divides the gradient by the number of values that equal the maximum. A compiler that computes them twice,
    rounded differently, finds none, and 0 / 0 is NaN; a place does not depend on rounding.
    """
    return jnp.max(x, axis)


def _largest_forward(x: Array, axis: int) -> tuple[Array, tuple[Array, Array]]:
    return jnp.max(x, axis), (jnp.argmax(x, axis), jnp.arange(x.shape[axis]))


def _largest_backward(axis: int, kept: tuple[Array, Array], gradient: Array) -> tuple[Array]:
    place, places = kept
    chosen = jnp.expand_dims(place, axis) == jnp.expand_dims(places, range(1, -axis))
    return (jnp.where(chosen, jnp.expand_dims(gradient, axis), jnp.zeros((), gradient.dtype)),)


_largest.defvjp(_largest_forward, _largest_backward)
