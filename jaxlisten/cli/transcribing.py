"""``jaxlisten train`` on transcripts: what it does besides."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from jaxlisten import tasks
from jaxlisten.cli import say
from jaxlisten.data import Dataset
from jaxlisten.data.transcripts import mostly_rare
from jaxlisten.errors import InputError
from jaxlisten.nn import Layer
from jaxlisten.tasks import Task


def task_of(model: str, clips: Dataset) -> Task:
    """Return the task of a model that the command names, on these clips."""
    if clips.kind == "transcripts" and mostly_rare(clips.targets, clips.classes):
        say.note(
            f"note: most of the {len(clips.classes):,} words occur once only, and can't be learnt; --units characters "
            "takes characters for symbols"
        )
    return tasks.find("dictation") if model == "attention" else tasks.infer(clips.targets)


def writer(network: Callable[..., Any], clips: Dataset, front_end: Layer, options: argparse.Namespace) -> Layer:
    """Build a model that writes symbol by symbol, up to half as many again as any clip has, with its front end inside.

    Raises:
        InputError: it does not go with an option.
    """
    if options.precision == "bfloat16":
        raise InputError(f"--precision bfloat16 does not go with --model {options.model}")
    if options.folds is not None or options.seeds is not None:
        raise InputError(
            f"--folds and --seeds end in the mean of all runs, and of what --model {options.model} writes there is none"
        )
    return network(len(clips.classes), front_end=front_end, longest=3 * clips.targets.shape[1] // 2 + 1)
