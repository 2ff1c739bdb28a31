"""Figures of merit: pure NumPy functions, on the host and in float64, equal to scikit-learn's where it has them.

Truth comes first, then what was said of it. One class a clip is counted in a confusion matrix, several labels are
truths ``[n, classes]`` of 0 and 1, numbers are ``[n]`` or ``[n, k]``, events are ``[m, 3]`` of start, end and class for
each recording, and sequences ``[n, longest]`` with -1 behind the end of each.
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
from jaxlisten.metrics.events import EventCounts, event_based, event_pairs, segment_based
from jaxlisten.metrics.frames import found_events, usual_medians
from jaxlisten.metrics.labels import exact_match, label_averages, per_label
from jaxlisten.metrics.numbers import PerNumber, number_figures, per_number
from jaxlisten.metrics.ranking import (
    Curve,
    OperatingPoint,
    average_precision,
    best_f1,
    partial_roc_auc,
    precision_recall_curve,
    roc_auc,
    roc_auc_interval,
    roc_curve,
    threshold_for,
)
from jaxlisten.metrics.sequences import (
    Edits,
    aligned_pairs,
    edit_distances,
    edits,
    label_error_rate,
    total_edits,
)

__all__ = [
    "Averages",
    "Curve",
    "Edits",
    "EventCounts",
    "OperatingPoint",
    "PerClass",
    "PerNumber",
    "Reliability",
    "accuracy",
    "adjusted_rand",
    "aligned_pairs",
    "average_precision",
    "averages",
    "balanced_accuracy",
    "best_f1",
    "confusion_matrix",
    "edit_distances",
    "edits",
    "event_based",
    "event_pairs",
    "exact_match",
    "expected_calibration_error",
    "fit_temperature",
    "found_events",
    "label_averages",
    "label_error_rate",
    "macro_f1",
    "mean_known",
    "number_figures",
    "partial_roc_auc",
    "per_class",
    "per_label",
    "per_number",
    "precision_recall_curve",
    "reliability",
    "roc_auc",
    "roc_auc_interval",
    "roc_curve",
    "segment_based",
    "threshold_for",
    "total_edits",
    "usual_medians",
    "wilson_interval",
]
