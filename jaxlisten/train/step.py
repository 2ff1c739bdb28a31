"""One training step as a pure, jitted function."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh

from jaxlisten import devices, tasks
from jaxlisten.augment import Augmentation
from jaxlisten.errors import InputError
from jaxlisten.nn.layer import Layer, spec
from jaxlisten.tasks import Task
from jaxlisten.train.memory import keep_memory
from jaxlisten.types import Array, Batch, Params, State


class Average(NamedTuple):
    """An exponential average of the weights, which is steadier than the last of them.

    Attributes:
        decay: how much of it stays at a step, a scalar; less in the first steps, to forget the first weights.
        params, state: of the model, averaged.
    """

    decay: Array
    params: Params
    state: State


class TrainState(NamedTuple):
    """All that a training run carries from step to step.

    Attributes:
        params, state: of the model.
        opt_state: of the optimizer.
        key: of the run; step i uses ``fold_in(key, i)``, so a run that goes on from here repeats exactly.
        step: steps done, int32.
        bad_step: the first step whose loss or update was not finite, counted from 1; 0: none was. From it on nothing
            changes any more, so that params and state are still good.
        average: of params and state; None: there is none.
        settings: numbers that the optimizer is made of, by name; None: it needs none.
    """

    params: Params
    state: State
    opt_state: optax.OptState
    key: Array
    step: Array
    bad_step: Array
    average: Average | None = None
    settings: dict[str, Array] | None = None

    @property
    def weights(self) -> tuple[Params, State]:
        """The params and the state to use: the averaged ones where there is an average."""
        return (self.params, self.state) if self.average is None else (self.average.params, self.average.state)


class StepInfo(NamedTuple):
    """What a step reports.

    Attributes:
        loss: mean over the batch, a scalar.
        weight: sum of the items' weights, a scalar.
    """

    loss: Array
    weight: Array


_AUGMENT, _PRETEXT = 2**31 - 1, 2**31 - 2
"""What a step's key is folded with for augmentation, and for a task's pretext; the model's layers count from 0."""

TrainStep = Callable[[TrainState, Batch], tuple[TrainState, StepInfo]]

Settings = dict[str, Array]
"""Numbers of a run by name, such as ``{"lr": 1e-3}``: what an optimizer is made of inside the step."""

Optimizer = optax.GradientTransformation | Callable[[Settings], optax.GradientTransformation]
"""An optimizer of optax, or the function that makes one of a run's settings."""


def init_train_state(
    model: Layer,
    optimizer: Optimizer,
    key: Array,
    x: Any,
    *,
    average: float | None = None,
    settings: Settings | None = None,
    init: tuple[Params, State] | None = None,
) -> TrainState:
    """Make the state before the first step.

    Args:
        model: a layer that ends in logits.
        optimizer: from optax, or a function of `settings` that returns one.
        key: decides the first weights and all randomness of the steps.
        x: a batch of inputs, or its `jax.ShapeDtypeStruct`.
        average: the decay of an exponential average of the weights, such as 0.999; None: none is kept.
        settings: the numbers that `optimizer` takes, scalars by name; None: it is no function.
        init: params and state to begin with, or some of them by path; what they leave out is drawn. None: all is.

    Raises:
        InputError: `average` is not between 0 and 1, `optimizer` and `settings` don't belong together, or the model has
            no such weights as `init` gives.
    """
    if average is not None and not 0 < average < 1:
        raise InputError(f"init_train_state: expected average between 0 and 1, such as 0.999, got {average}")
    if (settings is None) != isinstance(optimizer, optax.GradientTransformation):
        wanted = "an optimizer of optax" if settings is None else "a function from settings to an optimizer"
        raise InputError(f"init_train_state: expected {wanted}, got {type(optimizer).__name__}, settings={settings}")
    return _init(model, optimizer, average, key, settings, spec(x), init or ({}, {}))


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _init(
    model: Layer,
    optimizer: Optimizer,
    average: float | None,
    key: Array,
    settings: Settings | None,
    x: Any,
    init: tuple[Params, State],
) -> TrainState:
    init_key, run_key = jax.random.split(key)
    params, state = map(_with, model.init(init_key, x), init)
    zero = jnp.zeros((), jnp.int32)
    kept = None if average is None else Average(jnp.float32(average), params, state)
    settings = jax.tree.map(jnp.float32, settings)
    return TrainState(params, state, made(optimizer, settings).init(params), run_key, zero, zero, kept, settings)


def _with(drawn: Any, given: Any, path: str = "") -> Any:
    """Return weights that were drawn, with those that are given in their place."""
    if isinstance(drawn, dict) and isinstance(given, dict):
        branches = [(name, branch) for name, branch in given.items() if not isinstance(branch, dict) or branch]
        return {**drawn, **{name: _with(drawn.get(name), new, f"{path}/{name}".lstrip("/")) for name, new in branches}}
    want, have = (None if leaf is None or isinstance(leaf, dict) else jnp.shape(leaf) for leaf in (drawn, given))
    if want is None or want != have:
        raise InputError(
            f"init: at {path} the model has {_said(want)}, those to begin with have {_said(have)}; are they another "
            "model's? jl.transfer gives the model that they fit"
        )
    return jnp.asarray(given, jnp.result_type(drawn))


def _said(shape: tuple[int, ...] | None) -> str:
    return "no weights" if shape is None else str(list(shape))


def made(optimizer: Optimizer, settings: Settings | None) -> optax.GradientTransformation:
    """Return the optimizer of a run."""
    return optimizer if isinstance(optimizer, optax.GradientTransformation) else optimizer(settings or {})


def make_train_step(
    model: Layer,
    optimizer: Optimizer,
    task: Task | str = "classification",
    *,
    augment: Augmentation | None = None,
) -> TrainStep:
    """Return the jitted function ``(train_state, batch) -> (train_state, info)``.

    The old `TrainState` is donated: its buffers become the new one's, and it can't be used again. Steps made for equal
    models share one compilation a shape. On a CPU, the process keeps the memory that steps free (`keep_memory`).

    Args:
        model: a layer that ends in logits.
        optimizer: from optax, or a function from the state's settings to one. Schedules, clipping and accumulation
            (`optax.MultiSteps`) are its affair.
        task: decides the loss.
        augment: changes each batch before the model sees it, from `jaxlisten.augment`; None: nothing does.
    """
    task = tasks.find(task) if isinstance(task, str) else task
    keep_memory()
    return functools.partial(_train_step, Update(model, optimizer, task, augment))


@dataclass(frozen=True)
class Update:
    """One step of training as a pure function. Functions of equal settings are equal: they are compiled once.

    With a mesh, the batch is shared out over its devices, and every device has the whole state.
    """

    model: Layer
    optimizer: Optimizer
    task: Task
    augment: Augmentation | None = None
    mesh: Mesh | None = None

    def __call__(self, now: TrainState, batch: Batch) -> tuple[TrainState, StepInfo]:
        """Return the next state. A batch of absent items leaves it as it is."""
        batch, key = devices.sharded(batch, self.mesh), jax.random.fold_in(now.key, now.step)
        if self.augment is not None:
            with jax.named_scope("augment"):
                # Without the barrier XLA computes every sample anew for each frame that it is in: three times the step.
                batch = jax.lax.optimization_barrier(self.augment(jax.random.fold_in(key, _AUGMENT), batch))

        batch = self.task.posed(jax.random.fold_in(key, _PRETEXT), batch)

        def loss_of(params: Params) -> tuple[Array, State]:
            with devices.over(self.mesh):
                x = self.task.given(batch.x, batch.y)
                logits, state = self.model.apply(params, now.state, x, key=key, train=True)
            return self.task.loss(logits, batch.y, batch.weight, train=True), state

        (loss, state), gradients = jax.value_and_grad(loss_of, has_aux=True)(now.params)
        updates, opt_state = made(self.optimizer, now.settings).update(gradients, now.opt_state, now.params)

        # What is not finite in a gradient is not finite in the update. The choice is a branch: a select for every array
        # would take a quarter longer to compile.
        weight = jnp.sum(batch.weight)
        finite = jnp.isfinite(loss + optax.global_norm(updates))

        def moved():
            params = optax.apply_updates(now.params, updates)
            return params, state, opt_state, _averaged(now, params, state)

        kept = (now.params, now.state, now.opt_state, now.average)
        moves = (now.bad_step == 0) & finite & (weight > 0)
        params, state, opt_state, average = jax.lax.cond(moves, moved, lambda: kept)
        bad_step = jnp.where((weight == 0) | finite | (now.bad_step > 0), now.bad_step, now.step + 1)
        step = now.step + (weight > 0)
        after = TrainState(params, state, opt_state, now.key, step, bad_step, average, now.settings)
        return devices.replicated((after, StepInfo(loss, weight)), self.mesh)


@functools.partial(jax.jit, static_argnums=0, donate_argnums=1)
def _train_step(update: Update, now: TrainState, batch: Batch) -> tuple[TrainState, StepInfo]:
    return update(now, batch)


def _averaged(now: TrainState, params: Any, state: State) -> Average | None:
    """Move the average to ``w + d (a - w)``, w the new weights and ``d = min(decay, (1 + step) / (10 + step))``."""
    if now.average is None:
        return None
    step = now.step.astype(jnp.float32)
    decay = jnp.minimum(now.average.decay, (1 + step) / (10 + step))
    old = (now.average.params, now.average.state)
    return Average(now.average.decay, *jax.tree.map(lambda a, w: w + decay * (a - w), old, (params, state)))
