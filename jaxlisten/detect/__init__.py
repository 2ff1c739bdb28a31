"""Finding sounds in streams: rows of probabilities as the samples come, detections, and how good they are."""

from jaxlisten.detect.detector import Deciding, Detection, Detector, detector
from jaxlisten.detect.hearing import Heard, Hearing
from jaxlisten.detect.scoring import Recording, Score, choose, detections, listened, matched, score, tradeoff

__all__ = [
    "Deciding",
    "Detection",
    "Detector",
    "Heard",
    "Hearing",
    "Recording",
    "Score",
    "choose",
    "detections",
    "detector",
    "listened",
    "matched",
    "score",
    "tradeoff",
]
