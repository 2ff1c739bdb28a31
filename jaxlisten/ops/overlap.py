"""Adding overlapping frames up to a signal."""

from __future__ import annotations

import jax

from jaxlisten.ops.framing import frame
from jaxlisten.types import Array


def overlap_add(frames: Array, hop_length: int) -> Array:
    """Add frames up where they overlap: ``x[..., n] = sum over t of frames[..., t, n - t * hop_length]``.

    It is the adjoint of `frame`, and is computed as that: from the same reshapes and slices, read backwards.

    Args:
        frames: ``[..., frames, frame_length]``, floating.
        hop_length: samples between the starts of two frames.

    Returns:
        ``[..., frame_length + (frames - 1) * hop_length]``.

    Reference:
        Allen and Rabiner 1977, section III (overlap-add synthesis).
    """
    *batch, count, frame_length = frames.shape
    signal = jax.ShapeDtypeStruct((*batch, frame_length + (count - 1) * hop_length), frames.dtype)
    (x,) = jax.linear_transpose(lambda x: frame(x, frame_length, hop_length), signal)(frames)
    return x
