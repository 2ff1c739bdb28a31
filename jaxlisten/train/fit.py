"""The training loop."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence, Sized
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxlisten import runs, tasks
from jaxlisten.augment import Augmentation
from jaxlisten.data import Dataset, health
from jaxlisten.errors import InputError, TrainingError
from jaxlisten.evaluate import evaluate
from jaxlisten.nn import Layer
from jaxlisten.nn.layer import out_spec
from jaxlisten.runs import Fitted
from jaxlisten.tasks import Task
from jaxlisten.train import checkpoint
from jaxlisten.train.checkpoint import Memory
from jaxlisten.train.checks import check, check_sample_rate, check_task, warn_if_unstorable
from jaxlisten.train.feed import Pass, make_judge, make_source
from jaxlisten.train.progress import progress as progress_
from jaxlisten.train.recipe import default_epochs, default_optimizer
from jaxlisten.train.step import TrainState, TrainStep, init_train_state, make_train_step
from jaxlisten.types import Array, Batch, Padded

_LOOK_EVERY = 50
"""Steps between two looks at whether the loss is still finite: looking makes the device wait for the host."""


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
    callbacks: Sequence[Callback] = (),
    run_dir: str | os.PathLike[str] | None = None,
    resume: bool = False,
    progress: bool = True,
) -> Fitted:
    """Train a model, and bring back the weights of its best epoch.

    The best epoch is the one with the best figure of the task on `validation` (the accuracy, the mean average precision
    of labels, the squared error of numbers; among equals the least loss), or without validation the last.

    Args:
        model: from ``x`` to logits.
        train: a data set, or batches that can be iterated over once an epoch.
        validation: clips to choose by.
        key: decides everything random: weights, order of clips, dropout.
        optimizer: from optax; None: `default_optimizer` over all the steps.
        task: None: inferred from the kind of targets.
        epochs: passes over the training clips; None: `default_epochs`, about 3,000 steps.
        batch_size: clips a step, where `train` is a data set.
        augment: changes each batch inside the compiled step, from `jaxlisten.augment`; None: nothing does.
        average: the decay of an exponential average of the weights, which is then what is validated and kept.
        patience: stop after this many epochs without a better one; None: never.
        callbacks: functions that are called after each epoch with its row of history and the `TrainState`; training
            ends when one returns True. They must not keep the state: the next step takes its arrays over.
        run_dir: where to write the run folder; None: nothing is written.
        resume: go on with the run in `run_dir` if there is one.
        progress: tell of each epoch on standard error.

    Returns:
        The trained listener, with a row of history for each epoch.

    Raises:
        InputError: the data and the model don't belong together, or the run folder can't be used.
        TrainingError: the loss, a gradient or a weight is no longer finite; the message names the step, and the run
            folder, and the error's `fitted`, keep the weights of the best epoch before it.
    """
    check(train, validation, epochs, batch_size, patience)
    check_sample_rate(model, train, validation)
    task = tasks.find(task) if isinstance(task, str) else task or _inferred(train)
    check_task(task, train, validation)
    source = make_source(train, validation, batch_size, key)
    first = source(0)
    steps = len(first) if isinstance(first, Sized) else sum(1 for _ in first)
    epochs = epochs or default_epochs(steps)
    optimizer = optimizer or default_optimizer(epochs * steps)
    sample = next(iter(first)).x
    now = init_train_state(model, optimizer, key, sample, average=average)
    memory = Memory(now, jax.device_get(now.weights), [])
    about = {"seed": _seed(key), "training": {"epochs": epochs, "batch_size": batch_size}}
    fitted = _fitted(model, now, train, validation, task, sample, about)
    run = None if run_dir is None else runs.create(run_dir, resume=resume)
    if run is not None:
        runs.check_same(run, fitted)
        warn_if_unstorable(model)
        memory = (checkpoint.restore(run, memory) if resume else None) or memory
        runs.write_config(run, fitted)
        if not memory.history:
            runs.write_weights(run, *memory.best)
    step = make_train_step(model, optimizer, task, augment=augment)
    judge = make_judge(model, task, train, validation, batch_size)
    if progress and isinstance(first, Pass):
        _compile(step, memory.now, first.absent())
    with progress_(epochs, len(memory.history), shown=progress) as tell:
        for epoch in range(len(memory.history), epochs):
            if patience is not None and epoch - (runs.best_epoch(task, memory.history) or 0) >= patience:
                break
            try:
                memory = _epoch(step, judge, memory, source(epoch), task)
            except TrainingError as error:
                error.fitted = runs.with_weights(fitted, *memory.best, memory.history)
                raise
            if run is not None:
                _store(run, memory, task)
            tell(memory.history[-1])
            said = [callback(dict(memory.history[-1]), memory.now) for callback in callbacks]
            if any(said):
                break
    fitted = runs.with_weights(fitted, *memory.best, memory.history)
    if run is not None and validation is not None:
        _report(run, fitted, train, validation)
    return fitted


def _epoch(step: TrainStep, judge: Any, memory: Memory, batches: Iterable[Batch], task: Task) -> Memory:
    """Run one pass of training and one of validation."""
    epoch, begin = len(memory.history) + 1, time.perf_counter()
    now, infos = memory.now, []
    for batch in batches:
        now, info = step(now, batch)
        infos.append(info)
        if len(infos) % _LOOK_EVERY == 0:
            _stop_if_bad(now, epoch)
    _stop_if_bad(now, epoch)
    if not infos:
        raise InputError(
            f"fit: there are no batches in epoch {epoch}; give a list, or a class whose __iter__ begins anew"
        )
    losses, weights = (np.array(column, np.float64) for column in zip(*jax.device_get(infos), strict=True))
    seconds = time.perf_counter() - begin
    row = {"epoch": epoch, "train_loss": float((losses * weights).sum() / max(weights.sum(), 1.0))}
    row |= judge(now)
    if not np.isfinite(row.get("val_loss", 0.0)):
        raise TrainingError(
            f"the validation loss is not finite after epoch {epoch}; the weights of the best epoch before it are kept. "
            "A lower learning rate or a look at the validation clips may help"
        )
    row |= {"seconds": round(seconds, 3), "clips_per_second": round(weights.sum() / seconds, 1)}
    history = [*memory.history, row]
    better = runs.best_epoch(task, history) == epoch
    return Memory(now, jax.device_get(now.weights) if better else memory.best, history)


def _stop_if_bad(now: TrainState, epoch: int) -> None:
    if bad := int(now.bad_step):
        raise TrainingError(
            f"the loss, its gradient or the new weights are not finite at step {bad} (epoch {epoch}); the weights of "
            "the best epoch before it are kept. A lower learning rate or a look at the data may help"
        )


def _compile(step: TrainStep, now: TrainState, batches: list[Batch]) -> None:
    """Compile the step for each shape on absent items, apart from training, and say how long it took."""
    begin = time.perf_counter()
    for batch in batches:
        jax.block_until_ready(step(jax.tree.map(jnp.copy, now), batch))
    took = time.perf_counter() - begin
    lengths = "one length" if len(batches) == 1 else f"{len(batches)} lengths"
    print(f"compiled the training step for {lengths} of clips in {took:.1f} s", file=sys.stderr)


def _seed(key: Array) -> int:
    return int(np.asarray(jax.random.key_data(key)).ravel()[-1])


def _fitted(
    model: Layer,
    now: TrainState,
    train: Any,
    validation: Dataset | None,
    task: Task,
    sample: Any,
    about: dict[str, Any],
) -> Fitted:
    """Say what is trained, without weights; refuse a model that doesn't give one logit a class."""
    about |= {"examples": _examples(validation)}
    n_logits = out_spec(model, now.params, now.state, sample).shape[-1]
    named = train if isinstance(train, Dataset) else validation
    classes = tuple(str(i) for i in range(n_logits)) if named is None else named.classes
    if n_logits != len(classes):
        raise InputError(
            f"fit: the model gives {n_logits} logits, the data has {len(classes)} {task.things}; build it with "
            f"classes={len(classes)}"
        )
    if isinstance(train, Dataset):
        item, about = (int(train.lengths.max()),), {"data": train.summary()} | about
    else:
        item = tuple((sample.values if isinstance(sample, Padded) else sample).shape[1:])
    return Fitted(model, {}, {}, task, classes, 0 if named is None else named.sr, item, about=about)


def _examples(validation: Dataset | None) -> list[str]:
    """Choose a validation file of each class (or of each other target), up to ten, for an export to be checked on."""
    if validation is None:
        return []
    files = dict(zip(map(str, validation.targets.tolist()), validation.paths, strict=True))
    return [os.path.abspath(path) for path in list(files.values())[:10] if os.path.isfile(path)]


def _inferred(train: Any) -> Task:
    return tasks.infer(train.targets if isinstance(train, Dataset) else next(iter(train)).y)


def _store(run: Path, memory: Memory, task: Task) -> None:
    runs.write_metrics(run, memory.history)
    if runs.best_epoch(task, memory.history) == len(memory.history):
        runs.write_weights(run, *memory.best)
    checkpoint.save(run, memory)


def _report(run: Path, fitted: Fitted, train: Any, validation: Dataset) -> None:
    report = evaluate(fitted, validation, title=run.name, about={"part": "validation", **fitted.about})
    if isinstance(train, Dataset):
        report = replace(report, health=health(train).to_dict())
    report.save(run / "report.html")
    report.save(run / "report.json")
