"""Tasks: what kind of target a model learns, and with it the loss, the link, the figures and the best epoch.

A run folder stores the name of its task only. `find` looks it up in `TASKS`, so a new task is one more entry there.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jaxlisten.errors import InputError
from jaxlisten.tasks.clips import classification, regression, tagging
from jaxlisten.tasks.contours import frame_regression, values_at
from jaxlisten.tasks.contrast import contrast
from jaxlisten.tasks.events import event_detection
from jaxlisten.tasks.reconstruction import denoising, reconstruction
from jaxlisten.tasks.task import HOLDS, LINKS, Task, with_period
from jaxlisten.tasks.transcripts import dictation, transcription
from jaxlisten.types import Padded

__all__ = [
    "HOLDS",
    "LINKS",
    "TASKS",
    "Task",
    "classification",
    "contrast",
    "denoising",
    "dictation",
    "event_detection",
    "find",
    "frame_regression",
    "infer",
    "reconstruction",
    "regression",
    "tagging",
    "transcription",
    "values_at",
    "with_period",
]

TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        classification(),
        tagging(),
        regression(),
        regression(loss="concordance"),
        frame_regression(),
        frame_regression(loss="concordance"),
        event_detection(),
        transcription(),
        dictation(),
        reconstruction(),
        denoising(),
        contrast(),
    )
}
"""Every task by its name."""


def find(name: str) -> Task:
    """Look a task up by its name.

    Raises:
        InputError: there is no task of that name.
    """
    if name not in TASKS:
        raise InputError(f"unknown task {name!r}; there is {', '.join(sorted(TASKS))}")
    return TASKS[name]


def infer(targets: Any) -> Task:
    """Choose the task that fits the kind of targets.

    Args:
        targets: the targets of a data set, ``[n, ...]``.

    Returns:
        `classification` for ``[n]`` integers from 0 upwards, class indices; `tagging` for ``[n, classes]`` integers or
        booleans, 0 or 1; `regression` for ``[n]`` or ``[n, k]`` floating-point numbers; `event_detection` for
        ``[n, most, 3]`` and `frame_regression` for ``[n, most, k, 2]`` floating-point numbers; `transcription` for
        int16 ``[n, longest]``, or a `Padded` of integers.

    Raises:
        InputError: no task fits; the message says what is supported.
    """
    if isinstance(targets, Padded):
        return TASKS["transcription"]
    array = np.asarray(targets)
    if array.ndim == 2 and not array.shape[1]:
        named = ", ".join(repr(task.name) for task in TASKS.values() if task.kind == "none")
        raise InputError(f"the clips have no labels, which several tasks can learn from; name one: {named}")
    if array.ndim == 2 and array.dtype == np.int16:
        return TASKS["transcription"]
    whole = np.issubdtype(array.dtype, np.integer)
    if array.ndim == 1 and whole and (array.size == 0 or array.min() >= 0):
        return TASKS["classification"]
    if array.ndim == 2 and (whole or array.dtype == bool) and np.isin(array, (0, 1)).all():
        return TASKS["tagging"]
    if array.ndim in (1, 2) and np.issubdtype(array.dtype, np.floating):
        return TASKS["regression"]
    if array.ndim == 3 and array.shape[2] == 3 and np.issubdtype(array.dtype, np.floating):
        return TASKS["event_detection"]
    if array.ndim == 4 and array.shape[3] == 2 and np.issubdtype(array.dtype, np.floating):
        return TASKS["frame_regression"]
    raise InputError(
        f"no task fits targets of {array.dtype} {array.shape}: expected class indices, integers [n] from 0 upwards "
        f"({TASKS['classification'].target}), integers [n, classes] of 0 and 1 ({TASKS['tagging'].target}), "
        "floating-point numbers [n] or [n, k], events [n, most, 3], contours [n, most, k, 2], or "
        "transcripts, int16 [n, longest] or a Padded of integers"
    )
