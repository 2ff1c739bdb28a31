"""A report on streams: what a detector found, missed and made up in long recordings with known events."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from jaxlisten import data
from jaxlisten.data import Event, is_negative
from jaxlisten.detect import Detection, Detector, Hearing, Outcome, Recording, Score, counted, detector, outcomes
from jaxlisten.detect import tradeoff as tradeoff_of
from jaxlisten.detect.scoring import TOLERANCE, listened
from jaxlisten.errors import InputError
from jaxlisten.evaluate.base import WORST, BaseReport
from jaxlisten.runs import Fitted


class FalseAlarm(NamedTuple):
    """A detection where there was nothing of its kind.

    Attributes:
        path: the recording.
        label: what was said.
        time: when, in seconds.
        probability: of it.
        event: the label of what was there in truth, or "".
    """

    path: str
    label: str
    time: float
    probability: float
    event: str


@dataclass(frozen=True, eq=False, repr=False)
class StreamReport(BaseReport):
    """What a detector did on long recordings.

    Attributes:
        classes: that can be found.
        paths: the recordings.
        recordings: as they were heard, with what is in them.
        detector: the detector.
        tolerance: seconds behind the end of an event within which a detection still finds it.

    See `jaxlisten.evaluate.base.BaseReport` for the other fields, which are given by name.

    Raises:
        InputError: there is no recording.
    """

    classes: tuple[str, ...]
    paths: tuple[str, ...]
    recordings: tuple[Recording, ...]
    detector: Detector
    tolerance: float = TOLERANCE

    @cached_property
    def score(self) -> Score:
        """Events, those found, false alarms and hours."""
        return counted(self._each)

    @cached_property
    def tradeoff(self) -> list[tuple[float, Score]]:
        """The score with each of many thresholds for all classes, the lowest first."""
        return tradeoff_of(self.recordings, self.detector, tolerance=self.tolerance)

    @cached_property
    def _each(self) -> list[Outcome]:
        return outcomes(self.recordings, self.detector, tolerance=self.tolerance)

    @cached_property
    def per_class(self) -> dict[str, dict[str, float]]:
        """``events``, ``found``, ``miss_rate`` (NaN without events) and ``false_alarms`` of each class, by name."""
        rows = {name: {"events": 0, "found": 0, "false_alarms": 0} for name in self.classes}
        for _, said, sought, hits in self._each:
            for event, hit in zip(sought, hits, strict=True):
                rows[event.label]["events"] += 1
                rows[event.label]["found"] += hit is not None
            for one in said:
                rows[one.label]["false_alarms"] += one not in hits
        return {
            name: row | {"miss_rate": 1 - row["found"] / row["events"] if row["events"] else math.nan}
            for name, row in rows.items()
        }

    @cached_property
    def false_alarms(self) -> list[FalseAlarm]:
        """Every false alarm, the most confident first."""
        found = [
            FalseAlarm(recording.name, one.label, one.time, one.probability, _there(recording, one, self.tolerance))
            for recording, said, _, hits in self._each
            for one in said
            if one not in hits
        ]
        return sorted(found, key=lambda alarm: -alarm.probability)

    @property
    def confusions(self) -> int:
        """How many of the false alarms fell on another sound: one was heard, and taken for the wrong one."""
        return sum(bool(alarm.event) for alarm in self.false_alarms)

    @property
    def latencies(self) -> list[float]:
        """Seconds from the end of each event that was found until it could be said; below 0 before its end."""
        return [
            hit.heard - event.end
            for _, _, sought, hits in self._each
            for event, hit in zip(sought, hits, strict=True)
            if hit is not None
        ]

    @property
    def headline(self) -> str:
        """The main figures in one line."""
        found = self.score
        share = f" ({1 - found.miss_rate:.1%})" if found.events else ""
        return (
            f"{found.found} of {found.events} sounds found{share}, {found.false_alarms_per_hour:.2f} false alarms an "
            f"hour (below {found.false_alarms_bound:.2f} with 95 % confidence), {found.hours:.2f} hours"
        )

    def _figures(self) -> dict[str, Any]:
        found, late = self.score, sorted(self.latencies)
        return {
            "hours": found.hours,
            "events": found.events,
            "found": found.found,
            "miss_rate": found.miss_rate,
            "false_alarms": found.false_alarms,
            "confusions": self.confusions,
            "false_alarms_per_hour": found.false_alarms_per_hour,
            "false_alarms_per_hour_bound": found.false_alarms_bound,
            "median_latency": late[len(late) // 2] if late else math.nan,
            "tolerance": self.tolerance,
            "detector": self.detector.to_dict(),
            "classes": self.classes,
            "per_class": self.per_class,
            "tradeoff": [
                {"threshold": t, "miss_rate": s.miss_rate, "false_alarms_per_hour": s.false_alarms_per_hour}
                for t, s in self.tradeoff
            ],
            "mistakes": self.false_alarms[:WORST],
        }

    def table(self) -> list[list[str]]:
        """Return the main table as text: a row of headings, then a row for each class."""
        rows = [["class", "sounds", "found", "missed", "false alarms"]]
        for name, row in self.per_class.items():
            missed = "-" if math.isnan(row["miss_rate"]) else f"{row['miss_rate']:.1%}"
            rows.append([name, str(row["events"]), str(row["found"]), missed, str(row["false_alarms"])])
        return rows

    def worst_table(self) -> list[list[str]]:
        """Return the most confident false alarms as text, after a row of headings."""
        rows = [
            [alarm.path, f"{alarm.time:.2f} s", alarm.label, alarm.event or "background", f"{alarm.probability:.3f}"]
            for alarm in self.false_alarms[:WORST]
        ]
        return [["recording", "time", "said", "in truth", "probability"], *rows]


def evaluate_stream(
    fitted: Fitted,
    recordings: Mapping[Any, Sequence[Event]],
    *,
    window: float | None = None,
    tolerance: float = TOLERANCE,
    title: str = "",
    about: dict[str, Any] | None = None,
    **settings: Any,
) -> StreamReport:
    """Listen to long recordings, and compare what is found with what is in them.

    Args:
        fitted: a trained listener for classes or labels.
        recordings: of the path of each file what is heard in it, as `jaxlisten.data.events` reads it.
        window: as in `jaxlisten.Listener.listen`.
        tolerance: seconds behind the end of an event within which a detection still finds it.
        title: heading of the report.
        about: what to say about the data in the report.
        **settings: ``threshold``, ``smooth`` and ``refractory`` as in `jaxlisten.Listener.listen`.

    Raises:
        InputError: a file can't be read, an event has a label that the listener doesn't know, or a setting is out of
            range.

    Example:
        >>> listener = jl.load("runs/first")  # doctest: +SKIP
        >>> report = jl.evaluate_stream(listener.fitted, jl.data.events("street.csv"))  # doctest: +SKIP
        >>> report.score.miss_rate, report.score.false_alarms_per_hour  # doctest: +SKIP
    """
    finder = detector(
        fitted.classes, exclusive=fitted.task.kind == "class", stored=fitted.about.get("detector"), **settings
    )
    known = {name for name in fitted.classes if not is_negative(name)}
    if unknown := {e.label for events in recordings.values() for e in events if not is_negative(e.label)} - known:
        raise InputError(
            f"evaluate_stream: the listener does not know {', '.join(sorted(unknown))}, only "
            f"{', '.join(sorted(known))}; give what is not to be found a label that begins with an underscore"
        )
    hearing = Hearing(fitted, window)
    heard = tuple(
        listened(hearing, str(path), data.blocks(path, sr=fitted.sr), events) for path, events in recordings.items()
    )
    return stream_report(heard, finder, tolerance=tolerance, title=title, about=about or {})


def stream_report(recordings: Sequence[Recording], finder: Detector, **fields: Any) -> StreamReport:
    """Report on recordings that were heard, with the classes that can be found.

    Args:
        recordings: with all that is in them.
        finder: the detector.
        **fields: the other fields of `StreamReport`.
    """
    names = tuple(name for name in finder.classes if not is_negative(name))
    return StreamReport(names, tuple(one.name for one in recordings), tuple(recordings), finder, **fields)


def _there(recording: Recording, one: Detection, tolerance: float) -> str:
    """Return the label of the event that a detection fell on, or ""."""
    return next((e.label for e in recording.events if e.start <= one.time <= e.end + tolerance), "")
