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
    mean = graph.add("ReduceMean", levels, graph.constant([-1]), keepdims=1)
    mfcc = graph.add("MatMul", graph.add("Sub", levels, mean), graph.weight("basis", layer.basis()))
    first = graph.add("Mul", mean, graph.weight("of_constant", layer.of_constant()))
    return Wire(graph.add("Add", mfcc, first), _frames_of(graph, layer, x))


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
    if power == 1.0:
        spectrum = graph.add("Sqrt", spectrum)
    elif power != 2.0:
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
    """Cut ``[batch, time]`` into windowed frames, ``[batch, frame, n_fft]``.

    The samples are laid out in rows of a hop, and a frame is some of these rows side by side: to gather it sample by
    sample takes as long as all convolutions of a small model.
    """
    n_fft, hop_length = layer.n_fft, layer.hop_length
    rows, before = -(-n_fft // hop_length), n_fft // 2 if x.valid is None else 0
    length = graph.size(x.values, 1)
    count = _frame_count(graph, length if before else graph.add("Sub", length, graph.constant(n_fft)), hop_length)
    # So many samples are in the rows of all frames; this may cut some off that no frame needs.
    end = graph.add("Mul", graph.add("Add", count, graph.constant(rows - 1)), graph.constant(hop_length))
    behind = graph.add("Sub", end, graph.add("Add", length, graph.constant(before)))
    pads = graph.add(
        "Concat", graph.constant([0, before, 0]), graph.add("Unsqueeze", behind, graph.constant([0])), axis=0
    )
    padded = graph.add("Pad", graph.masked(x, step_ndim=0), pads)
    laid = graph.add("Reshape", padded, graph.constant([0, -1, hop_length]))
    parts = list[str]()
    for row in range(rows):
        after, width = rows - 1 - row, min(hop_length, n_fft - row * hop_length)
        part = graph.cut(laid, row, -after) if after else graph.cut(laid, row)
        parts.append(graph.cut(part, 0, width, axis=2) if width < hop_length else part)
    frames = graph.add("Concat", *parts, axis=2)
    window = window_samples("hann", layer.win_length or n_fft, n_fft)
    return graph.add("Mul", frames, graph.weight("window", window))


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
        frames: ``[batch, frame, n_fft]``.
        n_fft: N.

    Returns:
        ``[batch, frame, bin]``, and which bin each of them is (some, above ``n_fft // 2``, are not needed).
    """
    small, large = _factors(n_fft)
    needed = -(-(1 + n_fft // 2) // small)  # values of k2 that are needed for the bins up to n_fft // 2
    first = _roots(np.outer(np.arange(small), np.arange(small)), small)
    twiddle = _roots(np.outer(np.arange(small), np.arange(large)), n_fft)
    last = _roots(np.outer(np.arange(large), np.arange(needed)), large)

    cut = graph.add("Reshape", frames, graph.constant([0, -1, small, large]))
    inner = graph.add("MatMul", graph.weight("dft_first", np.concatenate(first)), cut)
    real, imag = graph.halves(inner, axis=-2)
    c, s = (graph.weight(f"twiddle_{part}", of) for part, of in zip(("real", "imag"), twiddle, strict=True))
    turned_real = graph.add("Sub", graph.add("Mul", real, c), graph.add("Mul", imag, s))
    turned_imag = graph.add("Add", graph.add("Mul", real, s), graph.add("Mul", imag, c))
    turned = graph.add("Concat", turned_real, turned_imag, axis=-1)
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
