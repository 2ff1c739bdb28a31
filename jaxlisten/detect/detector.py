"""From rows of probabilities to detections: what is said, and when."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from jaxlisten.data import is_negative
from jaxlisten.detect.hearing import Heard
from jaxlisten.errors import InputError


class Detection(NamedTuple):
    """A sound that was found in a stream.

    Attributes:
        label: what it is.
        probability: of it, smoothed, when it was found.
        time: how far into the stream the sound reaches that it was found by, in seconds.
        heard: how far the stream had come when it could be said, in seconds: `time`, and what the model waits for.
    """

    label: str
    probability: float
    time: float
    heard: float


@dataclass(frozen=True)
class Detector:
    """How detections are made of rows of probabilities.

    The probabilities of each class are averaged over the last `smooth` seconds. A class is found when its average
    reaches its threshold; it can be found again when it has fallen below half of it. After a detection nothing is found
    for `refractory` seconds; where a sound may have several labels, only the same label waits.

    Args:
        classes: the names, in the order of the probabilities.
        thresholds: of each class, from 0 to 1; above 1 it is never found. Classes whose name begins with an underscore
            (``_background_``, ``_unknown_``) are what is not to be found, whatever their threshold.
        smooth: seconds that are averaged.
        refractory: seconds of rest.
        exclusive: whether one sound has one class.

    Reference:
        Chen, Parada and Heigold 2014, *Small-footprint keyword spotting using deep neural networks*, section 2.4, whose
        smoothing it is.
    """

    classes: tuple[str, ...]
    thresholds: tuple[float, ...]
    smooth: float = 0.25
    refractory: float = 0.75
    exclusive: bool = True

    def __post_init__(self) -> None:
        if len(self.thresholds) != len(self.classes):
            raise InputError(f"Detector: expected {len(self.classes)} thresholds, got {len(self.thresholds)}")
        for name in ("smooth", "refractory"):
            if not 0 <= getattr(self, name) < math.inf:
                raise InputError(f"Detector: expected {name} of 0 seconds or more, got {getattr(self, name)}")
        if not all(0 < threshold < math.inf for threshold in self.thresholds):
            raise InputError(f"Detector: expected thresholds above 0, got {self.thresholds}")

    def begin(self, period: float, delay: float = 0.0) -> Deciding:
        """Begin with a stream whose rows come every `period` seconds, `delay` seconds late."""
        return Deciding(self, period, delay)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON can hold them."""
        by_name = dict(zip(self.classes, self.thresholds, strict=True))
        return {"thresholds": by_name, "smooth": self.smooth, "refractory": self.refractory}


def detector(classes: Sequence[str], *, exclusive: bool = True, stored: Any = None, **settings: Any) -> Detector:
    """Make a detector of what a run has stored and what the user sets.

    Args:
        classes: of the listener.
        exclusive: as in `Detector`.
        stored: what `Detector.to_dict` gave, or None.
        settings: ``threshold`` (a number for all classes, or numbers by name), ``smooth`` and ``refractory``; None
            means what is stored, or else the default: a threshold of 0.8.

    Raises:
        InputError: a threshold is for an unknown class, or a setting is no such number.
    """
    known = stored if isinstance(stored, Mapping) else {}
    given = known.get("thresholds")
    thresholds = dict.fromkeys(classes, 0.8) | _by_name(given if isinstance(given, Mapping) else {}, classes)
    threshold = settings.pop("threshold", None)
    if isinstance(threshold, Mapping):
        thresholds |= _by_name(threshold, classes)
    elif threshold is not None:
        thresholds = dict.fromkeys(classes, _number("threshold", threshold))
    rest = {}
    for name in ("smooth", "refractory"):
        value = settings.pop(name, None)
        value = known.get(name) if value is None else value
        if value is not None:
            rest[name] = _number(name, value)
    if settings:
        raise TypeError(f"detector: unexpected {', '.join(settings)}")
    return Detector(tuple(classes), tuple(thresholds[name] for name in classes), exclusive=exclusive, **rest)


class Deciding:
    """A detector at work on one stream; made by `Detector.begin`."""

    def __init__(self, detector: Detector, period: float, delay: float):
        self._detector, self._delay = detector, delay
        self._rows = max(1, round(detector.smooth / period))
        self._last = np.zeros((0, len(detector.classes)))
        self._thresholds = np.array(detector.thresholds)
        self._finds = np.array([not is_negative(name) for name in detector.classes])
        self._fallen = np.zeros(len(detector.classes), np.int64)  # rows so far below half of the threshold
        self._fallen_then = np.full(len(detector.classes), -1)  # as it was when the class was last found
        self._found = np.full(len(detector.classes), -math.inf)

    def feed(self, heard: Heard) -> list[Detection]:
        """Return what is found by the next rows, in the order of time."""
        rows = self._smoothed(heard.probabilities)
        margin = np.where(self._finds, rows / self._thresholds, 0.0)
        quiet = margin < 0.5
        if self._detector.exclusive:  # one sound at a time: it is over when no class is heard any more
            quiet = np.broadcast_to(quiet.all(axis=1, keepdims=True), quiet.shape)
        fallen = self._fallen + np.cumsum(quiet, axis=0)
        found = []
        for i in np.flatnonzero((margin >= 1).any(axis=1)):
            for k in self._decide(float(heard.times[i]), margin[i], fallen[i]):
                time = float(heard.times[i])
                found.append(Detection(self._detector.classes[k], float(rows[i, k]), time, time + self._delay))
        self._fallen = fallen[-1] if len(fallen) else self._fallen
        return found

    def _smoothed(self, rows: np.ndarray) -> np.ndarray:
        """Average each row with those before it; at the beginning of a stream those that are missing count as 0."""
        if not len(rows):
            return rows
        n = self._rows
        seen = np.concatenate([np.zeros((max(0, n - 1 - len(self._last)), rows.shape[1])), self._last, rows])
        self._last = seen[len(seen) - (n - 1) :] if n > 1 else seen[:0]
        return np.lib.stride_tricks.sliding_window_view(seen, n, axis=0).mean(axis=-1)

    def _decide(self, time: float, margin: np.ndarray, fallen: np.ndarray) -> list[int]:
        latest = self._found.max() if self._detector.exclusive else self._found
        rested = time - latest >= self._detector.refractory
        found = np.flatnonzero((margin >= 1) & (fallen > self._fallen_then) & rested)
        if self._detector.exclusive and len(found):
            found = found[[margin[found].argmax()]]
        if len(found):
            rests = slice(None) if self._detector.exclusive else found
            self._fallen_then[rests], self._found[rests] = fallen[rests], time
        return found.tolist()


def _by_name(numbers: Mapping[str, Any], classes: Sequence[str]) -> dict[str, float]:
    if unknown := [name for name in numbers if name not in classes]:
        raise InputError(f"threshold: there is no class {unknown[0]!r}; the listener knows {', '.join(classes)}")
    return {name: _number(f"the threshold of {name!r}", value) for name, value in numbers.items()}


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise InputError(f"{name}: expected a number of 0 or more, got {value!r}")
    return float(value)
