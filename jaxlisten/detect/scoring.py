"""How good a detector is: sounds found, sounds missed, and false alarms an hour."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from jaxlisten.data import Event, is_negative
from jaxlisten.detect.detector import Detection, Detector
from jaxlisten.detect.hearing import Heard, Hearing
from jaxlisten.errors import InputError

TOLERANCE = 0.5
"""Seconds behind the end of a sound within which a detection still counts as finding it."""

THRESHOLDS = tuple(1 / (1 + math.exp(-x)) for x in np.arange(-3.0, 7.0, 0.1))
"""What is tried: from 5 % to 99.9 %, evenly on the scale of logits."""


class Recording(NamedTuple):
    """A long recording as it was heard.

    Attributes:
        name: of the recording.
        seconds: how long it is.
        heard: all rows of probabilities.
        period, delay: of the rows, as `Hearing` has them.
        events: what is in it. Those whose label begins with an underscore are not to be found.
    """

    name: str
    seconds: float
    heard: Heard
    period: float
    delay: float
    events: tuple[Event, ...]


@dataclass(frozen=True)
class Score:
    """What a detector did on recordings with known events.

    Attributes:
        events: how many were to be found.
        found: how many of them were.
        false_alarms: detections where there was no such event, or that found one a second time.
        hours: of the recordings.
    """

    events: int
    found: int
    false_alarms: int
    hours: float

    @property
    def miss_rate(self) -> float:
        """The share of events that were not found; NaN where there was none."""
        return 1 - self.found / self.events if self.events else math.nan

    @property
    def false_alarms_per_hour(self) -> float:
        return self.false_alarms / self.hours

    @property
    def false_alarms_bound(self) -> float:
        """The rate an hour that the true one is below, with 95 % confidence.

        The one-sided exact bound of a Poisson process: without any alarm in h hours it is 3 / h.
        """
        from scipy.stats import chi2

        return float(chi2.ppf(0.95, 2 * (self.false_alarms + 1))) / 2 / self.hours


def listened(hearing: Hearing, name: str, pieces: Iterable[np.ndarray], events: Sequence[Event] = ()) -> Recording:
    """Hear a whole recording, from its beginning.

    Args:
        hearing: what hears it.
        name: of the recording.
        pieces: its samples at the rate of the listener, ``[time]`` each.
        events: what is in it.
    """
    hearing.restart()
    rows, samples = [], 0
    for piece in pieces:
        samples += len(piece)
        rows.append(hearing.feed(piece))
    rows.append(hearing.end())
    heard = Heard(np.concatenate([part.times for part in rows]), np.concatenate([part.probabilities for part in rows]))
    return Recording(name, samples / hearing.sr, heard, hearing.period, hearing.delay, tuple(events))


def detections(recording: Recording, detector: Detector) -> list[Detection]:
    """Return what a detector finds in a recording."""
    return detector.begin(recording.period, recording.delay).feed(recording.heard)


def matched(
    found: Sequence[Detection], events: Sequence[Event], *, tolerance: float = TOLERANCE
) -> list[Detection | None]:
    """Find the detection of each event.

    A detection belongs to the first event of its label that has none yet, that has begun, and that has not ended more
    than `tolerance` seconds before its time.

    Args:
        found: in the order of time.
        events: in the order of time.
        tolerance: in seconds.

    Returns:
        For each event its detection, or None.
    """
    belongs: list[Detection | None] = [None] * len(events)
    for detection in found:
        for i, event in enumerate(events):
            timely = event.start <= detection.time <= event.end + tolerance
            if belongs[i] is None and timely and event.label == detection.label:
                belongs[i] = detection
                break
    return belongs


class Outcome(NamedTuple):
    """What a detector did on one recording.

    Attributes:
        recording: that was heard.
        said: every detection.
        sought: the events that were to be found.
        hits: the detection of each of them, or None.
    """

    recording: Recording
    said: list[Detection]
    sought: list[Event]
    hits: list[Detection | None]


def outcomes(recordings: Sequence[Recording], detector: Detector, *, tolerance: float = TOLERANCE) -> list[Outcome]:
    """Run a detector over recordings, and set what it says beside what is in them.

    Args:
        recordings: with all that is in them.
        detector: the detector.
        tolerance: as in `matched`.
    """
    done = []
    for recording in recordings:
        said = detections(recording, detector)
        sought = [event for event in recording.events if not is_negative(event.label)]
        done.append(Outcome(recording, said, sought, matched(said, sought, tolerance=tolerance)))
    return done


def counted(done: Sequence[Outcome]) -> Score:
    """Count what was found, missed and made up.

    Raises:
        InputError: there is no recording.
    """
    if not done:
        raise InputError("score: expected one recording or more, got none")
    found = sum(hit is not None for one in done for hit in one.hits)
    return Score(
        events=sum(len(one.sought) for one in done),
        found=found,
        false_alarms=sum(len(one.said) for one in done) - found,
        hours=sum(one.recording.seconds for one in done) / 3600,
    )


def score(recordings: Sequence[Recording], detector: Detector, *, tolerance: float = TOLERANCE) -> Score:
    """Count what a detector finds, misses and makes up: `counted` of `outcomes`.

    Raises:
        InputError: there is no recording.
    """
    return counted(outcomes(recordings, detector, tolerance=tolerance))


def tradeoff(
    recordings: Sequence[Recording], detector: Detector, *, tolerance: float = TOLERANCE
) -> list[tuple[float, Score]]:
    """Score a detector with each of `THRESHOLDS` for all classes: the curve of its errors."""
    return [
        (threshold, score(recordings, with_threshold(detector, threshold), tolerance=tolerance))
        for threshold in THRESHOLDS
    ]


def choose(
    recordings: Sequence[Recording],
    detector: Detector,
    *,
    false_alarms_per_hour: float = 1.0,
    tolerance: float = TOLERANCE,
) -> tuple[Detector, Score]:
    """Choose the smallest threshold that makes at most so many false alarms an hour.

    One threshold serves all classes: thresholds of their own, each at the edge of what a few hours allow, would
    together let more through in the next hours.

    Args:
        recordings: of validation: what is chosen on them must be measured on others.
        detector: its thresholds don't matter.
        false_alarms_per_hour: the most that may be.
        tolerance: as in `matched`.

    Returns:
        The detector with that threshold, and its score on these recordings. Where no threshold is good enough, it is
        the highest one.
    """
    good = [
        (threshold, made)
        for threshold, made in tradeoff(recordings, detector, tolerance=tolerance)
        if made.false_alarms_per_hour <= false_alarms_per_hour or threshold == THRESHOLDS[-1]
    ]
    # The curve is not monotone: an alarm can hide another. Take the smallest threshold from which on all are good.
    place = len(THRESHOLDS) - 1
    allowed = {threshold for threshold, _ in good}
    while place and THRESHOLDS[place - 1] in allowed:
        place -= 1
    threshold = THRESHOLDS[place]
    return with_threshold(detector, threshold), dict(good)[threshold]


def with_threshold(detector: Detector, threshold: float) -> Detector:
    """Return the detector with one threshold for all classes."""
    return replace(detector, thresholds=(threshold,) * len(detector.classes))
