"""What a run learns from: one pass over the clips, wherever they lie, and their judgement after it.

A pass is a function of the state, the number of the epoch and how many of its steps are done already. It yields legs:
the state behind some steps, which is gone when the next leg is asked for, and what those steps reported.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from jaxlisten import devices
from jaxlisten.data import Dataset, batches, collate, plan
from jaxlisten.data.batch import Maker
from jaxlisten.errors import InputError
from jaxlisten.evaluate import Scores, make_eval_step, score
from jaxlisten.nn import Layer
from jaxlisten.tasks import Task
from jaxlisten.train.job import Job
from jaxlisten.train.step import StepInfo, TrainState, TrainStep, Update, _train_step
from jaxlisten.train.store import Kept, Plan, Shelf, Store, fits, put, take
from jaxlisten.types import Array, Batch, Params, State

_LEG = 50
"""Steps of a leg where the host makes the batches: at its end the device waits for the host."""
_AT_ONCE = 256
"""Steps of one compiled loop."""

Leg = tuple[TrainState, StepInfo]

Taken = Callable[[TrainState, Shelf, Array], tuple[TrainState, StepInfo]]
"""A step on some rows of a shelf, as a value."""


@dataclass(frozen=True)
class Stepping:
    """Passes over batches that the host makes: the user's, or of clips that the device has no room for."""

    step: TrainStep
    batches: Callable[[int, int], Iterable[Batch]]
    shapes: Callable[[], list[Batch]] = list
    mesh: Mesh | None = None

    def __call__(self, now: TrainState, epoch: int, done: int = 0) -> Iterator[Leg]:
        infos, failure = [], None
        try:
            for batch in self.batches(epoch, done):
                now, info = self.step(now, devices.given(batch, self.mesh))
                infos.append(devices.settled(info, self.mesh))
                if len(infos) == _LEG:
                    yield now, stacked(infos)
                    infos = []
        except InputError as error:  # a clip can no longer be read: what was learnt until then is kept
            failure = error
        if infos:
            yield now, stacked(infos)
        if failure:
            raise failure

    def compile(self, now: TrainState) -> int:
        """Compile a step for each shape, on absent items; return how many there are."""
        shapes = self.shapes()
        for batch in shapes:
            batch = devices.given(batch, self.mesh)
            jax.block_until_ready(self.step(jax.tree.map(jnp.copy, now), batch))
        return len(shapes)


@dataclass(frozen=True)
class Resident:
    """Passes over clips that lie on the devices: the host sends their order once a pass.

    On an accelerator the steps of a pass are one compiled loop. A CPU calls step by step, which is as quick there and
    can be interrupted.
    """

    step: Taken
    store: Store
    plan: Callable[[int], Plan]
    mesh: Mesh | None = None

    def __call__(self, now: TrainState, epoch: int, done: int = 0) -> Iterator[Leg]:
        plan, shelves = Plan(*(column[done:] for column in self.plan(epoch))), self.store.shelves
        infos = []
        if not len(plan.shelf):
            return
        if steps_are_called():
            for shelf, clips in zip(plan.shelf, plan.clips, strict=True):
                now, info = _step(self.step, now, shelves[shelf], clips)
                infos.append(devices.settled(info, self.mesh))
            yield now, stacked(infos)
            return
        for part in _parts(plan):
            now, info = _loop(self.step, now, shelves, part)
            infos.append(info)
        losses, weights = (
            np.concatenate(column, dtype=np.float64) for column in zip(*jax.device_get(infos), strict=True)
        )
        yield now, StepInfo(losses, weights)

    def compile(self, now: TrainState) -> int:
        """Compile a step for each shelf, on absent items; return how many there are."""
        plan = self.plan(0)
        absent = plan._replace(clips=np.full_like(plan.clips, -1))
        used = np.unique(plan.shelf)
        if steps_are_called():
            for shelf in used:
                taken = self.store.shelves[shelf], absent.clips[0]
                jax.block_until_ready(_step(self.step, jax.tree.map(jnp.copy, now), *taken))
        else:
            part = _parts(absent)[0]
            jax.block_until_ready(_loop(self.step, jax.tree.map(jnp.copy, now), self.store.shelves, part))
        return len(used)


def steps_are_called() -> bool:
    """Whether the host calls each step of a pass: on a CPU."""
    return jax.default_backend() == "cpu"


def _parts(plan: Plan) -> list[Plan]:
    """Cut a plan into equal parts of at most `_AT_ONCE` steps, the last one filled up with absent batches."""
    n = len(plan.shelf)
    size = -(-n // -(-n // _AT_ONCE))
    missing = -n % size
    shelf = np.append(plan.shelf, np.zeros(missing, np.int32))
    clips = np.concatenate([plan.clips, np.full((missing, *plan.clips.shape[1:]), -1, np.int32)])
    return [Plan(shelf[i : i + size], clips[i : i + size]) for i in range(0, n, size)]


@dataclass(frozen=True)
class Take:
    """A step on rows of a shelf."""

    update: Update

    def __call__(self, now: TrainState, shelf: Shelf, clips: Array) -> tuple[TrainState, StepInfo]:
        return self.update(now, take(shelf, clips))


@functools.partial(jax.jit, static_argnums=0, donate_argnums=1)
def _step(step: Taken, now: TrainState, shelf: Shelf, clips: Array) -> tuple[TrainState, StepInfo]:
    return step(now, shelf, clips)


def _step_on_batch(step: Taken, now: TrainState, batch: Batch) -> tuple[TrainState, StepInfo]:
    """Take a step on a batch as if it were a shelf: the program is that of clips on the device, and so are the bits."""
    rows = np.where(batch.weight > 0, np.arange(len(batch.weight)), -1).astype(np.int32)
    return _step(step, now, Shelf(batch.x, batch.y), rows)


def _from(step: Taken, shelf: Shelf, now: TrainState, clips: Array) -> tuple[TrainState, StepInfo]:
    return step(now, shelf, clips)


@functools.partial(jax.jit, static_argnums=0, donate_argnums=1)
def _loop(step: Taken, now: TrainState, shelves: tuple[Shelf, ...], plan: Plan) -> tuple[TrainState, StepInfo]:
    def body(now: TrainState, part: Plan) -> tuple[TrainState, StepInfo]:
        ways = [functools.partial(_from, step, shelf) for shelf in shelves]
        return ways[0](now, part.clips) if len(ways) == 1 else jax.lax.switch(part.shelf, ways, now, part.clips)

    return jax.lax.scan(body, now, plan)


def stacked(infos: list[StepInfo]) -> StepInfo:
    """Bring what steps reported to the host: ``[steps, ...]``, or empty."""
    losses, weights = zip(*jax.device_get(infos), strict=True) if infos else ((), ())
    return StepInfo(np.array(losses, np.float64), np.array(weights, np.float64))


def make_feed(job: Job, key: Array, kept: Kept | None = None) -> Stepping | Resident:
    """Return the passes over the training clips; key and number of the epoch decide the order.

    Args:
        job: what is trained.
        key: of the run.
        kept: where its clips lie on the device already, among those of other runs; None: nowhere.
    """
    train, batch_size, lengths, mesh = job.train, job.batch_size, job.lengths, job.update.mesh
    step = functools.partial(_train_step, job.update)
    if not isinstance(train, Dataset):
        return Stepping(step, lambda epoch, done: itertools.islice(train, done, None), mesh=mesh)
    if kept is None and fits(train, lengths):
        kept = Kept(put(train, lengths), np.arange(len(train)))
    if kept is not None:
        store, members = kept
        return Resident(Take(job.update), store, lambda epoch: store.plan(members, batch_size, order(key, epoch)), mesh)

    def passed(epoch: int, done: int) -> Iterator[Batch]:
        rng, make = order(key, epoch), _maker(mesh)
        return (batch for _, batch in batches(train, batch_size, lengths, rng=rng, done=done, make=make))

    if steps_are_called() and mesh is None:
        step = functools.partial(_step_on_batch, Take(job.update))
    used = sorted({length for length, _ in plan(train.lengths, batch_size, lengths)})
    return Stepping(step, passed, lambda: [collate(train, [], length, batch_size) for length in used], mesh)


def _maker(mesh: Mesh | None) -> Maker:
    """Return what makes batches: with a mesh, each process reads only the rows of its own devices."""

    def make(data: Dataset, indices: np.ndarray, length: int, batch_size: int) -> Batch:
        if mesh is None or batch_size % mesh.size:
            return collate(data, indices, length, batch_size)
        return devices.built(batch_size, lambda at: collate(data, indices[at], length, at.stop - at.start), mesh)

    return make


def order(key: Array, epoch: int) -> np.random.Generator:
    """Return what shuffles an epoch of the run that has this key: the same on every device."""
    return np.random.default_rng([*np.asarray(jax.random.key_data(key)).ravel().tolist(), epoch])


def make_judge(job: Job) -> Callable[[TrainState], dict[str, float]]:
    """Return the function that scores a train state on the validation clips, which lie on the devices if they fit."""
    validation, lengths = job.validation, job.lengths
    if validation is None:
        return lambda now: {}
    mesh = job.update.mesh
    step, size, kept = functools.partial(_score, job.model, job.task, mesh), devices.filled(job.batch_size, mesh), None
    passed = functools.partial(batches, validation, size, lengths, make=_maker(mesh))
    if fits(validation, lengths):
        kept = [(places, devices.given(batch, mesh)) for places, batch in passed()]

    def judge(now: TrainState) -> dict[str, float]:
        scores = score(step, *now.weights, kept or passed())
        return judged(job.task, scores.probabilities, scores.loss, validation.targets)

    return judge


def _score(model: Layer, task: Task, mesh: Mesh | None, params: Params, state: State, batch: Batch) -> Scores:
    scores = make_eval_step(model, task)(params, state, devices.given(batch, mesh))
    return devices.settled(devices.replicated(scores, mesh), mesh)


def judged(task: Task, probabilities: Array, loss: Array, targets: np.ndarray) -> dict[str, float]:
    """Return the validation's part of a row of history."""
    said = probabilities if isinstance(probabilities, tuple) else np.asarray(probabilities)
    figures = task.judge(said, targets)
    return {"val_loss": float(loss)} | {f"val_{name}": value for name, value in figures.items()}
