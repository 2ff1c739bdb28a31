"""The ONNX form of the front ends."""

from __future__ import annotations

import math

import numpy as np

from jaxlisten import nn
from jaxlisten.deploy.onnx_graph import Graph, Wire
from jaxlisten.deploy.onnx_layers import emit
from jaxlisten.features import mel_filters, window_samples
from jaxlisten.nn.front_end import CentredFrames, MelFrames
from jaxlisten.types import Params, State


@emit.register
def _(layer: nn.Raw, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    return x._replace(values=graph.add("Unsqueeze", x.values, graph.constant([2])))


@emit.register
def _(layer: nn.Mel, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    return Wire(_mel(graph, layer, x, layer.power), _frames_of(graph, layer, x))


@emit.register
def _(layer: nn.LogMel, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    return Wire(_levels(graph, _mel(graph, layer, x), layer.amin), _frames_of(graph, layer, x))


@emit.register
def _(layer: nn.MFCC, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    levels = _levels(graph, _mel(graph, layer, x), layer.amin)
    return Wire(graph.add("MatMul", levels, graph.weight("basis", layer.basis())), _frames_of(graph, layer, x))


@emit.register
def _(layer: nn.FilterBank, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    left, right, hop_length = layer.reach()
    padded = graph.masked(x, step_ndim=0)
    if x.valid is None:
        # One sample more on the right than the last frame needs, so that n samples have 1 + n // hop_length frames.
        padded = graph.add("Pad", padded, graph.constant([0, left, 0, right + 1]))
    kernels = graph.weight("filters", np.transpose(np.asarray(layer.kernels(params)), (2, 1, 0)))
    passed = graph.add("Conv", graph.add("Unsqueeze", padded, graph.constant([1])), kernels, strides=[layer.stride])
    both = graph.add("Mul", passed, passed)
    limits = [graph.constant([n * layer.n_filters]) for n in (0, 1, 2)]
    parts = [graph.add("Slice", both, *limits[n : n + 2], graph.constant([1])) for n in (0, 1)]
    window = graph.weight("average", np.tile(layer.average(), (layer.n_filters, 1, 1)))
    stride = [hop_length // layer.stride]
    mean = graph.add("Conv", graph.add("Add", *parts), window, group=layer.n_filters, strides=stride)
    levels = _levels(graph, graph.add("Transpose", mean, perm=[0, 2, 1]), layer.amin)
    return Wire(levels, _frames_of(graph, layer, x))


def _mel(graph: Graph, layer: MelFrames, x: Wire, power: float = 2.0) -> str:
    """Compute the energy in each mel band, ``[batch, frame, n_mels]``."""
    spectrum, bins = _power_spectrum(graph, _frames(graph, layer, x), layer.n_fft)
    if power != 2.0:
        spectrum = graph.add("Pow", spectrum, graph.constant(power / 2, np.float32))
    filters = mel_filters(sr=layer.sr, n_fft=layer.n_fft, n_mels=layer.n_mels, fmin=layer.fmin, fmax=layer.fmax)
    of_bins = np.where(bins[:, None] < filters.shape[1], filters.T[np.minimum(bins, filters.shape[1] - 1)], 0)
    return graph.add("MatMul", spectrum, graph.weight("mel_filters", of_bins))


def _levels(graph: Graph, power: str, amin: float) -> str:
    """Turn power into decibel, as `jaxlisten.features.power_to_db` does without `top_db`."""
    logarithm = graph.add("Log", graph.add("Max", power, graph.constant(amin, np.float32)))
    levels = graph.add("Mul", logarithm, graph.constant(10 / math.log(10), np.float32))
    if amin > 1:  # the reference of `power_to_db` is never below amin
        levels = graph.add("Sub", levels, graph.constant(10 * math.log10(amin), np.float32))
    return levels


def _frames_of(graph: Graph, layer: CentredFrames, x: Wire) -> str | None:
    """Return how many frames each item has: none, if it is absent."""
    if x.length is None:
        return None
    frames = _frame_count(graph, x.length, layer.hop_length)
    return graph.add("Where", graph.add("Greater", x.length, graph.constant(0)), frames, graph.constant(0))


def _frames(graph: Graph, layer: MelFrames, x: Wire) -> str:
    """Cut ``[batch, time]`` into windowed frames, ``[batch, frame, n2, n1]``, as `_power_spectrum` wants them."""
    small, large = _factors(layer.n_fft)
    half, length = layer.n_fft // 2, graph.size(x.values, 1)
    padded = graph.masked(x, step_ndim=0)
    if x.valid is None:
        padded = graph.add("Pad", padded, graph.constant([0, half, 0, layer.n_fft - half]))
    else:
        length = graph.add("Sub", length, graph.constant(layer.n_fft))
    frames = _frame_count(graph, length, layer.hop_length)
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
