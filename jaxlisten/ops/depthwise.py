"""Depthwise convolution: one filter a channel, over time or over time and frequency."""

from __future__ import annotations

import functools
import math

import jax
import jax.numpy as jnp

from jaxlisten import devices
from jaxlisten.ops.convolution import MOST_SLICES, shifted
from jaxlisten.ops.statistics import widened
from jaxlisten.types import Array

_IN_CACHE = 500_000
"""Bytes of sums, one for each place and tap, that stay in the cache of a CPU core."""


def depthwise_conv(x: Array, kernel: Array, *, stride: tuple[int, ...], dilation: tuple[int, ...]) -> Array:
    """Correlate each channel with a filter of its own, without padding.

    ``y[t, c] = sum_k x[t * stride + k * dilation, c] * kernel[k, c]``, where t and k may each stand for two numbers.

    On a CPU this is a sum of shifted products, summed in float32 at least, which is many times faster there than XLA's
    grouped convolution, both ways; elsewhere it is XLA's convolution.

    Args:
        x: ``[*batch, time, channel]`` or ``[*batch, time, freq, channel]``.
        kernel: ``[kernel, channel]`` or ``[kernel_time, kernel_freq, channel]``.
        stride: steps between two outputs, of time or of time and frequency.
        dilation: steps between two taps, likewise.

    Returns:
        ``[*batch, frames, channel]`` or ``[*batch, frames, bins, channel]``: as many as there are whole windows.

    Reference:
        `flax.nnx.Conv` with ``feature_group_count`` equal to its channels and ``padding="VALID"``.
    """
    if math.prod(kernel.shape[:-1]) > MOST_SLICES:
        return _depthwise_reference(x, kernel, stride=stride, dilation=dilation)
    return jax.lax.platform_dependent(
        x,
        kernel,
        cpu=lambda x, kernel: _depthwise_products(x, kernel, stride=stride, dilation=dilation),
        default=lambda x, kernel: _depthwise_reference(x, kernel, stride=stride, dilation=dilation),
    )


def _depthwise_reference(x: Array, kernel: Array, *, stride: tuple[int, ...], dilation: tuple[int, ...]) -> Array:
    rank = x.ndim - kernel.ndim  # of the batch
    axes = ("NWC", "WIO", "NWC") if kernel.ndim == 2 else ("NHWC", "HWIO", "NHWC")
    y = jax.lax.conv_general_dilated(
        x.reshape(-1, *x.shape[rank:]),
        kernel.reshape(*kernel.shape[:-1], 1, kernel.shape[-1]),
        stride,
        "VALID",
        rhs_dilation=dilation,
        dimension_numbers=axes,
        feature_group_count=kernel.shape[-1],
    )
    return y.reshape(*x.shape[:rank], *y.shape[1:])


def _depthwise_products(x: Array, kernel: Array, *, stride: tuple[int, ...], dilation: tuple[int, ...]) -> Array:
    space = len(stride)
    products = functools.partial(_products, stride=stride, dilation=dilation)
    y = devices.by_device(products, widened(x).reshape(-1, *x.shape[-1 - space :]), widened(kernel))
    return y.reshape(*x.shape[: -1 - space], *y.shape[1:]).astype(x.dtype)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _products(x: Array, kernel: Array, stride: tuple[int, ...], dilation: tuple[int, ...]) -> Array:
    """Convolve ``x [item, *space, channel]``."""
    return _sum_of_products(x, kernel, stride, dilation)


def _sum_of_products(x: Array, kernel: Array, stride: tuple[int, ...], dilation: tuple[int, ...]) -> Array:
    pieces = shifted(x, kernel.shape[:-1], stride, dilation)
    taps = kernel.reshape(-1, kernel.shape[-1])
    return functools.reduce(jnp.add, [piece * tap for piece, tap in zip(pieces, taps, strict=True)])


def _products_forward(x: Array, kernel: Array, stride: tuple[int, ...], dilation: tuple[int, ...]):
    return _products(x, kernel, stride, dilation), (x, kernel)


def _products_backward(
    stride: tuple[int, ...], dilation: tuple[int, ...], kept: tuple[Array, Array], dy: Array
) -> tuple[Array, Array]:
    x, kernel = kept
    taps = kernel.shape[:-1]
    dw = _of_kernel(x, dy, taps, stride, dilation).reshape(kernel.shape)
    if stride != (1,) * len(stride):
        return jax.linear_transpose(lambda x: _sum_of_products(x, kernel, stride, dilation), x)(dy)[0], dw
    around = [((n - 1) * d, (n - 1) * d) for n, d in zip(taps, dilation, strict=True)]
    wide = jnp.pad(dy, [(0, 0), *around, (0, 0)])
    return _sum_of_products(wide, jnp.flip(kernel, range(len(taps))), stride, dilation), dw


_products.defvjp(_products_forward, _products_backward)


def _of_kernel(x: Array, dy: Array, taps: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]) -> Array:
    """Return the gradient of each tap, ``[tap, channel]``, summed item by item while the item is in the cache."""
    n, *_, channels = dy.shape
    places = dy.size // max(1, n)
    # Sums of one place over all items are made of whole vectors; where they would fill the cache, each item is summed.
    axes = () if math.prod(taps) * places * dy.dtype.itemsize <= _IN_CACHE else tuple(range(dy.ndim - 2))

    def add(sums: list[Array], pair: tuple[Array, Array]) -> tuple[list[Array], None]:
        x, dy = pair
        pieces = shifted(x, taps, stride, dilation)
        return [total + (piece * dy).sum(axes) for total, piece in zip(sums, pieces, strict=True)], None

    start = jnp.zeros(dy.shape[1:] if axes == () else (channels,), dy.dtype)
    sums, _ = jax.lax.scan(add, [start] * math.prod(taps), (x, dy))
    return jnp.stack([total.reshape(-1, channels).sum(0) for total in sums])
