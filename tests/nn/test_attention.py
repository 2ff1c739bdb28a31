"""Attention layers against flax NNX and NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxlisten as jl
from jaxlisten.types import Padded
from tests.nn.compiled import apply, init
from tests.thinned import every

TIME = 11


@pytest.fixture(scope="module")
def x():
    return jax.random.normal(jax.random.key(0), (2, TIME, 6))


@pytest.mark.parametrize(
    ("settings", "left", "right"),
    every(
        2,
        [
            ({}, TIME, TIME),
            ({"causal": True}, TIME, 0),
            ({"causal": True, "window": 3}, 2, 0),
            ({"window": 4}, 1, 2),
            ({"head_size": 5}, TIME, TIME),
        ],
    ),
    ids=str,
)
def test_self_attention_equals_that_of_flax(settings, left, right, x):
    from flax import nnx

    layer = jl.MultiHeadSelfAttention(2, **settings)
    params, state = init(layer, jax.random.key(1), x)
    params["value"]["bias"] += 0.3
    oracle = nnx.MultiHeadAttention(2, 6, 2 * (layer.head_size or 3), decode=False, rngs=nnx.Rngs(0))
    for name, weights in params.items():
        for kind, array in weights.items():
            getattr(getattr(oracle, name), kind)[...] = array
    oracle.key.bias[...] = 3.0  # has no effect
    ahead = jnp.arange(TIME) - jnp.arange(TIME)[:, None]
    mask = (ahead >= -left) & (ahead <= right)
    got, _ = jax.jit(layer.apply)(params, state, x)
    np.testing.assert_allclose(got, oracle(x, mask=mask[None, None]), rtol=0, atol=2e-6)


def test_only_rotary_positions_tell_the_order_of_the_steps(x):
    for rotary in (False, True):
        layer = jl.MultiHeadSelfAttention(1, rotary=rotary)
        params, state = init(layer, jax.random.key(1), x)
        there, back = (apply(layer, params, state, x[:, ::way])[0][:, ::way] for way in (1, -1))
        assert np.allclose(there, back, atol=1e-5) is not rotary


def test_the_carry_holds_the_window_and_not_the_clip(x):
    layer = jl.MultiHeadSelfAttention(2, causal=True, window=4)
    params, state = init(layer, jax.random.key(1), x)
    carry = layer.start(params, state, jl.Chunk(x[:, :1], jnp.ones((2, 1), bool)))
    assert carry.values.shape == (2, 3, 3 * 6)
    assert layer.timing() == jl.Timing()
    assert jl.MultiHeadSelfAttention(2, window=4).timing().delay == 2


def test_attention_without_a_window_has_no_streaming_form_and_says_why(x):
    layer = jl.MultiHeadSelfAttention(2, causal=True)
    params, state = init(layer, jax.random.key(1), x)
    assert layer.timing() is None
    with pytest.raises(jl.LayerError, match="MultiHeadSelfAttention: expected a window"):
        layer.start(params, state, jl.Chunk(x, jnp.ones(x.shape[:2], bool)))


@pytest.mark.parametrize(("settings", "message"), [({"heads": 4}, "4 heads"), ({"heads": 2, "rotary": True}, "even")])
def test_heads_that_do_not_fit_are_refused(settings, message, x):
    with pytest.raises(jl.LayerError, match=message):
        init(jl.MultiHeadSelfAttention(**settings), jax.random.key(0), x)


def test_attention_pooling_is_a_weighted_mean_of_the_valid_steps_that_starts_as_the_mean(x):
    import scipy.special

    layer, padded = jl.AttentionPool(heads=2), Padded(x.at[1, 4:].set(jnp.nan), jnp.array([TIME, 4]))
    params, state = init(layer, jax.random.key(0), x)
    start, _ = apply(layer, params, state, padded)
    np.testing.assert_allclose(start, apply(jl.GlobalPool("mean"), {}, {}, padded)[0], rtol=0, atol=1e-6)
    kernel = jax.random.normal(jax.random.key(1), (6, 2))
    got, _ = apply(layer, {"kernel": kernel}, state, padded)
    for item, n in enumerate((TIME, 4)):
        clip = np.asarray(x[item, :n], np.float64)
        weights = scipy.special.softmax(clip @ np.asarray(kernel), axis=0)
        want = np.concatenate([weights[:, head] @ clip[:, 3 * head : 3 * head + 3] for head in (0, 1)])
        np.testing.assert_allclose(got[item], want, rtol=0, atol=1e-6)
    with pytest.raises(jl.LayerError, match="4 heads can share"):
        init(jl.AttentionPool(4), jax.random.key(0), x)
