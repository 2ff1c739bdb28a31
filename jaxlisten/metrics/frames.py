"""From probabilities at every step to events with a beginning and an end."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jaxlisten.errors import InputError
from jaxlisten.metrics.arrays import Bools

MEDIAN = 0.2
"""Seconds of the median filter, where nothing else is said, and at most."""


def found_events(
    probabilities: ArrayLike,
    period: float,
    *,
    thresholds: ArrayLike = 0.5,
    medians: ArrayLike = MEDIAN,
) -> NDArray[np.float64]:
    """Find events in the probabilities of every step.

    A class is there at the steps whose probability reaches its threshold, after a median filter: a gap or a burst of
    less than half of the filter's length is none. Step i stands for the time from ``i * period`` to
    ``(i + 1) * period``.

    Args:
        probabilities: ``[steps, classes]``.
        period: seconds from one step to the next.
        thresholds: from 0 to 1, one for all classes or one for each, ``[classes]``.
        medians: seconds of the median filter, likewise; it has the odd number of steps next to that, 1 at least.

    Returns:
        ``[m, 4]``: start and end in seconds, the index of the class, and the mean probability in between; in the order
        of their starts.

    Raises:
        InputError: the probabilities are no such array, or the period is not above 0.

    Example:
        >>> found_events([[0.1], [0.9], [0.8], [0.2]], 0.5, medians=0.5).tolist()
        [[0.5, 1.5, 0.0, 0.85]]
    """
    p = np.asarray(probabilities, np.float64)
    if p.ndim != 2 or not period > 0:
        raise InputError(f"found_events: expected probabilities [steps, classes] and a period, got {p.shape}, {period}")
    _n, classes = p.shape
    least, seconds = (np.broadcast_to(np.asarray(each, np.float64), classes) for each in (thresholds, medians))
    rows = []
    for k in range(classes):
        starts, ends = _runs(_median(p[:, k] >= least[k], _odd(seconds[k] / period)))
        total = np.concatenate([[0.0], np.cumsum(p[:, k])])
        mean = (total[ends] - total[starts]) / np.maximum(ends - starts, 1)
        rows.append(np.column_stack([starts * period, ends * period, np.full(len(starts), k), mean]))
    events = np.concatenate(rows) if rows else np.zeros((0, 4))
    return events[np.lexsort((events[:, 2], events[:, 0]))]


def usual_medians(truths: Sequence[ArrayLike], classes: int) -> NDArray[np.float64]:
    """Return a length of the median filter for each class: 0.2 s, or half of the class's median event if that is less.

    Args:
        truths: of each recording its events, ``[m, 3]`` of start, end and class.
        classes: how many there are.

    Returns:
        Seconds, ``[classes]``.

    Example:
        >>> usual_medians([[[0.0, 0.1, 0], [1.0, 3.0, 1]]], 3).tolist()
        [0.05, 0.2, 0.2]
    """
    events = np.concatenate([np.zeros((0, 3)), *(np.asarray(t, np.float64).reshape(-1, 3) for t in truths)])
    lengths, label = events[:, 1] - events[:, 0], events[:, 2]
    own = (lengths[label == k] for k in range(classes))
    return np.array([min(MEDIAN, float(np.median(each)) / 2) if len(each) else MEDIAN for each in own])


def _odd(steps: float) -> int:
    return 2 * round((steps - 1) / 2) + 1 if steps > 1 else 1


def _median(active: Bools, width: int) -> Bools:
    """Take the majority of the `width` steps around each; beyond the ends nothing is."""
    if width == 1:
        return active
    total = np.concatenate([[0], np.cumsum(active)])
    steps = np.arange(len(active))
    high, low = np.minimum(steps + width // 2 + 1, len(active)), np.maximum(steps - width // 2, 0)
    return 2 * (total[high] - total[low]) > width


def _runs(active: Bools) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where runs of True begin, and behind which step they end."""
    edges = np.diff(np.concatenate([[0], active.astype(np.int8), [0]]))
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
