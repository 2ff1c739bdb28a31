"""The training step: what it does with absent items, NaN and its old state."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxlisten as jl
from jaxlisten.data import collate
from tests.train.small import KEY, MODEL, TRAIN, assert_same_bits, leaves

ADAM = optax.adam(1e-2)
QUIET = jl.serial(
    MODEL.layers[0],
    jl.Conv1D(8, 5, stride=2, bias=False),  # a bias before BatchNorm: its gradient is rounding, which Adam makes large
    jl.BatchNorm(),
    jl.ReLU(),
    jl.GlobalPool("max"),
    jl.Dense(3),
)
"""A model without noise in training."""


def start(model=MODEL, optimizer=ADAM):
    return jl.init_train_state(model, optimizer, KEY, batch().x)


def batch(n=6, size=6, samples=2000):
    return collate(TRAIN, np.arange(n), samples, size)


def copied(tree):
    return jax.tree.map(jnp.copy, tree)


def test_absent_items_and_padding_change_nothing():
    step = jl.make_train_step(QUIET, ADAM)
    alone, info_alone = step(start(QUIET), batch())
    padded, info = step(start(QUIET), batch(size=9, samples=2300))
    np.testing.assert_allclose(info.loss, info_alone.loss, rtol=1e-5)
    assert info.weight == info_alone.weight == 6
    for a, b in leaves((alone.params, alone.state), (padded.params, padded.state)):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-4 * max(1, np.abs(a).max()))


def test_what_stands_in_absent_items_changes_nothing():
    step = jl.make_train_step(MODEL, ADAM)
    good = batch(4)
    noise = np.where(np.arange(2000) < good.x.length[:, None], good.x.values, np.nan)
    bad = good._replace(x=jl.Padded(noise.astype(np.float32), good.x.length))
    assert_same_bits(step(start(), good)[0].params, step(start(), bad)[0].params)


def test_old_state_is_donated():
    now = start()
    jl.make_train_step(MODEL, ADAM)(now, batch())
    assert all(leaf.is_deleted() for leaf in jax.tree.leaves(now.params))


def test_equal_models_share_one_compilation():
    traced = []

    def noted(x):
        traced.append(x)
        return x

    def model():
        front = jl.LogMel(sr=8000, n_fft=256, hop_length=80, n_mels=16)
        return jl.serial(front, jl.lift(noted), jl.models.cnn1d(3, channels=(7,)))

    now = jl.init_train_state(model(), ADAM, KEY, batch().x)
    now, _ = jl.make_train_step(model(), ADAM)(now, batch())
    once = len(traced)
    for _ in range(2):
        now, _ = jl.make_train_step(model(), ADAM)(now, batch())
    assert len(traced) == once > 0


def test_batch_with_nan_leaves_all_as_it_was_and_names_the_step():
    step = jl.make_train_step(MODEL, ADAM)
    now, _ = step(start(), batch())
    before = copied(now)
    bad = batch()._replace(x=jl.Padded(np.full((6, 2000), np.nan, np.float32), np.full(6, 2000, np.int32)))
    now, info = step(now, bad)
    assert np.isnan(info.loss)
    now, _ = step(now, batch())
    assert now.bad_step == 2
    assert now.step == 3
    assert_same_bits(now[:3], before[:3])


@pytest.mark.parametrize("factor", [1.0, 1e10])
def test_step_that_spoils_the_weights_is_not_taken(factor):
    optimizer = optax.chain(optax.scale(factor), optax.sgd(1e30))
    step, now = jl.make_train_step(MODEL, optimizer), start(MODEL, optimizer)
    for _ in range(4):
        now, _ = step(now, batch())
    assert now.bad_step > 0
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((now.params, now.state)))


def test_model_without_weights_takes_a_step():
    model = jl.lift(jnp.tanh)
    now = jl.init_train_state(model, ADAM, KEY, jnp.zeros((2, 3)))
    now, info = jl.make_train_step(model, ADAM)(now, jl.Batch(jnp.zeros((2, 3)), jnp.array([0, 1]), jnp.ones(2)))
    np.testing.assert_allclose(info.loss, np.log(3), rtol=1e-6)
    assert now.bad_step == 0


def test_a_loop_of_ten_lines_learns(optimizations):
    with optimizations():
        step, now = jl.make_train_step(MODEL, ADAM, "classification"), start()
        first = None
        for _ in range(30):
            now, info = step(now, batch())
            first = info.loss if first is None else first
        assert info.loss < first / 2


def test_average_follows_the_weights_and_is_what_is_used():
    step = jl.make_train_step(MODEL, ADAM)
    now = jl.init_train_state(MODEL, ADAM, KEY, batch().x, average=0.5)
    expected = copied(now.params)
    for number in range(8):
        now, _ = step(now, batch())
        decay = min(0.5, (1 + number) / (10 + number))
        expected = jax.tree.map(lambda a, w, d=decay: d * a + (1 - d) * w, expected, now.params)
    for got, want in leaves(now.weights[0], expected):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-6)
    with pytest.raises(jl.InputError, match="average between 0 and 1"):
        jl.init_train_state(MODEL, ADAM, KEY, batch().x, average=1.0)


def test_augmentation_happens_inside_the_step_and_follows_its_key():
    loud = jl.augment.Gain(100.0, 100.0)
    _, info_plain = jl.make_train_step(QUIET, ADAM)(start(QUIET), batch())
    _, info = jl.make_train_step(QUIET, ADAM, augment=loud)(start(QUIET), batch())
    louder = batch()._replace(x=jl.Padded(batch().x.values * np.float32(1e5), batch().x.length))
    _, info_louder = jl.make_train_step(QUIET, ADAM)(start(QUIET), louder)
    np.testing.assert_allclose(info.loss, info_louder.loss, rtol=1e-4)
    assert abs(float(info.loss - info_plain.loss)) > 1e-3
