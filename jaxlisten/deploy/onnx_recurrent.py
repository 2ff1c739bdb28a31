"""The ONNX form of what carries a memory along time, and of what stands before it in models of tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxlisten import nn
from jaxlisten.deploy.onnx_graph import Graph, Wire
from jaxlisten.deploy.onnx_layers import emit
from jaxlisten.types import Params, State


def _gates(weight: np.ndarray, order: Sequence[int]) -> np.ndarray:
    """Put the gates along the last axis in another order, and that axis first: ``[gates * units, ...]``."""
    parts = np.split(np.asarray(weight), len(order), axis=-1)
    return np.concatenate([parts[index] for index in order], axis=-1).T


def _run(
    graph: Graph,
    op: str,
    x: Wire,
    kernel: np.ndarray,
    recurrent: np.ndarray,
    biases: Sequence[np.ndarray] = (),
    *more: str,
    **settings: Any,
) -> Wire:
    """Add a recurrence from rest, with one direction. Steps behind the end of a clip come after all others: no mask."""
    y = graph.add(
        op,
        graph.add("Transpose", x.values, perm=[1, 0, 2]),
        graph.weight("kernel", kernel[None]),
        graph.weight("recurrent", recurrent[None]),
        graph.weight("bias", np.concatenate(biases)[None]) if biases else "",
        *more,
        hidden_size=recurrent.shape[-1],
        **settings,
    )
    y = graph.add("Squeeze", y, graph.constant([1]))  # [time, direction, batch, units]
    return x._replace(values=graph.add("Transpose", y, perm=[1, 0, 2]))


@emit.register
def _(layer: nn.LSTM, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    kernel, recurrent, bias = (_gates(params[name], [0, 3, 1, 2]) for name in ("kernel", "recurrent", "bias"))
    return _run(graph, "LSTM", x, kernel, recurrent, [bias, np.zeros_like(bias)])


@emit.register
def _(layer: nn.GRU, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    kernel, recurrent, bias = (_gates(params[name], [1, 0, 2]) for name in ("kernel", "recurrent", "bias"))
    of_h = np.concatenate([np.zeros(2 * layer.units, np.float32), params["recurrent_bias"]])
    return _run(graph, "GRU", x, kernel, recurrent, [bias, of_h], linear_before_reset=1)


@emit.register
def _(layer: nn.Bidirectional, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    batch = graph.add("Shape", x.values, start=0, end=1)
    length = x.length or graph.add("Expand", graph.size(x.values, 1), batch)

    def turned(values: str) -> str:
        return graph.add("ReverseSequence", values, length, batch_axis=0, time_axis=1)

    with graph.within("forward"):
        ahead = emit(layer.inner, graph, params["forward"], {}, x)
    with graph.within("backward"):
        back = emit(layer.inner, graph, params["backward"], {}, x._replace(values=turned(x.values)))
    if layer.last:
        ends = [emit(nn.GlobalPool("last"), graph, {}, {}, way).values for way in (ahead, back)]
        return Wire(graph.add("Concat", *ends, axis=-1))
    return x._replace(values=graph.add("Concat", ahead.values, turned(back.values), axis=-1))


@emit.register
def _(layer: nn.PCEN, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    rate, gain, bias, power = (np.asarray(setting) for setting in layer.settings(params))
    energy = x._replace(values=graph.add("Max", x.values, graph.constant(0.0, np.float32)))
    if layer.initial is None:
        first = graph.add("Gather", x.values, graph.constant([0]), axis=1)
        start = graph.add("Transpose", graph.add("Max", first, graph.constant(0.0, np.float32)), perm=[1, 0, 2])
    else:
        shape = graph.add("Concat", graph.constant([1]), graph.add("Shape", x.values, start=0, end=1),
                          graph.add("Shape", x.values, start=2, end=3), axis=0)  # fmt: skip
        start = graph.add("Expand", graph.constant(layer.initial, np.float32), shape)
    # The leaky mean is a recurrence without a nonlinearity, whose units don't mix.
    linear = {"activations": ["Affine"], "activation_alpha": [1.0], "activation_beta": [0.0]}
    mean = _run(graph, "RNN", energy, np.diag(rate), np.diag(1 - rate), (), "", start, **linear).values
    mean = graph.add("Add", mean, graph.constant(layer.eps, np.float32))
    ratio = graph.add("Div", energy.values, graph.add("Pow", mean, graph.weight("gain", gain)))
    raised = graph.add("Pow", graph.add("Add", ratio, graph.weight("offset", bias)), graph.weight("power", power))
    return x._replace(values=graph.add("Sub", raised, graph.weight("raised_offset", bias**power)))


@emit.register
def _(layer: nn.Embedding, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    tokens = x.values
    if x.length is not None:
        tokens = graph.add("Where", graph.valid(x), tokens, graph.constant(0))
    return x._replace(values=graph.add("Gather", graph.weight("table", params["table"]), tokens, axis=0))
