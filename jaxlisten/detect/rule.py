"""From what a listener says at every step to events: thresholds and median filters, and how they are chosen."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from jaxlisten import metrics
from jaxlisten.errors import InputError
from jaxlisten.metrics.frames import MEDIAN, found_events

THRESHOLDS = tuple(round(0.05 * k, 2) for k in range(1, 20))
"""The thresholds that are tried."""
MEDIANS = (0.0, 0.06, 0.1, 0.2, 0.4, 0.8)
"""The lengths of the median filter that are tried, in seconds."""


class FoundEvent(NamedTuple):
    """An event that was found in a recording.

    Attributes:
        label: what it is.
        start, end: when, in seconds from the beginning of the recording.
        probability: of it, the mean over that time.
    """

    label: str
    start: float
    end: float
    probability: float


@dataclass(frozen=True)
class EventRule:
    """How events are made of probabilities at every step; see `jaxlisten.metrics.found_events`.

    Args:
        classes: the names, in the order of the probabilities.
        thresholds: of each class, the probability from which it is there.
        medians: of each class, the seconds of its median filter.
    """

    classes: tuple[str, ...]
    thresholds: tuple[float, ...]
    medians: tuple[float, ...]

    def __post_init__(self) -> None:
        for name in ("thresholds", "medians"):
            values = getattr(self, name)
            if len(values) != len(self.classes) or not all(0 <= value < math.inf for value in values):
                raise InputError(f"EventRule: expected {len(self.classes)} {name} of 0 or more, got {values}")

    def rows(self, probabilities: ArrayLike, period: float) -> np.ndarray:
        """Find the events of a recording, ``[m, 4]`` of start, end, class and probability."""
        return found_events(probabilities, period, thresholds=self.thresholds, medians=self.medians)

    def found(self, probabilities: ArrayLike, period: float) -> tuple[FoundEvent, ...]:
        """Find the events of a recording, by name."""
        rows = self.rows(probabilities, period).tolist()
        return tuple(
            FoundEvent(self.classes[int(k)], round(start, 6), round(end, 6), round(p, 6)) for start, end, k, p in rows
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON can hold them."""
        return {
            "thresholds": dict(zip(self.classes, self.thresholds, strict=True)),
            "medians": dict(zip(self.classes, self.medians, strict=True)),
        }


def event_rule(
    classes: Sequence[str], *, stored: Any = None, threshold: float | Mapping[str, float] | None = None
) -> EventRule:
    """Make a rule of what a run has stored and what the user sets.

    Args:
        classes: of the listener.
        stored: what `EventRule.to_dict` gave, or None.
        threshold: a number for all classes, or numbers by name; None: what is stored, or else 1/2.

    Raises:
        InputError: a number is none, or for an unknown class.
    """
    known = stored if isinstance(stored, Mapping) else {}
    settings = {"thresholds": dict.fromkeys(classes, 0.5), "medians": dict.fromkeys(classes, MEDIAN)}
    for name, values in settings.items():
        given = known.get(name)
        values |= _numbers(name, given if isinstance(given, Mapping) else {}, classes)
    if threshold is not None:
        own = threshold if isinstance(threshold, Mapping) else dict.fromkeys(classes, threshold)
        settings["thresholds"] |= _numbers("threshold", own, classes)
    return EventRule(tuple(classes), *(tuple(values[name] for name in classes) for values in settings.values()))


def choose_rule(
    classes: Sequence[str], truths: Sequence[np.ndarray], probabilities: Sequence[np.ndarray], period: float
) -> EventRule:
    """Choose for each class the threshold and the median filter with the highest F1 of its events.

    Beginning and end have to be in time, as in `jaxlisten.metrics.event_based`. Of equally good ones, those are taken
    that are nearest to 1/2 and to what `jaxlisten.metrics.usual_medians` gives. A class without an event keeps these.

    Args:
        classes: their names.
        truths: of each recording its events, ``[m, 3]``; recordings of validation, not of the test.
        probabilities: of each recording what was said, ``[steps, classes]``.
        period: seconds from one step to the next.
    """
    line, events = _joined(truths, probabilities, period)
    usual = metrics.usual_medians([events], len(classes))
    chosen = [(0.5, float(median)) for median in usual]
    for k in range(len(classes)):
        own = events[events[:, 2] == k]
        if not len(own):
            continue
        own[:, 2] = 0
        best = (-1.0, 0.0, 0.0)
        for median in dict.fromkeys((*MEDIANS, float(usual[k]))):
            for threshold in THRESHOLDS:
                found = found_events(line[:, [k]], period, thresholds=threshold, medians=median)
                score = metrics.event_based([own], [found], 1).f1, -abs(threshold - 0.5), -abs(median - usual[k])
                if score > best:
                    best, chosen[k] = score, (threshold, median)
    thresholds, medians = zip(*chosen, strict=True)
    return EventRule(tuple(classes), thresholds, medians)


def _joined(
    truths: Sequence[np.ndarray], probabilities: Sequence[np.ndarray], period: float
) -> tuple[np.ndarray, np.ndarray]:
    """Lay recordings one behind another, with nothing in between for longer than any filter or collar reaches."""
    gap = math.ceil((max(MEDIANS) + 10) / period)
    lines, events, place = [], [np.zeros((0, 3))], 0
    for truth, said in zip(truths, probabilities, strict=True):
        events.append(truth[:, :3] + [place * period, place * period, 0])
        lines += [said, np.zeros((gap, said.shape[1]), said.dtype)]
        place += len(said) + gap
    return np.concatenate(lines), np.concatenate(events)


def _numbers(name: str, given: Mapping[str, Any], classes: Sequence[str]) -> dict[str, float]:
    for key, value in given.items():
        if key not in classes:
            raise InputError(f"{name}: there is no class {key!r}; the listener knows {', '.join(classes)}")
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
            raise InputError(f"{name}: expected a number of 0 or more for {key!r}, got {value!r}")
    return {key: float(value) for key, value in given.items()}
