"""Normalisation: stored statistics against NumPy, and batch normalisation against flax NNX."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxlisten as jl
from jaxlisten.types import Padded
from tests.nn.compiled import apply, init


@pytest.fixture(scope="module")
def clips():
    """Return ragged clips of levels in dB: a mean that is far from 0."""
    rng = np.random.default_rng(0)
    return [(rng.standard_normal((n, 3)) * [1, 5, 10] - 60).astype(np.float32) for n in (9, 1, 14, 14, 3, 7, 2)]


def batches(clips, size):
    for first in range(0, len(clips), size):
        some = clips[first : first + size]
        values = np.full((size, 14, 3), np.nan, np.float32)
        for row, clip in zip(values, some, strict=False):
            row[: len(clip)] = clip
        yield Padded(jnp.asarray(values), jnp.asarray([len(clip) for clip in some] + [0] * (size - len(some))))


@functools.partial(jax.jit, static_argnums=0)
def train(layer, params, state, x):
    return apply(layer, params, state, x, train=True)


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_stored_statistics_are_those_of_the_ragged_training_set(clips, size):
    layer = jl.Normalize()
    _, state = init(layer, jax.random.key(0), jnp.zeros((5, 3)))
    for batch in batches(clips, size):
        _, state = train(layer, {}, state, batch)
    steps = np.concatenate(clips).astype(np.float64)
    assert state["count"] == len(steps)
    np.testing.assert_allclose(state["mean"], steps.mean(0), rtol=1e-6)
    np.testing.assert_allclose(state["variance"], steps.var(0), rtol=1e-4)


def test_normalised_steps_have_mean_0_and_deviation_1(clips):
    layer, x = jl.Normalize(), jnp.asarray(np.concatenate(clips))
    _, state = init(layer, jax.random.key(0), x)
    y, state = train(layer, {}, state, x)
    np.testing.assert_allclose(y.mean(0), np.zeros(3), rtol=0, atol=1e-4)
    np.testing.assert_allclose(y.std(0), np.ones(3), rtol=1e-4)
    np.testing.assert_array_equal(apply(layer, {}, state, x)[0], apply(layer, {}, state, x, train=False)[0])
    assert layer.apply({}, state, x)[1] is state


def test_a_second_pass_leaves_the_statistics_as_they_are(clips):
    layer = jl.Normalize()
    _, state = init(layer, jax.random.key(0), jnp.zeros((5, 3)))
    passes = []
    for _ in range(2):
        for batch in batches(clips, 3):
            _, state = train(layer, {}, state, batch)
        passes.append(state)
    np.testing.assert_allclose(passes[1]["mean"], passes[0]["mean"], rtol=1e-6)
    np.testing.assert_allclose(passes[1]["variance"], passes[0]["variance"], rtol=1e-4)


def test_beyond_the_horizon_old_steps_fade():
    layer = jl.Normalize(horizon=30)
    _, state = init(layer, jax.random.key(0), jnp.zeros((10, 1)))
    for value in [0.0] * 3 + [1.0] * 4:
        _, state = train(layer, {}, state, jnp.full((10, 1), value))
    # Each batch of 10 has a share of 10 / (30 + 10) from then on.
    np.testing.assert_allclose(state["mean"], [1 - 0.75**4], rtol=1e-6)
    assert state["count"] == 30


def test_absent_items_alone_leave_the_state_as_it_is():
    nothing = Padded(jnp.full((2, 5, 3), jnp.nan), jnp.zeros(2, int))
    for layer in (jl.Normalize(), jl.BatchNorm()):
        params, state = init(layer, jax.random.key(0), nothing)
        _, after = train(layer, params, state, nothing)
        jax.tree.map(np.testing.assert_array_equal, after, state)


def test_a_band_that_never_changes_stays_near_0():
    x = jnp.full((50, 2), -100.0)
    _, state = init(jl.Normalize(), jax.random.key(0), x)
    y, _ = train(jl.Normalize(), {}, state, x)
    np.testing.assert_allclose(y, np.zeros((50, 2)), rtol=0, atol=1e-2)


@pytest.mark.parametrize(("momentum", "epsilon"), [(0.9, 1e-5), (0.5, 1e-2), (0.0, 1e-5)])
def test_batch_norm_equals_flax_in_outputs_and_running_statistics(momentum, epsilon):
    from flax import nnx

    layer = jl.BatchNorm(momentum=momentum, epsilon=epsilon)
    oracle = nnx.BatchNorm(3, momentum=momentum, epsilon=epsilon, use_running_average=False, rngs=nnx.Rngs(0))
    xs = 2.0 + 3.0 * jax.random.normal(jax.random.key(0), (3, 4, 11, 3))
    params, state = init(layer, jax.random.key(0), xs[0])
    params = {"scale": jnp.array([1.0, -2.0, 0.5]), "bias": jnp.array([0.0, 1.0, 2.0])}
    oracle.scale[...], oracle.bias[...] = params["scale"], params["bias"]
    for x in xs:
        y, state = train(layer, params, state, x)
        np.testing.assert_allclose(y, oracle(x), rtol=0, atol=2e-5)
        np.testing.assert_allclose(state["mean"], oracle.mean[...], rtol=1e-5)
        np.testing.assert_allclose(state["variance"], oracle.var[...], rtol=1e-4)
    want = oracle(xs[0], use_running_average=True)
    np.testing.assert_allclose(apply(layer, params, state, xs[0])[0], want, rtol=0, atol=2e-5)


def test_batch_norm_of_a_ragged_batch_takes_the_statistics_of_the_valid_steps(clips):
    layer = jl.BatchNorm(momentum=0.0)
    batch = next(batches(clips, 7))
    params, state = init(layer, jax.random.key(0), batch)
    y, state = train(layer, params, state, batch)
    steps = np.concatenate(clips).astype(np.float64)
    np.testing.assert_allclose(state["mean"], steps.mean(0), rtol=1e-6)
    np.testing.assert_allclose(state["variance"], steps.var(0), rtol=1e-4)
    want = (clips[2] - steps.mean(0)) / np.sqrt(steps.var(0) + 1e-5)
    np.testing.assert_allclose(y.values[2], want, rtol=0, atol=1e-4)


def test_the_gradient_of_batch_norm_equals_that_of_flax():
    from flax import nnx

    x = jax.random.normal(jax.random.key(0), (2, 9, 3))
    weight = jnp.cos(jnp.arange(x.size, dtype=jnp.float32)).reshape(x.shape)
    params, state = init(jl.BatchNorm(), jax.random.key(0), x)

    def theirs(x):
        layer = nnx.BatchNorm(3, use_running_average=False, rngs=nnx.Rngs(0))
        return (layer(x) * weight).sum()

    got = jax.grad(lambda x: (train(jl.BatchNorm(), params, state, x)[0] * weight).sum())(x)
    np.testing.assert_allclose(got, jax.jit(jax.grad(theirs))(x), rtol=0, atol=1e-4)


@pytest.mark.parametrize("layer", [jl.Normalize(), jl.BatchNorm(momentum=0.0)], ids=repr)
def test_steps_of_several_bands_give_the_statistics_of_the_valid_ones(layer, clips):
    bands = [np.stack([clip, 2 * clip], axis=1) for clip in clips]  # [time, freq, channel]
    values = np.full((7, 14, 2, 3), np.nan, np.float32)
    for row, clip in zip(values, bands, strict=True):
        row[: len(clip)] = clip
    batch = Padded(jnp.asarray(values), jnp.asarray([len(clip) for clip in clips]))
    params, state = init(layer, jax.random.key(0), batch)
    y, state = train(layer, params, state, batch)
    steps = np.concatenate(bands).astype(np.float64)
    np.testing.assert_allclose(state["mean"], steps.mean((0, 1)), rtol=1e-6)
    np.testing.assert_allclose(state["variance"], steps.var((0, 1)), rtol=1e-4)
    want = (bands[2] - steps.mean((0, 1))) / np.sqrt(steps.var((0, 1)) + 1e-5)
    np.testing.assert_allclose(y.values[2], want, rtol=0, atol=1e-4)


def test_layer_norm_equals_that_of_flax():
    from flax import nnx

    x = 20.0 + jax.random.normal(jax.random.key(0), (2, 5, 8))
    layer, oracle = (
        jl.LayerNorm(epsilon=1e-3),
        nnx.LayerNorm(8, epsilon=1e-3, use_fast_variance=False, rngs=nnx.Rngs(0)),
    )
    params, state = init(layer, jax.random.key(0), x)
    params = {"scale": params["scale"] * 0.7, "bias": params["bias"] + jnp.arange(8.0)}
    oracle.scale[...], oracle.bias[...] = params["scale"], params["bias"]
    np.testing.assert_allclose(apply(layer, params, state, x)[0], oracle(x), rtol=0, atol=1e-5)


def test_each_clip_has_mean_0_and_variance_1_by_itself(clips):
    layer, batch = jl.ClipNorm(epsilon=1e-4), next(batches(clips, 7))
    y, _ = jax.jit(layer.apply)({}, {}, batch)
    for clip, row in zip(clips, y.values, strict=True):
        clip = clip.astype(np.float64)
        want = (clip - clip.mean(0)) / np.sqrt(clip.var(0) + 1e-4)
        np.testing.assert_allclose(row[: len(clip)], want, rtol=0, atol=1e-4)


def test_bands_that_clip_norm_can_not_tell_from_steps_are_refused():
    with pytest.raises(jl.LayerError, match=r"ClipNorm: expected x \[\*batch, time, channel\]"):
        apply(jl.ClipNorm(), {}, {}, Padded(jnp.zeros((2, 5, 3, 4)), jnp.array([5, 5])))
