"""The networks in equinox: one item at a time, channels first, under `jax.vmap`, with `eqx.filter_jit`."""

from __future__ import annotations

import functools
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

import jaxlisten as jl
from benchmarks.families import Family
from benchmarks.peers import Part, Side, padding, parts
from jaxlisten.types import Batch

KEY = jax.random.key(0)


class Recurrent(eqx.Module):
    """A cell over time: ``[time, channel]``, or ``[channel, time]`` behind convolutions, to every hidden state."""

    cell: eqx.nn.LSTMCell | eqx.nn.GRUCell
    channels_first: bool

    def __call__(self, x, *, key=None):
        """Scan the cell."""
        zeros = jnp.zeros(self.cell.hidden_size)
        start = (zeros, zeros) if isinstance(self.cell, eqx.nn.LSTMCell) else zeros

        def advance(carry, step):
            carry = self.cell(step, carry)
            return carry, carry[0] if isinstance(carry, tuple) else carry

        y = jax.lax.scan(advance, start, x.T if self.channels_first else x)[1]
        return y.T if self.channels_first else y


def _outputs(model, state, x):
    run = model if model.is_stateful() else lambda x, state: (model(x), state)
    return jax.vmap(run, axis_name="batch", in_axes=(0, None), out_axes=(0, None))(x, state)


@eqx.filter_jit
def _infer(model, state, x):
    return _outputs(model, state, x)[0]


@eqx.filter_jit
def _train(model, state, opt_state, x, y, optimizer, regression):
    @functools.partial(eqx.filter_value_and_grad, has_aux=True)
    def loss_of(model):
        outputs, new = _outputs(model, state, x)
        if regression:
            return optax.squared_error(outputs, y).mean(), new
        return optax.softmax_cross_entropy_with_integer_labels(outputs, y).mean(), new

    (loss, state), grads = loss_of(model)
    updates, opt_state = optimizer.update(grads, opt_state, eqx.filter(model, eqx.is_inexact_array))
    return eqx.apply_updates(model, updates), state, opt_state, loss


def make(family: Family, params: Any, state: Any, batch: Batch) -> Side:
    """Return equinox."""
    convolves = any(isinstance(layer, jl.Conv1D | jl.ConvTranspose1D) for layer in family.model.layers)
    built = [_module(part.layer, part, convolves) for part in parts(family, params, state)]
    model = eqx.nn.Sequential([module for made in built for module in (made if isinstance(made, list) else [made])])
    memory = eqx.nn.State(model)
    optimizer = optax.adam(1e-3)
    opt_state = optimizer.init(eqx.filter(model, eqx.is_inexact_array))
    x, y = jnp.asarray(batch.x), jnp.asarray(batch.y)
    if convolves and x.ndim == 3:
        x = x.swapaxes(1, 2)
    regression = family.task == "regression"
    y = x if regression else y
    now = (model, memory, opt_state)
    ready = eqx.nn.inference_mode(model)

    def infer():
        return jax.block_until_ready(_infer(ready, memory, x))

    def train():
        nonlocal now
        *now, loss = _train(*now, x, y, optimizer, regression)
        jax.block_until_ready(eqx.filter(now[0], eqx.is_inexact_array))
        return loss

    outputs = np.asarray(infer())
    return Side("equinox", outputs.swapaxes(1, 2) if outputs.ndim == 3 else outputs, infer, train)


@functools.singledispatch
def _module(layer: Any, part: Part, convolves: bool) -> Any:
    raise NotImplementedError(type(layer).__name__)


def _filled(module: Any, **weights: np.ndarray) -> Any:
    names, values = list(weights), [jnp.asarray(value) for value in weights.values()]
    return eqx.tree_at(lambda module: [getattr(module, name) for name in names], module, values)


@_module.register
def _(layer: jl.Dense, part: Part, convolves: bool) -> Any:
    kernel, bias = part.params["kernel"], part.params["bias"]
    if len(part.took) > 1:
        module = eqx.nn.Conv1d(*kernel.shape, 1, key=KEY)
        return _filled(module, weight=kernel.T[..., None], bias=bias[:, None])
    return _filled(eqx.nn.Linear(*kernel.shape, key=KEY), weight=kernel.T, bias=bias)


@_module.register
def _(layer: jl.ReLU, part: Part, convolves: bool) -> Any:
    return eqx.nn.Lambda(jax.nn.relu)


@_module.register(jl.Raw)
@_module.register(jl.AddChannel)
def _(layer: Any, part: Part, convolves: bool) -> Any:
    return eqx.nn.Lambda(lambda x: x[None])


@_module.register(jl.Conv1D)
@_module.register(jl.Conv2D)
@_module.register(jl.DepthwiseConv2D)
def _(layer: Any, part: Part, convolves: bool) -> Any:
    kernel, space = part.params["kernel"], len(part.took) - 1
    taps, stride = kernel.shape[:space], layer.stride if space == 2 else (layer.stride,)
    edges = [padding(*each) for each in zip(part.took[:-1], part.gave[:-1], taps, stride, strict=True)]
    depthwise = isinstance(layer, jl.DepthwiseConv2D)
    module = eqx.nn.Conv(
        space,
        part.took[-1],
        part.gave[-1],
        taps,
        stride,
        padding=edges,
        groups=part.took[-1] if depthwise else 1,
        use_bias=layer.bias,
        key=KEY,
    )
    weight = np.moveaxis(kernel, -1, 0)[:, None] if depthwise else np.moveaxis(kernel, (-1, -2), (0, 1))
    bias = {"bias": part.params["bias"].reshape(-1, *[1] * space)} if layer.bias else {}
    return _filled(module, weight=weight, **bias)


@_module.register
def _(layer: jl.ConvTranspose1D, part: Part, convolves: bool) -> Any:
    kernel = part.params["kernel"]
    ahead = (kernel.shape[0] - 1) // 2
    module = eqx.nn.ConvTranspose1d(*kernel.shape[1:], kernel.shape[0], layer.stride, padding=ahead, key=KEY)
    return _filled(module, weight=kernel[::-1].transpose(2, 1, 0), bias=part.params["bias"][:, None])


@_module.register
def _(layer: jl.BatchNorm, part: Part, convolves: bool) -> Any:
    return eqx.nn.BatchNorm(part.took[-1], "batch", eps=layer.epsilon, momentum=layer.momentum, mode="batch")


@_module.register
def _(layer: jl.MaxPool2D, part: Part, convolves: bool) -> Any:
    return eqx.nn.MaxPool2d(layer.window, layer.window)


@_module.register
def _(layer: jl.FrequencyPool, part: Part, convolves: bool) -> Any:
    return eqx.nn.Lambda(lambda x: x.mean(-1))


@_module.register
def _(layer: jl.GlobalPool, part: Part, convolves: bool) -> Any:
    return eqx.nn.Lambda((lambda x: x[-1]) if layer.kind == "last" else (lambda x: x.mean(-1)))


@_module.register
def _(layer: jl.LSTM, part: Part, convolves: bool) -> Any:
    cell = eqx.nn.LSTMCell(part.took[-1], layer.units, key=KEY)
    weights = {"weight_ih": part.params["kernel"].T, "weight_hh": part.params["recurrent"].T}
    return Recurrent(_filled(cell, **weights, bias=part.params["bias"]), convolves)


@_module.register
def _(layer: jl.GRU, part: Part, convolves: bool) -> Any:
    cell = eqx.nn.GRUCell(part.took[-1], layer.units, key=KEY)
    weights = {"weight_ih": part.params["kernel"].T, "weight_hh": part.params["recurrent"].T}
    return Recurrent(
        _filled(cell, **weights, bias=part.params["bias"], bias_n=part.params["recurrent_bias"]), convolves
    )
