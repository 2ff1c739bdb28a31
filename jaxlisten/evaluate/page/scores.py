"""The sections on how good a listener is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jaxlisten.evaluate import plot
from jaxlisten.evaluate.labels import LabelReport
from jaxlisten.evaluate.numbers import NumberFigures
from jaxlisten.evaluate.page.pictures import picture
from jaxlisten.evaluate.page.text import Section, bar, cell, count, figure, hint, listing, percent, significant, text
from jaxlisten.evaluate.plot.scores import best_epoch
from jaxlisten.evaluate.report import Report
from jaxlisten.evaluate.transcripts import TranscriptReport
from jaxlisten.metrics.calibration import COLDEST, HOTTEST

SHOWN_GROUPS = 20
"""How many groups the page lists at most."""
_SHOWN_NUMBERS = 6
"""How many numbers have a picture of their own."""

Figure = tuple[str, str, str]
"""A figure of the headline: its name, its value, and HTML below it."""


def headline(figures: Sequence[Figure]) -> str:
    """Set the main figures large."""
    cards = "".join(f"<div><dt>{name}</dt><dd><b>{value}</b>{note}</dd></div>\n" for name, value, note in figures)
    return f'<section><dl class="headline">\n{cards}</dl></section>\n'


def interval(low: float, high: float) -> str:
    """Draw an interval between 0 and 1 and tell its ends."""
    return f"""<div class="interval" style="--low:{low:.4f};--high:{high:.4f}"><i></i></div>
<p>95 % interval {100 * low:.1f} to {percent(high)}</p>"""


def training(report: Any) -> Section:
    """Draw the loss and the scores over the epochs."""
    names = plot.metrics_in(report)
    pictures = [picture(plot.curves, report, name, name=f"curves of {name}") for name in names]
    best = best_epoch(report)
    note = f"The dashed line marks the best epoch, {best:g}." if best is not None and pictures else ""
    return Section("Training", f'<div class="curves">{"".join(pictures)}</div>' if pictures else "", note)


def curves(report: Report | LabelReport) -> Section:
    """Draw the curves over all thresholds."""
    if not report.roc:
        return Section("ROC and precision-recall", "")
    pictures = picture(plot.roc, report, name="roc") + picture(plot.precision_recall, report, name="precision recall")
    note = (
        "What each class would give if it were reported from another probability upwards: the further a curve goes "
        "into its upper corner, the better."
    )
    return Section("ROC and precision-recall", f'<div class="curves">{pictures}</div>', note)


def calibration(report: Report | LabelReport) -> Section:
    """Draw how far the probabilities hold, and say it."""
    found = report.calibration
    drawing = picture(plot.calibration, report, name="calibration")
    used = found.count > 0
    lean = float((found.count * (found.confidence - found.accuracy))[used].sum() / found.count.sum())
    side = "too sure of itself" if lean > 0 else "not sure enough"
    lines = [
        "A dot for each range of probabilities, larger where it has more answers. On the dashed line, what is said "
        "with 80 % is true in 80 % of the cases.",
        f"The probabilities are off by <b>{100 * found.ece:.1f}</b> percentage points on average (the expected "
        "calibration error)" + (f"; taken together the listener is {side}." if abs(lean) > 0.01 else "."),
    ]
    if 1.5 * COLDEST < found.temperature < HOTTEST / 1.5:
        lines.append(
            f"Logits divided by a temperature of <b>{found.temperature:.2f}</b> would fit these clips best. It is not "
            "applied."
        )
    words = "".join(f"<p>{line}</p>" for line in lines)
    return Section("Calibration", f'<div class="beside">{drawing}<div>{words}</div></div>')


def confusion(report: Report) -> Section:
    """Show the confusion matrix."""
    names, counts = report.classes, report.confusion
    totals = counts.sum(axis=1)
    density = "roomy" if len(names) <= 5 else "medium" if len(names) <= 16 else "dense"
    turned = " turned" if len(names) > 8 or max(map(len, names)) > 9 else ""
    columns = "".join(f'<th scope="col"><span>{text(name)}</span></th>' for name in names)
    rows = []
    for i, name in enumerate(names):
        cells = "".join(_shade(names, i, j, int(counts[i, j]), int(totals[i])) for j in range(len(names)))
        rows.append(f'<tr><th scope="row">{text(name)}</th>{cells}</tr>\n')
    body = f"""<div class="scroll"><table class="confusion {density}{turned}">
<thead><tr><th class="corner">truth</th>{columns}</tr></thead>
<tbody>
{"".join(rows)}</tbody>
</table></div>"""
    note = """Rows are the truth, columns what was heard. The shade is the share of the row,
<span class="keys"><span class="right">right</span> or <span class="wrong">wrong</span>.</span>"""
    return Section("Confusion", body, note)


def _shade(names: tuple[str, ...], i: int, j: int, number: int, total: int) -> str:
    kind = "right" if i == j else "wrong"
    if not number:
        return '<td class="right none">·</td>' if i == j else "<td>·</td>"
    share = number / total
    deep = " deep" if share > (0.75 if i == j else 0.45) else ""
    said = hint(f"{names[i]}, heard as {names[j]}: {number} of {total} ({share:.1%})")
    return f'<td class="{kind}{deep}" style="--share:{share:.3f}" title="{said}">{number}</td>'


def classes(report: Report | LabelReport) -> Section:
    """List the classes or labels, the lowest F1 first."""
    areas = {kind: {name: curve.area for name, curve in getattr(report, kind).items()} for kind in _AREAS}
    head = (report.table()[0][0].capitalize(), "Precision", "Recall", "F1", *_AREAS.values(), "Clips")
    rows = []
    for name, row in sorted(report.per_class.items(), key=lambda item: item[1]["f1"]):
        bars = [bar(row[key]) for key in ("precision", "recall", "f1")]
        known = [cell(figure(areas[kind].get(name, float("nan")))) for kind in _AREAS]
        rows.append((text(name), [*bars, *known, cell(count(row["support"]))]))
    note = (
        "The lowest F1 first. AUC and AP are the areas under the curves below: they count no threshold, only whether "
        "the clips of the class come first."
    )
    title = "Classes" if isinstance(report, Report) else "Labels"
    return Section(title, listing(head, rows), note)


_AREAS = {"roc": "AUC", "precision_recall": "AP"}


def numbers(report: NumberFigures) -> Section:
    """Draw what was said against the truth, and list the figures of each number."""
    shown = report.classes[:_SHOWN_NUMBERS]
    pictures = "".join(picture(plot.numbers, report, name, name=f"number {k}") for k, name in enumerate(shown))
    (_, *head), *rows = report.table()
    cells = [(text(name), [cell(text(value)) for value in values]) for name, *values in rows]
    note = f"A dot for each {report.each}, 2,000 at most. On the dashed line, what was said is the truth."
    return Section("Numbers", f'<div class="curves">{pictures}</div>{listing(("Number", *head), cells)}', note)


def groups(report: Any) -> Section:
    """List the groups of clips, the worst first."""
    found = report.by_group
    if len(found) < 2:
        return Section("Groups", "")
    if isinstance(report, NumberFigures):
        shown = sorted(found.items(), key=lambda item: -item[1]["rmse"])
        head = ("MAE", "RMSE")
        cells = [[cell(significant(row[key])) for key in ("mae", "rmse")] for _, row in shown]
    elif isinstance(report, TranscriptReport):
        shown = sorted(found.items(), key=lambda item: -item[1]["label_error_rate"])
        head = ("Label error rate", "All right")
        cells = [[cell(percent(row["label_error_rate"])), bar(row["exact_match"])] for _, row in shown]
    else:
        shown = sorted(found.items(), key=lambda item: (item[1]["accuracy"], item[1]["high"]))
        head = ("Accuracy" if isinstance(report, Report) else "All labels right", "95 % interval")
        cells = [
            [bar(row["accuracy"]), cell(f"{100 * row['low']:.0f} to {percent(row['high'], 0)}")] for _, row in shown
        ]
    rows = [(text(name), [*known, cell(count(row["n"]))]) for (name, row), known in zip(shown, cells, strict=True)]
    listed = "" if len(found) <= SHOWN_GROUPS else f" {SHOWN_GROUPS} of {count(len(found))}."
    note = f"What clips belong to, such as their speakers or folds; the worst first.{listed}"
    return Section("Groups", listing(("Group", *head, "Clips"), rows[:SHOWN_GROUPS]), note)
