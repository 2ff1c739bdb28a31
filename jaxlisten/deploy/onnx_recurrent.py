"""The ONNX form of what carries a memory along time, and of what stands before it in models of tokens."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from jaxlisten import nn
from jaxlisten.deploy.onnx_graph import Graph, Wire
from jaxlisten.deploy.onnx_layers import emit
from jaxlisten.deploy.onnx_streaming import emit_step
from jaxlisten.types import Params, State

_INT32, _INT64 = 6, 7
"""`onnx.TensorProto.INT32` and `INT64`, without importing onnx."""


def _gates(weight: np.ndarray, order: Sequence[int]) -> np.ndarray:
    """Put the gates along the last axis in another order, and that axis first: ``[gates * units, ...]``."""
    parts = np.split(np.asarray(weight), len(order), axis=-1)
    return np.concatenate([parts[index] for index in order], axis=-1).T


class _Recurrence(NamedTuple):
    """An operator of ONNX with one direction, and its weights in ONNX's order and shapes.

    Attributes:
        op: "LSTM", "GRU" or "RNN".
        kernel: ``[gates * units, channel]``.
        recurrent: ``[gates * units, units]``.
        bias: ``[2 * gates * units]``, or None.
        settings: further attributes of the operator.
    """

    op: str
    kernel: np.ndarray
    recurrent: np.ndarray
    bias: np.ndarray | None = None
    settings: Mapping[str, Any] = MappingProxyType({})


def _run(graph: Graph, cell: _Recurrence, x: Wire, memory: Sequence[str] = ()) -> tuple[Wire, list[str]]:
    """Add a recurrence from `memory`, each ``[batch, units]``; none: from rest. Return the memory after the last step.

    Steps behind the end of a clip come after all others, so nothing is masked. In a stream, steps that don't count lie
    anywhere: those that count are packed to the front, and the operator is told how many they are.
    """
    packing = None if x.valid is None else _packing(graph, x.valid)
    values = x.values if packing is None else graph.add("GatherND", x.values, packing.order, batch_dims=1)
    add_kernel = graph.weight if cell.op == "RNN" else partial(graph.kernel, axis=1)
    y, *ends = graph.several(
        3 if cell.op == "LSTM" else 2,
        cell.op,
        graph.add("Transpose", values, perm=[1, 0, 2]),
        add_kernel("kernel", cell.kernel[None]),
        add_kernel("recurrent", cell.recurrent[None]),
        "" if cell.bias is None else graph.weight("bias", cell.bias[None]),
        "" if packing is None else packing.count,
        *(graph.add("Unsqueeze", part, graph.constant([0])) for part in memory),
        hidden_size=cell.recurrent.shape[-1],
        **cell.settings,
    )
    y = graph.add("Squeeze", y, graph.constant([1]))  # [time, direction, batch, units]
    y = graph.add("Transpose", y, perm=[1, 0, 2])
    ends = [graph.add("Squeeze", end, graph.constant([0])) for end in ends]
    if packing is not None:
        y = graph.add("GatherND", y, packing.back, batch_dims=1)
        # Without any step, what the operator says of the memory is not what it was.
        ends = [graph.add("Where", packing.some, end, part) for end, part in zip(ends, memory, strict=True)]
    return x._replace(values=y), ends


class _Packing(NamedTuple):
    """Names of tensors that bring the steps of a stream that count to the front, and back.

    Attributes:
        order: int64 ``[batch, time, 1]``, the steps that count and then the others.
        back: int64 ``[batch, time, 1]``, where the last step that counts, up to each step, has gone.
        count: int32 ``[batch]``, how many count.
        some: bool ``[batch, 1]``, whether any does.
    """

    order: str
    back: str
    count: str
    some: str


def _packing(graph: Graph, valid: str) -> _Packing:
    return graph.once(("packing", valid), lambda: _new_packing(graph, valid))


def _new_packing(graph: Graph, valid: str) -> _Packing:
    steps = graph.count(graph.size(valid, 1))
    length = graph.add("Shape", valid, start=1, end=2)
    late = graph.add("Where", valid, graph.constant(0), length)
    _, order = graph.several(2, "TopK", graph.add("Add", steps, late), length, axis=1, largest=0, sorted=1)
    so_far = graph.add("CumSum", graph.add("Cast", valid, to=_INT64), graph.constant(1))
    back = graph.add("Max", graph.add("Sub", so_far, graph.constant(1)), graph.constant(0))
    count = graph.add("Gather", so_far, graph.constant(-1), axis=1)
    return _Packing(
        order=graph.add("Unsqueeze", order, graph.constant([2])),
        back=graph.add("Unsqueeze", back, graph.constant([2])),
        count=graph.add("Cast", count, to=_INT32),
        some=graph.add("Unsqueeze", graph.add("Greater", count, graph.constant(0)), graph.constant([1])),
    )


@functools.singledispatch
def _cell(layer: Any, params: Params) -> _Recurrence:
    raise TypeError(f"_cell: no recurrence of ONNX is {type(layer).__name__}")


@_cell.register
def _(layer: nn.LSTM, params: Params) -> _Recurrence:
    kernel, recurrent, bias = (_gates(params[name], [0, 3, 1, 2]) for name in ("kernel", "recurrent", "bias"))
    return _Recurrence("LSTM", kernel, recurrent, np.concatenate([bias, np.zeros_like(bias)]))


@_cell.register
def _(layer: nn.GRU, params: Params) -> _Recurrence:
    kernel, recurrent, bias = (_gates(params[name], [1, 0, 2]) for name in ("kernel", "recurrent", "bias"))
    of_h = np.concatenate([np.zeros(2 * layer.units, np.float32), params["recurrent_bias"]])
    return _Recurrence("GRU", kernel, recurrent, np.concatenate([bias, of_h]), {"linear_before_reset": 1})


@emit.register(nn.LSTM)
@emit.register(nn.GRU)
def _(layer: Any, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    return _run(graph, _cell(layer, params), x)[0]


@emit_step.register
def _(layer: nn.LSTM, graph: Graph, params: Params, state: State, carry: Any, x: Wire) -> tuple[Any, Wire]:
    y, ends = _run(graph, _cell(layer, params), x, carry)
    return tuple(ends), y


@emit_step.register
def _(layer: nn.GRU, graph: Graph, params: Params, state: State, carry: Any, x: Wire) -> tuple[Any, Wire]:
    y, ends = _run(graph, _cell(layer, params), x, [carry])
    return ends[0], y


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
    energy = graph.add("Max", x.values, graph.constant(0.0, np.float32))
    start = graph.add("Gather", energy, graph.constant(0), axis=1)
    if layer.initial is not None:
        start = graph.add("Expand", graph.constant(layer.initial, np.float32), graph.add("Shape", start))
    return _normalized(layer, graph, params, x._replace(values=energy), start)[0]


@emit_step.register
def _(layer: nn.PCEN, graph: Graph, params: Params, state: State, carry: Any, x: Wire) -> tuple[Any, Wire]:
    mean, begun = carry
    packing = _packing(graph, graph.valid(x))
    energy = graph.add("Max", graph.masked(x), graph.constant(0.0, np.float32))
    first = graph.constant(layer.initial, np.float32)
    if layer.initial is None:
        first = graph.add(
            "Gather", graph.add("GatherND", energy, packing.order, batch_dims=1), graph.constant(0), axis=1
        )
    start = graph.add("Where", graph.add("Unsqueeze", begun, graph.constant([1])), mean, first)
    y, mean = _normalized(layer, graph, params, x._replace(values=energy), start)
    return (mean, graph.add("Or", begun, graph.add("Squeeze", packing.some, graph.constant([1])))), y


def _normalized(layer: nn.PCEN, graph: Graph, params: Params, energy: Wire, start: str) -> tuple[Wire, str]:
    """Divide energies by their leaky mean from `start` on, and compress them. Return the last mean too."""
    rate, gain, bias, power = (np.asarray(setting) for setting in layer.settings(params))
    # The leaky mean is a recurrence without a nonlinearity, whose units don't mix.
    linear = {"activations": ["Affine"], "activation_alpha": [1.0], "activation_beta": [0.0]}
    cell = _Recurrence("RNN", np.diag(rate), np.diag(1 - rate), settings=linear)
    smoothed, ends = _run(graph, cell, energy, [start])
    mean = graph.add("Add", smoothed.values, graph.constant(layer.eps, np.float32))
    ratio = graph.add("Div", energy.values, graph.add("Pow", mean, graph.weight("gain", gain)))
    raised = graph.add("Pow", graph.add("Add", ratio, graph.weight("offset", bias)), graph.weight("power", power))
    return energy._replace(values=graph.add("Sub", raised, graph.weight("raised_offset", bias**power))), ends[0]


@emit.register
def _(layer: nn.Embedding, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    tokens = x.values
    if x.ragged:
        tokens = graph.add("Where", graph.valid(x), tokens, graph.constant(0))
    return x._replace(values=graph.add("Gather", graph.weight("table", params["table"]), tokens, axis=0))
