"""The training loop."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import optax

from jaxlisten import devices
from jaxlisten.augment import Augmentation
from jaxlisten.data import Dataset
from jaxlisten.errors import InputError
from jaxlisten.nn import Layer
from jaxlisten.runs import Fitted
from jaxlisten.tasks import Task
from jaxlisten.train.feed import make_feed, make_judge
from jaxlisten.train.job import prepare
from jaxlisten.train.memory import keep_memory
from jaxlisten.train.progress import progress as progress_
from jaxlisten.train.run import Run
from jaxlisten.train.step import TrainState
from jaxlisten.train.store import Kept
from jaxlisten.train.transfer import Start
from jaxlisten.types import Array, Batch

Callback = Callable[[dict[str, float], TrainState], bool | None]
"""What `fit` calls after each epoch."""


def fit(
    model: Layer,
    train: Dataset | Iterable[Batch],
    validation: Dataset | None = None,
    *,
    key: Array,
    optimizer: optax.GradientTransformation | None = None,
    task: Task | str | None = None,
    epochs: int | None = None,
    batch_size: int = 32,
    augment: Augmentation | None = None,
    average: float | None = None,
    patience: int | None = None,
    init: Start | None = None,
    callbacks: Sequence[Callback] = (),
    run_dir: str | os.PathLike[str] | None = None,
    resume: bool = False,
    about: Mapping[str, Any] | None = None,
    report: bool = True,
    progress: bool = True,
) -> Fitted:
    """Train a model, and bring back the weights of its best epoch.

    The best epoch is the one with the best figure of the task on `validation` (the accuracy, the mean average precision
    of labels, the squared error of numbers; among equals the least loss), or without validation the last.

    Every device that JAX shows takes its share of each batch, with the result that one of them would have, to rounding;
    ``with jax.default_device(device):`` trains on that one alone. Several processes (`jax.distributed.initialize`) call
    it with the same arguments; each puts its part of the clips on its devices, and the first one writes the run folder.

    Args:
        model: from ``x`` to logits.
        train: a data set, or batches that can be iterated over once an epoch.
        validation: clips to choose by.
        key: decides everything random: weights, order of clips, dropout.
        optimizer: from optax; None: `default_optimizer` over all the steps.
        task: None: inferred from the kind of targets.
        epochs: passes over the training clips; None: 10 to 100, the fewer the more clips there are.
        batch_size: clips a step, where `train` is a data set.
        augment: changes each batch inside the compiled step, from `jaxlisten.augment`; None: nothing does.
        average: the decay of an exponential average of the weights, which is then what is validated and kept.
        patience: stop after this many epochs without a better one; None: never.
        init: weights to begin with, such as another listener's from `jaxlisten.transfer`, and not the first ones that
            the layers draw; None: those. The clips that they were learned from count as heard.
        callbacks: functions that are called after each epoch with its row of history and the `TrainState`; training
            ends when one returns True. They must not keep the state: the next step takes its arrays over.
        run_dir: where to write the run folder; None: nothing is written.
        resume: go on with the run in `run_dir` if there is one. A run that was stopped at any moment, even killed, then
            ends with the bits of one that was not, on the same machine and versions.
        about: what else to keep in `Fitted.about`, and so in ``config.json``, by name; JSON must be able to hold it.
        report: write ``report.html`` and ``report.json`` on the validation clips into the run folder.
        progress: tell of each epoch on standard error.

    Returns:
        The trained listener, with a row of history for each epoch.

    Raises:
        InputError: the data and the model don't belong together, or the run folder can't be used.
        TrainingError: the loss, a gradient or a weight is no longer finite, and the message names the step; or a clip
            that stayed in its file can no longer be read, and the message names the file. The run folder, and the
            error's `fitted`, keep the weights of the best epoch before it. Or another process has ended
            (`jaxlisten.devices.LostProcess`).
        StorageError: the disk is full, or fails. What was stored before is as it was.
    """
    (job,) = prepare(
        model,
        [train],
        [validation],
        optimizer=optimizer,
        task=task,
        epochs=epochs,
        batch_size=batch_size,
        augment=augment,
        average=average,
        patience=patience,
    )
    run = Run(job, key, None, run_dir, resume, about, init)
    train_to_the_end(run, callbacks, progress=progress)
    return run.finished(report=report)


def train_to_the_end(run: Run, callbacks: Sequence[Callback], *, progress: bool, kept: Kept | None = None) -> None:
    """Train until all epochs are done, or patience or a callback ends it; `kept` is where its clips lie already."""
    if run.over:
        return
    keep_memory()
    feed, judge = make_feed(run.job, run.key, kept), make_judge(run.job)
    now = devices.replicated(run.memory.now, run.job.update.mesh)
    if progress:
        compile(feed, now)
    shown = progress and devices.is_first()
    with (
        devices.watched(),
        progress_(run.job.epochs, run.epoch, shown=shown) as tell,
        contextlib.ExitStack() as at_the_end,
    ):
        at_the_end.callback(run.flush)
        while not run.over:
            now = _finish_epoch(run, feed, judge, now)
            tell(run.memory.history[-1])
            said = [callback(dict(run.memory.history[-1]), run.memory.now) for callback in callbacks]
            if any(devices.gathered(any(said))):
                break


def _finish_epoch(run: Run, feed: Any, judge: Callable[[TrainState], dict[str, float]], now: TrainState) -> TrainState:
    """Take a run to the end of the epoch that it is in, and return the state there."""
    legs, begin = feed(now, run.epoch, run.memory.begun.steps), time.perf_counter()
    while leg := _or_stopped(run, lambda: next(legs, None)):
        now, infos = leg
        run.check(now.bad_step)
        seconds = max(devices.gathered(time.perf_counter() - begin))
        run.took(devices.local(now, run.job.update.mesh), infos, seconds)
        run.store_within()
        begin = time.perf_counter()
    run.add(_or_stopped(run, lambda: judge(now)))
    return now


def _or_stopped(run: Run, work: Callable[[], Any]) -> Any:
    """Work on clips; where one of them can no longer be read, the run is stored before it ends."""
    try:
        return work()
    except InputError as error:
        raise run.stopped(error) from error


def compile(feed: Any, now: TrainState) -> None:
    """Compile the step for each shape on absent items, apart from training, and say how long it took."""
    begin = time.perf_counter()
    shapes, took = feed.compile(now), time.perf_counter() - begin
    if shapes and devices.is_first():
        lengths = "one length" if shapes == 1 else f"{shapes} lengths"
        print(f"compiled the training step for {lengths} of clips in {took:.1f} s", file=sys.stderr)
