"""Pictures of how strange clips are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jaxlisten.errors import InputError
from jaxlisten.evaluate.plot.axes import BLUE, GREY, RUST, axes_for, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from jaxlisten.evaluate.anomaly import AnomalyReport

_BINS = 28


def novelties(report: AnomalyReport, *, ax: Axes | None = None) -> Axes:
    """Draw how strange normal clips and anomalies are, as shares of each, with the threshold.

    Args:
        report: of anomaly detection.
        ax: where to draw; None: on a new figure.

    Returns:
        The Matplotlib axes; the novelty is on a logarithmic scale.
    """
    ax = axes_for(ax)
    values = np.log10(np.maximum(report.novelty, 1e-3))
    edges = np.linspace(values.min() - 1e-3, values.max() + 1e-3, _BINS + 1)
    for own, name, colour in ((~report.anomalous, "normal", BLUE), (report.anomalous, "anomalous", RUST)):
        if own.any():
            counts, _ = np.histogram(values[own], edges)
            heights = np.append(np.repeat(counts / own.sum(), 2), 0)
            x = 10 ** np.append(np.repeat(edges, 2)[1:-1], edges[-1])
            ax.plot(x, heights, color=colour, linewidth=1.8, label=name)
    ax.axvline(report.threshold, color=GREY, linewidth=0.8, linestyle=(0, (3, 3)), label="threshold")
    ax.set_xscale("log")
    ax.legend(frameon=False)
    return tidy(ax, title="Novelty", x="novelty", y="share of the clips")


def anomaly_roc(report: AnomalyReport, *, ax: Axes | None = None) -> Axes:
    """Draw the anomalies that are found against the false alarms, for every threshold.

    Args:
        report: of anomaly detection.
        ax: where to draw; None: on a new figure.

    Returns:
        The Matplotlib axes.

    Raises:
        InputError: all clips are normal, or none.
    """
    if not np.isfinite(report.auc):
        raise InputError("anomaly_roc: expected normal clips and anomalies, got one kind only")
    ax = axes_for(ax)
    ax.plot((0, 1), (0, 1), color=GREY, linewidth=0.8, linestyle=(0, (3, 3)))
    ax.plot(report.roc.x, report.roc.y, color=BLUE, linewidth=1.8)
    ax.plot(report.false_alarms, report.found, "o", color=RUST, markersize=6)
    return tidy(ax, title="ROC", x="false alarms (share of normal clips)", y="anomalies found (share)", grid="both")
