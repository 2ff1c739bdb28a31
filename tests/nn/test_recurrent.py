"""Recurrent layers: weights, memory, directions. A step's numbers are held in tests/ops/test_recurrence.py."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxlisten as jl
from jaxlisten import ops
from jaxlisten.types import Padded
from tests.nn.compiled import init


def test_weights_start_as_they_are_documented():
    params, _ = jax.jit(jl.LSTM(8).init)(jax.random.key(0), jnp.zeros((5, 40)))
    assert {name: leaf.shape for name, leaf in params.items()} == {
        "kernel": (40, 32),
        "recurrent": (8, 32),
        "bias": (32,),
    }
    np.testing.assert_array_equal(params["bias"], [0.0] * 8 + [1.0] * 8 + [0.0] * 16)
    for gate in np.split(np.asarray(params["recurrent"]), 4, axis=1):
        np.testing.assert_allclose(gate @ gate.T, np.eye(8), rtol=0, atol=1e-5)


def test_the_layer_starts_from_an_empty_memory():
    x = jax.random.normal(jax.random.key(0), (2, 7, 3))
    params, state = jax.jit(jl.LSTM(4).init)(jax.random.key(1), x)
    rest = jnp.zeros((2, 4))
    _, want = ops.lstm(x, params["kernel"], params["recurrent"], params["bias"], (rest, rest))
    np.testing.assert_allclose(jax.jit(jl.LSTM(4).apply)(params, state, x)[0], want, rtol=0, atol=1e-6)


def test_behind_the_end_of_a_clip_the_output_stays_the_last_valid_one():
    x = jax.random.normal(jax.random.key(0), (2, 7, 3))
    params, state = jax.jit(jl.LSTM(4).init)(jax.random.key(1), x)
    y, _ = jax.jit(jl.LSTM(4).apply)(params, state, Padded(x, jnp.array([3, 7])))
    np.testing.assert_array_equal(y.values[0, 3:], jnp.broadcast_to(y.values[0, 2], (4, 4)))


def test_a_gru_starts_from_an_empty_memory_with_the_documented_weights():
    x = jax.random.normal(jax.random.key(0), (2, 7, 3))
    params, state = jax.jit(jl.GRU(4).init)(jax.random.key(1), x)
    shapes = {"kernel": (3, 12), "recurrent": (4, 12), "bias": (12,), "recurrent_bias": (4,)}
    assert {name: leaf.shape for name, leaf in params.items()} == shapes
    _, want = ops.gru(x, *(params[name] for name in shapes), jnp.zeros((2, 4)))
    np.testing.assert_allclose(jax.jit(jl.GRU(4).apply)(params, state, x)[0], want, rtol=0, atol=1e-6)


@pytest.mark.wide
def test_both_directions_over_ragged_clips_equal_those_of_flax():
    from flax import nnx

    x, length = jax.random.normal(jax.random.key(0), (3, 7, 3)), jnp.array([7, 4, 1])
    params, state = init(jl.Bidirectional(jl.GRU(4)), jax.random.key(1), x)

    def direction(params):
        cell = nnx.GRUCell(3, 4, rngs=nnx.Rngs(0))
        cell.dense_i.kernel[...], cell.dense_i.bias[...] = params["kernel"], params["bias"]
        cell.dense_h.kernel[...] = params["recurrent"]
        return nnx.RNN(cell)

    oracle = nnx.Bidirectional(direction(params["forward"]), direction(params["backward"]))
    want = oracle(x, seq_lengths=length)
    padded = Padded(jnp.where(jnp.arange(7)[:, None] < length[:, None, None], x, jnp.nan), length)
    got, _ = jax.jit(jl.Bidirectional(jl.GRU(4)).apply)(params, state, padded)
    last, _ = jax.jit(jl.Bidirectional(jl.GRU(4), last=True).apply)(params, state, padded)
    for item, n in enumerate(length):
        np.testing.assert_allclose(got.values[item, :n], want[item, :n], rtol=0, atol=1e-6)
        ends = np.concatenate([want[item, n - 1, :4], want[item, 0, 4:]])
        np.testing.assert_allclose(last[item], ends, rtol=0, atol=1e-6)


def test_what_hears_the_clip_backwards_has_no_streaming_form_and_says_so():
    layer = jl.serial(back=jl.Bidirectional(jl.LSTM(2)), pool=jl.GlobalPool())
    assert layer.timing() is None
    with pytest.raises(jl.LayerError, match="streaming form"):
        jl.streaming(layer, longest=9)
