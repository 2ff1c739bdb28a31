"""The ONNX form of every layer: one emitter a type, found by `functools.singledispatch`.

An emitter adds a layer's nodes to a `Graph` and returns what comes out. It masks on the way in, as the layers do, and
only where steps mix: what stands behind the end of a clip may be anything until then.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from jaxlisten import nn
from jaxlisten.deploy.onnx_graph import Graph, Wire
from jaxlisten.errors import InputError
from jaxlisten.features import mel_filters, window_samples
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
    values = [branch.values for branch in branches]
    if len(values) == 1:
        return branches[0]
    if layer.merge == "add":
        return branches[0]._replace(values=functools.reduce(functools.partial(graph.add, "Add"), values))
    return branches[0]._replace(values=graph.add("Concat", *values, axis=-1))


@emit.register
def _(layer: nn.Frozen, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    return emit(layer.inner, graph, state.get("params", {}), state.get("state", {}), x)


@emit.register(nn.Identity)
@emit.register(nn.Dropout)
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


# Layers with weights


@emit.register
def _(layer: nn.Dense, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    y = graph.add("MatMul", x.values, graph.weight("kernel", params["kernel"]))
    return x._replace(values=graph.add("Add", y, graph.weight("bias", params["bias"])) if layer.bias else y)


@emit.register
def _(layer: nn.Conv1D, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    left, right, stride = layer.reach()
    kernel = graph.weight("kernel", np.transpose(params["kernel"], (2, 1, 0)))
    bias = [graph.weight("bias", params["bias"])] if layer.bias else []
    # left + right is the span of the kernel, so these fixed paddings give ceil(time / stride) steps for any time.
    y = graph.add(
        "Conv",
        _channels_first(graph, graph.masked(x)),
        kernel,
        *bias,
        kernel_shape=[layer.kernel],
        pads=[left, right],
        strides=[stride],
        dilations=[layer.dilation],
    )
    return Wire(_channels_last(graph, y), _strided(graph, x.length, stride))


@emit.register
def _(layer: nn.LSTM, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    def gates(name: str) -> np.ndarray:
        i, f, g, o = np.split(np.asarray(params[name]), 4, axis=-1)
        return np.concatenate([i, o, f, g], axis=-1).T[None]  # ONNX's order, [1, 4 * units, ...]

    bias = np.concatenate([gates("bias"), np.zeros_like(gates("bias"))], axis=-1)  # the second one is of h
    y = graph.add(
        "LSTM",
        graph.add("Transpose", x.values, perm=[1, 0, 2]),
        graph.weight("kernel", gates("kernel")),
        graph.weight("recurrent", gates("recurrent")),
        graph.weight("bias", bias),
        hidden_size=layer.units,
    )
    # [time, direction, batch, units]. Steps behind the end of a clip come after all others, so they need no mask.
    y = graph.add("Squeeze", y, graph.constant([1]))
    return x._replace(values=graph.add("Transpose", y, perm=[1, 0, 2]))


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


# Pooling. A window without a valid step lies behind the end of its clip, so what comes out of it does not matter.


@emit.register
def _(layer: nn.MaxPool, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    return _windows(graph, x, "max", layer.window, layer.reach())


@emit.register
def _(layer: nn.MeanPool, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    return _windows(graph, x, "mean", layer.window, layer.reach())


@emit.register
def _(layer: nn.SlidingPool, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    return x if layer.kind == "last" else _windows(graph, x, layer.kind, layer.window, layer.reach())


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
    return graph.add("Div", total, graph.add("Cast", ends, to=_FLOAT))


def _windows(graph: Graph, x: Wire, kind: str, window: int, reach: nn.Reach) -> Wire:
    settings = {"kernel_shape": [window], "pads": [reach.left, reach.right], "strides": [reach.stride]}
    values = _channels_first(graph, graph.masked(x, -math.inf if kind == "max" else 0.0))
    if kind == "max":
        y = graph.add("MaxPool", values, **settings)
    elif x.length is None:
        y = graph.add("AveragePool", values, count_include_pad=0, **settings)
    else:
        weight = graph.add("Cast", graph.add("Unsqueeze", graph.valid(x), graph.constant([1])), to=_FLOAT)
        share = graph.add("AveragePool", weight, count_include_pad=1, **settings)
        share = graph.add("Max", share, graph.constant(1 / window, np.float32))
        y = graph.add("Div", graph.add("AveragePool", values, count_include_pad=1, **settings), share)
    return Wire(_channels_last(graph, y), _strided(graph, x.length, reach.stride))


# The front end


@emit.register
def _(layer: nn.LogMel, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    power, bins = _power_spectrum(graph, _frames(graph, layer, x), layer.n_fft)
    filters = mel_filters(sr=layer.sr, n_fft=layer.n_fft, n_mels=layer.n_mels, fmin=layer.fmin, fmax=layer.fmax)
    of_bins = np.where(bins[:, None] < filters.shape[1], filters.T[np.minimum(bins, filters.shape[1] - 1)], 0)
    mel = graph.add("MatMul", power, graph.weight("mel_filters", of_bins))
    logarithm = graph.add("Log", graph.add("Max", mel, graph.constant(layer.amin, np.float32)))
    levels = graph.add("Mul", logarithm, graph.constant(10 / math.log(10), np.float32))
    if layer.amin > 1:  # the reference of `power_to_db` is never below amin
        levels = graph.add("Sub", levels, graph.constant(10 * math.log10(layer.amin), np.float32))
    if x.length is None:
        return Wire(levels)
    frames = _frame_count(graph, x.length, layer.hop_length)
    present = graph.add("Greater", x.length, graph.constant(0))
    return Wire(levels, graph.add("Where", present, frames, graph.constant(0)))


def _frames(graph: Graph, layer: nn.LogMel, x: Wire) -> str:
    """Cut ``[batch, time]`` into windowed frames, ``[batch, frame, n2, n1]``, as `_power_spectrum` wants them."""
    small, large = _factors(layer.n_fft)
    half = layer.n_fft // 2
    padding = graph.constant([0, half, 0, layer.n_fft - half])
    padded = graph.add("Pad", graph.masked(x, step_ndim=0), padding)
    frames = _frame_count(graph, graph.size(x.values, 1), layer.hop_length)
    starts = graph.add("Mul", graph.count(frames), graph.constant(layer.hop_length))
    starts = graph.add("Unsqueeze", starts, graph.constant([1, 2]))
    samples = np.arange(layer.n_fft).reshape(small, large).T
    index = graph.add("Add", starts, graph.weight("samples", samples, np.int64))
    cut = graph.add("Gather", padded, index, axis=1)
    window = window_samples("hann", layer.win_length or layer.n_fft, layer.n_fft)
    return graph.add("Mul", cut, graph.weight("window", window[samples]))


def _frame_count(graph: Graph, n: str, hop_length: int) -> str:
    return graph.add("Add", graph.add("Div", n, graph.constant(hop_length)), graph.constant(1))


def _power_spectrum(graph: Graph, frames: str, n_fft: int) -> tuple[str, np.ndarray]:
    """``|DFT|^2`` as two products with small matrices, by one step of Cooley and Tukey 1965.

    With ``N = N1 N2``, sample ``n = N2 n1 + n2`` and bin ``k = k1 + N1 k2``,
    ``X[k] = sum_n2 w(N2, n2 k2) w(N, n2 k1) sum_n1 x[n] w(N1, n1 k1)``, where ``w(M, j) = exp(-2 pi i j / M)``.

    For N = 512, one product with the whole matrix takes three times as long and sixty times the room in the file, and
    is no more exact. The operator DFT is neither faster nor in every runtime. A prime N is one product.

    Args:
        graph: what the nodes are added to.
        frames: ``[batch, frame, n2, n1]``.
        n_fft: N.

    Returns:
        ``[batch, frame, bin]``, and which bin each of them is (some, above ``n_fft // 2``, are not needed).
    """
    small, large = _factors(n_fft)
    needed = -(-(1 + n_fft // 2) // small)  # values of k2 that are needed for the bins up to n_fft // 2
    first = _roots(np.outer(np.arange(small), np.arange(small)), small)
    twiddle = _roots(np.outer(np.arange(large), np.arange(small)), n_fft)
    last = _roots(np.outer(np.arange(large), np.arange(needed)), large)

    inner = graph.add("MatMul", frames, graph.weight("dft_first", np.concatenate(first, axis=1)))
    real, imag = graph.halves(inner)
    c, s = (graph.weight(f"twiddle_{part}", of) for part, of in zip(("real", "imag"), twiddle, strict=True))
    turned_real = graph.add("Sub", graph.add("Mul", real, c), graph.add("Mul", imag, s))
    turned_imag = graph.add("Add", graph.add("Mul", real, s), graph.add("Mul", imag, c))
    turned = graph.add("Transpose", graph.add("Concat", turned_real, turned_imag, axis=2), perm=[0, 1, 3, 2])
    cosine, sine = last
    outer = graph.add("MatMul", turned, graph.weight("dft_last", np.block([[cosine, sine], [-sine, cosine]])))
    real, imag = graph.halves(outer)
    power = graph.add("Add", graph.add("Mul", real, real), graph.add("Mul", imag, imag))
    bins = np.arange(small)[:, None] + small * np.arange(needed)
    return graph.add("Reshape", power, graph.constant([0, 0, bins.size])), bins.ravel()


def _factors(n: int) -> tuple[int, int]:
    """Split n into two factors, as near to each other as can be, the smaller one first."""
    small = next(d for d in range(math.isqrt(n), 0, -1) if n % d == 0)
    return small, n // small


def _roots(powers: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the real and the imaginary part of ``w(n, powers)``."""
    angle = -2 * np.pi * (powers % n) / n
    return np.cos(angle), np.sin(angle)


_FLOAT = 1
"""`onnx.TensorProto.FLOAT`, without importing onnx."""


def _strided(graph: Graph, length: str | None, stride: int) -> str | None:
    """Return ``ceil(length / stride)``."""
    if length is None or stride == 1:
        return length
    return graph.add("Div", graph.add("Add", length, graph.constant(stride - 1)), graph.constant(stride))


def _channels_first(graph: Graph, x: str) -> str:
    return graph.add("Transpose", x, perm=[0, 2, 1])


def _channels_last(graph: Graph, x: str) -> str:
    return graph.add("Transpose", x, perm=[0, 2, 1])
