"""Many runs in one compiled program: a step is vmapped over them, and the clips that they share lie there once."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from jaxlisten import devices
from jaxlisten.data import union
from jaxlisten.errors import TrainingError
from jaxlisten.evaluate import Scores, make_eval_step
from jaxlisten.evaluate.scoring import widened
from jaxlisten.nn import Layer
from jaxlisten.tasks import Task
from jaxlisten.train.feed import Resident, Take, judged, order
from jaxlisten.train.fit import compile
from jaxlisten.train.job import Job
from jaxlisten.train.memory import keep_memory
from jaxlisten.train.progress import progress as progress_
from jaxlisten.train.run import Run
from jaxlisten.train.step import StepInfo, TrainState, Update
from jaxlisten.train.store import Kept, Plan, Shelf, Store, put, take
from jaxlisten.types import Array, Params, State


@dataclass(frozen=True)
class TakeEach:
    """A step of every run, each on its own rows of a shelf; with a mesh, the runs are shared out over its devices."""

    update: Update

    def __call__(self, now: TrainState, shelf: Shelf, clips: Array) -> tuple[TrainState, StepInfo]:
        step, mesh = Take(replace(self.update, mesh=None)), self.update.mesh
        now, info = jax.vmap(step, in_axes=(0, None, 0))(now, shelf, devices.sharded(clips, mesh))
        return devices.sharded(now, mesh), devices.replicated(info, mesh)


def train_together(runs: list[Run], kept: list[Kept], *, progress: bool) -> dict[int, TrainingError]:
    """Train runs of one model to their ends; return what ended some of them early.

    Runs that are behind, because they were stopped before an epoch of theirs was stored, catch up first. The others
    take part, so that the program is the same, and forget it.

    Args:
        runs: what to train.
        kept: where the clips of each lie, all in one store.
        progress: tell of each epoch.
    """
    job, store = runs[0].job, kept[0].store
    if all(run.over for run in runs):
        return {}
    keep_memory()

    def plan(epoch: int) -> Plan:
        pairs = zip(kept, runs, strict=True)
        plans = [store.plan(mine.members, job.batch_size, order(run.key, epoch)) for mine, run in pairs]
        return side_by_side(plans, len(store.shelves), np.random.default_rng(epoch))

    mesh = job.update.mesh
    feed, judge = Resident(TakeEach(job.update), store, plan, mesh), make_judge([run.job for run in runs])
    now = devices.sharded(_stacked(runs), mesh)
    if progress:
        compile(feed, now)
    failures, left = dict[int, TrainingError](), dict(enumerate(runs))
    with (
        devices.watched(),
        progress_(job.epochs, _behind(runs), shown=progress) as tell,
        contextlib.ExitStack() as at_the_end,
    ):
        for run in runs:
            at_the_end.callback(run.flush)
        while left := {i: run for i, run in left.items() if not run.over and i not in failures}:
            epoch = _behind(left.values())
            ahead = any(run.epoch > epoch for run in left.values())
            begin = time.perf_counter()
            now, infos = next(feed(now, epoch))
            seconds = max(devices.gathered(time.perf_counter() - begin))
            rows, host = judge(now), jax.device_get(devices.replicated(now, mesh))
            for i, run in left.items():
                if run.epoch > epoch:
                    continue
                mine = StepInfo(infos.loss[:, i], infos.weight[:, i])
                try:
                    run.check(host.bad_step[i])
                    run.took(jax.tree.map(lambda leaf, i=i: leaf[i].copy(), host), mine, seconds)
                    run.add(rows[i])
                except TrainingError as error:
                    failures[i] = error
            if told := [run.memory.history[-1] for i, run in left.items() if i not in failures and run.epoch > epoch]:
                tell(_middle(told))
            if ahead:
                now = devices.sharded(_stacked(runs), mesh)
    return failures


def _stacked(runs: list[Run]) -> TrainState:
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *(run.memory.now for run in runs))


def _behind(runs: Iterable[Run]) -> int:
    """Return how many epochs the run has done that has done fewest."""
    return min(run.epoch for run in runs)


def side_by_side(plans: list[Plan], shelves: int, rng: np.random.Generator | None = None) -> Plan:
    """Join the plans of several runs, so that all take from the same shelf at each step.

    Each run's batches from a shelf keep their order. A run that has fewer of them than another gets absent ones.

    Args:
        plans: ``clips [steps, batch]`` each.
        shelves: how many there are.
        rng: shuffles the shelves; None: one after the other.

    Returns:
        ``clips [steps, runs, batch]``.
    """
    most = [max(np.count_nonzero(plan.shelf == shelf) for plan in plans) for shelf in range(shelves)]
    shelf = np.repeat(np.arange(shelves, dtype=np.int32), most)
    if rng is not None:
        shelf = rng.permutation(shelf)
    clips = np.full((len(shelf), len(plans), plans[0].clips.shape[1]), -1, np.int32)
    for one in range(shelves):
        steps = np.flatnonzero(shelf == one)
        for run, plan in enumerate(plans):
            batches = plan.clips[plan.shelf == one]
            clips[steps[: len(batches)], run] = batches
    return Plan(shelf, clips)


Judge = Callable[[TrainState], list[dict[str, float]]]


def make_judge(jobs: list[Job]) -> Judge:
    """Return the function that scores the states of all runs, each on its own validation clips."""
    job = jobs[0]
    parts = [one.validation for one in jobs if one.validation is not None]
    if len(parts) < len(jobs):
        return lambda now: [{} for _ in jobs]
    clips, members = union(parts)
    store = put(clips, job.lengths)
    plan = side_by_side([store.plan(mine, job.batch_size) for mine in members], len(store.shelves))
    places = [_places(plan, store, mine, run) for run, mine in enumerate(members)]

    def judge(now: TrainState) -> list[dict[str, float]]:
        pending = [
            _score_each(job.model, job.task, job.update.mesh, now.weights, store.shelves[shelf], rows)
            for shelf, rows in zip(plan.shelf, plan.clips, strict=True)
        ]
        said, *rest = zip(*jax.device_get(pending), strict=True)
        scores = Scores(*map(np.stack, (widened(list(said)), *rest)))  # [steps, runs, ...]
        rows = []
        for run, part in enumerate(parts):
            present = places[run] >= 0
            probabilities = np.empty((len(part), *scores.probabilities.shape[3:]), scores.probabilities.dtype)
            probabilities[places[run][present]] = scores.probabilities[:, run][present]
            loss = np.average(scores.loss[:, run].astype(np.float64), weights=scores.weight[:, run])
            rows.append(judged(job.task, probabilities, loss, part.targets))
        return rows

    return judge


def _places(plan: Plan, store: Store, members: np.ndarray, run: int) -> np.ndarray:
    """Say for each item of a run's batches which of its clips it is: int64 ``[steps, batch]``, -1 where absent."""
    clip_in = [np.flatnonzero(store.shelf_of == shelf) for shelf in range(len(store.shelves))]
    own = np.full(len(store.samples), -1)
    own[members] = np.arange(len(members))
    rows = plan.clips[:, run]
    found = [np.append(own[clip_in[shelf]], -1)[row] for shelf, row in zip(plan.shelf, rows, strict=True)]
    return np.stack(found)


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _score_each(
    model: Layer, task: Task, mesh: Mesh | None, weights: tuple[Params, State], shelf: Shelf, clips: Array
) -> Scores:
    step, clips = make_eval_step(model, task), devices.sharded(clips, mesh)
    scores = jax.vmap(lambda mine, rows: step(mine[0], mine[1], take(shelf, rows)))(weights, clips)
    return devices.replicated(scores, mesh)


def _middle(rows: list[dict[str, float]]) -> dict[str, float]:
    """Return what the runs' rows say on average; clips a second are those of all."""
    middle = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
    return middle | {"clips_per_second": float(sum(row["clips_per_second"] for row in rows))}
