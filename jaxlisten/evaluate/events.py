"""A report on sound event detection: what was found when, beside what is there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from jaxlisten import metrics
from jaxlisten.data import Dataset, Event
from jaxlisten.data.timed import rows_of
from jaxlisten.detect import EventRule, FoundEvent, choose_rule, event_rule, frames, seconds_a_step
from jaxlisten.errors import InputError
from jaxlisten.evaluate.base import WORST, BaseReport
from jaxlisten.metrics import EventCounts
from jaxlisten.metrics.events import OFFSET_SHARE, ONSET_COLLAR, SEGMENT
from jaxlisten.runs import Fitted


class EventMistakes(NamedTuple):
    """A recording and what is wrong in it.

    Attributes:
        path: the recording.
        events: how many are in it.
        found: how many were found, rightly or not.
        hits: how many of them are right, in beginning and end.
        f1: of its events.
        index: its place in the report, and in its `data`.
    """

    path: str
    events: int
    found: int
    hits: int
    f1: float
    index: int

    @property
    def errors(self) -> int:
        """What was missed and what was made up."""
        return self.events + self.found - 2 * self.hits


@dataclass(frozen=True, eq=False, repr=False)
class EventReport(BaseReport):
    """What a listener for events found in every recording. All figures follow from the fields.

    Attributes:
        classes: what can be found.
        truths: of each recording what is in it, ``[m, 3]`` of start, end and class.
        probabilities: of each recording what was said, ``[steps, classes]``.
        paths: the recordings.
        rule: how events are made of probabilities.
        period: seconds from one step to the next.
        onset_collar: seconds that a beginning may be off, and an end at least.
        offset_share: the share of an event's length that its end may be off where that is more.
        segment: seconds of a segment.

    See `jaxlisten.evaluate.base.BaseReport` for the other fields, which are given by name.

    Raises:
        InputError: there is no recording, or there are not as many truths and answers as recordings.
    """

    classes: tuple[str, ...]
    truths: tuple[np.ndarray, ...]
    probabilities: tuple[np.ndarray, ...]
    paths: tuple[str, ...]
    rule: EventRule
    period: float
    onset_collar: float = ONSET_COLLAR
    offset_share: float = OFFSET_SHARE
    segment: float = SEGMENT

    def __post_init__(self) -> None:
        super().__post_init__()
        if not len(self.truths) == len(self.probabilities) == self.n:
            raise InputError(
                f"EventReport: expected truths and probabilities of {self.n} recordings, got {len(self.truths)} and "
                f"{len(self.probabilities)}"
            )

    @cached_property
    def rows(self) -> list[np.ndarray]:
        """What was found in each recording, ``[m, 4]`` of start, end, class and probability."""
        return [self.rule.rows(said, self.period) for said in self.probabilities]

    def events(self, index: int) -> tuple[Event, ...]:
        """Return what is in a recording."""
        return tuple(Event(self.classes[int(k)], start, end) for start, end, k in self.truths[index].tolist())

    def found(self, index: int) -> tuple[FoundEvent, ...]:
        """Return what was found in a recording."""
        return self.rule.found(self.probabilities[index], self.period)

    def pairs(self, index: int) -> dict[int, int]:
        """Tell by which found event each event of a recording was found, by their places in `found` and `events`."""
        settings = {"onset_collar": self.onset_collar, "offset_share": self.offset_share}
        return metrics.event_pairs(self.truths[index], self.rows[index], **settings)

    @cached_property
    def event_based(self) -> EventCounts:
        """Events whose beginning and end are in time; see `jaxlisten.metrics.event_based`."""
        return self._events(self.offset_share)

    @cached_property
    def onset_based(self) -> EventCounts:
        """Events whose beginning is in time, whatever their end."""
        return self._events(None)

    @cached_property
    def segment_based(self) -> EventCounts:
        """Segments in which a class is heard; see `jaxlisten.metrics.segment_based`."""
        return metrics.segment_based(self.truths, self.rows, len(self.classes), seconds=self.segment)

    def _events(self, share: float | None) -> EventCounts:
        return metrics.event_based(
            self.truths, self.rows, len(self.classes), onset_collar=self.onset_collar, offset_share=share
        )

    @property
    def event_f1(self) -> float:
        """The F1 of all events together, beginning and end in time."""
        return self.event_based.f1

    @property
    def seconds(self) -> float:
        """How long the recordings are, together."""
        return sum(map(len, self.probabilities)) * self.period

    @cached_property
    def per_class(self) -> dict[str, dict[str, float]]:
        """Figures of each class, by name.

        ``events``, ``found``, ``hits``, ``f1``, ``error_rate``, ``onset_f1``, ``segment_f1``, ``segment_error_rate``,
        ``threshold`` and ``median``. What isn't defined is NaN.
        """
        both, onset, segment = self.event_based, self.onset_based, self.segment_based
        columns = {
            "events": both.truth,
            "found": both.found,
            "hits": both.hits,
            "f1": both.per_class_f1,
            "error_rate": both.per_class_error_rate,
            "onset_f1": onset.per_class_f1,
            "segment_f1": segment.per_class_f1,
            "segment_error_rate": segment.per_class_error_rate,
            "threshold": np.array(self.rule.thresholds),
            "median": np.array(self.rule.medians),
        }
        lists = {name: column.tolist() for name, column in columns.items()}
        return {name: {key: lists[key][k] for key in lists} for k, name in enumerate(self.classes)}

    @cached_property
    def recordings(self) -> list[EventMistakes]:
        """Every recording, the one with the most missed and made up events first."""
        each = []
        for i, (path, truth, found) in enumerate(zip(self.paths, self.truths, self.rows, strict=True)):
            counts = metrics.event_based(
                [truth], [found], len(self.classes), onset_collar=self.onset_collar, offset_share=self.offset_share
            )
            each.append(EventMistakes(path, len(truth), len(found), int(counts.hits.sum()), counts.f1, i))
        return sorted(each, key=lambda one: -one.errors)

    @property
    def headline(self) -> str:
        """The main figures in one line."""
        both, segment = self.event_based, self.segment_based
        return (
            f"event F1 {both.f1:.1%} (onset alone {self.onset_based.f1:.1%}), error rate {_number(both.error_rate)}, "
            f"F1 of {self.segment:g} s segments {segment.f1:.1%}, error rate {_number(segment.error_rate)}, "
            f"{both.truth.sum()} events in {self.n} recordings"
        )

    def _figures(self) -> dict[str, Any]:
        return {
            "seconds": self.seconds,
            "period": self.period,
            "onset_collar": self.onset_collar,
            "offset_share": self.offset_share,
            "segment": self.segment,
            "event_based": _said(self.event_based),
            "onset_based": _said(self.onset_based),
            "segment_based": _said(self.segment_based),
            "event_f1": self.event_f1,
            "classes": self.classes,
            "per_class": self.per_class,
            "recordings": [
                {**one._asdict(), "truth": self.events(one.index), "events_found": self.found(one.index)}
                for one in self.recordings[:WORST]
            ],
        }

    def table(self) -> list[list[str]]:
        """Return the main table as text: a row of headings, then a row for each class."""
        rows = [["class", "events", "found", "hits", "F1", "ER", "onset F1", "segment F1", "segment ER"]]
        for name, row in self.per_class.items():
            counts = [str(row[key]) for key in ("events", "found", "hits")]
            keys = ("f1", "error_rate", "onset_f1", "segment_f1", "segment_error_rate")
            rows.append([name, *counts, *(_number(row[key]) for key in keys)])
        return rows

    def worst_table(self) -> list[list[str]]:
        """Return the recordings with the most mistakes as text, after a row of headings."""
        rows = [
            [one.path, str(one.events), str(one.found), str(one.hits), f"{one.f1:.3f}"]
            for one in self.recordings[:WORST]
        ]
        return [["recording", "events", "found", "hits", "F1"], *rows]


def evaluate_events(fitted: Fitted, clips: Dataset, **fields: Any) -> EventReport:
    """Let a listener for events hear whole recordings, and compare what it finds with what is there.

    Args:
        fitted: the listener, with the rule that it has stored.
        clips: recordings with events, at its sample rate, with some or all of its classes.
        **fields: those of `EventReport`.
    """
    return EventReport(
        fitted.classes,
        tuple(placed(clips, fitted.classes)),
        tuple(frames(fitted, ([clip] for clip in clips.audio))),
        clips.paths,
        event_rule(fitted.classes, stored=fitted.about.get("event_rule")),
        seconds_a_step(fitted),
        **fields,
    )


def choose_thresholds(fitted: Fitted, validation: Dataset) -> Fitted:
    """Return a listener for events with the thresholds and median filters that are best on some recordings.

    Args:
        fitted: the listener.
        validation: recordings with events that it was not trained on, nor is to be measured on.
    """
    said = list(frames(fitted, ([clip] for clip in validation.audio)))
    rule = choose_rule(fitted.classes, placed(validation, fitted.classes), said, seconds_a_step(fitted))
    return replace(fitted, about=fitted.about | {"event_rule": rule.to_dict()})


def placed(data: Dataset, classes: tuple[str, ...]) -> list[np.ndarray]:
    """Return the events of each recording, ``[m, 3]``, with the indices of the listener's classes."""
    index = np.array([classes.index(name) for name in data.classes], np.float64)
    events = []
    for row in data.targets:
        own = rows_of(row).copy()
        own[:, 2] = index[own[:, 2].astype(int)]
        events.append(own)
    return events


def _said(counts: EventCounts) -> Mapping[str, Any]:
    names = ("f1", "macro_f1", "precision", "recall", "error_rate", "substitutions", "deletions", "insertions")
    totals = {name: int(getattr(counts, name).sum()) for name in ("truth", "found", "hits")}
    return {name: getattr(counts, name) for name in names} | totals


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"
