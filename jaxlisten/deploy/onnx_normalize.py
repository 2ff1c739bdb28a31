"""The ONNX form of the normalisations."""

from __future__ import annotations

from typing import Any

import numpy as np

from jaxlisten import nn
from jaxlisten.deploy.onnx_graph import FLOAT, Graph, Wire
from jaxlisten.deploy.onnx_layers import emit
from jaxlisten.types import Params, State


@emit.register
def _(layer: nn.Normalize, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    return x._replace(values=_standardized(graph, x.values, state, layer.epsilon, np.float64(1)))


@emit.register
def _(layer: nn.BatchNorm, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    y = _standardized(graph, x.values, state, layer.epsilon, np.asarray(params["scale"], np.float64))
    return x._replace(values=graph.add("Add", y, graph.weight("bias", params["bias"])))


def _standardized(graph: Graph, x: str, state: State, epsilon: float, scale: Any) -> str:
    """``(x - mean) * scale``: not ``x * scale + shift``, which cancels where the mean is large beside the deviation."""
    centred = graph.add("Sub", x, graph.weight("mean", state["mean"]))
    return graph.add("Mul", centred, graph.weight("scale", scale / np.sqrt(np.float64(state["variance"]) + epsilon)))


@emit.register
def _(layer: nn.LayerNorm, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    weights = [graph.weight(name, params[name]) for name in ("scale", "bias")]
    return x._replace(values=graph.add("LayerNormalization", x.values, *weights, axis=-1, epsilon=layer.epsilon))


@emit.register
def _(layer: nn.ClipNorm, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    def mean(values: str) -> str:
        if x.length is None:
            return graph.add("ReduceMean", values, graph.constant([1]), keepdims=1)
        steps = graph.add("Unsqueeze", graph.add("Max", x.length, graph.constant(1)), graph.constant([1, 2]))
        total = graph.add("ReduceSum", graph.masked(x._replace(values=values)), graph.constant([1]), keepdims=1)
        return graph.add("Div", total, graph.add("Cast", steps, to=FLOAT))

    centred = graph.add("Sub", x.values, mean(x.values))
    variance = graph.add("Add", mean(graph.add("Mul", centred, centred)), graph.constant(layer.epsilon, np.float32))
    return x._replace(values=graph.add("Div", centred, graph.add("Sqrt", variance)))
