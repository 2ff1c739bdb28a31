"""The LSTM layer: its first weights and its memory. The numbers are held in tests/ops/test_recurrence.py."""

import jax
import jax.numpy as jnp
import numpy as np

import jaxlisten as jl
from jaxlisten import ops
from jaxlisten.types import Padded


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
