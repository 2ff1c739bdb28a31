"""Scoring a model over a data set, and reports of what it said."""

from jaxlisten.evaluate.report import Mistake, Report
from jaxlisten.evaluate.scoring import Scores, evaluate, make_eval_step, score

__all__ = ["Mistake", "Report", "Scores", "evaluate", "make_eval_step", "score"]
