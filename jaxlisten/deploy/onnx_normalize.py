"""The ONNX form of the normalisations."""

from __future__ import annotations

from typing import Any

import numpy as np

from jaxlisten import nn
from jaxlisten.deploy.onnx_convolution import middle, windows
from jaxlisten.deploy.onnx_graph import FLOAT, Graph, Wire
from jaxlisten.deploy.onnx_layers import emit
from jaxlisten.types import Params, State

_SILENT = -1e30
"""Decibels of what is not there."""


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


@emit.register
def _(layer: nn.SlidingNorm, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    # Sums over windows, time last: ONNX's pooling has a mean, which counts the zeros that it pads with.
    def sums(values: str) -> str:
        rows = graph.add("Transpose", values, perm=[0, 2, 1])
        settings = {"kernel_shape": [layer.window], "count_include_pad": 1, **windows(x, [layer.reach()])}
        mean = graph.add("Transpose", graph.add("AveragePool", rows, **settings), perm=[0, 2, 1])
        return graph.add("Mul", mean, graph.constant(layer.window, np.float32))

    valid = _valid(graph, x)
    count = graph.add("Max", sums(valid), graph.constant(1, np.float32))
    # A deviation does not depend on what is taken from all values: the mean of the clip, so that few digits are lost.
    steps = graph.add("ReduceSum", valid, graph.constant([1]), keepdims=1)
    steps = graph.add("Max", steps, graph.constant(1, np.float32))
    whole = graph.add("Div", graph.add("ReduceSum", graph.masked(x), graph.constant([1]), keepdims=1), steps)
    centred = graph.add("Mul", graph.add("Sub", graph.masked(x), whole), valid)
    mean = graph.add("Div", sums(centred), count)
    away = graph.add("Mul", graph.add("Add", whole, mean), graph.constant(layer.share, np.float32))
    y = graph.add("Sub", middle(graph, x, layer.reach()), away)
    if not layer.scale:
        return x._replace(values=y)
    power = graph.add("Div", sums(graph.add("Mul", centred, centred)), count)
    variance = graph.add("Sub", power, graph.add("Mul", mean, mean))
    variance = graph.add("Max", variance, graph.constant(0, np.float32))
    deviation = graph.add("Sqrt", graph.add("Add", variance, graph.constant(layer.epsilon, np.float32)))
    return x._replace(values=graph.add("Div", y, deviation))


@emit.register
def _(layer: nn.AutoGain, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    rows = graph.add("Transpose", graph.masked(x, _SILENT), perm=[0, 2, 1])
    loudest = graph.add("ReduceMax", rows, graph.constant([1]), keepdims=1)
    peak = graph.add("MaxPool", loudest, kernel_shape=[layer.window], **windows(x, [layer.reach()]))
    now = middle(graph, x, layer.reach())
    below = graph.add("Sub", now, graph.add("Transpose", peak, perm=[0, 2, 1]))
    return x._replace(values=graph.add("Max", below, graph.constant(-layer.range_db, np.float32)))


def _valid(graph: Graph, x: Wire) -> str:
    """Return 1 for each step ``[batch, time, 1]`` that counts, and 0 for the others."""
    if x.ragged:
        return graph.add("Unsqueeze", graph.add("Cast", graph.valid(x), to=FLOAT), graph.constant([2]))
    inside = graph.add("GreaterOrEqual", graph.count(graph.size(x.values, 1)), graph.constant(0))
    return graph.add("Unsqueeze", graph.add("Cast", inside, to=FLOAT), graph.constant([0, 2]))
