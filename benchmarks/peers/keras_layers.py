"""The networks in Keras on JAX: `keras.Sequential`, `compile`, `train_on_batch` and `predict_on_batch`."""

from __future__ import annotations

import functools
import os
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"  # Keras reads it when it is imported

import keras
import numpy as np
from keras import layers

import jaxlisten as jl
from benchmarks.families import Family
from benchmarks.peers import Part, Side, padding, parts
from jaxlisten.types import Batch


def make(family: Family, params: Any, state: Any, batch: Batch) -> Side:
    """Return Keras."""
    each = list(parts(family, params, state))
    pairs = [(part, made) for part in each for made in _layers(part.layer, part)]
    model = keras.Sequential([keras.Input(family.item), *[made for _, made in pairs]])
    for part, made in pairs:
        if made.weights and part.params:
            made.set_weights([*_weights(part.layer, part), *made.get_weights()[len(part.params) :]])
    kinds = {"regression": "mse", "classification": keras.losses.SparseCategoricalCrossentropy(from_logits=True)}
    model.compile(optimizer=keras.optimizers.Adam(1e-3), loss=kinds[family.task])
    x, y = np.asarray(batch.x), np.asarray(batch.y)

    def infer():
        return model.predict_on_batch(x)

    def train():
        return model.train_on_batch(x, y)

    return Side("keras", infer(), infer, train)


@functools.singledispatch
def _layers(layer: Any, part: Part) -> list[Any]:
    raise NotImplementedError(type(layer).__name__)


@functools.singledispatch
def _weights(layer: Any, part: Part) -> list[np.ndarray]:
    """Return the arrays of a layer as Keras orders them."""
    return [part.params[name] for name in ("kernel", "recurrent", "scale", "bias") if name in part.params]


@_layers.register
def _(layer: jl.Dense, part: Part) -> list[Any]:
    return [layers.Dense(layer.units)]


@_layers.register
def _(layer: jl.ReLU, part: Part) -> list[Any]:
    return [layers.ReLU()]


@_layers.register(jl.Raw)
@_layers.register(jl.AddChannel)
def _(layer: Any, part: Part) -> list[Any]:
    return [layers.Reshape(part.gave)]


@_layers.register(jl.Conv1D)
@_layers.register(jl.Conv2D)
@_layers.register(jl.DepthwiseConv2D)
def _(layer: Any, part: Part) -> list[Any]:
    space = len(part.took) - 1
    taps, stride = part.params["kernel"].shape[:space], layer.stride if space == 2 else (layer.stride,)
    edges = [padding(*each) for each in zip(part.took[:-1], part.gave[:-1], taps, stride, strict=True)]
    if isinstance(layer, jl.DepthwiseConv2D):
        convolution = layers.DepthwiseConv2D(taps, stride, use_bias=layer.bias)
    else:
        kind = layers.Conv2D if space == 2 else layers.Conv1D
        convolution = kind(part.gave[-1], taps, stride, use_bias=layer.bias)
    return [layers.ZeroPadding2D(edges) if space == 2 else layers.ZeroPadding1D(edges[0]), convolution]


@_weights.register
def _(layer: jl.DepthwiseConv2D, part: Part) -> list[np.ndarray]:
    return [part.params["kernel"][..., None], *([part.params["bias"]] if layer.bias else [])]


@_layers.register
def _(layer: jl.ConvTranspose1D, part: Part) -> list[Any]:
    size, ahead = part.params["kernel"].shape[0], (part.params["kernel"].shape[0] - 1) // 2
    before = size - layer.stride - ahead
    after = (part.took[0] - 1) * layer.stride + size - part.gave[0] - before
    whole = layers.Conv1DTranspose(layer.channels, size, layer.stride)
    return [whole, layers.Cropping1D((before, after))]


@_weights.register
def _(layer: jl.ConvTranspose1D, part: Part) -> list[np.ndarray]:
    return [part.params["kernel"].transpose(0, 2, 1), part.params["bias"]]


@_layers.register
def _(layer: jl.BatchNorm, part: Part) -> list[Any]:
    return [layers.BatchNormalization(momentum=layer.momentum, epsilon=layer.epsilon)]


@_layers.register
def _(layer: jl.MaxPool2D, part: Part) -> list[Any]:
    return [layers.MaxPooling2D(layer.window)]


@_layers.register
def _(layer: jl.FrequencyPool, part: Part) -> list[Any]:
    return [layers.AveragePooling2D((1, part.took[1])), layers.Reshape(part.gave)]


@_layers.register
def _(layer: jl.GlobalPool, part: Part) -> list[Any]:
    return [layers.Lambda(lambda x: x[:, -1]) if layer.kind == "last" else layers.GlobalAveragePooling1D()]


@_layers.register
def _(layer: jl.LSTM, part: Part) -> list[Any]:
    return [layers.LSTM(layer.units, return_sequences=True)]


@_layers.register
def _(layer: jl.GRU, part: Part) -> list[Any]:
    return [layers.GRU(layer.units, return_sequences=True)]


@_weights.register
def _(layer: jl.GRU, part: Part) -> list[np.ndarray]:
    """Ours are reset, update, candidate; those of Keras update, reset, candidate, with two biases each."""
    reset, update, candidate = np.split(np.arange(3 * layer.units), 3)
    order = np.concatenate([update, reset, candidate])
    bias = part.params["bias"][order]
    kernel, recurrent = (part.params[name][:, order] for name in ("kernel", "recurrent"))
    return [kernel, recurrent, np.stack([bias, np.zeros_like(bias)])]
