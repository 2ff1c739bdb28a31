"""The ONNX form of autoencoders and of what tells how strange a clip is."""

from __future__ import annotations

import numpy as np

from jaxlisten import nn
from jaxlisten.deploy.onnx_graph import FLOAT, Graph, Wire
from jaxlisten.deploy.onnx_layers import emit
from jaxlisten.types import Params, State


@emit.register
def _(layer: nn.Stack, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    left, right, _ = layer.reach()
    padded = graph.masked(x)
    if x.valid is None:  # in a stream the steps around the windows are there
        padded = graph.add("Pad", padded, graph.constant([left, right]), "", graph.constant([1]))
    last = layer.window - 1
    parts = [graph.cut(padded, k, k - last) for k in range(last)] + [graph.cut(padded, last)]
    return x._replace(values=graph.add("Concat", *parts, axis=-1))


@emit.register
def _(layer: nn.Reconstruction, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    def run(name: str, x: Wire) -> Wire:
        with graph.within(name):
            return emit(getattr(layer, name), graph, params.get(name, {}), state.get(name, {}), x)

    features = run("front_end", x)
    code, divergence = run("encoder", features), None
    if layer.divergence:
        mean, spread = graph.halves(code.values)
        limits = [graph.constant(limit, np.float32) for limit in (-10.0, 10.0)]
        spread, one = graph.add("Clip", spread, *limits), graph.constant(1.0, np.float32)
        each = graph.add("Sub", graph.add("Add", _square(graph, mean), graph.add("Exp", spread)), one)
        total = graph.add("ReduceSum", graph.add("Sub", each, spread), graph.constant([-1]), keepdims=1)
        divergence = graph.add("Mul", total, graph.constant(layer.divergence / 2, np.float32))
        code = code._replace(values=mean)
    made = run("decoder", code)
    errors = _square(graph, graph.add("Sub", features.values, made.values))
    if divergence is not None:
        size = graph.add("Cast", graph.size(errors, 2), to=FLOAT)
        errors = graph.add("Add", errors, graph.add("Div", divergence, size))
    return made._replace(values=graph.add("Concat", made.values, errors, axis=-1))


@emit.register
def _(layer: nn.Description, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    steps = None
    if x.length is not None:
        ends = graph.add("Unsqueeze", graph.add("Max", x.length, graph.constant(1)), graph.constant([1, 2]))
        steps = graph.add("Cast", ends, to=FLOAT)

    def mean(values: str) -> str:
        """Return the mean over the valid steps, ``[batch, 1, k]``."""
        if steps is None:
            return graph.add("ReduceMean", values, graph.constant([1]), keepdims=1)
        total = graph.add("ReduceSum", graph.masked(x._replace(values=values)), graph.constant([1]), keepdims=1)
        return graph.add("Div", total, steps)

    epsilon = graph.constant(layer.epsilon, np.float32)
    made, errors = graph.halves(x.values)
    centre, error = mean(made), mean(errors)
    variance = mean(_square(graph, graph.add("Sub", made, centre)))
    deviation = graph.add("Sqrt", graph.add("Add", variance, epsilon))
    whole = graph.add("ReduceMean", error, graph.constant([-1]), keepdims=1)
    known = graph.add("Max", error, graph.constant(0.0, np.float32))
    logarithm = graph.add("Log", graph.add("Add", known, epsilon))
    y = graph.add("Concat", whole, centre, deviation, logarithm, axis=-1)
    y = graph.add("Squeeze", y, graph.constant([1]))
    if x.length is None:
        return Wire(y)
    present = graph.add("Unsqueeze", graph.add("Greater", x.length, graph.constant(0)), graph.constant([1]))
    return Wire(graph.add("Where", present, y, graph.constant(0.0, np.float32)))


@emit.register
def _(layer: nn.Novelty, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    error, described = graph.cut(x.values, 0, 1, axis=-1), graph.cut(x.values, 1, axis=-1)
    centred = graph.add("Sub", described, graph.weight("mean", state["mean"]))
    strange = _square(graph, graph.add("Div", centred, graph.weight("deviation", state["deviation"])))
    novelty = graph.add("ReduceMean", strange, graph.constant([-1]), keepdims=1)
    return x._replace(values=graph.add("Concat", error, novelty, axis=-1))


def _square(graph: Graph, x: str) -> str:
    return graph.add("Mul", x, x)
