"""The ONNX form of attention."""

from __future__ import annotations

import math

import numpy as np

from jaxlisten import nn
from jaxlisten.deploy.onnx_graph import FLOAT, Graph, Wire
from jaxlisten.deploy.onnx_layers import emit
from jaxlisten.types import Params, State

_NEVER = float(np.finfo(np.float32).min)
"""The score of what is not seen: finite, so that the softmax of nothing but it is not NaN."""


@emit.register
def _(layer: nn.AttentionPool, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    values = graph.masked(x)
    scores = graph.add("MatMul", values, graph.weight("kernel", params["kernel"]))
    weights = graph.add("Softmax", graph.masked(x._replace(values=scores), _NEVER), axis=1)
    shares = graph.add("Reshape", values, graph.constant([0, 0, layer.heads, -1]))
    weighted = graph.add("Mul", graph.add("Unsqueeze", weights, graph.constant([3])), shares)
    pooled = graph.add("ReduceSum", weighted, graph.constant([1]), keepdims=0)
    return Wire(graph.add("Reshape", pooled, graph.constant([0, -1])))


@emit.register
def _(layer: nn.MultiHeadSelfAttention, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    values = graph.masked(x)
    query, key, value = (_heads(graph, values, name, params[name]) for name in ("query", "key", "value"))
    size = params["query"]["bias"].shape[-1]
    if layer.rotary:
        query, key = _rotated(graph, values, size, query, key)
    key = graph.add("Transpose", key, perm=[0, 1, 3, 2])
    scores = graph.add("Mul", graph.add("MatMul", query, key), graph.constant(1 / math.sqrt(size), np.float32))
    seen = _seen(graph, layer, x)
    if seen is not None:
        scores = graph.add("Where", seen, scores, graph.constant(_NEVER, np.float32))
    y = graph.add("MatMul", graph.add("Softmax", scores, axis=-1), value)
    y = graph.add("Reshape", graph.add("Transpose", y, perm=[0, 2, 1, 3]), graph.constant([0, 0, -1]))
    with graph.within("out"):
        kernel = np.asarray(params["out"]["kernel"])
        y = graph.add("MatMul", y, graph.weight("kernel", kernel.reshape(-1, kernel.shape[-1])))
        return x._replace(values=graph.add("Add", y, graph.weight("bias", params["out"]["bias"])))


def _heads(graph: Graph, x: str, name: str, weights: Params) -> str:
    """Project to ``[batch, heads, time, size]``."""
    with graph.within(name):
        kernel = np.asarray(weights["kernel"])
        y = graph.add("MatMul", x, graph.weight("kernel", kernel.reshape(len(kernel), -1)))
        if "bias" in weights:
            y = graph.add("Add", y, graph.weight("bias", np.ravel(weights["bias"])))
        y = graph.add("Reshape", y, graph.constant([0, 0, *kernel.shape[1:]]))
        return graph.add("Transpose", y, perm=[0, 2, 1, 3])


def _seen(graph: Graph, layer: nn.MultiHeadSelfAttention, x: Wire) -> str | None:
    """Return which keys each query sees, broadcasting to ``[batch, heads, query, key]``; None: all."""
    conditions = []
    if x.length is not None:
        conditions.append(graph.add("Unsqueeze", graph.valid(x), graph.constant([1, 2])))
    if layer.causal or layer.window is not None:
        steps = graph.count(graph.size(x.values, 1))
        ahead = graph.add("Sub", steps, graph.add("Unsqueeze", steps, graph.constant([1])))
        left, right = (None, 0) if layer.window is None else layer.reach()[:2]
        conditions.append(graph.add("LessOrEqual", ahead, graph.constant(right)))
        if left is not None:
            conditions.append(graph.add("GreaterOrEqual", ahead, graph.constant(-left)))
    if not conditions:
        return None
    seen, *more = conditions
    for condition in more:
        seen = graph.add("And", seen, condition)
    return seen


def _rotated(graph: Graph, x: str, size: int, *turned: str) -> list[str]:
    """Turn pairs of channels of ``[batch, heads, time, size]`` as `jaxlisten.ops.rotate` does."""
    speed = graph.weight("speed", 10_000.0 ** (-np.arange(size // 2) / (size // 2)))
    steps = graph.add("Cast", graph.count(graph.size(x, 1)), to=FLOAT)
    angle = graph.add("Mul", graph.add("Unsqueeze", steps, graph.constant([1])), speed)
    cosine, sine = graph.add("Cos", angle), graph.add("Sin", angle)
    results = []
    for one in turned:
        a, b = graph.halves(one)
        first = graph.add("Sub", graph.add("Mul", a, cosine), graph.add("Mul", b, sine))
        second = graph.add("Add", graph.add("Mul", b, cosine), graph.add("Mul", a, sine))
        results.append(graph.add("Concat", first, second, axis=-1))
    return results
