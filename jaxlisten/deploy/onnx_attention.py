"""The ONNX form of attention."""

from __future__ import annotations

import functools
import math
from functools import partial
from typing import Any

import numpy as np

from jaxlisten import nn
from jaxlisten.deploy.onnx_convolution import middle
from jaxlisten.deploy.onnx_graph import FLOAT, Graph, Wire
from jaxlisten.deploy.onnx_layers import emit
from jaxlisten.deploy.onnx_streaming import emit_step, over_windows
from jaxlisten.types import Params, State

_NEVER = float(np.finfo(np.float32).min)
"""The score of what is not seen: finite, so that the softmax of nothing but it is not NaN."""


@emit.register
def _(layer: nn.AttentionPool, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    values = graph.masked(x)
    scores = graph.add("MatMul", values, graph.kernel("kernel", params["kernel"], axis=1))
    weights = graph.add("Softmax", graph.masked(x._replace(values=scores), _NEVER), axis=1)
    shares = graph.add("Reshape", values, graph.constant([0, 0, layer.heads, -1]))
    weighted = graph.add("Mul", graph.add("Unsqueeze", weights, graph.constant([3])), shares)
    pooled = graph.add("ReduceSum", weighted, graph.constant([1]), keepdims=0)
    return Wire(graph.add("Reshape", pooled, graph.constant([0, -1])))


@emit.register
def _(layer: nn.MultiHeadSelfAttention, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    return _attended(layer, graph, params, _projected(graph, params, x))


@emit_step.register
def _(
    layer: nn.MultiHeadSelfAttention, graph: Graph, params: Params, state: State, carry: Any, x: Wire
) -> tuple[Any, Wire]:
    return over_windows(layer, graph, carry, _projected(graph, params, x), partial(_attended, layer, graph, params))


def _projected(graph: Graph, params: Params, x: Wire) -> Wire:
    """Return query, key and value of every head, side by side: ``[batch, time, 3 * heads * size]``."""
    parts = [params[name] for name in ("query", "key", "value")]
    kernel = np.concatenate([np.asarray(part["kernel"]).reshape(len(part["kernel"]), -1) for part in parts], axis=1)
    none = np.zeros_like(params["query"]["bias"])
    bias = np.concatenate([np.ravel(part.get("bias", none)) for part in parts])
    with graph.within("projection"):
        y = graph.add("MatMul", graph.masked(x), graph.kernel("kernel", kernel, axis=1))
        return x._replace(values=graph.add("Add", y, graph.weight("bias", bias)))


def _attended(layer: nn.MultiHeadSelfAttention, graph: Graph, params: Params, x: Wire) -> Wire:
    """Let each step look at what it sees of the projected steps."""
    heads, size, channels = np.shape(params["out"]["kernel"])
    query, key, value = (
        graph.add("Transpose", graph.add("Reshape", part, graph.constant([0, 0, heads, size])), perm=[0, 2, 1, 3])
        for part in graph.several(3, "Split", x.values, axis=-1, num_outputs=3)
    )
    if layer.rotary:
        query, key = _rotated(graph, x.values, size, query, key)
    if layer.window is not None:
        query = middle(graph, x._replace(values=query), layer.reach(), axis=2)
    key = graph.add("Transpose", key, perm=[0, 1, 3, 2])
    scores = graph.add("Mul", graph.add("MatMul", query, key), graph.constant(1 / math.sqrt(size), np.float32))
    seen = _seen(graph, layer, x)
    if seen is not None:
        scores = graph.add("Where", seen, scores, graph.constant(_NEVER, np.float32))
    y = graph.add("MatMul", graph.add("Softmax", scores, axis=-1), value)
    y = graph.add("Reshape", graph.add("Transpose", y, perm=[0, 2, 1, 3]), graph.constant([0, 0, -1]))
    with graph.within("out"):
        kernel = np.reshape(params["out"]["kernel"], (-1, channels))
        y = graph.add("MatMul", y, graph.kernel("kernel", kernel, axis=1))
        return x._replace(values=graph.add("Add", y, graph.weight("bias", params["out"]["bias"])))


def _seen(graph: Graph, layer: nn.MultiHeadSelfAttention, x: Wire) -> str | None:
    """Return which keys each query sees, broadcasting to ``[batch, heads, query, key]``; None: all."""
    conditions = []
    if x.ragged:
        conditions.append(graph.add("Unsqueeze", graph.valid(x), graph.constant([1, 2])))
    if layer.causal or layer.window is not None:
        keys = graph.add("Unsqueeze", graph.count(graph.size(x.values, 1)), graph.constant([0]))
        queries = keys if layer.window is None else middle(graph, x._replace(values=keys), layer.reach())
        ahead = graph.add("Sub", keys, graph.add("Unsqueeze", queries, graph.constant([2])))
        left, right = (None, 0) if layer.window is None else layer.reach()[:2]
        conditions.append(graph.add("LessOrEqual", ahead, graph.constant(right)))
        if left is not None:
            conditions.append(graph.add("GreaterOrEqual", ahead, graph.constant(-left)))
    return functools.reduce(partial(graph.add, "And"), conditions) if conditions else None


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
