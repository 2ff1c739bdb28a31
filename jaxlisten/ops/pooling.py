"""Pooling over time, and over time and frequency, with masks."""

from __future__ import annotations

import functools
import itertools
import math
from typing import cast

import jax
import jax.numpy as jnp
import numpy as np

from jaxlisten.ops.convolution import MOST_SLICES
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
    return _max(x, valid, (window,), (stride,))


def max_pool2d(x: Array, valid: Array, *, window: tuple[int, int], stride: tuple[int, int]) -> Array:
    """Take the largest valid value of each window of time and frequency. A window without any gives 0.

    Args:
        x: ``[*batch, time, freq, channel]``.
        valid: booleans that broadcast to ``[*batch, time, freq]``.
        window: steps of time and of frequency a window.
        stride: steps of time and of frequency between the starts of two windows.

    Returns:
        ``[*batch, frames, bins, channel]`` with ``frames = 1 + (time - window[0]) // stride[0]``, and likewise bins.
    """
    return _max(x, valid, window, stride)


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
    return _mean(x, valid, (window,), (stride,))


def mean_pool2d(x: Array, valid: Array, *, window: tuple[int, int], stride: tuple[int, int]) -> Array:
    """Average the valid values of each window of time and frequency; all else is as in `max_pool2d` and `mean_pool`."""
    return _mean(x, valid, window, stride)


def _max(x: Array, valid: Array, window: tuple[int, ...], stride: tuple[int, ...]) -> Array:
    lowest = np.array(-np.inf, x.dtype)
    y = jnp.where(valid[..., None], x, lowest)
    few = all(isinstance(size, int) for size in window) and math.prod(window) <= MOST_SLICES
    if window == stride and few:  # the size of an exported program's window may be open
        y = cast("Array", _largest_of_disjoint(y, window))
        return jnp.where(jnp.isneginf(y), jnp.zeros((), x.dtype), y)
    for axis, (size, step) in enumerate(zip(window, stride, strict=True), -1 - len(window)):
        y = _largest_along(y, axis, size, step)
    return jnp.where(jnp.isneginf(y), jnp.zeros((), x.dtype), y)


def _mean(x: Array, valid: Array, window: tuple[int, ...], stride: tuple[int, ...]) -> Array:
    total = widened(jnp.where(valid[..., None], x, 0))
    count = valid[..., None].astype(total.dtype)
    for axis, (size, step) in enumerate(zip(window, stride, strict=True), -1 - len(window)):
        total, count = _sum_along(total, axis, size, step), _sum_along(count, axis, size, step)
    return (total / jnp.maximum(count, 1.0)).astype(x.dtype)


def _largest_along(x: Array, axis: int, window: int, stride: int) -> Array:
    """Take the maximum of each window along one axis: that of a window over two axes is the maximum of maxima."""
    if window == 1:
        return jax.lax.slice_in_dim(x, 0, None, stride, axis)
    if window == stride:
        return _largest(_disjoint(x, axis, window), axis)
    if window > MOST_SLICES:
        return _reduced(x, axis, window, stride, jax.lax.max, -np.inf)
    return jax.lax.platform_dependent(
        x,
        cpu=lambda x: _largest(_stacked(x, axis, window, stride), axis),
        default=lambda x: _reduced(x, axis, window, stride, jax.lax.max, -np.inf),
    )


def _sum_along(x: Array, axis: int, window: int, stride: int) -> Array:
    if window == 1:
        return jax.lax.slice_in_dim(x, 0, None, stride, axis)
    if window == stride:
        return jnp.sum(_disjoint(x, axis, window), axis)
    return _reduced(x, axis, window, stride, jax.lax.add, 0)


def _disjoint(x: Array, axis: int, window: int) -> Array:
    """Split an axis, named from the end, into windows that do not overlap; the places in a window take its name.

    The gradient of a reshape is free, that of `reduce_window` is not.
    """
    frames = x.shape[axis] // window
    x = jax.lax.slice_in_dim(x, 0, frames * window, axis=axis)
    return x.reshape(*x.shape[:axis], frames, window, *x.shape[axis + 1 :])


def _stacked(x: Array, axis: int, window: int, stride: int) -> Array:
    """Copy windows that overlap next to each other; axes as in `_disjoint`."""
    behind = x.shape[axis] - window + 1
    places = [jax.lax.slice_in_dim(x, place, behind + place, stride, axis) for place in range(window)]
    return jnp.stack(places, axis)


def _reduced(x: Array, axis: int, window: int, stride: int, combine, start: float) -> Array:
    sizes, steps = [1] * x.ndim, [1] * x.ndim
    sizes[axis], steps[axis] = window, stride
    return jax.lax.reduce_window(x, np.array(start, x.dtype), combine, sizes, steps, "VALID")


@functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
def _largest_of_disjoint(x: Array, window: tuple[int, ...]) -> Array:
    """Take the maximum of windows that do not overlap; its gradient goes to the first of the largest values.

    In one pass over memory, of comparisons alone: a window's places are few, and which of them won fits in a byte.
    """
    return _winners(x, window)[0]


def _largest_of_disjoint_forward(x: Array, window: tuple[int, ...]):
    y, place = _winners(x, window)
    return y, (place, jnp.arange(math.prod(window), dtype=place.dtype), jnp.zeros((0, *x.shape[-1 - len(window) : -1])))


def _largest_of_disjoint_backward(window: tuple[int, ...], kept: tuple[Array, Array, Array], dy: Array):
    place, places, like = kept
    rank = len(window)
    between = range(-2 * rank, 0, 2)
    places = places.reshape([size for w in window for size in (1, w)] + [1])
    chosen = jnp.expand_dims(place, between) == places
    dx = jnp.where(chosen, jnp.expand_dims(dy, between), jnp.zeros((), dy.dtype))
    steps = [n * w for n, w in zip(dy.shape[-1 - rank : -1], window, strict=True)]
    dx = dx.reshape(*dy.shape[: -1 - rank], *steps, dy.shape[-1])
    left = [(0, size - n) for size, n in zip(like.shape[1:], steps, strict=True)]
    return (jnp.pad(dx, [(0, 0)] * (dx.ndim - 1 - rank) + [*left, (0, 0)]),)


_largest_of_disjoint.defvjp(_largest_of_disjoint_forward, _largest_of_disjoint_backward)


def _winners(x: Array, window: tuple[int, ...]) -> tuple[Array, Array]:
    """Return the largest value of each window, and which of its places, the last axis moving fastest, has it first."""
    for axis, size in zip(range(-1 - len(window), -1), window, strict=True):
        x = jax.lax.slice_in_dim(x, 0, x.shape[axis] // size * size, axis=axis)
    rank = x.ndim - 1 - len(window)
    split = [size for n, w in zip(x.shape[rank:-1], window, strict=True) for size in (n // w, w)]
    x = x.reshape(*x.shape[:rank], *split, x.shape[-1])
    at = (tuple(part for i in place for part in (slice(None), i)) for place in itertools.product(*map(range, window)))
    best, *others = [x[(slice(None),) * rank + index] for index in at]
    won = jnp.zeros(best.shape, jnp.uint8)
    for place, piece in enumerate(others, 1):
        best, won = jnp.maximum(best, piece), jnp.where(piece > best, jnp.uint8(place), won)
    return best, won


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
