"""Statistics over the valid steps of a ragged batch."""

from __future__ import annotations

import functools
from typing import cast

import jax
import jax.numpy as jnp

from jaxlisten.types import Array


def widened(x: Array) -> Array:
    """Return `x` in float32, or in float64 if it is: what sums and logarithms are computed in."""
    return x if x.dtype == jnp.float64 else x.astype(jnp.float32)


def masked_moments(x: Array, valid: Array | None = None) -> tuple[Array, Array, Array]:
    """Compute count, mean and (biased) variance of each channel over every valid step of every item.

    Args:
        x: ``[..., channel]``.
        valid: booleans that broadcast to ``x.shape[:-1]``, or None: all are valid.

    Returns:
        count ``[]``, mean ``[channel]`` and variance ``[channel]``, in float32 (float64 if `x` is). With no valid step
        at all, all three are 0.
    """
    x = widened(x)
    axes = tuple(range(x.ndim - 1))
    weight = jnp.broadcast_to(True if valid is None else valid, x.shape[:-1]).astype(x.dtype)[..., None]
    count = weight.sum()
    safe = jnp.maximum(count, 1.0)
    mean = (x * weight).sum(axes) / safe
    # Two passes: the one-pass form loses all digits of a variance that is small beside the mean, as dB values have.
    variance = (jnp.square(x - mean) * weight).sum(axes) / safe
    return count, mean, variance


def standardize(x: Array, valid: Array | None, epsilon: float) -> tuple[Array, Array, Array, Array]:
    """Bring each channel of a ragged batch to mean 0 and variance 1, by the batch's own statistics.

    ``y = (x - mean) / sqrt(variance + epsilon)``. Its gradient is written out, with m(.) the mean over valid steps::

        dx = (dy - m(dy) - y m(dy y)) / sqrt(variance + epsilon)

    which takes a third of the time to compile that the derivative of `masked_moments` takes, and fewer passes over
    memory. The statistics have no gradient.

    Args:
        x: ``[..., channel]``, floating.
        valid: booleans that broadcast to ``x.shape[:-1]``, or None: all are valid.
        epsilon: added to the variance.

    Returns:
        y, in float32 at least; and as of `masked_moments` count, mean and variance.

    Reference:
        Ioffe and Szegedy 2015, section 3.
    """
    return cast("tuple[Array, Array, Array, Array]", _standardize(x, valid, epsilon))


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _standardize(x: Array, valid: Array | None, epsilon: float) -> tuple[Array, Array, Array, Array]:
    return _standardize_forward(x, valid, epsilon)[0]


def _standardize_forward(x: Array, valid: Array | None, epsilon: float):
    moments = masked_moments(x, valid)
    scale = jax.lax.rsqrt(moments[2] + epsilon)
    y = (widened(x) - moments[1]) * scale
    return (y, *moments), (y, valid, scale, moments[0], jnp.zeros((), x.dtype))


def _standardize_backward(epsilon: float, kept: tuple, gradients: tuple):
    y, valid, scale, count, like = kept
    dy = gradients[0]
    if valid is not None:
        dy = jnp.where(jnp.broadcast_to(valid, y.shape[:-1])[..., None], dy, jnp.zeros((), dy.dtype))
    axes, n = tuple(range(y.ndim - 1)), jnp.maximum(count, 1.0)
    dx = scale * (dy - dy.sum(axes) / n - y * ((dy * y).sum(axes) / n))
    if valid is not None:
        dx = jnp.where(jnp.broadcast_to(valid, y.shape[:-1])[..., None], dx, jnp.zeros((), dx.dtype))
    return dx.astype(like.dtype), None


_standardize.defvjp(_standardize_forward, _standardize_backward)
