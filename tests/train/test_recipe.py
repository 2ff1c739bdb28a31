"""The default recipe: how long, how fast, and what is varied."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxlisten as jl
from jaxlisten import tasks
from jaxlisten.train import default_augment, default_optimizer, default_task, default_units, optimizer_of
from jaxlisten.train.recipe import default_epochs

PARAMS = {"kernel": jnp.ones((2, 3)), "bias": jnp.ones(3), "scale": jnp.ones(3)}


def change(steps: int, at: int):
    """Return what is added to each weight at a step, where no gradient is left."""
    optimizer = default_optimizer(steps)
    state, nothing = optimizer.init(PARAMS), jax.tree.map(jnp.zeros_like, PARAMS)
    for _ in range(at):
        updates, state = optimizer.update(nothing, state, PARAMS)
    return jax.tree.map(lambda a: np.abs(a).max(), updates)


def test_more_clips_are_heard_less_often_in_more_steps():
    steps, task = (1, 3, 9, 30, 72, 300, 1000, 5000), tasks.classification()
    passes = [default_epochs(n, task) for n in steps]
    assert passes == sorted(passes, reverse=True)
    assert (passes[0], passes[4], passes[-1]) == (100, 28, 10)
    together = [n * count for n, count in zip(steps, passes, strict=True)]
    assert together == sorted(together)
    assert default_epochs(0, task) == 100


def test_targets_in_time_are_learned_for_longer_those_of_streams_among_them():
    task, heard = tasks.classification(), jl.OnStreams(jl.serial(jl.GlobalPool(), jl.Dense(3)), 100)
    assert default_epochs(72, task, heard) == default_epochs(72, tasks.transcription()) > default_epochs(72, task)


def test_kernels_are_decayed_and_biases_and_scales_are_not():
    decay = change(100, 20)
    assert decay["kernel"] > 0
    assert decay["bias"] == decay["scale"] == 0


def test_rate_rises_for_a_fifth_of_the_steps_and_falls_to_almost_nothing():
    rates = [change(50, at)["kernel"] / 1e-2 for at in (1, 11, 50)]
    np.testing.assert_allclose(rates[:2], [3e-3 / 25, 3e-3], rtol=1e-5)
    assert rates[2] < 3e-3 / 100


def test_equal_settings_are_one_optimizer_and_share_a_compilation():
    assert default_optimizer(70) is default_optimizer(70)


def test_one_step_is_enough():
    assert np.isfinite(change(1, 1)["kernel"])


def test_only_classes_are_smoothed_and_numbers_are_not_varied():
    assert default_task(tasks.find("classification")).label_smoothing == 0.1
    for name in ("tagging", "regression"):
        assert default_task(tasks.find(name)) == tasks.find(name)
    assert default_augment(tasks.find("classification")) == default_augment(tasks.find("tagging")) is not None
    assert default_augment(tasks.find("regression")) is None


def test_units_bring_what_is_learned_to_mean_0_and_deviation_1():
    targets = np.array([[200.0, 3.0], [260.0, 3.0], [110.0, 3.0]], np.float32)
    units = default_units(targets)
    learned = (targets - units.offset) / units.scale
    np.testing.assert_allclose(learned.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(learned.std(0), [1, 0], rtol=1e-6)
    np.testing.assert_allclose(units.apply({}, {}, learned.astype(np.float32))[0], targets, rtol=1e-6)
    assert default_units(targets[:, 0]) == default_units(targets[:, :1])


@pytest.mark.parametrize(("steps", "peak", "decay"), [(50, 3e-3, 1e-2), (7, 2e-2, 1e-1)])
def test_the_optimizer_of_traced_numbers_is_the_default_one(steps, peak, decay):
    settings = {"steps": jnp.float32(steps), "learning_rate": jnp.float32(peak), "weight_decay": jnp.float32(decay)}
    ours, theirs = optimizer_of(settings), default_optimizer(steps, peak=peak, weight_decay=decay)
    states = [one.init(PARAMS) for one in (ours, theirs)]
    ones = jax.tree.map(jnp.ones_like, PARAMS)
    for _ in range(steps):
        updates = []
        for k, one in enumerate((ours, theirs)):
            update, states[k] = one.update(ones, states[k], PARAMS)
            updates.append(np.asarray(update["kernel"]))
        # A fifth of 7 steps is 1.4, which the default recipe makes 1.
        np.testing.assert_allclose(*updates, rtol=1e-4 if steps % 5 == 0 else 0.4)
