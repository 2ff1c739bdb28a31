"""Pictures for notebooks, and for the page of a report.

Each function draws on the Matplotlib axes ``ax=`` that it is given, or on a new figure, and returns the axes::

    figure, (left, right) = plt.subplots(1, 2)
    jl.plot.roc(report, ax=left)
    jl.plot.calibration(report, ax=right)
"""

from jaxlisten.evaluate.plot.anomaly import anomaly_roc, novelties
from jaxlisten.evaluate.plot.classical import inertia, regions, silhouette
from jaxlisten.evaluate.plot.contours import contour
from jaxlisten.evaluate.plot.events import timeline
from jaxlisten.evaluate.plot.filters import filters, impulse_responses
from jaxlisten.evaluate.plot.map import embedding_map
from jaxlisten.evaluate.plot.scores import calibration, confusion, curves, metrics_in, numbers, precision_recall, roc
from jaxlisten.evaluate.plot.sound import spectrogram, waveform
from jaxlisten.evaluate.plot.streams import tradeoff
from jaxlisten.evaluate.plot.tuning import parallel_coordinates

__all__ = [
    "anomaly_roc",
    "calibration",
    "confusion",
    "contour",
    "curves",
    "embedding_map",
    "filters",
    "impulse_responses",
    "inertia",
    "metrics_in",
    "novelties",
    "numbers",
    "parallel_coordinates",
    "precision_recall",
    "regions",
    "roc",
    "silhouette",
    "spectrogram",
    "timeline",
    "tradeoff",
    "waveform",
]
