"""Statistics over every window of a signal.

What is known of two neighbouring halves makes what is known of the whole, so that a window of n steps costs some
log2(n) passes over the signal, and no more digits are lost in an hour of it than in a second.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxlisten.ops.statistics import widened
from jaxlisten.types import Array


def sliding_max(x: Array, window: int) -> Array:
    """Find the largest value of every window.

    Args:
        x: ``[*batch, time]``, floating.
        window: steps, at most as many as there are.

    Returns:
        ``[*batch, time - window + 1]``.
    """
    return _combined(x[..., None], window, jnp.maximum)[..., 0]


def sliding_mean(x: Array, valid: Array, window: int) -> Array:
    """Compute the mean of each channel over the valid steps of every window.

    Args:
        x: ``[*batch, time, channel]``.
        valid: booleans that broadcast to ``[*batch, time]``.
        window: steps, at most as many as there are.

    Returns:
        ``[*batch, time - window + 1, channel]``, in float32 (float64 if `x` is); 0 where no step is valid.
    """
    x = widened(x)
    count = valid[..., None].astype(x.dtype)
    sums = _combined((count, jnp.where(valid[..., None], x, 0)), window, lambda a, b: (a[0] + b[0], a[1] + b[1]))
    return sums[1] / jnp.maximum(sums[0], 1.0)


def sliding_moments(x: Array, valid: Array, window: int) -> tuple[Array, Array, Array]:
    """Compute count, mean and (biased) variance of each channel over the valid steps of every window.

    Args:
        x, valid, window: as of `sliding_mean`.

    Returns:
        count ``[..., frames, 1]``, mean and variance ``[*batch, frames, channel]`` with ``frames = time - window + 1``,
        in float32 (float64 if `x` is). Of a window without a valid step all three are 0.

    Reference:
        Chan, Golub and LeVeque 1983, equations 2.1.
    """

    def merged(a: tuple[Array, Array, Array], b: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        count = a[0] + b[0]
        share, delta = b[0] / jnp.maximum(count, 1.0), b[1] - a[1]
        return count, a[1] + share * delta, a[2] + b[2] + a[0] * share * jnp.square(delta)

    x = widened(x)
    each = (valid[..., None].astype(x.dtype), jnp.where(valid[..., None], x, 0), jnp.zeros_like(x))
    count, mean, squares = _combined(each, window, merged)
    return count, mean, squares / jnp.maximum(count, 1.0)


def _combined(each: Any, window: int, merge: Callable[[Any, Any], Any]) -> Any:
    """Merge `window` neighbours, along the last axis but one, of what is known of each step."""

    def cut(tree: Any, begin: int, steps: int) -> Any:
        return jax.tree.map(lambda a: jax.lax.slice_in_dim(a, begin, begin + steps, axis=a.ndim - 2), tree)

    time = jax.tree.leaves(each)[0].shape[-2]
    frames, total, done, size = time - window + 1, None, 0, 1
    while True:  # `each` knows of `size` steps: the window is put together by its binary digits
        if window & size:
            part = cut(each, done, frames)
            total, done = (part if total is None else merge(total, part)), done + size
        if 2 * size > window:
            return total
        steps = time - 2 * size + 1
        each, size = merge(cut(each, 0, steps), cut(each, size, steps)), 2 * size
