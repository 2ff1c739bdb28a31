"""One training step as a pure, jitted function."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxlisten import tasks
from jaxlisten.nn.layer import Layer, spec
from jaxlisten.tasks import Task
from jaxlisten.types import Array, Batch, Params, State


class TrainState(NamedTuple):
    """All that a training run carries from step to step.

    Attributes:
        params, state: of the model.
        opt_state: of the optimizer.
        key: of the run; step i uses ``fold_in(key, i)``, so a run that goes on from here repeats exactly.
        step: steps done, int32.
        bad_step: the first step whose loss or update was not finite, counted from 1; 0: none was. From it on nothing
            changes any more, so that params and state are still good.
    """

    params: Params
    state: State
    opt_state: optax.OptState
    key: Array
    step: Array
    bad_step: Array


class StepInfo(NamedTuple):
    """What a step reports.

    Attributes:
        loss: mean over the batch, a scalar.
        weight: sum of the items' weights, a scalar.
    """

    loss: Array
    weight: Array


TrainStep = Callable[[TrainState, Batch], tuple[TrainState, StepInfo]]


def init_train_state(model: Layer, optimizer: optax.GradientTransformation, key: Array, x: Any) -> TrainState:
    """Make the state before the first step.

    Args:
        model: a layer that ends in logits.
        optimizer: from optax.
        key: decides the first weights and all randomness of the steps.
        x: a batch of inputs, or its `jax.ShapeDtypeStruct`.
    """
    return _init(model, optimizer, key, spec(x))


@functools.partial(jax.jit, static_argnums=(0, 1))
def _init(model: Layer, optimizer: optax.GradientTransformation, key: Array, x: Any) -> TrainState:
    init_key, run_key = jax.random.split(key)
    params, state = model.init(init_key, x)
    zero = jnp.zeros((), jnp.int32)
    return TrainState(params, state, optimizer.init(params), run_key, zero, zero)


def make_train_step(
    model: Layer, optimizer: optax.GradientTransformation, task: Task | str = "classification"
) -> TrainStep:
    """Return the jitted function ``(train_state, batch) -> (train_state, info)``.

    The old `TrainState` is donated: its buffers become the new one's, and it can't be used again. Steps made for equal
    models share one compilation a shape.
    """
    return functools.partial(_train_step, model, optimizer, tasks.find(task) if isinstance(task, str) else task)


@functools.partial(jax.jit, static_argnums=(0, 1, 2), donate_argnums=3)
def _train_step(
    model: Layer, optimizer: optax.GradientTransformation, task: Task, now: TrainState, batch: Batch
) -> tuple[TrainState, StepInfo]:
    key = jax.random.fold_in(now.key, now.step)

    def loss_of(params: Params) -> tuple[Array, State]:
        logits, state = model.apply(params, now.state, batch.x, key=key, train=True)
        return task.loss(logits, batch.y, batch.weight, train=True), state

    (loss, state), gradients = jax.value_and_grad(loss_of, has_aux=True)(now.params)
    updates, opt_state = optimizer.update(gradients, now.opt_state, now.params)

    # What is not finite in a gradient is not finite in the update. The choice is a branch: a select for every array
    # would take a quarter longer to compile.
    good = (now.bad_step == 0) & jnp.isfinite(loss + optax.global_norm(updates))
    params, state, opt_state = jax.lax.cond(
        good,
        lambda: (optax.apply_updates(now.params, updates), state, opt_state),
        lambda: (now.params, now.state, now.opt_state),
    )
    bad_step = jnp.where(good | (now.bad_step > 0), now.bad_step, now.step + 1)
    after = TrainState(params, state, opt_state, now.key, now.step + 1, bad_step)
    return after, StepInfo(loss, jnp.sum(batch.weight))
