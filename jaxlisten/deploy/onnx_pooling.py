"""The ONNX form of pooling.

A window without a valid step lies behind the end of its clip, so what comes out of it does not matter.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from jaxlisten import nn
from jaxlisten.deploy.onnx_convolution import channels_first, channels_last, strided, windows
from jaxlisten.deploy.onnx_graph import FLOAT, Graph, Wire
from jaxlisten.deploy.onnx_layers import emit
from jaxlisten.types import Params, State


@emit.register
def _(layer: nn.MaxPool, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    return _largest(graph, x, [layer.reach()])


@emit.register
def _(layer: nn.MeanPool, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    return _mean(graph, x, [layer.reach()])


@emit.register
def _(layer: nn.MaxPool2D, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    return _largest(graph, x, layer.reaches())


@emit.register
def _(layer: nn.MeanPool2D, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    return _mean(graph, x, layer.reaches())


@emit.register
def _(layer: nn.SlidingPool, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    if layer.kind == "last":
        return x
    return (_largest if layer.kind == "max" else _mean)(graph, x, [layer.reach()])


@emit.register
def _(layer: nn.FrequencyPool, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    op = "ReduceMax" if layer.kind == "max" else "ReduceMean"
    return x._replace(values=graph.add(op, x.values, graph.constant([-2]), keepdims=0))


@emit.register
def _(layer: nn.GlobalPool, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    if x.length is None:
        return Wire(_pooled_whole(graph, layer.kind, x.values))
    present = graph.add("Unsqueeze", graph.add("Greater", x.length, graph.constant(0)), graph.constant([1]))
    pooled = _pooled_valid(graph, layer.kind, x, x.length)
    return Wire(graph.add("Where", present, pooled, graph.constant(0.0, np.float32)))


def _pooled_whole(graph: Graph, kind: str, x: str) -> str:
    if kind == "last":
        return graph.add("Gather", x, graph.constant(-1), axis=1)
    return graph.add("ReduceMax" if kind == "max" else "ReduceMean", x, graph.constant([1]), keepdims=0)


def _pooled_valid(graph: Graph, kind: str, x: Wire, length: str) -> str:
    """Pool the valid steps of each item; what comes out for an absent one is arbitrary."""
    if kind == "max":
        return graph.add("ReduceMax", graph.masked(x, -math.inf), graph.constant([1]), keepdims=0)
    ends = graph.add("Unsqueeze", graph.add("Max", length, graph.constant(1)), graph.constant([1]))
    if kind == "last":
        return graph.add("GatherND", x.values, graph.add("Sub", ends, graph.constant(1)), batch_dims=1)
    total = graph.add("ReduceSum", graph.masked(x), graph.constant([1]), keepdims=0)
    return graph.add("Div", total, graph.add("Cast", ends, to=FLOAT))


def _largest(graph: Graph, x: Wire, reaches: Sequence[nn.Reach]) -> Wire:
    values = channels_first(graph, graph.masked(x, -math.inf, step_ndim=len(reaches)), len(reaches))
    y = graph.add("MaxPool", values, kernel_shape=_sizes(reaches), **windows(x, reaches))
    return Wire(channels_last(graph, y, len(reaches)), strided(graph, x.length, reaches[0].stride))


def _mean(graph: Graph, x: Wire, reaches: Sequence[nn.Reach]) -> Wire:
    """Average over frequency, where each step has all bands, and over time, where the last windows lack steps."""
    rank, one = len(reaches), nn.Reach(0, 0)
    y = channels_first(graph, graph.masked(x, step_ndim=rank), rank)
    for along in reaches[1:]:
        settings = {"kernel_shape": _sizes([one, along]), **windows(x, [one, along])}
        y = graph.add("AveragePool", y, count_include_pad=0, **settings)
    along = [reaches[0], *[one] * (rank - 1)]
    settings = {"kernel_shape": _sizes(along), **windows(x, along)}
    if not x.ragged:
        y = graph.add("AveragePool", y, count_include_pad=0, **settings)
    else:
        axes = graph.constant([1, 3][:rank])
        weight = graph.add("Cast", graph.add("Unsqueeze", graph.valid(x), axes), to=FLOAT)
        share = graph.add("AveragePool", weight, count_include_pad=1, **settings)
        share = graph.add("Max", share, graph.constant(1 / _sizes(along)[0], np.float32))
        y = graph.add("Div", graph.add("AveragePool", y, count_include_pad=1, **settings), share)
    return Wire(channels_last(graph, y, rank), strided(graph, x.length, reaches[0].stride))


def _sizes(reaches: Sequence[nn.Reach]) -> list[int]:
    return [reach.left + 1 + reach.right for reach in reaches]
