"""Convolution over time, and over time and frequency."""

from __future__ import annotations

import itertools
import math

import jax
import jax.numpy as jnp

from jaxlisten.types import Array

MOST_SLICES = 64
"""Above this many slices of the input, programs of slices take longer to compile than they save."""

_FEW_CHANNELS = 8
"""Up to this many input channels, patches take less time than XLA's convolution over time and frequency on a CPU."""


def conv1d(x: Array, kernel: Array, *, stride: int = 1, dilation: int = 1) -> Array:
    """Correlate along time, without padding.

    ``y[t, o] = sum_{k, c} x[t * stride + k * dilation, c] * kernel[k, c, o]``

    On a CPU this is one matrix product of patches, which is several times faster there than XLA's convolution, both
    ways, and keeps its speed inside loops; elsewhere it is XLA's convolution.

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
    slices = -(-kernel.shape[0] // stride) if dilation == 1 else kernel.shape[0]
    if slices > MOST_SLICES:
        return _conv1d_reference(x, kernel, stride=stride, dilation=dilation)
    return jax.lax.platform_dependent(
        x,
        kernel,
        cpu=lambda x, kernel: _conv1d_patches(x, kernel, stride=stride, dilation=dilation),
        default=lambda x, kernel: _conv1d_reference(x, kernel, stride=stride, dilation=dilation),
    )


def conv2d(x: Array, kernel: Array, *, stride: tuple[int, int] = (1, 1), dilation: tuple[int, int] = (1, 1)) -> Array:
    """Correlate along time and frequency, without padding.

    ``y[t, f, o] = sum_{i, j, c} x[t * st + i * dt, f * sf + j * df, c] * kernel[i, j, c, o]`` with ``(st, sf)`` the
    stride and ``(dt, df)`` the dilation.

    On a CPU, few input channels or a kernel of one tap make it a matrix product of patches; otherwise it is XLA's
    convolution.

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
    taps = kernel.shape[0] * kernel.shape[1]
    if taps > MOST_SLICES or (taps > 1 and kernel.shape[2] > _FEW_CHANNELS):
        return _conv2d_reference(x, kernel, stride=stride, dilation=dilation)
    return jax.lax.platform_dependent(
        x,
        kernel,
        cpu=lambda x, kernel: _conv2d_patches(x, kernel, stride=stride, dilation=dilation),
        default=lambda x, kernel: _conv2d_reference(x, kernel, stride=stride, dilation=dilation),
    )


def _conv1d_reference(x: Array, kernel: Array, *, stride: int, dilation: int) -> Array:
    flat = x.reshape(-1, *x.shape[-2:])
    y = jax.lax.conv_general_dilated(
        flat, kernel, (stride,), "VALID", rhs_dilation=(dilation,), dimension_numbers=("NWC", "WIO", "NWC")
    )
    return y.reshape(*x.shape[:-2], *y.shape[-2:])


def _conv2d_reference(x: Array, kernel: Array, *, stride: tuple[int, int], dilation: tuple[int, int]) -> Array:
    flat = x.reshape(-1, *x.shape[-3:])
    y = jax.lax.conv_general_dilated(
        flat, kernel, stride, "VALID", rhs_dilation=dilation, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    return y.reshape(*x.shape[:-3], *y.shape[-3:])


def _conv1d_patches(x: Array, kernel: Array, *, stride: int, dilation: int) -> Array:
    taps, channels, outputs = kernel.shape
    frames = 1 + (x.shape[-2] - (taps - 1) * dilation - 1) // stride
    patches = _dense_patches(x, taps, stride, frames) if dilation == 1 else _dilated(x, taps, stride, dilation, frames)
    return patches @ kernel.reshape(taps * channels, outputs)


def _conv2d_patches(x: Array, kernel: Array, *, stride: tuple[int, int], dilation: tuple[int, int]) -> Array:
    patches = jnp.concatenate(shifted(x, kernel.shape[:2], stride, dilation), axis=-1)
    return patches @ kernel.reshape(math.prod(kernel.shape[:3]), kernel.shape[3])


def _dense_patches(x: Array, taps: int, stride: int, frames: int) -> Array:
    """Patches of consecutive steps, from blocks of `stride` steps: fewer slices, and none of them strided."""
    *batch, time, channels = x.shape
    pieces = -(-taps // stride)
    needed = (frames + pieces - 1) * stride
    x = jax.lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0)] * len(batch) + [(0, needed - time, 0), (0, 0, 0)])
    blocks = x.reshape(*batch, frames + pieces - 1, stride * channels)
    widths = [stride * channels] * (pieces - 1) + [(taps - (pieces - 1) * stride) * channels]
    return jnp.concatenate([blocks[..., k : k + frames, :w] for k, w in enumerate(widths)], axis=-1)


def _dilated(x: Array, taps: int, stride: int, dilation: int, frames: int) -> Array:
    span = (frames - 1) * stride + 1
    return jnp.concatenate([x[..., k * dilation : k * dilation + span : stride, :] for k in range(taps)], axis=-1)


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
