"""Modules of flax NNX, and the layers that compute the same with the same weights."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxlisten.interop.common import Parts, arrays, flax_nnx, refused, usual
from jaxlisten.interop.convolutions import conv, conv_transpose
from jaxlisten.nn import (
    GRU,
    LSTM,
    BatchNorm,
    Bidirectional,
    Dense,
    Dropout,
    Embedding,
    LayerNorm,
    MultiHeadSelfAttention,
)
from jaxlisten.types import Params


@functools.cache
def converters() -> dict[type, Callable[[Any], Parts]]:
    """Return what turns a module of each class into a layer and its weights."""
    nnx = flax_nnx("from_nnx")
    return {
        nnx.Linear: _linear,
        nnx.Conv: conv,
        nnx.ConvTranspose: conv_transpose,
        nnx.BatchNorm: _batch_norm,
        nnx.LayerNorm: _layer_norm,
        nnx.Dropout: _dropout,
        nnx.Embed: _embed,
        nnx.RNN: _rnn,
        nnx.Bidirectional: _bidirectional,
        nnx.MultiHeadAttention: _attention,
        nnx.LSTMCell: _cell,
        nnx.OptimizedLSTMCell: _cell,
        nnx.GRUCell: _cell,
    }


def _linear(module: Any) -> Parts:
    usual(module, dot_general=(jax.lax.dot_general,))
    return Parts(Dense(module.out_features, bias=module.use_bias), arrays(module, "kernel", "bias"), {})


def _batch_norm(module: Any) -> Parts:
    usual(module, axis=(-1,), axis_name=(None,))
    layer = BatchNorm(momentum=float(module.momentum), epsilon=float(module.epsilon))
    state = arrays(module, "mean", "var")
    return Parts(layer, _affine(module), {"mean": state["mean"], "variance": state["var"]})


def _layer_norm(module: Any) -> Parts:
    usual(module, reduction_axes=(-1, (-1,)), feature_axes=(-1, (-1,)), axis_name=(None,))
    return Parts(LayerNorm(epsilon=float(module.epsilon)), _affine(module), {})


def _affine(module: Any) -> Params:
    ones, zeros = jnp.ones(module.num_features), jnp.zeros(module.num_features)
    return {"scale": ones, "bias": zeros} | arrays(module, "scale", "bias")


def _dropout(module: Any) -> Parts:
    usual(module, broadcast_dims=((),))
    return Parts(Dropout(float(module.rate)), {}, {})


def _embed(module: Any) -> Parts:
    usual(module)
    layer = Embedding(module.num_embeddings, module.features)
    return Parts(layer, {"table": arrays(module, "embedding")["embedding"]}, {})


def _rnn(module: Any) -> Parts:
    usual(module, time_major=(False,), return_carry=(False,), reverse=(False,))
    return _recurrent(module.cell)


def _cell(module: Any) -> Parts:
    refused(module, "a cell within an nnx.RNN", "the cell alone", "convert the nnx.RNN that runs it")


def _bidirectional(module: Any) -> Parts:
    nnx = flax_nnx("from_nnx")
    concatenate = nnx.Bidirectional.merge_fn
    usual(module, time_major=(False,), return_carry=(False,), merge_fn=(concatenate,))
    for rnn in (module.forward_rnn, module.backward_rnn):
        if type(rnn) is not nnx.RNN:
            refused(module, "an nnx.RNN in each direction", type(rnn).__name__)
    ahead, back = _recurrent(module.forward_rnn.cell), _recurrent(module.backward_rnn.cell)
    if ahead.model != back.model:
        refused(module, "two directions of one kind and size", f"{ahead.model} and {back.model}")
    return Parts(Bidirectional(ahead.model), {"forward": ahead.params, "backward": back.params}, {})  # type: ignore


def _recurrent(cell: Any) -> Parts:
    nnx = flax_nnx("from_nnx")
    if type(cell) not in (nnx.LSTMCell, nnx.OptimizedLSTMCell, nnx.GRUCell):
        refused(cell, "an LSTMCell, an OptimizedLSTMCell or a GRUCell", type(cell).__name__)
    usual(cell, gate_fn=(jax.nn.sigmoid,), activation_fn=(jnp.tanh,), carry_init=(None,))
    units = cell.hidden_features
    if type(cell) is nnx.LSTMCell:
        inputs, memory = ([arrays(getattr(cell, name), "kernel", "bias") for name in names] for names in _GATES)
        kernels = {"kernel": [part["kernel"] for part in inputs], "recurrent": [part["kernel"] for part in memory]}
        gates = kernels | {"bias": [part["bias"] for part in memory]}
        return Parts(LSTM(units), {name: jnp.concatenate(parts, axis=-1) for name, parts in gates.items()}, {})
    inputs, memory = arrays(cell.dense_i, "kernel", "bias"), arrays(cell.dense_h, "kernel", "bias")
    params = {"kernel": inputs["kernel"], "recurrent": memory["kernel"]}
    if type(cell) is nnx.OptimizedLSTMCell:
        return Parts(LSTM(units), params | {"bias": memory["bias"]}, {})
    return Parts(GRU(units), params | {"bias": inputs["bias"], "recurrent_bias": jnp.zeros(units)}, {})


_GATES = ("ii", "if_", "ig", "io"), ("hi", "hf", "hg", "ho")
"""The parts of an `LSTMCell`, in the order of the gates of our `LSTM`."""


def _attention(module: Any) -> Parts:
    nnx = flax_nnx("from_nnx")
    usual(
        module,
        decode=(False, None),
        dropout_rate=(0.0,),
        normalize_qk=(False,),
        attention_fn=(nnx.dot_product_attention,),
        out_features=(module.in_features,),
        in_kv_features=(module.in_features,),
        num_kv_heads=(module.num_heads,),
    )
    shape = (module.num_heads, module.head_dim)
    params = {name: arrays(getattr(module, name), "kernel", "bias") for name in ("query", "key", "value", "out")}
    # A bias of the keys has no effect: it raises all scores of a query alike.
    params = {name: part if name != "key" else {"kernel": part["kernel"]} for name, part in params.items()}
    for name, size in (("query", shape), ("value", shape), ("out", module.out_features)):
        params[name] = {"bias": jnp.zeros(size)} | params[name]
    return Parts(MultiHeadSelfAttention(module.num_heads, head_size=module.head_dim), params, {})
