"""Cutting a signal into overlapping frames."""

from __future__ import annotations

import jax.numpy as jnp

from jaxlisten.types import Array


def frame(x: Array, frame_length: int, hop_length: int) -> Array:
    """Cut the last axis into overlapping frames: ``y[..., t, i] = x[..., t * hop_length + i]``.

    Built from reshapes and static slices. A gather computes the same, but its gradient is a scatter, which is slow
    on every backend.

    Args:
        x: ``[..., time]``.
        frame_length: samples a frame.
        hop_length: samples between the starts of two frames.

    Returns:
        ``[..., frames, frame_length]`` with ``frames = 1 + (time - frame_length) // hop_length``: only whole frames.

    Raises:
        ValueError: the signal is shorter than one frame.

    Reference:
        `librosa.util.frame`, with frames and samples swapped; exact.
    """
    time = x.shape[-1]
    if time < frame_length:
        raise ValueError(f"frame: expected at least frame_length={frame_length} samples, got {time}")
    frames = 1 + (time - frame_length) // hop_length
    pieces = -(-frame_length // hop_length)  # each frame is this many consecutive blocks of one hop, the last one cut
    blocks = frames + pieces - 1
    x = _resize(x, blocks * hop_length).reshape(*x.shape[:-1], blocks, hop_length)
    last = frame_length - (pieces - 1) * hop_length
    widths = [hop_length] * (pieces - 1) + [last]
    return jnp.concatenate([x[..., k : k + frames, :w] for k, w in enumerate(widths)], axis=-1)


def _resize(x: Array, length: int) -> Array:
    """Cut or zero-pad the end of the last axis. What is added is never part of a frame."""
    if x.shape[-1] >= length:
        return x[..., :length]
    return jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, length - x.shape[-1])])
