"""Batch normalisation taken into the weights of the layer before it: fewer operations where nothing is trained."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from jaxlisten import nn
from jaxlisten.nn import Layer
from jaxlisten.types import Params, State

_LINEAR = (
    nn.Dense,
    nn.Conv1D,
    nn.Conv2D,
    nn.DepthwiseConv1D,
    nn.DepthwiseConv2D,
    nn.ConvTranspose1D,
    nn.ConvTranspose2D,
)
"""Layers with a kernel whose last axis is that of the channels that come out, and perhaps a bias."""


def folded(model: Any, params: Params, state: State) -> tuple[Layer, Params, State]:
    """Return a model that gives the same with ``train=False``, without the `BatchNorm` behind a convolution or `Dense`.

    A normalisation multiplies each channel and adds to it, and so can the kernel and the bias before it. What is
    `Frozen` stays as it is.

    Args:
        model: any layer.
        params, state: of the model, with NumPy arrays as leaves.
    """
    if isinstance(model, nn.Wrapper):
        inner, params, state = folded(model.inner, params, state)
        wrapper: Any = model
        return replace(wrapper, inner=inner), params, state
    if not isinstance(model, nn.Serial | nn.Parallel):
        return model, params, state
    parts = [(name, *folded(child, params.get(name, {}), state.get(name, {}))) for name, child in model.children()]
    if isinstance(model, nn.Serial):
        parts = _joined(parts)
    names, layers, params_of, state_of = zip(*parts, strict=True) if parts else ((), (), (), ())
    params = {name: tree for name, tree in zip(names, params_of, strict=True) if tree}
    state = {name: tree for name, tree in zip(names, state_of, strict=True) if tree}
    return replace(model, layers=layers, names=names), params, state


def _joined(parts: list[tuple[str, Any, Params, State]]) -> list[tuple[str, Any, Params, State]]:
    kept = list[tuple[str, Any, Params, State]]()
    for name, layer, params, state in parts:
        if isinstance(layer, nn.BatchNorm) and kept and isinstance(kept[-1][1], _LINEAR):
            before, linear, weights, _ = kept.pop()
            kept.append((before, replace(linear, bias=True), _scaled(weights, layer, params, state), {}))
        else:
            kept.append((name, layer, params, state))
    return kept


def _scaled(weights: Params, norm: nn.BatchNorm, params: Params, state: State) -> Params:
    """Return ``(kernel x + bias - mean) * factor + shift`` as a kernel and a bias."""
    wide: dict[str, Any] = {name: np.asarray(array, np.float64) for name, array in {**params, **state}.items()}
    factor = wide["scale"] / np.sqrt(wide["variance"] + norm.epsilon)
    shift = (np.asarray(weights.get("bias", 0.0), np.float64) - wide["mean"]) * factor + wide["bias"]
    kernel = np.asarray(weights["kernel"], np.float64) * factor
    return {"kernel": kernel.astype(np.float32), "bias": shift.astype(np.float32)}
