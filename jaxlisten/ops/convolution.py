"""Convolution over time, and over time and frequency."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxlisten import devices
from jaxlisten.ops import winograd
from jaxlisten.ops.statistics import widened
from jaxlisten.types import Array

MOST_SLICES = 64
"""Above this many slices of the input, programs of slices take longer to compile than they save."""

_MIXABLE = 16
"""Channels that make Winograd's products pay."""

_IN_CACHE = 4_500_000
"""Bytes of patches and outputs that are made at a time: as much as stays in the cache of a CPU core."""


def conv1d(x: Array, kernel: Array, *, stride: int = 1, dilation: int = 1) -> Array:
    """Correlate along time, without padding.

    ``y[t, o] = sum_{k, c} x[t * stride + k * dilation, c] * kernel[k, c, o]``

    It is XLA's convolution; on a CPU, its gradients are matrix products of patches, which are faster there and keep
    their speed inside loops.

    Args:
        x: ``[*batch, time, channel_in]``.
        kernel: ``[kernel, channel_in, channel_out]``.
        stride: input steps between two outputs.
        dilation: input steps between two taps of the kernel.

    Returns:
        ``[*batch, frames, channel_out]`` with ``frames = 1 + (time - (kernel - 1) * dilation - 1) // stride``.

    Reference:
        `flax.nnx.Conv` with ``padding="VALID"``.
    """
    return _conv(x, kernel, (stride,), (dilation,))


def conv2d(x: Array, kernel: Array, *, stride: tuple[int, int] = (1, 1), dilation: tuple[int, int] = (1, 1)) -> Array:
    """Correlate along time and frequency, without padding.

    ``y[t, f, o] = sum_{i, j, c} x[t * st + i * dt, f * sf + j * df, c] * kernel[i, j, c, o]`` with ``(st, sf)`` the
    stride and ``(dt, df)`` the dilation.

    On a CPU, the convolution and its gradients are matrix products of patches, which are several times faster there
    than XLA's convolution and keep their speed inside loops; elsewhere it is XLA's convolution.

    Args:
        x: ``[*batch, time, freq, channel_in]``.
        kernel: ``[kernel_time, kernel_freq, channel_in, channel_out]``.
        stride: steps of time and of frequency between two outputs.
        dilation: steps of time and of frequency between two taps.

    Returns:
        ``[*batch, frames, bins, channel_out]``, with as many of both as there are whole windows.

    Reference:
        `flax.nnx.Conv` with ``padding="VALID"``.
    """
    return _conv(x, kernel, stride, dilation)


def _conv(x: Array, kernel: Array, stride: tuple[int, ...], dilation: tuple[int, ...]) -> Array:
    settings = {"stride": stride, "dilation": dilation}
    if _slices(kernel.shape[:-2], stride, dilation) > MOST_SLICES:
        return _conv_reference(x, kernel, **settings)
    return jax.lax.platform_dependent(
        x,
        kernel,
        cpu=functools.partial(_conv_patches, **settings),
        default=functools.partial(_conv_reference, **settings),
    )


def _conv_reference(x: Array, kernel: Array, *, stride: tuple[int, ...], dilation: tuple[int, ...]) -> Array:
    space = len(stride)
    axes = ("NWC", "WIO", "NWC") if space == 1 else ("NHWC", "HWIO", "NHWC")
    y = jax.lax.conv_general_dilated(
        x.reshape(-1, *x.shape[-1 - space :]), kernel, stride, "VALID", rhs_dilation=dilation, dimension_numbers=axes
    )
    return y.reshape(*x.shape[: -1 - space], *y.shape[1:])


def _conv_patches(x: Array, kernel: Array, *, stride: tuple[int, ...], dilation: tuple[int, ...]) -> Array:
    """Convolve by matrix products of patches, of a few items at a time, so that they never leave the cache.

    Patches of a whole batch are many times its size, and reading them from memory takes longer than multiplying. The
    gradients make the patches again, for the same reason.
    """
    space = len(stride)
    products = functools.partial(_products, stride=stride, dilation=dilation)
    y = devices.by_device(products, x.reshape(-1, *x.shape[-1 - space :]), kernel)
    return y.reshape(*x.shape[: -1 - space], *y.shape[1:])


class _Way(NamedTuple):
    """How a convolution becomes matrix products: each function is linear, so that its transpose is the gradient's.

    Attributes:
        cut: from ``x [item, *space, channel_in]`` to the left sides, ``[item, *any, taps * channel_in]``.
        prepare: from the kernel to the right sides, ``[taps * channel_in, channel_out]``.
        join: from the products to ``[item, *windows, channel_out]``.
    """

    cut: Callable[[Array], list[Array]]
    prepare: Callable[[Array], list[Array]]
    join: Callable[[list[Array]], Array]


def _way(x: Array, kernel: Array, stride: tuple[int, ...], dilation: tuple[int, ...]) -> _Way:
    """Choose Winograd's products where they save time, and otherwise one product of patches.

    Winograd's need three dense taps in time, float32 (in less, what they add up is too coarse), and enough channels for
    a half of the products to outweigh the mixing.
    """
    taps, channels = kernel.shape[:-2], kernel.shape[-2:]

    def cut(x: Array) -> list[Array]:
        return [_patches(x, taps, stride, dilation)]

    def matrices(kernels: list[Array]) -> list[Array]:
        return [kernel.reshape(-1, kernel.shape[-1]) for kernel in kernels]

    dense = len(taps) == 2 and (taps[0], stride[0], dilation[0]) == (winograd.TAPS, 1, 1)
    fixed = isinstance(x.shape[1], int) and x.shape[1] > 2 * winograd.TAPS
    if not (dense and fixed and min(channels) >= _MIXABLE and jnp.finfo(x.dtype).bits >= 32):
        return _Way(cut, lambda kernel: matrices([kernel]), lambda products: products[0])
    across = functools.partial(_patches, taps=(1, *taps[1:]), stride=stride, dilation=dilation)
    return _Way(
        cut=lambda x: [across(mixed) for mixed in winograd.inputs(x)],
        prepare=lambda kernel: matrices(winograd.kernels(kernel)),
        join=lambda products: winograd.outputs(products, x.shape[1] - winograd.TAPS + 1),
    )


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _products(x: Array, kernel: Array, stride: tuple[int, ...], dilation: tuple[int, ...]) -> Array:
    """Convolve ``x [item, *space, channel_in]``.

    Over time alone, XLA's convolution is as fast as the machine allows; its gradients are not.
    """
    if len(stride) == 1 and kernel.shape[0] > 1:
        return _conv_reference(x, kernel, stride=stride, dilation=dilation)
    way = _way(x, kernel, stride, dilation)
    right = way.prepare(kernel)

    def convolve(x: Array) -> Array:
        return way.join([a @ b for a, b in zip(way.cut(x), right, strict=True)])

    each = _at_a_time(x, kernel, way)
    if each == x.shape[0]:
        return convolve(x)
    y = jax.lax.map(convolve, _in_parts(x, each))
    return y.reshape(-1, *y.shape[2:])


def _products_forward(x: Array, kernel: Array, stride: tuple[int, ...], dilation: tuple[int, ...]):
    return _products(x, kernel, stride, dilation), (x, kernel)


def _products_backward(
    stride: tuple[int, ...], dilation: tuple[int, ...], kept: tuple[Array, Array], dy: Array
) -> tuple[Array, Array]:
    x, kernel = kept
    way = _way(x, kernel, stride, dilation)
    each, wide = _at_a_time(x, kernel, way), widened(dy).dtype
    part, right = jax.ShapeDtypeStruct((each, *x.shape[1:]), x.dtype), way.prepare(kernel)
    products = jax.eval_shape(lambda x: [a @ b for a, b in zip(way.cut(x), right, strict=True)], part)

    def of_products(dy: Array) -> list[Array]:
        return jax.linear_transpose(way.join, products)(dy)[0]

    def of_x(dy: Array) -> Array:
        left = [a @ b.T for a, b in zip(of_products(dy), right, strict=True)]
        return jax.linear_transpose(way.cut, part)(left)[0]

    def of_right(x: Array, dy: Array) -> list[Array]:
        sides = zip(of_products(dy), way.cut(x), strict=True)
        flat = ([a.reshape(-1, a.shape[-1]) for a in pair] for pair in sides)
        return [jnp.matmul(dz.T, left, preferred_element_type=wide) for dz, left in flat]

    if each == x.shape[0]:
        dx, turned = of_x(dy), of_right(x, dy)
    else:
        x, dy = _in_parts(x, each), _in_parts(dy, each)
        start = [jnp.zeros(b.T.shape, wide) for b in right]

        def add(sums: list[Array], pair: tuple[Array, Array]) -> tuple[list[Array], Array]:
            return jax.tree.map(jnp.add, sums, of_right(*pair)), of_x(pair[1])

        turned, dx = jax.lax.scan(add, start, (x, dy))
        dx = dx.reshape(-1, *x.shape[2:])
    of_kernel = jax.linear_transpose(way.prepare, jax.ShapeDtypeStruct(kernel.shape, wide))
    return dx, of_kernel([dw.T for dw in turned])[0].astype(kernel.dtype)


_products.defvjp(_products_forward, _products_backward)


def _at_a_time(x: Array, kernel: Array, way: _Way) -> int:
    """Choose how many items are in the cache at once: as many as fit, of those that divide the batch."""
    n, outputs = x.shape[0], kernel.shape[-1]
    if math.prod(kernel.shape[:-2]) == 1 or not all(isinstance(size, int) for size in x.shape):
        return n  # sizes of an exported program may be open
    left = jax.eval_shape(way.cut, jax.ShapeDtypeStruct((1, *x.shape[1:]), x.dtype))
    size = sum(a.size // a.shape[-1] * (a.shape[-1] + outputs) for a in left) * x.dtype.itemsize
    if n * size <= _IN_CACHE:
        return n
    return max(each for each in range(1, n + 1) if n % each == 0 and (each == 1 or each * size <= _IN_CACHE))


def _in_parts(x: Array, each: int) -> Array:
    return x.reshape(-1, each, *x.shape[1:])


def _windows(
    sizes: tuple[int, ...], taps: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> list[int]:
    """Return how many whole windows there are along each axis."""
    each = zip(sizes, taps, stride, dilation, strict=True)
    return [1 + (size - (n - 1) * d - 1) // s for size, n, s, d in each]


def _slices(taps: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]) -> int:
    """Return of how many slices `_patches` are made."""
    return -(-taps[0] // stride[0]) if len(taps) == 1 and dilation == (1,) else math.prod(taps)


def _patches(x: Array, taps: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]) -> Array:
    """Return what each window of ``x [item, *space, channel]`` meets, ``[item, *windows, tap * channel]``."""
    if len(taps) == 1 and dilation == (1,):
        return _dense_patches(x, taps[0], stride[0], _windows(x.shape[1:-1], taps, stride, dilation)[0])
    return jnp.concatenate(shifted(x, taps, stride, dilation), axis=-1)


def _dense_patches(x: Array, taps: int, stride: int, frames: int) -> Array:
    """Make patches of consecutive steps from blocks of `stride` steps: fewer slices, and none of them strided."""
    items, time, channels = x.shape
    pieces = -(-taps // stride)
    needed = (frames + pieces - 1) * stride
    x = jax.lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), (0, needed - time, 0), (0, 0, 0)])
    blocks = x.reshape(items, frames + pieces - 1, stride * channels)
    widths = [stride * channels] * (pieces - 1) + [(taps - (pieces - 1) * stride) * channels]
    return jnp.concatenate([blocks[:, k : k + frames, :w] for k, w in enumerate(widths)], axis=-1)


def shifted(x: Array, taps: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]) -> list[Array]:
    """Return what each tap of a kernel meets.

    Args:
        x: ``[*batch, *space, channel]``, with one axis of space for each of `taps`.
        taps, stride, dilation: of a convolution without padding, one number an axis of space.

    Returns:
        An array ``[*batch, *frames, channel]`` for each tap, the last axis of space moving fastest.
    """
    batch = x.ndim - 1 - len(taps)
    sizes, strides = x.shape[batch:-1], (1,) * batch + stride + (1,)

    def shift(place: tuple[int, ...]) -> Array:
        first = [k * d for k, d in zip(place, dilation, strict=True)]
        limit = [size - (n - 1 - k) * d for size, n, k, d in zip(sizes, taps, place, dilation, strict=True)]
        return jax.lax.slice(x, [0] * batch + first + [0], [*x.shape[:batch], *limit, x.shape[-1]], strides)

    return [shift(place) for place in itertools.product(*(range(n) for n in taps))]
