"""``jaxlisten train --task anomaly``, and the recordings that such a run is scored on."""

from __future__ import annotations

import argparse
from pathlib import Path

import jax

from jaxlisten import data, devices, models, runs, tasks
from jaxlisten.cli import say
from jaxlisten.cli.again import Asked
from jaxlisten.cli.building import board
from jaxlisten.cli.checks import RATES, check_left_out
from jaxlisten.cli.scored import report_on
from jaxlisten.data import NORMAL, Dataset
from jaxlisten.data.finding import class_files
from jaxlisten.data.table import has_targets
from jaxlisten.errors import InputError
from jaxlisten.evaluate import calibrate
from jaxlisten.train import default_optimizer, fit

BATCH = 8
STEPS = 300
"""Steps of a training: few normal clips are soon known by heart."""


def train(options: argparse.Namespace, asked: Asked) -> int:
    """Train on normal sound alone, and choose from where on a sound is none."""
    left_out = ("folds", "seeds", "streaming", "background", "model", "front_end", "units", "test", *RATES)
    check_left_out(options, "trains one autoencoder by one recipe", *left_out)
    if options.precision != "float32":
        raise InputError("--task anomaly trains in float32; leave out --precision")
    devices.agreed(lambda: runs.create(options.out, resume=options.resume) if devices.is_first() else None)
    clips = load(options.data, group_by=options.group_by, from_files=options.from_files)
    say.skipped(clips)
    about = {"command": asked.command(clips)}
    normal = tuple(options.normal.split(",")) if options.normal else (NORMAL,)
    _check_normal(clips, normal, options)
    parts = data.normal_partition(clips, normal, seed=options.seed)
    assert parts.validation is not None
    say.note(f"normal sound at {clips.sr} Hz, clips: {say.sizes(parts)}")
    model = asked.model(clips, 0) or models.reconstruction(clips.sr)
    steps = -(-len(parts.train) // BATCH)
    epochs = options.epochs or max(10, round(STEPS / steps))
    fitted = fit(
        model,
        parts.train,
        parts.validation,
        key=jax.random.key(options.seed),
        task=tasks.reconstruction(),
        optimizer=default_optimizer(epochs * steps),
        epochs=epochs,
        batch_size=BATCH,
        callbacks=board(options, parts.validation, model),
        run_dir=options.out,
        resume=options.resume,
        about=about,
        report=False,  # which would be on normal clips alone
    )
    if not devices.is_first():
        return 0
    fitted = calibrate(fitted, parts.train, parts.validation, normal=normal)
    out = Path(options.out)
    runs.write_config(out, fitted)
    runs.write_weights(out, fitted.params, fitted.state, epoch=fitted.best_epoch)
    report_on(fitted, clips, parts, options.out, options.data, map="pca")
    return 0


def load(path: str, *, sr: int | None = None, group_by: str | None = None, from_files: bool | None = None) -> Dataset:
    """Load recordings of which some are normal: of classes, as for `train`; or without labels, all of them.

    A folder without sub-folders that hold sound, and a table without any column of targets, have no labels.
    """
    place = Path(path)
    if bool(class_files(place)) if place.is_dir() else not place.is_file() or has_targets(place):
        return data.load(path, sr=sr, group_by=group_by, from_files=from_files)
    return data.unlabelled(path, sr=sr, group_by=group_by, from_files=from_files)


def _check_normal(clips: Dataset, normal: tuple[str, ...], options: argparse.Namespace) -> None:
    """Refuse clips of which it is not known which are normal."""
    if clips.kind == "none":
        if options.normal:
            raise InputError(f"--normal: the clips of '{options.data}' have no classes; leave it out, all are normal")
        if len(clips) < 2:
            raise InputError(f"'{options.data}' has one clip, and there has to be one more to choose the threshold on")
        return
    known = ", ".join(clips.classes)
    if clips.kind != "class":
        raise InputError(
            f"--task anomaly wants a class for each clip, or no labels at all; '{options.data}' has targets of the "
            f"kind '{clips.kind}'"
        )
    missing = [name for name in normal if name not in clips.classes]
    if missing and options.normal:
        raise InputError(f"--normal: '{options.data}' has no class '{missing[0]}'; it has {known}")
    if missing:
        raise InputError(f"'{options.data}' has no class '{NORMAL}'; name one of its own with --normal: {known}")
