"""The affine layer against flax NNX."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxlisten as jl
from tests.nn.compiled import apply, init

X = np.random.default_rng(0).standard_normal((2, 17, 4)).astype(np.float32)


def test_dense_equals_flax():
    from flax import nnx

    params, _ = init(jl.Dense(5), jax.random.key(0), X)
    params |= {"bias": jax.random.normal(jax.random.key(1), (5,))}
    oracle = nnx.Linear(4, 5, rngs=nnx.Rngs(0))
    oracle.kernel[...], oracle.bias[...] = params["kernel"], params["bias"]
    np.testing.assert_allclose(apply(jl.Dense(5), params, {}, X)[0], oracle(X), rtol=0, atol=1e-5)


def test_weights_start_as_they_are_documented():
    params, state = init(jl.Dense(200), jax.random.key(0), jax.ShapeDtypeStruct((100,), jnp.float32))
    assert state == {}
    assert not params["bias"].any()
    limit = np.sqrt(6 / (100 + 200))  # Glorot
    np.testing.assert_allclose(np.abs(params["kernel"]).max(), limit, rtol=0.01)
    np.testing.assert_allclose(params["kernel"].std(), limit / np.sqrt(3), rtol=0.02)


def test_without_bias_there_is_none():
    params, _ = init(jl.Dense(3, bias=False), jax.random.key(0), X)
    assert set(params) == {"kernel"}


def test_other_channels_than_at_first_are_refused_with_both_shapes():
    model = jl.serial(body=jl.serial(out=jl.Dense(3)))
    params, state = init(model, jax.random.key(0), X)
    with pytest.raises(jl.LayerError) as error:
        apply(model, params, state, X[..., :3])
    assert str(error.value) == (
        "body/out: Dense: expected x [*batch, time, 4], got (2, 17, 3): "
        "the layer was initialised for 4 channels; has n_mels or a layer before it changed?"
    )
