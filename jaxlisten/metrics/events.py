"""Events with a beginning and an end: which were found in time, and how much of the time was right.

The events of a recording are an array ``[m, 3]`` of ``start, end, class``: seconds, and the index of the class. Events
of one class may overlap, and further columns are ignored.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jaxlisten.errors import InputError
from jaxlisten.metrics.arrays import Bools, Floats, mean_known, ratio

Ints = NDArray[np.int64]

ONSET_COLLAR = 0.2
"""Seconds that a beginning, and at least an end, may be off."""
OFFSET_SHARE = 0.5
"""Share of an event's length that its end may be off where that is more."""
SEGMENT = 1.0
"""Seconds of a segment."""


class EventCounts(NamedTuple):
    """What was found, counted in events or in segments.

    A substitution is something that was found in the right place under the wrong name. What was missed without one is
    a deletion, and what was made up without one is an insertion.

    Attributes:
        truth: ``[classes]``, how many there are of each class.
        found: ``[classes]``, how many were said to be.
        hits: ``[classes]``, how many of those are right.
        substitutions: of all classes together.
    """

    truth: Ints
    found: Ints
    hits: Ints
    substitutions: int

    @property
    def precision(self) -> float:
        """The share of what was found that is right, over all classes; 0 where nothing was found."""
        return _share(self.hits.sum(), self.found.sum())

    @property
    def recall(self) -> float:
        """The share of what there is that was found, over all classes; 0 where there is nothing."""
        return _share(self.hits.sum(), self.truth.sum())

    @property
    def f1(self) -> float:
        """``2 hits / (truth + found)`` over all classes (micro); 0 where there is nothing and nothing was found."""
        return _share(2 * self.hits.sum(), self.truth.sum() + self.found.sum())

    @property
    def macro_f1(self) -> float:
        """The mean F1 of the classes that there are or that were found; NaN where there are none."""
        return mean_known([f1 for f1, n in zip(self.per_class_f1, self.truth + self.found, strict=True) if n])

    @property
    def deletions(self) -> int:
        """What was missed and is no substitution."""
        return int(self.truth.sum() - self.hits.sum()) - self.substitutions

    @property
    def insertions(self) -> int:
        """What was made up and is no substitution."""
        return int(self.found.sum() - self.hits.sum()) - self.substitutions

    @property
    def error_rate(self) -> float:
        """``(substitutions + deletions + insertions) / truth``: 0 at best, and above 1 where most is made up.

        NaN where there is nothing to find.
        """
        errors, n = self.substitutions + self.deletions + self.insertions, int(self.truth.sum())
        return errors / n if n else math.nan

    @property
    def per_class_f1(self) -> Floats:
        """The F1 of each class, ``[classes]``; 0 where there is nothing and nothing was found."""
        return ratio(2.0 * self.hits, (self.truth + self.found).astype(np.float64))

    @property
    def per_class_error_rate(self) -> Floats:
        """Of each class ``(missed + made up) / truth``, ``[classes]``; NaN where there is nothing to find."""
        errors = (self.truth + self.found - 2 * self.hits).astype(np.float64)
        return np.where(self.truth > 0, ratio(errors, self.truth.astype(np.float64)), np.nan)


def event_based(
    truths: Sequence[ArrayLike],
    founds: Sequence[ArrayLike],
    classes: int,
    *,
    onset_collar: float = ONSET_COLLAR,
    offset_share: float | None = OFFSET_SHARE,
) -> EventCounts:
    """Count the events that were found in time.

    An event is found by one of its class whose beginning is at most `onset_collar` seconds from its own, and whose end
    at most ``max(onset_collar, offset_share * its length)``. As many pairs are made as possible: no event counts twice.
    What is left over on both sides, and would be a pair but for its class, is a substitution.

    Args:
        truths: of each recording the events that are in it, ``[m, 3]``.
        founds: of each recording the events that were found.
        classes: how many there are.
        onset_collar: in seconds.
        offset_share: as said; None: the ends don't matter.

    Raises:
        InputError: there are not as many recordings on both sides, or an array is of no events.

    Example:
        >>> truth = [[0.0, 1.0, 0], [2.0, 3.0, 1]]
        >>> counts = event_based([truth], [[[0.1, 1.4, 0], [2.0, 3.0, 0]]], 2)
        >>> counts.f1, counts.error_rate, counts.substitutions
        (0.5, 0.5, 1)

    Reference:
        Mesaros et al. 2016, *Metrics for polyphonic sound event detection*; equals ``sed_eval`` 0.2.1,
        ``EventBasedMetrics`` with its defaults (``t_collar=0.2, percentage_of_length=0.5``, optimal matching), but
        that F1 is 0, and not NaN, where nothing was found.
    """

    truth_n, found_n, hits = (np.zeros(classes, np.int64) for _ in range(3))
    substitutions = 0
    for truth, found in _pairs("event_based", truths, founds, classes):
        label = truth[:, 2].astype(int)
        near = _near(truth, found, onset_collar, offset_share)
        pairs = _pairs_of(truth, found, near)
        taken = set(pairs.values())
        left = ([j for j in own if j not in taken] for i, own in enumerate(near) if i not in pairs)
        substitutions += _greedily(left)
        truth_n += np.bincount(label, minlength=classes)
        found_n += np.bincount(found[:, 2].astype(int), minlength=classes)
        hits += np.bincount(label[list(pairs)], minlength=classes)
    return EventCounts(truth_n, found_n, hits, substitutions)


def event_pairs(
    truth: ArrayLike, found: ArrayLike, *, onset_collar: float = ONSET_COLLAR, offset_share: float | None = OFFSET_SHARE
) -> dict[int, int]:
    """Tell by which found event each event of a recording was found, as `event_based` counts them.

    Args:
        truth, found: ``[m, 3]`` of start, end and class, in the order of their starts.
        onset_collar, offset_share: as in `event_based`.

    Returns:
        The row of `found` by the row of `truth`, for those that were found.

    Example:
        >>> event_pairs([[0.0, 1.0, 0], [2.0, 3.0, 1]], [[0.1, 1.4, 0], [2.0, 3.0, 0]])
        {0: 0}
    """
    there, said = (np.asarray(events, np.float64).reshape(-1, np.shape(events)[-1] or 3) for events in (truth, found))
    return _pairs_of(there, said, _near(there, said, onset_collar, offset_share))


def segment_based(
    truths: Sequence[ArrayLike], founds: Sequence[ArrayLike], classes: int, *, seconds: float = SEGMENT
) -> EventCounts:
    """Count the segments of a second in which the right classes were heard.

    A class is in a segment that an event of it touches. In a segment with a class too few and another one too many, the
    one is a substitution for the other.

    Args:
        truths, founds, classes: as in `event_based`.
        seconds: how long a segment is.

    Raises:
        InputError: as in `event_based`, or a segment has no length.

    Example:
        >>> counts = segment_based([[[0.2, 2.9, 0]]], [[[0.2, 1.9, 0]]], 1)
        >>> round(counts.f1, 3), round(counts.error_rate, 3)
        (0.8, 0.333)

    Reference:
        Mesaros et al. 2016; equals ``sed_eval`` 0.2.1, ``SegmentBasedMetrics`` with its default of a second.
    """
    if not seconds > 0:
        raise InputError(f"segment_based: expected segments of more than 0 seconds, got {seconds}")
    truth_n, found_n, hits = (np.zeros(classes, np.int64) for _ in range(3))
    substitutions = 0
    for truth, found in _pairs("segment_based", truths, founds, classes):
        n = math.ceil(max([0.0, *truth[:, 1], *found[:, 1]]) / seconds)
        there, said = (_touched(events, n, classes, seconds) for events in (truth, found))
        both = there & said
        substitutions += int((np.minimum(there.sum(1), said.sum(1)) - both.sum(1)).sum())
        truth_n, found_n, hits = truth_n + there.sum(0), found_n + said.sum(0), hits + both.sum(0)
    return EventCounts(truth_n, found_n, hits, substitutions)


def _touched(events: Floats, n: int, classes: int, seconds: float) -> Bools:
    """Tell which segments each class is in, ``[n, classes]``."""
    roll = np.zeros((n, classes), bool)
    for start, end, label in events:
        roll[math.floor(start / seconds) : math.ceil(end / seconds), int(label)] = True
    return roll


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else 0.0


def _pairs(
    function: str, truths: Sequence[ArrayLike], founds: Sequence[ArrayLike], classes: int
) -> list[tuple[Floats, Floats]]:
    if len(truths) != len(founds):
        raise InputError(f"{function}: expected the events of {len(truths)} recordings, got those of {len(founds)}")
    return [
        (_checked(function, truth, classes), _checked(function, found, classes))
        for truth, found in zip(truths, founds, strict=True)
    ]


def _checked(function: str, events: ArrayLike, classes: int) -> Floats:
    array = np.asarray(events, np.float64)
    if array.size == 0:
        return np.zeros((0, 3))
    if array.ndim != 2 or array.shape[1] < 3 or not np.isfinite(array[:, :3]).all():
        raise InputError(f"{function}: expected events [m, 3] of start, end and class, got an array {array.shape}")
    if not np.isin(array[:, 2], np.arange(classes)).all():
        raise InputError(f"{function}: expected classes from 0 to {classes - 1}, got others in column 2")
    return array[np.argsort(array[:, 0], kind="stable"), :3]


def _near(truth: Floats, found: Floats, collar: float, share: float | None) -> list[list[int]]:
    """List for each true event the found ones that begin, and end, close enough; both in the order of their starts."""
    first, last = (np.searchsorted(found[:, 0], truth[:, 0] + side * (collar + 1e-6)) for side in (-1, 1))
    near = []
    for event, i, j in zip(truth, first, last, strict=True):
        close = np.abs(event[0] - found[i:j, 0]) <= collar
        if share is not None:
            close &= np.abs(event[1] - found[i:j, 1]) <= max(collar, share * (event[1] - event[0]))
        near.append((i + np.flatnonzero(close)).tolist())
    return near


def _pairs_of(truth: Floats, found: Floats, near: list[list[int]]) -> dict[int, int]:
    return _matched([[j for j in own if found[j, 2] == truth[i, 2]] for i, own in enumerate(near)])


def _matched(possible: Sequence[Sequence[int]]) -> dict[int, int]:
    """Make as many pairs as possible, and return the column of each row that has one.

    Augmenting paths (Kuhn 1955), breadth first, behind a greedy beginning: each column takes the first row left.

    Args:
        possible: of each row the columns that it may have; no column may have two rows.
    """
    rows = dict[int, list[int]]()
    for i, columns in enumerate(possible):
        for j in columns:
            rows.setdefault(j, []).append(i)
    row_of, column_of = dict[int, int](), dict[int, int]()
    for j, own in rows.items():
        free = next((i for i in own if i not in column_of), None)
        if free is not None:
            row_of[j], column_of[free] = free, j
    for j in rows:
        if j not in row_of:
            _augment(rows, row_of, column_of, j)
    return column_of


def _augment(rows: dict[int, list[int]], row_of: dict[int, int], column_of: dict[int, int], first: int) -> None:
    """Find a row for the column `first`, if others can give theirs up for another."""
    came_from, queue = dict[int, int](), deque([first])
    while queue:
        j = queue.popleft()
        for i in rows[j]:
            if i in came_from:
                continue
            came_from[i] = j
            if i in column_of:
                queue.append(column_of[i])
                continue
            while True:  # from the free row back to the first column, each column takes the row behind it
                j = came_from[i]
                before = row_of.get(j)
                row_of[j], column_of[i] = i, j
                if before is None:
                    return
                i = before


def _greedily(possible: Iterable[list[int]]) -> int:
    """Count the rows that get a column, each the first one that is left."""
    taken = set[int]()
    for columns in possible:
        taken.update([j for j in columns if j not in taken][:1])
    return len(taken)
