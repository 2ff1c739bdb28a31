"""The ONNX form of every layer: one emitter a type, found by `functools.singledispatch`.

An emitter adds a layer's nodes to a `Graph` and returns what comes out. It masks on the way in, as the layers do, and
only where steps mix: what stands behind the end of a clip may be anything until then.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxlisten import nn
from jaxlisten.deploy.onnx_graph import Graph, Wire
from jaxlisten.errors import InputError
from jaxlisten.types import Params, State


@functools.singledispatch
def emit(layer: Any, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    """Add the nodes of ``layer.apply(params, state, x)``, as with ``train=False``, to `graph`.

    Args:
        layer: its type picks the emitter.
        graph: what the nodes and weights are added to.
        params, state: of the layer, with NumPy arrays as leaves.
        x: what goes in.

    Returns:
        What comes out.

    Raises:
        InputError: no emitter is registered for the type of the layer.

    Example:
        >>> import jaxlisten as jl
        >>> class Doubled(jl.Stepwise):
        ...     def forward(self, params, state, x, valid, *, key=None, train=False):
        ...         return x + x, state
        >>> @emit.register
        ... def _(layer: Doubled, graph, params, state, x):
        ...     return x._replace(values=graph.add("Add", x.values, x.values))
    """
    name = type(layer).__name__
    raise InputError(
        f"export: {name} has no ONNX form; register a function (layer: {name}, graph, params, state, x: Wire) -> Wire "
        "with @jaxlisten.deploy.onnx.emit.register, or export to .stablehlo, which takes every layer"
    )


# Combinators


@emit.register
def _(layer: nn.Serial, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    for name, child in layer.children():
        with graph.within(name):
            x = emit(child, graph, params.get(name, {}), state.get(name, {}), x)
    return x


@emit.register
def _(layer: nn.Parallel, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    branches = list[Wire]()
    for name, child in layer.children():
        with graph.within(name):
            branches.append(emit(child, graph, params.get(name, {}), state.get(name, {}), x))
    if len(branches) == 1:
        return branches[0]
    if layer.differ():
        branches = _cut(graph, branches)
    return branches[0]._replace(values=merged(layer, graph, [branch.values for branch in branches]))


def merged(layer: nn.Parallel, graph: Graph, values: Sequence[str]) -> str:
    """Join what comes out of the branches of a `Parallel`."""
    if layer.merge == "add":
        return functools.reduce(functools.partial(graph.add, "Add"), values)
    if layer.merge == "mean":
        return graph.add("Mean", *values)
    return graph.add("Concat", *values, axis=-1)


def _cut(graph: Graph, branches: list[Wire]) -> list[Wire]:
    """Cut the axis of time to the shortest branch."""
    sizes = [graph.add("Shape", branch.values, start=1, end=2) for branch in branches]
    start, stop, axis = graph.constant([0]), graph.add("Min", *sizes), graph.constant([1])
    lengths = [branch.length for branch in branches if branch.length is not None]
    length = graph.add("Min", *lengths) if lengths else None
    return [Wire(graph.add("Slice", branch.values, start, stop, axis), length) for branch in branches]


@emit.register
def _(layer: nn.Frozen, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    return emit(layer.inner, graph, state.get("params", {}), state.get("state", {}), x)


@emit.register
def _(layer: nn.Wrapper, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    return emit(layer.inner, graph, params, state, x)


@emit.register(nn.Identity)
@emit.register(nn.Dropout)
@emit.register(nn.FilterAugment)
@emit.register(nn.FrequencyWarp)
@emit.register(nn.SpecAugment)
def _(layer: Any, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    return x


# Activations


@emit.register
def _(layer: nn.ReLU, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    return x._replace(values=graph.add("Relu", x.values))


@emit.register
def _(layer: nn.Tanh, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    return x._replace(values=graph.add("Tanh", x.values))


@emit.register
def _(layer: nn.Logistic, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    return x._replace(values=graph.add("Sigmoid", x.values))


@emit.register
def _(layer: nn.SiLU, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    return x._replace(values=graph.add("Mul", x.values, graph.add("Sigmoid", x.values)))


@emit.register
def _(layer: nn.GELU, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    one, half, root = (graph.constant(value, np.float32) for value in (1.0, 0.5, math.sqrt(0.5)))
    twice_phi = graph.add("Add", graph.add("Erf", graph.add("Mul", x.values, root)), one)
    return x._replace(values=graph.add("Mul", graph.add("Mul", x.values, half), twice_phi))


@emit.register
def _(layer: nn.Rescaling, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    scaled = graph.add("Mul", x.values, graph.constant(layer.scale, np.float32))
    return x._replace(values=graph.add("Add", scaled, graph.constant(layer.offset, np.float32)))


# Layers with weights


@emit.register
def _(layer: nn.Dense, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    y = graph.add("MatMul", x.values, graph.kernel("kernel", params["kernel"], axis=1))
    return x._replace(values=graph.add("Add", y, graph.weight("bias", params["bias"])) if layer.bias else y)


# Shapes


@emit.register
def _(layer: nn.AddChannel, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    return x._replace(values=graph.add("Unsqueeze", x.values, graph.constant([-1])))


@emit.register
def _(layer: nn.MergeFrequency, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    return x._replace(values=graph.add("Reshape", x.values, graph.constant([0, 0, -1])))
