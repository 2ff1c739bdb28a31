"""Transposed convolution: more steps come out than go in."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from jaxlisten.ops.convolution import conv1d, conv2d
from jaxlisten.types import Array


def transposed_reach(kernel: int, stride: int, lookahead: int) -> tuple[int, int]:
    """Return how many steps before and behind an input step its `stride` outputs see in a transposed convolution."""
    return (kernel - 1 - lookahead) // stride, -(-lookahead // stride)


def conv_transpose(x: Array, kernel: Array, *, stride: tuple[int, ...], lookahead: tuple[int, ...]) -> Array:
    """Convolve the input, spread out by the stride, with a kernel.

    ``y[t, o] = sum_{i, c} x[i, c] * kernel[t + lookahead + left * stride - i * stride, c, o]``, where t, i and the
    settings may each stand for two numbers, and ``left, right = transposed_reach(kernel, stride, lookahead)``.

    XLA multiplies with the zeros between the spread steps. Here the kernel is cut into pieces of `stride` taps instead:
    an ordinary convolution with them gives `stride` outputs a step, with a matrix product where that pays.

    Args:
        x: ``[*batch, time, channel_in]`` or ``[*batch, time, freq, channel_in]``, with `left` steps more before and
            `right` more behind those that have outputs.
        kernel: ``[kernel, channel_in, channel_out]`` or ``[kernel_time, kernel_freq, channel_in, channel_out]``.
        stride: output steps an input step, of time or of time and frequency.
        lookahead: of how many output steps behind it an output hears the input, likewise; below the kernel.

    Returns:
        ``[*batch, (time - left - right) * stride, channel_out]``, and likewise with frequency.

    Reference:
        `jax.lax.conv_general_dilated` with ``lhs_dilation=stride`` and the kernel reversed.
    """
    rank, sizes = len(stride), kernel.shape[: len(stride)]
    lefts, rights = zip(*map(transposed_reach, sizes, stride, lookahead), strict=True)
    pieces = [-(-size // s) for size, s in zip(sizes, stride, strict=True)]
    frames = [n - left - right for n, left, right in zip(x.shape[-1 - rank : -1], lefts, rights, strict=True)]
    # The first whole piece begins up to a step before what the outputs see; its taps there are cut off below.
    early = [m - 1 - p // s - left for m, p, s, left in zip(pieces, lookahead, stride, lefts, strict=True)]
    x = jnp.pad(x, [(0, 0)] * (x.ndim - 1 - rank) + [(n, 0) for n in early] + [(0, 0)])
    cut = _pieces(kernel, stride, pieces)
    y = conv1d(x, cut) if rank == 1 else conv2d(x, cut)
    y = _spread(y, stride)
    for axis, (p, s, n) in enumerate(zip(lookahead, stride, frames, strict=True), -1 - rank):
        y = jax.lax.slice_in_dim(y, p % s, p % s + n * s, axis=axis)
    return y


def _pieces(kernel: Array, stride: tuple[int, ...], pieces: list[int]) -> Array:
    """Turn ``[*kernel, channel_in, channel_out]`` into ``[*piece, channel_in, stride * channel_out]``, latest first."""
    rank, (inputs, outputs) = len(stride), kernel.shape[-2:]
    widths = [(0, m * s - n) for m, s, n in zip(pieces, stride, kernel.shape[:rank], strict=True)]
    kernel = jnp.pad(kernel, [*widths, (0, 0), (0, 0)])
    split = [size for pair in zip(pieces, stride, strict=True) for size in pair]
    kernel = jnp.flip(kernel.reshape(*split, inputs, outputs), range(0, 2 * rank, 2))
    kernel = kernel.transpose(*range(0, 2 * rank, 2), 2 * rank, *range(1, 2 * rank, 2), 2 * rank + 1)
    return kernel.reshape(*pieces, inputs, math.prod(stride) * outputs)


def _spread(y: Array, stride: tuple[int, ...]) -> Array:
    """Turn ``[*batch, *steps, stride * channel]`` into ``[*batch, *(steps * stride), channel]``."""
    rank = len(stride)
    batch, steps = y.shape[: -1 - rank], y.shape[-1 - rank : -1]
    first, channels = len(batch), y.shape[-1] // math.prod(stride)
    y = y.reshape(*batch, *steps, *stride, channels)
    inner = [axis for n in range(rank) for axis in (first + n, first + rank + n)]
    y = y.transpose(*range(first), *inner, first + 2 * rank)
    return y.reshape(*batch, *(n * s for n, s in zip(steps, stride, strict=True)), channels)
