"""Figures of merit: pure NumPy functions, on the host and in float64, equal to scikit-learn's where it has them.

Truth comes first, then what was said of it. One class a clip is counted in a confusion matrix, several labels are
truths ``[n, classes]`` of 0 and 1, and numbers are ``[n]`` or ``[n, k]``.
"""

from jaxlisten.metrics.arrays import mean_known
from jaxlisten.metrics.calibration import Reliability, expected_calibration_error, fit_temperature, reliability
from jaxlisten.metrics.clusters import adjusted_rand
from jaxlisten.metrics.confusion import (
    Averages,
    PerClass,
    accuracy,
    averages,
    balanced_accuracy,
    confusion_matrix,
    macro_f1,
    per_class,
    wilson_interval,
)
from jaxlisten.metrics.labels import exact_match, label_averages, per_label
from jaxlisten.metrics.numbers import PerNumber, per_number
from jaxlisten.metrics.ranking import (
    Curve,
    OperatingPoint,
    average_precision,
    best_f1,
    precision_recall_curve,
    roc_auc,
    roc_curve,
    threshold_for,
)

__all__ = [
    "Averages",
    "Curve",
    "OperatingPoint",
    "PerClass",
    "PerNumber",
    "Reliability",
    "accuracy",
    "adjusted_rand",
    "average_precision",
    "averages",
    "balanced_accuracy",
    "best_f1",
    "confusion_matrix",
    "exact_match",
    "expected_calibration_error",
    "fit_temperature",
    "label_averages",
    "macro_f1",
    "mean_known",
    "per_class",
    "per_label",
    "per_number",
    "precision_recall_curve",
    "reliability",
    "roc_auc",
    "roc_curve",
    "threshold_for",
    "wilson_interval",
]
