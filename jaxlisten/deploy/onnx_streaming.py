"""The ONNX form of one step of a stream: ``layer.step`` with a carry that comes in and goes out.

Layers of single steps and of windows have it from `emit` alone, as they have their stream from `forward` alone: the
carry holds the steps around the windows, and the emitter of the layer pads nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from jaxlisten import nn
from jaxlisten.deploy.onnx_graph import Graph, Wire
from jaxlisten.deploy.onnx_layers import emit, merged
from jaxlisten.errors import InputError
from jaxlisten.nn.front_end import CentredFrames
from jaxlisten.types import Chunk, Params, State


@functools.singledispatch
def emit_step(layer: Any, graph: Graph, params: Params, state: State, carry: Any, x: Wire) -> tuple[Any, Wire]:
    """Add the nodes of ``layer.step(params, state, carry, chunk)`` to `graph`.

    Args:
        layer: its type picks the emitter. One that derives from `Stepwise` or `Windowed`, and has their `step`, needs
            none of its own.
        graph: what the nodes and weights are added to.
        params, state: of the layer, with NumPy arrays as leaves.
        carry: like what ``layer.start`` gives, with names of tensors as leaves; "" stands for an empty array.
        x: the chunk, with `valid`.

    Returns:
        The next carry and what comes out, with `valid`.

    Raises:
        InputError: the layer has no streaming ONNX form.
    """
    name = type(layer).__name__
    raise InputError(
        f"export: {name} has no streaming ONNX form; register a function (layer: {name}, graph, params, state, carry, "
        "x: Wire) -> (carry, Wire) with @jaxlisten.deploy.onnx.emit_step.register"
    )


_unknown = emit_step.dispatch(object)


@emit_step.register
def _(layer: nn.Stepwise, graph: Graph, params: Params, state: State, carry: Any, x: Wire) -> tuple[Any, Wire]:
    if type(layer).step is not nn.Stepwise.step:
        return _unknown(layer, graph, params, state, carry, x)
    return carry, emit(layer, graph, params, state, x)


@emit_step.register
def _(layer: nn.Windowed, graph: Graph, params: Params, state: State, carry: Any, x: Wire) -> tuple[Any, Wire]:
    if type(layer).step is not nn.Windowed.step:
        return _unknown(layer, graph, params, state, carry, x)
    return over_windows(layer, graph, carry, x, lambda seen: emit(layer, graph, params, state, seen))


def over_windows(
    layer: nn.Windowed, graph: Graph, carry: Chunk, x: Wire, compute: Callable[[Wire], Wire]
) -> tuple[Chunk, Wire]:
    """Let `compute` see the steps of a chunk with those around them, as `Windowed.step` does."""
    _, right, stride = layer.reach()
    carry, both = _joined(graph, carry, x)
    skipped = stride - 1 - right % stride
    seen = _each(both, lambda part: graph.cut(part, 0, -skipped)) if skipped else both
    return carry, compute(seen)._replace(valid=_emitted(layer, graph, seen))


@emit_step.register
def _(layer: nn.Serial, graph: Graph, params: Params, state: State, carry: Any, x: Wire) -> tuple[Any, Wire]:
    carries = {}
    for name, child in layer.children():
        line, inner = carry[name]
        with graph.within(name):
            line, x = _delayed(graph, line, x)
            inner, x = emit_step(child, graph, params.get(name, {}), state.get(name, {}), inner, x)
        carries[name] = (line, inner)
    return carries, x


@emit_step.register
def _(layer: nn.Parallel, graph: Graph, params: Params, state: State, carry: Any, x: Wire) -> tuple[Any, Wire]:
    carries, branches = {}, list[Wire]()
    for name, child in layer.children():
        inner, line = carry[name]
        with graph.within(name):
            inner, y = emit_step(child, graph, params.get(name, {}), state.get(name, {}), inner, x)
            line, y = _delayed(graph, line, y)
        carries[name] = (inner, line)
        branches.append(y)
    valid = functools.reduce(functools.partial(graph.add, "And"), [graph.valid(branch) for branch in branches])
    return carries, Wire(merged(layer, graph, [branch.values for branch in branches]), valid=valid)


@emit_step.register
def _(layer: nn.Frozen, graph: Graph, params: Params, state: State, carry: Any, x: Wire) -> tuple[Any, Wire]:
    return emit_step(layer.inner, graph, state.get("params", {}), state.get("state", {}), carry, x)


@emit_step.register
def _(layer: nn.Wrapper, graph: Graph, params: Params, state: State, carry: Any, x: Wire) -> tuple[Any, Wire]:
    return emit_step(layer.inner, graph, params, state, carry, x)


def _delayed(graph: Graph, line: Chunk | None, x: Wire) -> tuple[Chunk | None, Wire]:
    """Let a chunk into a delay line and the oldest steps out."""
    if line is None:
        return None, x
    steps = graph.add("Shape", x.values, start=1, end=2)
    line, both = _joined(graph, line, x)
    first, axis = graph.constant([0]), graph.constant([1])
    return line, _each(both, lambda part: graph.add("Slice", part, first, steps, axis))


def _joined(graph: Graph, carry: Chunk, x: Wire) -> tuple[Chunk, Wire]:
    """Put the carried steps before a chunk. Return what is carried on, as many of the last steps, and all of them."""
    if not carry.valid:
        return carry, x
    both = Wire(
        graph.add("Concat", carry.values, x.values, axis=1),
        valid=graph.add("Concat", carry.valid, graph.valid(x), axis=1),
    )
    start = graph.add("Shape", x.values, start=1, end=2)
    stop, axis = graph.constant([2**63 - 1]), graph.constant([1])
    kept = _each(both, lambda part: graph.add("Slice", part, start, stop, axis))
    return Chunk(kept.values, kept.valid), both


def _each(x: Wire, change: Callable[[str], str]) -> Wire:
    assert x.valid is not None
    return Wire(change(x.values), valid=change(x.valid))


def _emitted(layer: nn.Windowed, graph: Graph, x: Wire) -> str:
    """Tell which outputs exist, as ``layer.emits`` does."""
    left, right, stride = layer.reach()
    valid = graph.valid(x)
    if isinstance(layer, CentredFrames):
        # A frame exists if its centre is in the clip, or is the first sample behind it.
        before = graph.cut(graph.add("Pad", valid, graph.constant([0, 1, 0, 0])), 0, -1)
        valid = graph.add("Or", valid, before)
    elif type(layer).emits is not nn.Windowed.emits:
        _unknown(layer, graph, {}, {}, None, x)
    behind = {"stop": -right} if right else {}
    exists = graph.cut(valid, left, **behind, step=stride)
    steps = layer.steps_per_window()
    if steps == 1:
        return exists
    repeated = graph.add("Expand", graph.add("Unsqueeze", exists, graph.constant([2])), graph.constant([1, 1, steps]))
    return graph.add("Reshape", repeated, graph.constant([0, -1]))
