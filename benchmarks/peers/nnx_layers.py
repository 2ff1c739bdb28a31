"""The networks in flax NNX: channels last, `nnx.Sequential`, `nnx.Optimizer`, `nnx.cached_partial`."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

import jaxlisten as jl
from benchmarks.families import Family
from benchmarks.peers import Part, Side, padding, parts
from jaxlisten.types import Batch


@nnx.jit
def _infer(model, x):
    return model(x)


@functools.partial(nnx.jit, static_argnames="regression")
def _train(model, optimizer, x, y, regression):
    def loss_fn(model):
        outputs = model(x)
        if regression:
            return optax.squared_error(outputs, y).mean()
        return optax.softmax_cross_entropy_with_integer_labels(outputs, y).mean()

    loss, grads = nnx.value_and_grad(loss_fn)(model)
    optimizer.update(model, grads)
    return loss


def make(family: Family, params: Any, state: Any, batch: Batch) -> Side:
    """Return flax NNX."""
    model = nnx.Sequential(*[_module(part.layer, part) for part in parts(family, params, state)])
    optimizer = nnx.Optimizer(model, optax.adam(1e-3), wrt=nnx.Param)
    x, y = jnp.asarray(batch.x), jnp.asarray(batch.y)
    apply = nnx.cached_partial(_infer, nnx.view(model, use_running_average=True, raise_if_not_found=False))
    step = nnx.cached_partial(_train, model, optimizer)

    def infer():
        return jax.block_until_ready(apply(x))

    def train():
        return jax.block_until_ready(step(x, y, regression=family.task == "regression"))

    return Side("flax NNX", np.asarray(infer()), infer, train)


@functools.singledispatch
def _module(layer: Any, part: Part) -> Any:
    raise NotImplementedError(type(layer).__name__)


def _filled(module: Any, **weights: np.ndarray) -> Any:
    for name, value in weights.items():
        getattr(module, name)[...] = jnp.asarray(value)
    return module


@_module.register
def _(layer: jl.Dense, part: Part) -> Any:
    return _filled(nnx.Linear(*part.params["kernel"].shape, rngs=nnx.Rngs(0)), **part.params)


@_module.register
def _(layer: jl.ReLU, part: Part) -> Any:
    return nnx.relu


@_module.register(jl.Raw)
@_module.register(jl.AddChannel)
def _(layer: Any, part: Part) -> Any:
    return lambda x: x[..., None]


@_module.register(jl.Conv1D)
@_module.register(jl.Conv2D)
@_module.register(jl.DepthwiseConv2D)
def _(layer: Any, part: Part) -> Any:
    kernel, space = part.params["kernel"], len(part.took) - 1
    taps, stride = kernel.shape[:space], layer.stride if space == 2 else (layer.stride,)
    edges = [padding(*each) for each in zip(part.took[:-1], part.gave[:-1], taps, stride, strict=True)]
    depthwise = isinstance(layer, jl.DepthwiseConv2D)
    module = nnx.Conv(
        part.took[-1],
        part.gave[-1],
        taps,
        stride,
        padding=edges,
        feature_group_count=part.took[-1] if depthwise else 1,
        use_bias=layer.bias,
        rngs=nnx.Rngs(0),
    )
    weights = part.params | {"kernel": kernel[..., None, :] if depthwise else kernel}
    return _filled(module, **weights)


@_module.register
def _(layer: jl.ConvTranspose1D, part: Part) -> Any:
    kernel = part.params["kernel"]
    ahead = (kernel.shape[0] - 1) // 2
    edges = [(kernel.shape[0] - 1 - ahead, layer.stride - 1 + ahead)]
    module = nnx.ConvTranspose(
        *kernel.shape[1:], kernel.shape[0], strides=layer.stride, padding=edges, rngs=nnx.Rngs(0)
    )
    return _filled(module, kernel=kernel[::-1], bias=part.params["bias"])


@_module.register
def _(layer: jl.BatchNorm, part: Part) -> Any:
    return nnx.BatchNorm(part.took[-1], momentum=layer.momentum, epsilon=layer.epsilon, rngs=nnx.Rngs(0))


@_module.register
def _(layer: jl.MaxPool2D, part: Part) -> Any:
    return lambda x: nnx.max_pool(x, layer.window, layer.window)


@_module.register
def _(layer: jl.FrequencyPool, part: Part) -> Any:
    return lambda x: x.mean(-2)


@_module.register
def _(layer: jl.GlobalPool, part: Part) -> Any:
    return (lambda x: x[:, -1]) if layer.kind == "last" else (lambda x: x.mean(1))


@_module.register
def _(layer: jl.LSTM, part: Part) -> Any:
    cell = nnx.OptimizedLSTMCell(part.took[-1], layer.units, rngs=nnx.Rngs(0))
    _filled(cell.dense_i, kernel=part.params["kernel"])
    _filled(cell.dense_h, kernel=part.params["recurrent"], bias=part.params["bias"])
    return nnx.RNN(cell)


@_module.register
def _(layer: jl.GRU, part: Part) -> Any:
    cell = nnx.GRUCell(part.took[-1], layer.units, rngs=nnx.Rngs(0))
    _filled(cell.dense_i, kernel=part.params["kernel"], bias=part.params["bias"])
    _filled(cell.dense_h, kernel=part.params["recurrent"])
    return nnx.RNN(cell)
