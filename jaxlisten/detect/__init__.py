"""Finding sounds in streams: rows of probabilities as the samples come, detections, and how good they are."""

from jaxlisten.detect.anomalies import AnomalyRule, anomaly_rule
from jaxlisten.detect.detector import Deciding, Detection, Detector, detector
from jaxlisten.detect.frames import frames, seconds_a_step
from jaxlisten.detect.hearing import Heard, Hearing
from jaxlisten.detect.listening import Listening
from jaxlisten.detect.rule import EventRule, FoundEvent, choose_rule, event_rule
from jaxlisten.detect.scoring import (
    Outcome,
    Recording,
    Score,
    choose,
    counted,
    detections,
    listened,
    matched,
    outcomes,
    score,
    tradeoff,
)

__all__ = [
    "AnomalyRule",
    "Deciding",
    "Detection",
    "Detector",
    "EventRule",
    "FoundEvent",
    "Heard",
    "Hearing",
    "Listening",
    "Outcome",
    "Recording",
    "Score",
    "anomaly_rule",
    "choose",
    "choose_rule",
    "counted",
    "detections",
    "detector",
    "event_rule",
    "frames",
    "listened",
    "matched",
    "outcomes",
    "score",
    "seconds_a_step",
    "tradeoff",
]
