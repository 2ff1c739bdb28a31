"""Scoring a model over a data set, reports of what it said, and pictures."""

from jaxlisten.evaluate import plot
from jaxlisten.evaluate.anomaly import AnomalyReport, Strange, calibrate
from jaxlisten.evaluate.base import BaseReport, Calibration, pooled
from jaxlisten.evaluate.compare import compare
from jaxlisten.evaluate.comparison import Compared, Comparison
from jaxlisten.evaluate.contours import ContourErrors, ContourReport
from jaxlisten.evaluate.contrast import ContrastReport
from jaxlisten.evaluate.embedding import embed
from jaxlisten.evaluate.events import EventMistakes, EventReport, choose_thresholds
from jaxlisten.evaluate.labels import LabelMistake, LabelReport
from jaxlisten.evaluate.maps import embedding_map
from jaxlisten.evaluate.numbers import Miss, NumberReport
from jaxlisten.evaluate.report import Mistake, Report
from jaxlisten.evaluate.scoring import Scores, evaluate, make_eval_step, score
from jaxlisten.evaluate.streams import FalseAlarm, StreamReport, evaluate_stream
from jaxlisten.evaluate.transcripts import Misheard, TranscriptReport
from jaxlisten.evaluate.tuning import Trial, Tuning

__all__ = [
    "AnomalyReport",
    "BaseReport",
    "Calibration",
    "Compared",
    "Comparison",
    "ContourErrors",
    "ContourReport",
    "ContrastReport",
    "EventMistakes",
    "EventReport",
    "FalseAlarm",
    "LabelMistake",
    "LabelReport",
    "Misheard",
    "Miss",
    "Mistake",
    "NumberReport",
    "Report",
    "Scores",
    "Strange",
    "StreamReport",
    "TranscriptReport",
    "Trial",
    "Tuning",
    "calibrate",
    "choose_thresholds",
    "compare",
    "embed",
    "embedding_map",
    "evaluate",
    "evaluate_stream",
    "make_eval_step",
    "plot",
    "pooled",
    "score",
]
