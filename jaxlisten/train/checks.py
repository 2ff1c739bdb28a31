"""What `fit` refuses before the first step."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxlisten.data import Dataset
from jaxlisten.data.targets import number_rows
from jaxlisten.errors import InputError, ListenWarning
from jaxlisten.nn import Layer, to_config
from jaxlisten.ops.ctc import frames_needed
from jaxlisten.tasks import Task


def check(train: Any, validation: Dataset | None, epochs: int | None, batch_size: int, patience: int | None) -> None:
    """Refuse settings and data that can't be trained on."""
    if (epochs is not None and epochs < 1) or batch_size < 1 or (patience is not None and patience < 1):
        raise InputError(
            f"fit: expected epochs, batch_size and patience of at least 1, got {epochs}, {batch_size} and {patience}"
        )
    if validation is not None and not len(validation):
        raise InputError("fit: expected at least one validation clip, got none; leave validation out to go without")
    if not isinstance(train, Dataset):
        if iter(train) is train or next(iter(train), None) is None:
            raise InputError(
                "fit: expected batches that can be iterated over once an epoch, such as a list, and not empty"
            )
        return
    if not len(train):
        raise InputError("fit: expected at least one training clip, got none")
    _check_variety(train)
    if validation is not None and validation.kind != train.kind:
        raise InputError(f"fit: validation has targets of the kind {validation.kind!r}, training {train.kind!r}")
    if validation is not None and validation.classes != train.classes:
        raise InputError(f"fit: validation has the classes {validation.classes}, training {train.classes}")


def _check_variety(train: Dataset) -> None:
    """Refuse training clips that are all the same to a task: there is nothing to tell apart."""
    if train.kind == "none":
        return
    if train.kind == "events":
        if not (train.targets[..., 2] >= 0).any():
            raise InputError("fit: expected an event in one or more of the training clips, got none in any")
        return
    if train.kind == "contours":
        if not len(np.unique(number_rows(train.targets), axis=0)) > 1:
            raise InputError("fit: expected training clips whose numbers vary, got the same, or none, at all times")
        return
    if (train.targets != train.targets[:1]).any():
        return
    if train.kind == "class":
        raise InputError(
            f"fit: expected training clips of at least two classes, got only {train.classes[train.targets[0]]!r}; "
            "a classifier needs something to tell apart"
        )
    what = train.kind
    raise InputError(f"fit: expected training clips with different {what}, got {train.targets[0].tolist()} for all")


def check_task(task: Task, train: Any, validation: Dataset | None, batch_size: int) -> None:
    """Refuse data with targets of another kind than the task's, and batches of contrast with one clip only."""
    if task.name == "contrast" and isinstance(train, Dataset) and min(len(train), batch_size) < 2:
        raise InputError(
            f"fit: contrast needs two clips or more in a batch, to tell one from another, got {len(train)} and "
            f"batch_size={batch_size}"
        )
    for part in (train, validation):
        if isinstance(part, Dataset) and part.kind != task.kind and "none" in (part.kind, task.kind):
            remedy = "give jl.data.unlabelled(data)" if task.kind == "none" else "give clips with it"
            raise InputError(
                f"fit: the task {task.name!r} learns {task.target}, but the data has targets of the kind "
                f"{part.kind!r}; {remedy}"
            )
        if isinstance(part, Dataset) and part.kind != task.kind:
            raise InputError(
                f"fit: the task {task.name!r} learns {task.target}, but the data has targets of the kind "
                f"{part.kind!r}, {part.targets.dtype} {list(part.targets.shape)}"
            )


def warn_of_long_transcripts(model: Layer, task: Task, parts: Sequence[Any]) -> None:
    """Warn of transcripts that have more symbols than a model of CTC gives frames; its loss leaves them out.

    Raises:
        InputError: all of the training clips are such.
    """
    if task.kind != "transcripts":
        return
    for k, part in enumerate(parts):
        if not isinstance(part, Dataset) or part.kind != "transcripts":
            continue
        if task.taught:
            _check_room(model, part)
            continue
        frames, needed = np.asarray(model.out_length(part.lengths)), frames_needed(part.targets)
        long = np.flatnonzero(needed > frames)
        if not len(long):
            continue
        i = long[0]
        message = (
            f"fit: {len(long):,} of {len(part):,} transcripts are too long for their sound, such as that of "
            f"'{part.paths[i]}': it takes {needed[i]} frames (a blank between equal symbols included), and the model "
            f"gives {frames[i]} in {part.lengths[i] / part.sr:.2f} s"
        )
        if k == 0 and len(long) == len(part):
            raise InputError(f"{message}; build it with fewer strides, or correct the transcripts")
        warnings.warn(f"{message}; they are left out of the loss", ListenWarning, stacklevel=5)


def _check_room(model: Layer, part: Dataset) -> None:
    """Refuse transcripts that are longer than what a model writes."""
    longest, lengths = model.out_length(part.lengths.max()) - 1, (part.targets >= 0).sum(axis=1)
    if lengths.max() > longest:
        i = int(lengths.argmax())
        raise InputError(
            f"fit: the transcript of '{part.paths[i]}' has {lengths[i]} symbols, and the model writes {longest} at "
            f"most; build it with longest={lengths[i]} or more"
        )


def check_sample_rate(model: Layer, train: Any, validation: Dataset | None) -> None:
    """Refuse data at another rate than the model's front end expects."""
    heard = _sample_rate(model)
    for part in (train, validation):
        if isinstance(part, Dataset) and heard not in (None, part.sr):
            raise InputError(
                f"fit: the model's front end expects {heard} Hz, the data has {part.sr} Hz; read it with sr={heard}"
            )


def _sample_rate(layer: Any) -> int | None:
    """Find the sample rate that a model's front end is set to."""
    if hasattr(layer, "sr"):
        return layer.sr
    children = (*getattr(layer, "layers", ()), *([layer.inner] if hasattr(layer, "inner") else []))
    return next((rate for child in children if (rate := _sample_rate(child)) is not None), None)


def warn_if_unstorable(model: Layer) -> None:
    """Say that a run can't be loaded without the model's code, where that is so."""
    try:
        to_config(model)
    except InputError as error:
        print(f"note: {error}. This run can only be loaded with jl.load(run, model=model)", file=sys.stderr)
