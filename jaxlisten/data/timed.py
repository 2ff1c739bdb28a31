"""Events as targets: what is heard in a clip, from when to when, several at once.

In a data set they are one array, ``[n, most, 3]``: of each clip its events in the order of their starts, as start and
end in seconds and the index of the class, and behind them rows of ``0, 0, -1`` where others have more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from jaxlisten.errors import InputError

_NOTHING = 0.0, 0.0, -1.0
_MOST_CELLS = 2**28


class Event(NamedTuple):
    """A sound in a longer recording.

    Attributes:
        label: what it is.
        start, end: when, in seconds from the beginning of the recording.
    """

    label: str
    start: float
    end: float


@dataclass(frozen=True)
class Timed:
    """The target of one clip before it is part of an array: its events, none where nothing is heard."""

    events: tuple[Event, ...]


def encode_timed(targets: Sequence[Timed], classes: Sequence[str], source: str) -> np.ndarray:
    """Make the array of the events of all clips, float64 ``[n, most, 3]``.

    Raises:
        InputError: an event does not end behind its beginning, or one clip has too many for such an array.
    """
    index = {name: float(k) for k, name in enumerate(classes)}
    most = max(1, *(len(target.events) for target in targets))
    if len(targets) * most > _MOST_CELLS:
        raise InputError(
            f"'{source}' has a recording with {most:,} events among {len(targets):,}, too many for a table of all; cut "
            "it into parts"
        )
    array = np.full((len(targets), most, 3), _NOTHING)
    for row, target in zip(array, targets, strict=True):
        for place, event in zip(row, sorted(target.events, key=lambda event: (event.start, event.end)), strict=False):
            place[:] = event.start, event.end, index[event.label]
    check_timed(array, classes)
    return array


def check_timed(targets: np.ndarray, classes: Sequence[str]) -> None:
    """Refuse events that are none.

    Raises:
        InputError: a class is not one of `classes`, an event begins before the clip or does not end behind its
            beginning, or a number is not finite.
    """
    label = targets[..., 2]
    if not np.isin(label, np.arange(-1, len(classes))).all():
        raise InputError(
            f"Dataset: expected events [n, most, 3] of start, end and class, with classes from 0 to {len(classes) - 1} "
            "and -1 where there is none, got others"
        )
    times = targets[label >= 0][:, :2]
    if not np.isfinite(times).all() or (times[:, 0] < 0).any() or (times[:, 1] <= times[:, 0]).any():
        bad = next(row for row in times.tolist() if not 0 <= row[0] < row[1] < np.inf)
        raise InputError(
            f"Dataset: expected events that begin at 0 s or later and end behind their beginning, got one from "
            f"{bad[0]:g} to {bad[1]:g} s"
        )


def rows_of(target: np.ndarray) -> np.ndarray:
    """Return the rows of a clip's target that are events, ``[m, 3]``."""
    return target[target[:, 2] >= 0]


def event_counts(targets: np.ndarray, classes: int) -> np.ndarray:
    """Count the events of each class in each clip, int64 ``[n, classes]``."""
    return (targets[:, :, 2, None] == np.arange(classes)).sum(axis=1)


def inside(target: np.ndarray, start: float, end: float) -> np.ndarray:
    """Return the events of a clip as they are in a part of it, ``[m, 3]``: cut off at its ends, times from its start.

    A rest of less than a hundredth of a second is no event.
    """
    rows = rows_of(target).copy()
    rows[:, :2] = np.clip(rows[:, :2] - start, 0, end - start)
    return rows[rows[:, 1] - rows[:, 0] >= 0.01]


def stacked(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Make one array ``[n, most, 3]`` of the events of several clips, ``[m, 3]`` each."""
    array = np.full((len(rows), max([1, *map(len, rows)]), 3), _NOTHING)
    for place, own in zip(array, rows, strict=True):
        place[: len(own)] = own
    return array
