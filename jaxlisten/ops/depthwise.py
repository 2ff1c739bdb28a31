"""Depthwise convolution: one filter a channel, over time or over time and frequency."""

from __future__ import annotations

import functools
import math

import jax
import jax.numpy as jnp

from jaxlisten.ops.convolution import MOST_SLICES, shifted
from jaxlisten.ops.statistics import widened
from jaxlisten.types import Array


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
    taps = widened(kernel).reshape(-1, kernel.shape[-1])
    pieces = shifted(widened(x), kernel.shape[:-1], stride, dilation)
    return functools.reduce(jnp.add, [piece * tap for piece, tap in zip(pieces, taps, strict=True)]).astype(x.dtype)
