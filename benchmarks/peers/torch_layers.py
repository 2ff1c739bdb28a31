"""The networks in torch: channels first, one module a layer, eager and compiled."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

import jaxlisten as jl
from benchmarks.families import Family
from benchmarks.peers import Part, Side, padding, parts
from jaxlisten.types import Batch


class Recurrent(nn.Module):
    """A recurrent layer on ``[batch, channel, time]``, or on ``[batch, time, channel]`` where nothing convolves."""

    def __init__(self, recurrent: nn.Module, channels_first: bool):
        super().__init__()
        self.recurrent, self.channels_first = recurrent, channels_first

    def forward(self, x: Tensor) -> Tensor:
        """Return the output of every step, in the order of axes that came in."""
        y = self.recurrent(x.transpose(1, 2) if self.channels_first else x)[0]
        return y.transpose(1, 2) if self.channels_first else y


class Take(nn.Module):
    """A function as a module."""

    def __init__(self, function: Any):
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        """Apply it."""
        return self.function(x)


def make(family: Family, params: Any, state: Any, batch: Batch, *, compiled: bool = False) -> Side:
    """Return torch as it is, or compiled."""
    x, y = torch.from_numpy(np.asarray(batch.x)), torch.from_numpy(np.asarray(batch.y))
    steps_last = any(isinstance(layer, jl.Conv1D | jl.ConvTranspose1D) for layer in family.model.layers)
    if steps_last and x.ndim == 3:
        x = x.transpose(1, 2).contiguous()
    y = x if family.task == "regression" else y.long()
    loss_of = functional.mse_loss if family.task == "regression" else functional.cross_entropy
    model = nn.Sequential(*[m for part in parts(family, params, state) for m in _modules(part, steps_last)])
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    torch._dynamo.reset()  # or it gives up after the eighth network of a process
    run = torch.compile(model, dynamic=False) if compiled else model

    def infer():
        model.eval()
        with torch.inference_mode():
            return run(x)

    def train():
        model.train()
        optimizer.zero_grad()
        loss = loss_of(run(x), y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    outputs = infer().numpy()
    name = "torch.compile" if compiled else "torch"
    return Side(name, outputs.swapaxes(1, 2) if outputs.ndim == 3 else outputs, infer, train)


def _modules(part: Part, steps_last: bool) -> list[nn.Module]:
    """Translate one layer and take its weights over."""
    made = _module(part.layer, part, steps_last)
    return made if isinstance(made, list) else [made]


@functools.singledispatch
def _module(layer: Any, part: Part, steps_last: bool) -> Any:
    raise NotImplementedError(type(layer).__name__)


def _filled(module: nn.Module, **weights: np.ndarray) -> nn.Module:
    with torch.no_grad():
        for name, value in weights.items():
            getattr(module, name).copy_(torch.from_numpy(np.array(value)))
    return module


@_module.register
def _(layer: jl.Dense, part: Part, steps_last: bool) -> Any:
    kernel, bias = part.params["kernel"], part.params["bias"]
    if len(part.took) > 1 and steps_last:
        return _filled(nn.Conv1d(*kernel.shape, 1), weight=kernel.T[..., None], bias=bias)
    return _filled(nn.Linear(*kernel.shape), weight=kernel.T, bias=bias)


@_module.register
def _(layer: jl.ReLU, part: Part, steps_last: bool) -> Any:
    return nn.ReLU()


@_module.register
def _(layer: jl.Raw, part: Part, steps_last: bool) -> Any:
    return nn.Unflatten(1, (1, -1))


@_module.register
def _(layer: jl.AddChannel, part: Part, steps_last: bool) -> Any:
    return nn.Unflatten(1, (1, part.took[0]))


@_module.register(jl.Conv1D)
@_module.register(jl.Conv2D)
@_module.register(jl.DepthwiseConv2D)
def _(layer: Any, part: Part, steps_last: bool) -> Any:
    kernel, space = part.params["kernel"], len(part.took) - 1
    taps, stride = kernel.shape[:space], layer.stride if space == 2 else (layer.stride,)
    edges = [padding(*each) for each in zip(part.took[:-1], part.gave[:-1], taps, stride, strict=True)]
    # The same on both sides where that gives as many windows, as people write it; else zeros of their own before.
    same = [
        (n + 2 * left - k) // s + 1 == m
        for n, m, k, s, (left, _) in zip(part.took[:-1], part.gave[:-1], taps, stride, edges, strict=True)
    ]
    inside = tuple(left for left, _ in edges) if all(same) else 0
    depthwise = isinstance(layer, jl.DepthwiseConv2D)
    weight = np.moveaxis(kernel, -1, 0)[:, None] if depthwise else np.moveaxis(kernel, (-1, -2), (0, 1))
    module = (nn.Conv2d if space == 2 else nn.Conv1d)(
        part.took[-1],
        part.gave[-1],
        taps,
        stride=stride,
        padding=inside,
        groups=part.took[-1] if depthwise else 1,
        bias=layer.bias,
    )
    module = _filled(module, weight=weight, **({"bias": part.params["bias"]} if layer.bias else {}))
    if all(same):
        return module
    zeros = [n for edge in reversed(edges) for n in edge]
    return [nn.ZeroPad2d(tuple(zeros)) if space == 2 else nn.ZeroPad1d(tuple(zeros)), module]


@_module.register
def _(layer: jl.ConvTranspose1D, part: Part, steps_last: bool) -> Any:
    kernel = part.params["kernel"]
    module = nn.ConvTranspose1d(*kernel.shape[1:], kernel.shape[0], layer.stride, padding=(kernel.shape[0] - 1) // 2)
    return _filled(module, weight=kernel.transpose(1, 2, 0), bias=part.params["bias"])


@_module.register
def _(layer: jl.BatchNorm, part: Part, steps_last: bool) -> Any:
    return (nn.BatchNorm2d if len(part.took) == 3 else nn.BatchNorm1d)(part.took[-1])


@_module.register
def _(layer: jl.MaxPool2D, part: Part, steps_last: bool) -> Any:
    return nn.MaxPool2d(layer.window)


@_module.register
def _(layer: jl.FrequencyPool, part: Part, steps_last: bool) -> Any:
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten()]


@_module.register
def _(layer: jl.GlobalPool, part: Part, steps_last: bool) -> Any:
    if layer.kind == "last":
        return Take(lambda x: x[:, -1])
    return Take(lambda x: x.mean(-1) if x.ndim == 3 else x)


@_module.register(jl.LSTM)
@_module.register(jl.GRU)
def _(layer: Any, part: Part, steps_last: bool) -> Any:
    module = (nn.LSTM if isinstance(layer, jl.LSTM) else nn.GRU)(part.took[-1], layer.units, batch_first=True)
    bias = part.params["bias"]
    second = np.concatenate([0 * bias[: 2 * layer.units], part.params.get("recurrent_bias", bias[: layer.units])])
    module = _filled(
        module,
        weight_ih_l0=part.params["kernel"].T,
        weight_hh_l0=part.params["recurrent"].T,
        bias_ih_l0=bias,
        bias_hh_l0=second if isinstance(layer, jl.GRU) else 0 * bias,
    )
    return Recurrent(module, steps_last)
