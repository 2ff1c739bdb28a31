"""The ONNX form of the convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxlisten import nn
from jaxlisten.deploy.onnx_graph import Graph, Wire
from jaxlisten.deploy.onnx_layers import emit
from jaxlisten.types import Params, State


@emit.register(nn.Conv1D)
@emit.register(nn.Conv2D)
def _(layer: nn.Conv1D | nn.Conv2D, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    kernel = np.moveaxis(params["kernel"], (-1, -2), (0, 1))
    return _convolved(layer, graph, kernel, params, x)


@emit.register(nn.DepthwiseConv1D)
@emit.register(nn.DepthwiseConv2D)
def _(layer: nn.DepthwiseConv1D | nn.DepthwiseConv2D, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    kernel = np.moveaxis(params["kernel"], -1, 0)[:, None]
    return _convolved(layer, graph, kernel, params, x, group=len(kernel))


@emit.register(nn.ConvTranspose1D)
@emit.register(nn.ConvTranspose2D)
def _(layer: nn.ConvTranspose1D | nn.ConvTranspose2D, graph: Graph, params: Params, state: State, x: Wire) -> Wire:
    kernel, strides = np.moveaxis(params["kernel"], (-2, -1), (0, 1)), each(layer.stride)
    # The whole transposed convolution has (n - 1) * stride + kernel steps; n * stride of them stay, from lookahead on.
    before = list(layer.lookaheads())
    behind = [k - s - p for k, s, p in zip(kernel.shape[2:], strides, before, strict=True)]
    if x.valid is not None:  # in a stream, what belongs to the steps around the windows goes too
        before[0] += layer.reach().left * strides[0]
        behind[0] += layer.reach().right * strides[0]
    y = graph.add(
        "ConvTranspose",
        channels_first(graph, graph.masked(x, step_ndim=layer.step_ndim), layer.step_ndim),
        graph.kernel("kernel", kernel, axis=1),
        *_bias(layer, graph, params),
        kernel_shape=list(kernel.shape[2:]),
        pads=[*before, *(max(0, steps) for steps in behind)],
        output_padding=[max(0, -steps) for steps in behind],
        strides=list(strides),
    )
    length = x.length and graph.add("Mul", x.length, graph.constant(strides[0]))
    return Wire(channels_last(graph, y, layer.step_ndim), length)


def _convolved(layer: Any, graph: Graph, kernel: np.ndarray, params: Params, x: Wire, group: int = 1) -> Wire:
    """Add a convolution with ``kernel [channels out, channels in / group, *kernel]`` for all windows of the layer."""
    y = graph.add(
        "Conv",
        channels_first(graph, graph.masked(x, step_ndim=layer.step_ndim), layer.step_ndim),
        graph.kernel("kernel", kernel, axis=0),
        *_bias(layer, graph, params),
        kernel_shape=list(kernel.shape[2:]),
        dilations=list(each(layer.dilation)),
        group=group,
        **windows(x, layer.reaches()),
    )
    return Wire(channels_last(graph, y, layer.step_ndim), strided(graph, x.length, layer.reach().stride))


def _bias(layer: Any, graph: Graph, params: Params) -> list[str]:
    return [graph.weight("bias", params["bias"])] if layer.bias else []


def each(setting: Any) -> tuple[int, ...]:
    """Return a setting of a layer as one number an axis."""
    return setting if isinstance(setting, tuple) else (setting,)


def windows(x: Wire, reaches: Sequence[nn.Reach]) -> dict[str, list[int]]:
    """Return the settings of windows over `x` that reach so far along each axis, time first.

    ``left + right + 1`` is what a window spans, so these fixed paddings give ``ceil(n / stride)`` windows for any n. In
    a stream time is not padded.
    """
    if x.valid is not None:
        reaches = [reaches[0]._replace(left=0, right=0), *reaches[1:]]
    pads = [*(reach.left for reach in reaches), *(reach.right for reach in reaches)]
    return {"pads": pads, "strides": [reach.stride for reach in reaches]}


def middle(graph: Graph, x: Wire, reach: nn.Reach, *, axis: int = 1) -> str:
    """Return the values of the steps that windows of stride 1 stand at: all but, in a stream, those around them."""
    if x.valid is None:
        return x.values
    behind = {"stop": -reach.right} if reach.right else {}
    return graph.cut(x.values, reach.left, **behind, axis=axis)


def strided(graph: Graph, length: str | None, stride: int) -> str | None:
    """Return ``ceil(length / stride)``."""
    if length is None or stride == 1:
        return length
    return graph.add("Div", graph.add("Add", length, graph.constant(stride - 1)), graph.constant(stride))


def channels_first(graph: Graph, x: str, step_ndim: int) -> str:
    return graph.add("Transpose", x, perm=[0, 2, 1] if step_ndim == 1 else [0, 3, 1, 2])


def channels_last(graph: Graph, x: str, step_ndim: int) -> str:
    return graph.add("Transpose", x, perm=[0, 2, 1] if step_ndim == 1 else [0, 2, 3, 1])
