"""Finding sounds in streams: rows of probabilities as the samples come, detections, and how good they are."""

from jaxlisten.detect.detector import Deciding, Detection, Detector, detector
from jaxlisten.detect.frames import frames, seconds_a_step
from jaxlisten.detect.hearing import Heard, Hearing
from jaxlisten.detect.rule import EventRule, FoundEvent, choose_rule, event_rule
from jaxlisten.detect.scoring import Recording, Score, choose, detections, listened, matched, score, tradeoff

__all__ = [
    "Deciding",
    "Detection",
    "Detector",
    "EventRule",
    "FoundEvent",
    "Heard",
    "Hearing",
    "Recording",
    "Score",
    "choose",
    "choose_rule",
    "detections",
    "detector",
    "event_rule",
    "frames",
    "listened",
    "matched",
    "score",
    "seconds_a_step",
    "tradeoff",
]
