"""Finding sounds in streams: rows of probabilities as the samples come, detections, and how good they are."""

from jaxlisten.detect.detector import Deciding, Detection, Detector, detector
from jaxlisten.detect.hearing import Heard, Hearing
from jaxlisten.detect.listening import Listening
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
    "Deciding",
    "Detection",
    "Detector",
    "Heard",
    "Hearing",
    "Listening",
    "Outcome",
    "Recording",
    "Score",
    "choose",
    "counted",
    "detections",
    "detector",
    "listened",
    "matched",
    "outcomes",
    "score",
    "tradeoff",
]
