"""``jaxlisten train --task events`` and ``--task contours``, and the recordings that such runs are scored on."""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import jax

from jaxlisten import data, devices, models, runs, tasks
from jaxlisten.cli import say
from jaxlisten.cli.again import Asked
from jaxlisten.cli.building import board
from jaxlisten.cli.checks import RATES, check_left_out, named
from jaxlisten.cli.scored import report_on
from jaxlisten.data import Dataset
from jaxlisten.errors import InputError
from jaxlisten.evaluate import choose_thresholds
from jaxlisten.heard import heard_of
from jaxlisten.nn import BFloat16, Layer, serial
from jaxlisten.tasks import Task
from jaxlisten.train import default_augment, default_units, fit

_BATCH = 8
"""Windows a step: each holds as many targets as there are steps in it."""

_TASKS: dict[str, Callable[[], Task]] = {"events": tasks.event_detection, "contours": tasks.frame_regression}


def train(options: argparse.Namespace, asked: Asked) -> int:
    """Train on recordings of which it is known what is heard when, or what numbers there are at every moment."""
    check_left_out(options, "trains one listener by one recipe", "folds", "seeds", "streaming", "background", *RATES)
    with_task, front_ends = f" with --task {options.task}", {k: v for k, v in models.FRONT_ENDS.items() if k != "raw"}
    network = named("--model", options.model or "crnn", models.EVENT_MODELS, with_task)
    front_end = named("--front-end", options.front_end or "log_mel", front_ends, with_task)
    task = with_loss(_TASKS[options.task](), options.loss)
    devices.agreed(lambda: runs.create(options.out, resume=options.resume) if devices.is_first() else None)
    clips = LOADERS[task.kind](options.data, group_by=options.group_by, from_files=options.from_files)
    say.skipped(clips)
    about = {"command": asked.command(clips)}
    if len(clips) < 2:
        what = "choose the thresholds on" if task.kind == "events" else "find the best epoch"
        raise InputError(
            f"'{options.data}' lists one recording, and there has to be one more to {what}; add some, or cut it in two"
        )
    parts = data.partition(clips, test=options.test, seed=options.seed)
    if task.kind == "events" and not (parts.train.targets[..., 2] >= 0).any():
        raise InputError(f"'{options.data}' has no event in its training recordings, so there is nothing to learn")
    classifier = network(len(clips.classes))
    if options.precision == "bfloat16":
        classifier = BFloat16(classifier)
    model = asked.model(clips, len(clips.classes)) or _built(front_end, classifier, task, parts.train)
    cut, validation = data.windows(parts.train), data.windows(parts.validation)
    n, what = len(clips.classes), f"{say.count(len(clips.classes), 'number')} over time"
    if task.kind == "events":
        what = "events of 1 class" if n == 1 else f"events of {n} classes"
    say.note(f"{what} at {clips.sr} Hz, recordings: {say.sizes(parts)}; {len(cut)} windows to train on")
    fitted = fit(
        model,
        cut,
        validation,
        key=jax.random.key(options.seed),
        task=task,
        epochs=options.epochs,
        batch_size=_BATCH,
        augment=default_augment(task),
        callbacks=board(options, validation, model),
        run_dir=options.out,
        resume=options.resume,
        about=about,
        report=False,  # which would be on windows
    )
    if not devices.is_first():
        return 0
    out = Path(options.out)
    if task.kind == "events":
        fitted = choose_thresholds(fitted, parts.validation)
    heard = heard_of(parts.train, parts.validation)  # whole recordings, and not windows
    fitted = replace(fitted, heard=heard)
    runs.write_config(out, fitted)
    runs.write_heard(out, heard)
    report_on(fitted, clips, parts, options.out, options.data)
    return 0


def _built(front_end: Callable[..., Layer], classifier: Layer, task: Task, clips: Dataset) -> Layer:
    """Put the model together; one of numbers hears levels as they are, and gives numbers in their own units."""
    if task.kind == "events":
        return serial(front_end(clips.sr), classifier)
    if front_end is models.log_mel:
        front_end = functools.partial(front_end, relative=False)  # a number may be a level
    return serial(front_end(clips.sr), classifier, units=default_units(clips.targets))


def with_loss(task: Task, loss: str | None) -> Task:
    """Return the task with the loss that ``--loss`` names."""
    if loss is None:
        return task
    made = {"numbers": tasks.regression, "contours": tasks.frame_regression}.get(task.kind)
    if made is None:
        raise InputError(f"--loss goes with numbers, and this data has {task.target}; leave it out")
    return made(loss=loss)


def _events(
    path: str,
    *,
    sr: int | None = None,
    group_by: str | None = None,
    classes: Sequence[str] | None = None,
    from_files: bool | None = None,
) -> Dataset:
    """Load recordings with events: a table with path,label,start,end, or the songs of a bird.

    Raises:
        InputError: it is neither.
    """
    place = Path(path)
    if not place.is_dir():
        return data.strong(path, sr=sr, group_by=group_by, classes=classes, from_files=from_files)
    if not any(next(place.rglob(name), None) for name in ("Annotation.xml", "*.cbin")):
        raise InputError(
            f"'{path}' is a folder, which says what a clip is but not when; events want a CSV with the columns "
            "path,label,start,end (seconds), a row an event"
        )
    songs = data.birdsong(path, sr=sr)
    unknown = sorted(set(songs.classes).difference(classes or songs.classes))
    if unknown:
        raise InputError(f"'{path}' has the label {unknown[0]!r}, which is not one of {', '.join(classes or ())}")
    return songs


LOADERS: dict[str, Callable[..., Dataset]] = {"events": _events, "contours": data.contours}
"""What reads the data, by the kind of its targets."""
