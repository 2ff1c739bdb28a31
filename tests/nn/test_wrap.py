"""`BFloat16`: every model learns the same in it, and answers in float32."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxlisten as jl
from tests.nn.compiled import apply, init

AUDIO = 0.1 * np.random.default_rng(0).standard_normal((16, 4000), np.float32)
SMALL = {
    "mlp": {"units": (16,)},
    "cnn": {"filters": (4,), "channels": (8,)},
    "resnet": {"filters": (4,), "channels": (8,)},
    "ds_cnn": {"channels": 8, "blocks": 1},
    "cnn1d": {"channels": (8,)},
    "lstm": {"units": (8,)},
    "gru": {"units": (8,)},
    "crnn": {},
    "linear": {},
}


@functools.cache
def levels():
    front = jl.models.log_mel(8000)
    return jax.jit(lambda x: front.apply(*front.init(jax.random.key(0), x), x)[0])(AUDIO)


def test_every_model_is_tried():
    assert set(SMALL) == set(jl.models.MODELS)


@pytest.mark.wide
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in ("mlp", "gru") else pytest.mark.slow) for name in SMALL]
)
def test_gradients_of_every_model_are_those_of_float32_but_for_rounding(name):
    plain = jl.models.MODELS[name](3, **SMALL[name])
    half = jl.BFloat16(plain)
    x = jnp.asarray(AUDIO if name == "crnn" else levels())
    params, state = jax.jit(plain.init)(jax.random.key(1), x)
    inside = []

    def loss(model):
        def of(params):
            y, after = apply(model, params, state, x, key=jax.random.key(2), train=True)
            inside.append(jax.tree.map(lambda leaf: leaf.dtype, (y, after)))
            return jnp.sum(jnp.square(y - jnp.arange(3.0)))

        return of

    expected, got = (jax.jit(jax.grad(loss(model)))(params) for model in (plain, half))
    assert inside[0] == inside[1]  # logits and running statistics are float32
    ours, theirs = (np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)]) for tree in (expected, got))
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(got))
    assert not np.array_equal(ours, theirs)
    assert np.linalg.norm(ours - theirs) < 0.2 * np.linalg.norm(ours)
    answers = (jax.jit(model.apply)(params, state, x)[0] for model in (half, plain))
    np.testing.assert_array_equal(*answers)


def test_products_are_bfloat16_in_training_only():
    layer = jl.BFloat16(jl.Dense(4))
    x = jnp.ones((2, 3))
    params, state = init(layer, jax.random.key(0), x)
    for train, dtype in ((True, "bf16"), (False, "f32")):
        program = str(jax.make_jaxpr(lambda p, t=train: apply(layer, p, state, x, train=t)[0])(params))
        assert f"{dtype}[2,4] = dot_general" in program
