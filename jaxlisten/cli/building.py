"""The model that ``jaxlisten train`` is asked for, and what watches it learn."""

from __future__ import annotations

import argparse
import functools
from pathlib import Path

from jaxlisten import devices, models
from jaxlisten.cli import streaming, transcribing
from jaxlisten.cli.checks import named
from jaxlisten.data import Dataset
from jaxlisten.errors import InputError
from jaxlisten.nn import BFloat16, Layer, serial
from jaxlisten.tasks import Task
from jaxlisten.train import TensorBoard, default_units

_KNOWN = models.MODELS | models.TRANSCRIBERS
_OF_STREAMS = "cnn"
"""The default of --model with --streaming: it knows more of its words there than the default of whole clips."""


def check_names(options: argparse.Namespace) -> None:
    """Refuse models and front ends that there are not, before clips are read."""
    named("--model", options.model or next(iter(_KNOWN)), _KNOWN)
    named("--front-end", options.front_end or next(iter(models.FRONT_ENDS)), models.FRONT_ENDS)


def model_name(clips: Dataset, options: argparse.Namespace) -> str:
    """Choose the model where none is named, and refuse one that doesn't go with the targets."""
    name = options.model
    known = models.TRANSCRIBERS if clips.kind == "transcripts" else models.MODELS
    if name is not None and name not in known:
        what = "transcripts" if clips.kind == "transcripts" else f"targets of the kind '{clips.kind}'"
        raise InputError(f"--model: {name} does not go with {what}; expected one of {', '.join(known)}")
    return name or (_OF_STREAMS if options.streaming and _OF_STREAMS in known else next(iter(known)))


def usual_front_end(options: argparse.Namespace) -> str:
    """Name the front end that goes with the model, where none is asked for."""
    return "raw" if options.model == "crnn" else "pcen_mel" if options.streaming else "log_mel"


def built(options: argparse.Namespace, task: Task, clips: Dataset, train: Dataset) -> Layer:
    """Put front end and network together.

    Args:
        options: of the command, with the name of a model.
        task: what is learned.
        clips: all of them.
        train: those to train on.
    """
    network = _KNOWN[options.model]
    usual = usual_front_end(options)
    front_end = models.FRONT_ENDS[options.front_end or usual]
    if options.streaming:
        front_end, network = streaming.at_once(front_end), streaming.at_once(network)
    if task.taught:
        return transcribing.writer(network, clips, front_end(clips.sr), options)
    classifier = network(len(train.classes))
    if options.precision == "bfloat16":
        classifier = BFloat16(classifier)
    if clips.kind != "numbers":
        return serial(front_end(clips.sr), classifier)
    if options.front_end is None and usual == "log_mel":
        front_end = functools.partial(front_end, relative=False)  # a number may be a level
    return serial(front_end(clips.sr), classifier, units=default_units(train.targets))


def board(
    options: argparse.Namespace, validation: Dataset, model: Layer, task: Task | None = None
) -> list[TensorBoard]:
    """Return what ``--tensorboard`` asks for, as callbacks of `jaxlisten.fit`: one process of a run writes it."""
    if not options.tensorboard or not devices.is_first():
        return []
    return [TensorBoard(Path(options.out) / "tensorboard", validation, model, task=task)]
