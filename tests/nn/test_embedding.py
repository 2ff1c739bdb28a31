"""The table of vectors against flax NNX."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxlisten as jl
from jaxlisten.types import Padded
from tests.nn.compiled import init

LAYER = jl.Embedding(9, 4)


@pytest.fixture(scope="module")
def params():
    return LAYER.init(jax.random.key(0), jnp.zeros((2, 5), int))[0]


def test_tokens_become_the_vectors_that_flax_gives(params):
    from flax import nnx

    tokens, oracle = jnp.array([[0, 8, 3], [3, 3, 1]]), nnx.Embed(9, 4, rngs=nnx.Rngs(0))
    oracle.embedding[...] = params["table"]
    np.testing.assert_array_equal(LAYER.apply(params, {}, tokens)[0], oracle(tokens))


def test_vectors_start_with_length_1_or_so():
    table = init(jl.Embedding(500, 64), jax.random.key(0), jnp.zeros(3, int))[0]["table"]
    np.testing.assert_allclose(np.linalg.norm(table, axis=1).mean(), 1.0, atol=0.02)


@pytest.mark.parametrize("bad", [-1, 9])
def test_a_token_that_is_none_is_refused_or_gives_nan(bad, params):
    for tokens in (np.array([0, bad]), jnp.array([0, bad])):
        with pytest.raises(jl.LayerError, match=r"Embedding: expected tokens from 0 to 8, got"):
            LAYER.apply(params, {}, tokens)
    y, _ = jax.jit(LAYER.apply)(params, {}, jnp.array([0, bad]))
    assert np.isfinite(y[0]).all()
    assert np.isnan(y[1]).all()


def test_padding_may_hold_any_number(params):
    y, _ = LAYER.apply(params, {}, Padded(jnp.array([[4, -7, 99]]), jnp.array([1])))
    np.testing.assert_array_equal(y.values[0, 0], params["table"][4])


def test_features_are_refused(params):
    with pytest.raises(jl.LayerError, match=r"whole numbers x \[\*batch, time\], got float32"):
        LAYER.apply(params, {}, jnp.zeros((2, 5)))
