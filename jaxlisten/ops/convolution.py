"""Convolution over time."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxlisten.types import Array

_MOST_SLICES = 64
"""Above this many slices the patches of `_conv1d_patches` take longer to compile than they save."""


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
    if slices > _MOST_SLICES:
        return _conv1d_reference(x, kernel, stride=stride, dilation=dilation)
    return jax.lax.platform_dependent(
        x,
        kernel,
        cpu=lambda x, kernel: _conv1d_patches(x, kernel, stride=stride, dilation=dilation),
        default=lambda x, kernel: _conv1d_reference(x, kernel, stride=stride, dilation=dilation),
    )


def _conv1d_reference(x: Array, kernel: Array, *, stride: int, dilation: int) -> Array:
    flat = x.reshape(-1, *x.shape[-2:])
    y = jax.lax.conv_general_dilated(
        flat, kernel, (stride,), "VALID", rhs_dilation=(dilation,), dimension_numbers=("NWC", "WIO", "NWC")
    )
    return y.reshape(*x.shape[:-2], *y.shape[-2:])


def _conv1d_patches(x: Array, kernel: Array, *, stride: int, dilation: int) -> Array:
    taps, channels, outputs = kernel.shape
    frames = 1 + (x.shape[-2] - (taps - 1) * dilation - 1) // stride
    patches = _dense_patches(x, taps, stride, frames) if dilation == 1 else _dilated(x, taps, stride, dilation, frames)
    return patches @ kernel.reshape(taps * channels, outputs)


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
