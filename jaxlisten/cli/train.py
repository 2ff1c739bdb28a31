"""``jaxlisten train`` and ``jaxlisten demo``."""

from __future__ import annotations

import argparse
import contextlib
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax

from jaxlisten import data, devices, models, runs, tasks
from jaxlisten.augment import Augmentation
from jaxlisten.cli import anomaly, building, cache, contrast, many, say, starting, streaming, timed, transcribing
from jaxlisten.cli.again import Asked
from jaxlisten.cli.checks import check_classes, check_least, check_seed, named
from jaxlisten.cli.scored import report_on
from jaxlisten.data import Dataset, Partition
from jaxlisten.errors import InputError, TrainingError
from jaxlisten.heard import heard_of
from jaxlisten.nn import Layer, serial
from jaxlisten.runs import Fitted
from jaxlisten.tasks import Task
from jaxlisten.train import Start, TensorBoard, default_augment, default_optimizer, default_task, fit
from jaxlisten.train.job import steps_an_epoch
from jaxlisten.train.recipe import default_epochs


def train(options: argparse.Namespace) -> int:
    """Train on the user's recordings with the default recipe."""
    starting.check(options)
    asked = Asked(options)
    with stopping(f"{options.out} keeps every finished epoch: go on with the same command and --resume"):
        return _train(options, asked)


def _train(options: argparse.Namespace, asked: Asked) -> int:
    _check(options)
    if options.cache:
        cache.keep()
    if options.task is not None:
        return named("--task", options.task, _TASKS)(options, asked)
    building.check_names(options)
    devices.agreed(lambda: runs.create(options.out, resume=options.resume) if devices.is_first() else None)
    source = None if options.start is None else starting.read(options.start)
    clips = _read(options, source and source.sr)
    options.model = building.model_name(clips, options)
    task = timed.with_loss(transcribing.task_of(options.model, clips), options.loss)
    about = {"command": asked.command(clips)}
    parts = _parts(clips, options)
    whole = parts[0]
    made = streaming.prepare(whole, options) if options.streaming else None
    if made is not None:
        parts = [made.parts]
    built = building.built(options, task, clips, parts[0].train)
    init = None if source is None else starting.begun(source, whole.train, freeze=options.freeze)
    model = init.model if init is not None else asked.model(clips, len(parts[0].train.classes)) or built
    augment = default_augment(task)
    if made is not None:
        model, augment = made.model(model), made.augment(model)
    recipe = _recipe(parts, options, task, model)
    if options.folds is not None or options.seeds is not None:
        fitted = many.train(model, task, clips, parts, options, about, recipe | {"augment": augment})
    else:
        fitted = _run(
            model,
            task,
            clips,
            parts[0],
            options.out,
            epochs=options.epochs,
            seed=options.seed,
            augment=augment,
            resume=options.resume,
            source=options.data,
            about=about,
            init=init,
            recipe=recipe,
            callbacks=building.board(options, parts[0].validation, model, task),
        )
    if made is not None and devices.is_first():
        heard = heard_of(whole.train, whole.validation)  # not of what was cut out of the clips
        for run in (Path(options.out), *Path(options.out).glob("run[0-9]*")):
            runs.write_heard(run, heard)
        streaming.choose(replace(fitted, heard=heard), made, options)
    return 0


def _check(options: argparse.Namespace) -> None:
    """Refuse numbers out of their range, and options that don't go together."""
    check_least(options, epochs=1, folds=3, seeds=2, batch_size=1, weight_decay=0)
    check_seed(options)
    if options.learning_rate is not None and not options.learning_rate > 0:
        raise InputError(f"--learning-rate: expected a number above 0, got {options.learning_rate}")
    if not 0 <= options.test < 1:
        raise InputError(f"--test: expected a share from 0 to below 1, got {options.test}")
    if options.start is None and options.freeze:
        raise InputError("--freeze goes with --from, which says what is frozen")
    if options.normal is not None and options.task != "anomaly":
        raise InputError("--normal goes with --task anomaly, which learns normal sound")
    if options.background is not None and not options.streaming:
        raise InputError("--background goes with --streaming, which trains a detector")
    if options.tensorboard and (options.folds is not None or options.seeds is not None):
        raise InputError("--tensorboard watches one run; leave out --folds and --seeds")
    if options.from_files and options.streaming:
        raise InputError("--from-files does not go with --streaming, which cuts clips and lays them into background")


def _read(options: argparse.Namespace, sr: int | None) -> Dataset:
    """Read the clips, and tell of those that are left out, or stay in their files."""
    from_files = False if options.streaming else options.from_files
    clips = data.load(options.data, sr=sr, group_by=options.group_by, from_files=from_files, units=options.units)
    say.skipped(clips)
    if isinstance(clips.audio, data.Files):
        say.note(f"{say.count(len(clips), 'clip')} stay in their files, and are read as they are needed")
    check_classes(clips, options.data)
    return clips


def _parts(clips: Dataset, options: argparse.Namespace) -> Sequence[Partition]:
    """Cut the clips once, or into folds."""
    if options.folds is None:
        parts = [data.partition(clips, test=options.test, seed=options.seed)]
    else:
        parts = data.folds(clips, options.folds, seed=options.seed)
    for part in parts:
        check_classes(part.train, options.data, " for training")
    return parts


def train_default(clips: Dataset, parts: Partition, options: argparse.Namespace) -> Fitted:
    """Train what ``jaxlisten train`` does where nothing else is asked for, on clips that are read already.

    Args:
        clips: all of them.
        parts: their partition.
        options: from `again.usual`, with `data`, `out`, `seed` and `group_by`, and if need be `model` and `front_end`.
    """
    asked, task = Asked(options), tasks.infer(clips.targets)
    network = models.MODELS[building.model_name(clips, options)]
    front_end = models.FRONT_ENDS[options.front_end or "log_mel"]
    with stopping("to begin again, give another folder"):
        return _run(
            serial(front_end(clips.sr), network(len(parts.train.classes))),
            task,
            clips,
            parts,
            options.out,
            epochs=options.epochs,
            seed=options.seed,
            augment=default_augment(task),
            resume=False,
            source=options.data,
            about={"command": asked.command(clips)},
        )


_TASKS = {"events": timed.train, "contours": timed.train, "anomaly": anomaly.train, "contrast": contrast.train}
"""What ``--task`` can name, where the table alone does not say what is to be learned."""


def _recipe(parts: Sequence[Partition], options: argparse.Namespace, task: Task, model: Layer) -> dict[str, Any]:
    """Return what the options change of the default recipe, as `fit` and `fit_many` take it."""
    recipe = {} if options.batch_size is None else {"batch_size": options.batch_size}
    rates = {"peak": options.learning_rate, "weight_decay": options.weight_decay}
    given = {name: rate for name, rate in rates.items() if rate is not None}
    if not given:
        return recipe
    steps = steps_an_epoch([part.train for part in parts], [part.validation for part in parts], **recipe)
    epochs = options.epochs or default_epochs(steps, task, model)
    return recipe | {"optimizer": default_optimizer(epochs * steps, **given)}


def demo(out: str | None) -> int:
    """Train on the built-in synthetic sounds."""
    if out is None:
        names = ("jaxlisten-demo", *(f"jaxlisten-demo-{i}" for i in range(2, 1000)))
        out = next(name for name in names if not Path(name).exists())
    runs.create(out)
    clips = data.synthetic()
    model, task = serial(models.log_mel(clips.sr), models.resnet(len(clips.classes))), tasks.infer(clips.targets)
    with stopping("to begin again, give jaxlisten demo another folder"):
        _run(
            model,
            task,
            clips,
            data.partition(clips),
            out,
            epochs=20,
            seed=0,
            augment=default_augment(task),
            resume=False,
            source="synthetic",
            about={},
        )
    say.note("next: jaxlisten train DATA --out RUN, where DATA has a sub-folder of recordings for each class")
    say.result(out)
    return 0


def _run(
    model: Any,
    task: Task,
    clips: Dataset,
    parts: Partition,
    out: str,
    *,
    epochs: int | None,
    seed: int,
    augment: Augmentation | None,
    resume: bool,
    source: str,
    about: dict[str, Any],
    init: Start | None = None,
    recipe: Mapping[str, Any] | None = None,
    callbacks: Sequence[TensorBoard] = (),
) -> Fitted:
    """Train, measure, and write the report."""
    what = f"{len(parts.train.classes)} {task.things}"
    say.note(f"{what} at {parts.train.sr} Hz, clips: {say.sizes(parts)}")
    fitted = fit(
        model,
        parts.train,
        parts.validation,
        key=jax.random.key(seed),
        task=default_task(task),
        epochs=epochs,
        augment=augment,
        init=init,
        callbacks=callbacks,
        run_dir=out,
        resume=resume,
        about=about,
        report=False,  # which would be on the validation clips, and be written over
        **(recipe or {}),
    )
    if not devices.is_first():
        return fitted
    report_on(fitted, clips, parts, out, source)
    return fitted


@contextlib.contextmanager
def stopping(go_on: str) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end a run alike: what is going on is finished or undone, and `go_on` says what to do."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    ours = threading.current_thread() is threading.main_thread()  # signals come to no other
    before = signal.signal(signal.SIGTERM, stop) if ours else None
    try:
        yield
    except KeyboardInterrupt:
        raise TrainingError(f"interrupted; {go_on}") from None
    finally:
        if ours:
            signal.signal(signal.SIGTERM, before)
