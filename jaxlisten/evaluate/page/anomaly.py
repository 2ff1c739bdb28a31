"""The sections on anomalies."""

from __future__ import annotations

import math

from jaxlisten.evaluate import plot
from jaxlisten.evaluate.anomaly import AnomalyReport
from jaxlisten.evaluate.page.pictures import picture
from jaxlisten.evaluate.page.text import Section, bar, cell, count, figure, listing, percent, significant, text


def novelties(report: AnomalyReport) -> Section:
    """Draw how strange normal clips and anomalies are, and the ROC."""
    pictures = picture(plot.novelties, report, name="novelties")
    if math.isfinite(report.auc):
        pictures += picture(plot.anomaly_roc, report, name="anomaly roc")
    note = (
        "The novelty of the normal clips of the training is 1 on average. The threshold is the one that was chosen on "
        "normal validation clips; on the ROC it is the dot."
    )
    return Section("Novelty", f'<div class="curves">{pictures}</div>', note)


def classes(report: AnomalyReport) -> Section:
    """List the classes, the anomalies that are hardest to tell first."""
    rows = []
    for name, row in sorted(report.per_class.items(), key=lambda item: (item[0] in report.normal, item[1]["auc"])):
        known = cell("normal") if name in report.normal else bar(row["auc"])
        cells = [cell(count(row["support"])), cell(significant(row["novelty"])), cell(percent(row["alarms"])), known]
        rows.append((text(name), cells))
    note = "AUC is of the clips of the class beside the normal ones; the lowest first."
    return Section("Classes", listing(("Class", "Clips", "Median novelty", "Above the threshold", "AUC"), rows), note)


def interval_or_reason(report: AnomalyReport) -> str:
    """Say how wide the interval of the AUC is, or why there is none."""
    low, high = report.auc_interval
    if not math.isfinite(low):
        return "<p>there are no anomalies, or no normal clips, to tell apart</p>"
    return f"<p>95 % interval {figure(low)} to {figure(high)}</p>"
