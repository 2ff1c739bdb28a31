"""Tasks that learn from clips alone: what they are given, what they refuse, and their run folders."""

from __future__ import annotations

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxlisten as jl
from jaxlisten.nn.layer import REGISTRY, Whole
from tests.train.small import FRONT, TRAIN, VALIDATION, fit

CLIPS, HELD_OUT = jl.data.unlabelled(TRAIN), jl.data.unlabelled(VALIDATION)
MODEL = jl.serial(FRONT, jl.GlobalPool(), jl.Dense(1), jl.Logistic())


@pytest.fixture
def gap():
    """A model that says how far the two forms of a clip are apart, and of a clip alone its power."""

    @jl.layer
    class Gap(Whole):
        def init(self, key, x):
            return {"scale": jnp.ones(())}, {}

        def apply(self, params, state, x, *, key=None, train=False):
            pair = x if isinstance(x, jl.Pair) else jl.Pair(x, jax.tree.map(jnp.zeros_like, x))
            apart = jnp.square(pair.x.values - pair.y.values).sum(-1) / pair.x.length
            return params["scale"] * apart[..., None], state

    yield Gap()
    REGISTRY.pop("Gap")


@dataclasses.dataclass(frozen=True)
class Louder:
    """A pretext: the clips, and beside them the clips twice as loud."""

    def __call__(self, key, batch):
        return batch._replace(y=dataclasses.replace(batch.x, values=2 * batch.x.values))


def test_a_pretext_makes_the_other_form_in_training_and_for_the_validation_loss(gap):
    task = dataclasses.replace(jl.tasks.reconstruction(), pretext=Louder())
    fitted = fit(gap, CLIPS, HELD_OUT, task=task, epochs=1, optimizer=optax.sgd(0.0))
    power = [np.mean([np.mean(clip**2) for clip in part.audio]) for part in (CLIPS, HELD_OUT)]
    row = fitted.history[0]
    np.testing.assert_allclose([row["train_loss"], row["val_loss"]], power, rtol=1e-5)


def test_noise_of_denoising_is_of_the_power_asked_for_and_the_same_each_time(gap):
    task = jl.tasks.denoising(jl.augment.Noise(snr_db=(6.0, 6.0), share=1.0))
    ((_, batch),) = jl.data.batches(HELD_OUT, len(HELD_OUT), (2000,))
    step = functools.partial(jl.make_eval_step(gap, task), {"scale": jnp.ones(())}, {})
    power = np.mean([np.mean(clip**2) for clip in HELD_OUT.audio])
    np.testing.assert_allclose(step(batch).loss, power / 10**0.6, rtol=0.1)
    assert step(batch).loss == step(batch).loss


def test_a_run_without_classes_is_stored_resumed_and_loaded(tmp_path):
    fitted = fit(MODEL, CLIPS, HELD_OUT, task="reconstruction", epochs=2, run_dir=tmp_path / "run")
    assert fitted.classes == ()
    again = fit(MODEL, CLIPS, HELD_OUT, task="reconstruction", epochs=2, run_dir=tmp_path / "run", resume=True)
    assert again.history == fitted.history
    listener = jl.load(tmp_path / "run")
    assert (listener.classes, listener.fitted.task) == ((), jl.tasks.reconstruction())
    config = tmp_path / "run" / "config.json"
    config.write_text(config.read_text().replace('"reconstruction"', '"classification"'))
    with pytest.raises(jl.InputError, match="'classes' is missing or damaged"):
        jl.load(tmp_path / "run")


def test_a_task_has_to_be_named_and_to_go_with_the_clips():
    with pytest.raises(jl.InputError, match="no labels.*name one: 'reconstruction', 'denoising'"):
        fit(MODEL, CLIPS, None)
    with pytest.raises(jl.InputError, match=r"clips without labels.*kind 'class'; give jl.data.unlabelled\(data\)"):
        fit(MODEL, TRAIN, None, task="reconstruction")
    with pytest.raises(jl.InputError, match="one class per clip.*kind 'none'"):
        fit(MODEL, CLIPS, None, task="classification")
    with pytest.raises(jl.InputError, match=r"errors \[batch, 1\]"):
        jl.tasks.reconstruction().loss(jnp.zeros((8, 2)), jnp.zeros((8, 0)))


def test_absent_items_have_no_weight_and_no_gradient():
    task, errors = jl.tasks.reconstruction(), jnp.array([[1.0], [3.0], [jnp.nan]])
    loss, slope = jax.value_and_grad(lambda e: task.loss(e, jnp.zeros((3, 0)), jnp.array([1.0, 1.0, 0.0])))(errors)
    assert loss == 2.0
    np.testing.assert_array_equal(slope, [[0.5], [0.5], [0.0]])
