"""Running a layer chunk by chunk."""

from __future__ import annotations

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp

from jaxlisten.errors import LayerError, refuse
from jaxlisten.nn.combine import Parallel, Serial
from jaxlisten.nn.layer import Layer, layer, positive, spec
from jaxlisten.nn.pool import GlobalPool, SlidingPool
from jaxlisten.nn.time import valid_steps
from jaxlisten.nn.wrap import Frozen, Wrapper
from jaxlisten.types import Array, Chunk, Padded, Params, State


def streaming(model: Layer, longest: int) -> Layer:
    """Return the streaming form of a model: every `GlobalPool` becomes a `SlidingPool`. Params and state fit both.

    Args:
        model: a layer.
        longest: the longest input, in steps of the input (samples of sound), that the window of the pools must hold.
            Up to this length, the streamed model's last output equals what `model` gives for the whole clip; beyond
            it, the model hears the last `longest` samples or so.

    Raises:
        LayerError: another layer of the model needs the whole signal.
    """
    if longest < 1:
        raise LayerError(f"streaming: expected longest of at least one step, got {longest}")
    streamed = _streaming(model, longest)
    if streamed.timing() is None:
        path, stuck = _whole(streamed)
        name = type(stuck).__name__
        raise LayerError(f"{name}: expected a layer with a streaming form, got one without: use windows of sound", path)
    return streamed


def _whole(model: Any) -> tuple[tuple[str, ...], Any]:
    """Find a layer without a streaming form, and its path."""
    for name, child in model.children() if isinstance(model, Serial | Parallel) else ():
        if child.timing() is None:
            path, stuck = _whole(child)
            return (name, *path), stuck
    return _whole(model.inner) if isinstance(model, Frozen | Wrapper) else ((), model)


def needs_whole(model: Any) -> str:
    """Name a layer that keeps a model from streaming, by path and type."""
    path, stuck = _whole(model)
    return f"{'/'.join(path) or 'the model'} ({type(stuck).__name__}) needs the whole signal"


@functools.singledispatch
def _streaming(layer: Any, steps: int) -> Layer:
    return layer


@_streaming.register
def _(layer: GlobalPool, steps: int) -> Layer:
    return SlidingPool(max(1, int(steps)), layer.kind)


@_streaming.register
def _(layer: Serial, steps: int) -> Layer:
    children = []
    for child in layer.layers:
        children.append(_streaming(child, steps))
        steps = child.out_length(steps)
    return Serial(tuple(children), layer.names)


@_streaming.register
def _(layer: Parallel, steps: int) -> Layer:
    return Parallel(tuple(_streaming(child, steps) for child in layer.layers), layer.names, layer.merge)


@_streaming.register(Frozen)
@_streaming.register(Wrapper)
def _(layer: Any, steps: int) -> Layer:
    return type(layer)(_streaming(layer.inner, steps))


@layer
class OnStreams(Wrapper):
    """A model that is trained on streams: every step of its streaming form is taught, and not only the whole clip.

    With ``train=True`` it is ``streaming(inner, window)``, from ``[*batch, time]`` to `Padded` ``[*batch, steps,
    classes]``; otherwise it is `inner`, with the same weights.

    Args:
        inner: a model with a streaming form.
        window: how many steps of the input count.
    """

    inner: Layer
    window: int

    def __post_init__(self) -> None:
        super().__post_init__()
        positive(self, "window")
        streaming(self.inner, self.window)  # refuses what can't stream

    def apply(
        self, params: Params, state: State, x: Any, *, key: Array | None = None, train: bool = False
    ) -> tuple[Any, State]:
        model = streaming(self.inner, self.window) if train else self.inner
        return model.apply(params, state, x, key=key, train=train)


@_streaming.register
def _(layer: OnStreams, steps: int) -> Layer:
    return _streaming(layer.inner, steps)


def stream(layer: Layer, params: Params, state: State, x: Padded | Chunk, *, chunk: int | None = None) -> Chunk:
    """Run a layer over a whole signal in chunks: start, a scan of steps, and the flush.

    The valid steps of what comes out equal what `layer.apply` gives for the whole signal. It is the reference of how
    to drive `start` and `step`; it is pure and differentiable.

    Args:
        layer: a layer with a streaming form.
        params, state: its params and state.
        x: a `Padded`, or a `Chunk` for a stream with invalid steps anywhere, ``[*batch, time, ...]``.
        chunk: input steps a chunk, a multiple of the block; None: one block.

    Returns:
        All that comes out, warm-up and flush included and marked invalid.
    """
    timing = layer.timing()
    if timing is None:
        refuse(layer, "a layer with a streaming form", "one that needs the whole signal", "see jl.streaming")
    chunk = chunk or timing.block
    if chunk % timing.block:
        refuse(layer, f"chunks of a multiple of {timing.block} steps", str(chunk))
    if not isinstance(x, Padded | Chunk):
        refuse(layer, "a Padded or a Chunk", type(x).__name__, "wrap it: Padded(x, length)")
    whole = x if isinstance(x, Chunk) else Chunk(x.values, valid_steps(x))
    axis, time = whole.valid.ndim - 1, whole.valid.shape[-1]
    steps = math.ceil((math.ceil(time / timing.block) * timing.block + timing.flush) / chunk) * chunk

    def cut(a: Array) -> Array:
        a = jnp.pad(a, [(0, steps - time if i == axis else 0) for i in range(a.ndim)])
        a = a.reshape(*a.shape[:axis], steps // chunk, chunk, *a.shape[axis + 1 :])
        return jnp.moveaxis(a, axis, 0)

    def join(a: Array) -> Array:
        a = jnp.moveaxis(a, 0, axis)
        return a.reshape(*a.shape[:axis], -1, *a.shape[axis + 2 :])

    chunks = jax.tree.map(cut, whole)
    carry = layer.start(params, state, jax.tree.map(lambda a: spec(a[0]), chunks))
    _, out = jax.lax.scan(lambda carry, piece: layer.step(params, state, carry, piece), carry, chunks)
    return jax.tree.map(join, out)
