"""Delays: how layers that answer late are made to meet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import jax
import jax.numpy as jnp

from jaxlisten.nn.layer import Layer
from jaxlisten.types import Chunk, Timing


def chain_timing(layers: Sequence[Layer]) -> tuple[Timing, tuple[int, ...]] | None:
    """Work out how a chain streams.

    A layer with a stride has to meet the first valid step at the start of a block, so the stream waits before it for
    ``-delay mod block`` steps.

    Returns:
        The timing of the chain, and the wait before each layer in its input steps; None if a layer has no timing.
    """
    timings = timings_of(layers)
    if timings is None:
        return None
    ratio, block = Fraction(1), 1
    for timing in timings:
        block = math.lcm(block, (ratio / timing.block).denominator)
        ratio *= timing.ratio
    # A stream of `inputs` steps, long enough that the ends of the clip do not meet; follow what each layer needs.
    inputs = needed = block * 2**16
    steps, ratio, delay, waits = inputs, Fraction(1), 0, []
    for child, timing in zip(layers, timings, strict=True):
        waits.append(-delay % timing.block)
        delay += waits[-1]
        slots = delay + math.ceil(Fraction(steps, timing.block)) * timing.block + timing.flush
        needed = max(needed, math.ceil(slots / ratio))
        delay = int(delay * timing.ratio) + timing.delay
        steps = child.out_length(steps)
        ratio *= timing.ratio
    flush = math.ceil(Fraction(needed - inputs, block)) * block
    return Timing(block, ratio, delay, flush), tuple(waits)


def timings_of(layers: Sequence[Layer]) -> list[Timing] | None:
    """Return the timing of every layer; None if one has none."""
    timings = [timing for child in layers if (timing := child.timing()) is not None]
    return timings if len(timings) == len(layers) else None


def delay_start(steps: int, x: Chunk) -> Chunk | None:
    """Return the carry of a delay of `steps` steps for chunks like `x`; None: no delay."""
    if steps == 0:
        return None
    shape = list(x.values.shape)
    shape[x.valid.ndim - 1] = steps
    return Chunk(jnp.zeros(shape, x.values.dtype), jnp.zeros(shape[: x.valid.ndim], bool))


def delay_step(carry: Chunk | None, chunk: Chunk) -> tuple[Chunk | None, Chunk]:
    """Let a chunk into a delay line and the oldest steps out."""
    if carry is None:
        return None, chunk
    axis, kept = chunk.valid.ndim - 1, carry.valid.shape[-1]
    both = jax.tree.map(lambda a, b: jnp.concatenate([a, b], axis), carry, chunk)
    split = chunk.valid.shape[-1]
    out = jax.tree.map(lambda a: jax.lax.slice_in_dim(a, 0, split, axis=axis), both)
    return jax.tree.map(lambda a: jax.lax.slice_in_dim(a, split, split + kept, axis=axis), both), out
