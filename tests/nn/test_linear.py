"""Dense and convolutional layers against flax NNX on an input that is padded by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxlisten as jl

X = np.random.default_rng(0).standard_normal((2, 17, 4)).astype(np.float32)


def weighted(layer, x=X):
    """Return params whose bias is not 0."""
    params, _ = layer.init(jax.random.key(0), x)
    return params | {"bias": jax.random.normal(jax.random.key(1), params["bias"].shape)}


def test_dense_equals_flax():
    from flax import nnx

    params = weighted(jl.Dense(5))
    oracle = nnx.Linear(4, 5, rngs=nnx.Rngs(0))
    oracle.kernel[...], oracle.bias[...] = params["kernel"], params["bias"]
    np.testing.assert_allclose(jl.Dense(5).apply(params, {}, X)[0], oracle(X), rtol=0, atol=1e-5)


# settings, and zeros that stand before and behind the clip
CONVOLUTIONS = [
    ({"kernel": 3}, 1, 1),
    ({"kernel": 4}, 1, 2),
    ({"kernel": 5, "stride": 2}, 2, 2),
    ({"kernel": 3, "dilation": 3}, 3, 3),
    ({"kernel": 4, "stride": 3, "dilation": 2}, 3, 3),
    ({"kernel": 4, "lookahead": 0}, 3, 0),
    ({"kernel": 3, "stride": 2, "dilation": 2, "lookahead": 1}, 3, 1),
    ({"kernel": 3, "lookahead": 2}, 0, 2),
]


@pytest.mark.parametrize(("settings", "before", "behind"), CONVOLUTIONS, ids=str)
def test_conv1d_equals_flax_with_explicit_padding(settings, before, behind):
    from flax import nnx

    layer = jl.Conv1D(6, **settings)
    params = weighted(layer)
    oracle = nnx.Conv(
        4,
        6,
        settings["kernel"],
        strides=settings.get("stride", 1),
        kernel_dilation=settings.get("dilation", 1),
        padding=[(before, behind)],
        rngs=nnx.Rngs(0),
    )
    oracle.kernel[...], oracle.bias[...] = params["kernel"], params["bias"]
    got, want = jax.jit(layer.apply)(params, {}, X)[0], oracle(X)
    assert got.shape[1] == layer.out_length(17)
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-5)


def test_weights_start_as_they_are_documented():
    params, state = jl.Conv1D(200, 5).init(jax.random.key(0), jax.ShapeDtypeStruct((9, 40), jnp.float32))
    assert state == {}
    assert not params["bias"].any()
    np.testing.assert_allclose(params["kernel"].std(), np.sqrt(2 / (5 * 40)), rtol=0.02)  # He
    params, _ = jl.Dense(200).init(jax.random.key(0), jax.ShapeDtypeStruct((100,), jnp.float32))
    limit = np.sqrt(6 / (100 + 200))  # Glorot
    np.testing.assert_allclose(np.abs(params["kernel"]).max(), limit, rtol=0.01)
    np.testing.assert_allclose(params["kernel"].std(), limit / np.sqrt(3), rtol=0.02)


def test_without_bias_there_is_none():
    for layer in (jl.Dense(3, bias=False), jl.Conv1D(3, 2, bias=False)):
        params, _ = layer.init(jax.random.key(0), X)
        assert set(params) == {"kernel"}


def test_other_channels_than_at_first_are_refused_with_both_shapes():
    dense, conv = jl.serial(body=jl.serial(out=jl.Dense(3))), jl.serial(body=jl.serial(conv=jl.Conv1D(3, 5)))
    hint = "the layer was initialised for 4 channels; has n_mels or a layer before it changed?"
    for model, path, name in ((dense, "body/out", "Dense"), (conv, "body/conv", "Conv1D")):
        params, state = model.init(jax.random.key(0), X)
        with pytest.raises(jl.LayerError) as error:
            model.apply(params, state, X[..., :3])
        assert str(error.value) == f"{path}: {name}: expected x [*batch, time, 4], got (2, 17, 3): {hint}"


def test_raw_sound_before_a_convolution_is_refused_with_the_likely_cause():
    with pytest.raises(jl.LayerError) as error:
        jl.serial(jl.Conv1D(3, 5)).init(jax.random.key(0), X[0, :, 0])
    want = "conv1d: Conv1D: expected x [*batch, time, channel], got (17,): is the front end missing?"
    assert str(error.value) == want
