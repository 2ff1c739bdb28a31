"""A model as a module of flax NNX: the same answers, trained by NNX's own tools, and back."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

import jaxlisten as jl

MODEL = jl.serial(
    jl.LogMel(8000, n_fft=128, hop_length=64, n_mels=8),
    jl.Normalize(),
    block0=jl.serial(jl.Conv1D(4, 3), jl.BatchNorm(), jl.ReLU(), jl.Dropout(0.5)),
    pool=jl.GlobalPool(),
    head=jl.Dense(2),
)
SOUND = jnp.asarray(0.1 * np.random.default_rng(0).normal(size=(4, 800)).astype(np.float32))


@pytest.fixture
def weights():
    return jax.jit(MODEL.init)(jax.random.key(0), SOUND)


def equal(a, b):
    assert jax.tree.structure(a) == jax.tree.structure(b)
    jax.tree.map(np.testing.assert_array_equal, a, b)


def test_it_answers_as_the_model_for_clips_of_one_length_and_of_several(weights):
    module = jl.interop.as_nnx(MODEL, *weights)
    padded = jl.Padded(SOUND, jnp.array([800, 400, 799, 0]))
    run = nnx.jit(lambda m, x: m(x))
    for x in (SOUND, padded):
        want, _ = jax.jit(MODEL.apply)(*weights, x)
        np.testing.assert_allclose(run(module, x), want, rtol=0, atol=1e-6)


def test_weights_have_readable_paths_and_kinds(weights):
    module = jl.interop.as_nnx(MODEL, *weights)
    trained, kept = (
        {"/".join(path) for path, _ in nnx.to_flat_state(nnx.state(module, kind))}
        for kind in (nnx.Param, nnx.BatchStat)
    )
    batch_norm = {"params/block0/batch_norm/scale", "params/block0/batch_norm/bias"}
    assert trained == batch_norm | {
        f"params/{layer}/{name}" for layer in ("block0/conv1d", "head") for name in ("kernel", "bias")
    }
    assert kept == {f"state/normalize/{name}" for name in ("count", "mean", "variance")} | {
        f"state/block0/batch_norm/{name}" for name in ("mean", "variance")
    }


def test_what_went_in_comes_back(weights):
    model, params, state = jl.interop.from_nnx(jl.interop.as_nnx(MODEL, *weights))
    assert model == MODEL
    equal((params, state), weights)


def test_what_is_frozen_is_no_param_for_flax(weights):
    frozen = jl.Frozen(MODEL)
    module = jl.interop.as_nnx(frozen, {}, jl.Frozen.hold(*weights))
    assert not jax.tree.leaves(nnx.state(module, nnx.Param))
    assert jl.interop.from_nnx(module).model == frozen


def test_a_step_of_flax_is_a_step_of_ours(weights):
    module = jl.interop.as_nnx(MODEL, *weights, rngs=nnx.Rngs(dropout=5))
    optimizer = nnx.Optimizer(module, optax.sgd(0.1), wrt=nnx.Param)
    target = jnp.array([0, 1, 1, 0])

    @nnx.jit
    def train(module, optimizer, x):
        def loss(module):
            return optax.softmax_cross_entropy_with_integer_labels(module(x), target).mean()

        optimizer.update(module, nnx.grad(loss)(module))

    module.train()
    train(module, optimizer, SOUND)
    _, params, state = jl.interop.from_nnx(module)

    key = nnx.Rngs(dropout=5)["dropout"].fork()()

    @jax.jit
    def step(params, state):
        def loss(params):
            y, moved = MODEL.apply(params, state, SOUND, key=key, train=True)
            return optax.softmax_cross_entropy_with_integer_labels(y, target).mean(), moved

        gradient, moved = jax.grad(loss, has_aux=True)(params)
        return jax.tree.map(lambda p, g: p - 0.1 * g, params, gradient), moved

    for got, want in zip(jax.tree.leaves((params, state)), jax.tree.leaves(step(*weights)), strict=True):
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-5)


@pytest.mark.wide
def test_training_and_evaluation_modes_are_those_of_flax(weights):
    class Larger(nnx.Module):
        def __init__(self):
            self.ears = jl.interop.as_nnx(MODEL, *weights, rngs=nnx.Rngs(0))
            self.head = nnx.Linear(2, 3, rngs=nnx.Rngs(1))

        def __call__(self, x):
            return self.head(self.ears(x))

    larger, want = Larger(), jax.jit(MODEL.apply)(*weights, SOUND)[0]
    assert larger(SOUND).shape == (4, 3)
    before = jax.tree.map(np.asarray, nnx.to_pure_dict(nnx.state(larger, nnx.BatchStat)))
    larger.train()
    first, second = larger.ears(SOUND), larger.ears(SOUND)
    assert float(jnp.abs(first - second).max()) > 1e-3  # two draws of the dropout
    after = nnx.to_pure_dict(nnx.state(larger, nnx.BatchStat))
    assert float(after["ears"]["state"]["normalize"]["count"]) > 0
    assert float(before["ears"]["state"]["normalize"]["count"]) == 0
    larger.eval()
    now = larger.ears(SOUND)
    np.testing.assert_array_equal(larger.ears(SOUND), now)
    assert float(jnp.abs(now - want).max()) > 1e-6  # the statistics have moved
    loud = nnx.view(larger, deterministic=False)
    assert (loud.ears.deterministic, larger.ears.deterministic) == (False, True)
    drawn = [larger.ears(SOUND, deterministic=False, rngs=nnx.Rngs(7)) for _ in range(2)]
    assert drawn[0].shape == want.shape


def test_a_call_brings_its_own_random_numbers():
    model = jl.Dropout(0.5)
    module, x = jl.interop.as_nnx(model, {}, {}), jnp.ones((50, 4))
    key = jax.random.key(3)
    want, _ = model.apply({}, {}, x, key=key, train=True)
    np.testing.assert_array_equal(module(x, deterministic=False, rngs=key), want)
    same = [module(x, deterministic=False, rngs=nnx.Rngs(dropout=1)) for _ in range(2)]
    np.testing.assert_array_equal(*same)
    assert not np.array_equal(same[0], x)
    with pytest.raises(jl.LayerError, match="key for train=True"):
        module(x, deterministic=False)


def test_a_module_is_taken_apart_and_put_together(weights):
    module = jl.interop.as_nnx(MODEL, *weights)
    graph, params, rest = nnx.split(module, nnx.Param, ...)
    assert graph == nnx.split(jl.interop.as_nnx(MODEL, *weights), nnx.Param, ...)[0]
    back = nnx.merge(graph, jax.tree.map(lambda p: 2 * p, params), rest)
    _, doubled, _ = jl.interop.from_nnx(back)
    equal(doubled, jax.tree.map(lambda p: 2 * p, weights[0]))
    equal(jl.interop.from_nnx(module).params, weights[0])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((jl.ReLU(), {}, {}, 0), r"rngs=nnx\.Rngs\(0\) or so, got int"),
        ((jl.ReLU, {}, {}), "expected a layer, got the class ReLU"),
        ((nnx.relu, {}, {}), "from_nnx goes the other way"),
        ((jl.ReLU(), None, {}), "as model.init gives them, got NoneType and dict"),
    ],
)
def test_what_is_no_model_is_refused(given, said):
    with pytest.raises(jl.InputError, match=said):
        jl.interop.as_nnx(*given[:3], rngs=given[3] if len(given) > 3 else None)


def test_without_flax_both_say_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "flax", None)
    for call in (lambda: jl.interop.as_nnx(jl.ReLU(), {}, {}), lambda: jl.interop.from_nnx(None)):
        with pytest.raises(jl.InputError, match=r"flax is missing; install it with: pip install 'jaxlisten\[flax\]'"):
            call()
