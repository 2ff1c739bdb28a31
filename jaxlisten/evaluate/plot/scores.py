"""Pictures of how good a listener is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxlisten.errors import InputError
from jaxlisten.evaluate.plot.axes import BLUE, GREY, RUST, SAND, SERIES, axes_for, plain, tidy
from jaxlisten.metrics import Curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from jaxlisten.evaluate.labels import LabelReport
    from jaxlisten.evaluate.numbers import NumberFigures
    from jaxlisten.evaluate.report import Report
    from jaxlisten.runs import Fitted

_PARTS = {"train": ("training", SAND), "val": ("validation", BLUE)}
_LONG = {
    "event_f1": "event F1",
    "segment_f1": "segment F1",
    "ler": "label error rate",
    "map": "mean average precision",
    "mae": "mean absolute error",
    "concordance": "concordance correlation",
    "r2": "R²",
}
_MOST_DOTS = 2000
_WORST = 5
"""Curves that have a name where there are too many classes to name them all."""
_GRID = np.linspace(0, 1, 1001)
_WRITTEN = 25
"""With more classes, a confusion matrix has no room for numbers."""


def curves(
    history: Fitted | Report | Sequence[Mapping[str, float]], metric: str = "loss", *, ax: Axes | None = None
) -> Axes:
    """Draw a figure of training and validation over the epochs, with the best epoch marked.

    Args:
        history: rows with ``train_`` or ``val_`` and the metric, or what has such a history: the result of
            `jaxlisten.fit`, or a report.
        metric: "loss", "accuracy", or any other; `metrics_in` lists them.
        ax: where to draw; None: on a new figure.

    Returns:
        The Matplotlib axes.

    Raises:
        InputError: the history doesn't have the metric.

    Example:
        >>> import jaxlisten as jl
        >>> rows = [{"epoch": 1, "train_loss": 0.9, "val_loss": 1.0}, {"epoch": 2, "train_loss": 0.4, "val_loss": 0.7}]
        >>> jl.plot.curves(rows).get_ylabel()
        'loss'
    """
    from matplotlib.ticker import MaxNLocator

    rows, best = _rows(history), best_epoch(history)
    found = {part: _points(rows, f"{part}_{metric}") for part in _PARTS}
    if not any(len(points) for points in found.values()):
        known = ", ".join(metrics_in(history)) or "nothing that can be drawn"
        raise InputError(f"curves: expected a metric of the history, which has {known}, got {metric!r}")
    ax = axes_for(ax)
    if best is not None:
        ax.axvline(best, color=GREY, linewidth=0.8, linestyle=(0, (3, 3)))
    for part, points in found.items():
        if len(points):
            name, colour = _PARTS[part]
            marker = "o" if len(points) == 1 else None
            ax.plot(*points.T, color=colour, linewidth=1.8, marker=marker, markersize=4, label=name)
            ax.plot(*points[points[:, 0] == best].T, "o", color=colour, markersize=5)
    ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    ax.yaxis.set_major_locator(MaxNLocator(5))
    ax.legend(frameon=False)
    name = _LONG.get(metric, metric)
    return tidy(ax, title=name[0].upper() + name[1:], x="epoch", y=name)


def metrics_in(history: Any) -> list[str]:
    """List what `curves` can draw: the loss and the accuracy first."""
    columns = {name: None for row in _rows(history) for name, value in row.items() if _known(value)}
    names = {name.removeprefix(f"{part}_"): None for name in columns for part in _PARTS if name.startswith(f"{part}_")}
    return sorted(names, key=lambda name: (name != "loss", name != "accuracy"))


def best_epoch(history: Any) -> float | None:
    """Return the epoch whose weights were kept, or else the first of those with the highest validation accuracy."""
    best = getattr(history, "best_epoch", None)
    rows = [row for row in _rows(history) if _known(row.get("val_accuracy"))]
    return best if best is not None or not rows else max(rows, key=lambda row: row["val_accuracy"])["epoch"]


def _rows(history: Any) -> list[dict[str, float]]:
    return [{**row, "epoch": row.get("epoch", k + 1)} for k, row in enumerate(getattr(history, "history", history))]


def _known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _points(rows: list[dict[str, float]], column: str) -> np.ndarray:
    """Return the epochs at which a figure is known, and the figure: ``[n, 2]``."""
    return np.array([(row["epoch"], row[column]) for row in rows if _known(row.get(column))], float).reshape(-1, 2)


def confusion(report: Report | Any, classes: Sequence[str] | None = None, *, ax: Axes | None = None) -> Axes:
    """Draw a confusion matrix: how many clips of each class were heard as which.

    Args:
        report: of one class a clip, or counts ``[classes, classes]`` whose rows are the truth.
        classes: the names; None: those of the report, or numbers.
        ax: where to draw; None: on a new figure.

    Returns:
        The Matplotlib axes. The shade is the share of the row.

    Raises:
        InputError: the counts are no square matrix, or the names are not one for each row.

    Example:
        >>> import jaxlisten as jl
        >>> jl.plot.confusion([[8, 2], [1, 9]], ["cat", "dog"]).get_ylabel()
        'truth'
    """
    counts = np.asarray(getattr(report, "confusion", report))
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise InputError(
            f"confusion: expected counts [classes, classes], got shape {counts.shape}; labels and numbers have none"
        )
    found = classes if classes is not None else getattr(report, "classes", range(len(counts)))
    names = [plain(name) for name in found]
    if len(names) != len(counts):
        raise InputError(f"confusion: expected {len(counts)} classes, one for each row, got {len(names)}")
    ax = axes_for(ax)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    places = range(len(names))
    ax.set_xticks(places, names, rotation=90 if len(names) * max(map(len, names)) > 36 else 0)
    ax.set_yticks(places, names)
    if len(names) <= _WRITTEN:
        size = min(11, 130 / len(names))
        for i, j in zip(*np.nonzero(counts), strict=True):
            ink = "white" if shares[i, j] > 0.55 else "black"
            ax.text(j, i, f"{counts[i, j]:g}", color=ink, ha="center", va="center", fontsize=size)
    return tidy(ax, title="Confusion", x="heard as", y="truth", grid=None)


def roc(report: Report | LabelReport, *, ax: Axes | None = None) -> Axes:
    """Draw the hits of each class against its false alarms, for every threshold.

    Args:
        report: of one class a clip or of several labels.
        ax: where to draw; None: on a new figure.

    Returns:
        The Matplotlib axes: up to six classes, or the worst five, by the area under their curves, and the mean of all.
        They end where every class is found, so that the corner in which good curves lie can be seen.

    Raises:
        InputError: there is no class that some but not all clips are of.

    Example:
        >>> import jaxlisten as jl
        >>> report = jl.Report(("cat", "dog"), [0, 1], [[0.9, 0.1], [0.6, 0.4]], ("a.wav", "b.wav"))
        >>> jl.plot.roc(report).get_xlabel()
        'false alarms (share of other clips)'
    """
    found = _curves_of("roc", report)
    ax = axes_for(ax)
    ax.plot((0, 1), (0, 1), color=GREY, linewidth=0.8, linestyle=(0, (3, 3)))
    middle = np.mean([np.interp(_GRID, curve.x, curve.y) for curve in found.values()], axis=0)
    _draw_curves(ax, found, (np.append(0, _GRID), np.append(0, middle)), "default")
    ax.set_xlim(-0.01 * (highest := _highest(found)), 1.01 * highest)
    title = "ROC" if highest == 1 else f"ROC, up to {highest:.0%} false alarms"
    return tidy(ax, title=title, x="false alarms (share of other clips)", y="hits (share of the class)", grid="both")


def precision_recall(report: Report | LabelReport, *, ax: Axes | None = None) -> Axes:
    """Draw the precision of each class against its recall, for every threshold.

    Args:
        report: of one class a clip or of several labels.
        ax: where to draw; None: on a new figure.

    Returns:
        The Matplotlib axes: up to six classes, or the worst five, by their average precision, and the mean of all.

    Raises:
        InputError: there is no class that some but not all clips are of.

    Example:
        >>> import jaxlisten as jl
        >>> report = jl.Report(("cat", "dog"), [0, 1], [[0.9, 0.1], [0.6, 0.4]], ("a.wav", "b.wav"))
        >>> jl.plot.precision_recall(report).get_xlabel()
        'recall (share of the class found)'
    """
    found = _curves_of("precision_recall", report)
    ax = axes_for(ax)
    at = [curve.y[np.minimum(np.searchsorted(curve.x, _GRID), len(curve.y) - 1)] for curve in found.values()]
    _draw_curves(ax, found, (_GRID, np.mean(at, axis=0)), "steps-pre")
    x, y = "recall (share of the class found)", "precision (share of alarms right)"
    return tidy(ax, title="Precision and recall", x=x, y=y, grid="both")


def _curves_of(kind: str, report: Any) -> dict[str, Curve]:
    """Return the curves to draw, those with the smallest area first."""
    found = getattr(report, kind, None)
    if not found:
        raise InputError(f"{kind}: expected a report with a class that some but not all clips are of, got none")
    return dict(sorted(found.items(), key=lambda item: item[1].area))


def _highest(found: dict[str, Curve]) -> float:
    """Return a round false-alarm rate with room behind the point where every class is found."""
    last = max(float(curve.x[np.argmax(curve.y >= 1)]) for curve in found.values())
    return next((rate for rate in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5) if rate >= 1.5 * last), 1.0)


def _draw_curves(ax: Axes, found: dict[str, Curve], middle: tuple[Any, Any], drawstyle: Any) -> None:
    """Draw curves, the worst named, and their mean; the legend tells their areas."""
    import matplotlib

    shown = list(found.items())[: len(SERIES) if len(found) <= len(SERIES) else _WORST]
    for (name, curve), colour in zip(shown, SERIES, strict=False):
        label = f"‘{plain(name)}’ {curve.area:.3f}"  # a legend leaves out what begins with _, as names may
        ax.plot(curve.x, curve.y, color=colour, linewidth=1.6, drawstyle=drawstyle, label=label)
    if len(found) > 1:
        mean = np.mean([curve.area for curve in found.values()])
        label = f"mean of {'both' if len(found) == 2 else f'all {len(found)}'} {mean:.3f}"
        ink = matplotlib.rcParams["text.color"]
        ax.plot(*middle, color=ink, linewidth=1.6, linestyle=(0, (1, 1.5)), label=label)
    ax.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.02))
    ax.legend(frameon=False, title="area" if len(shown) == len(found) else f"area, the worst {len(shown)}")


def numbers(report: NumberFigures, name: str | None = None, *, ax: Axes | None = None) -> Axes:
    """Draw what was said against the truth. On the dashed line it is right.

    Args:
        report: of numbers.
        name: which of them; None: the first.
        ax: where to draw; None: on a new figure.

    Returns:
        The Matplotlib axes, with a dot for each clip, or of numbers over time for each step, 2,000 at most.

    Raises:
        InputError: the report is not of numbers, or there is none of that name.

    Example:
        >>> import numpy as np, jaxlisten as jl
        >>> report = jl.NumberReport(("age",), np.array([20.0, 40.0]), np.array([25.0, 38.0]), ("a.wav", "b.wav"))
        >>> jl.plot.numbers(report).get_title()
        'age'
    """
    if not hasattr(report, "mae"):
        raise InputError(f"numbers: expected a report of numbers, got {type(report).__name__}")
    name = report.classes[0] if name is None else name
    if name not in report.classes:
        raise InputError(f"numbers: there is no number {name!r}; there is {', '.join(report.classes)}")
    k = report.classes.index(name)
    truth, said = (values[:, k] for values in report.pairs())
    ax = axes_for(ax)
    ends = min(truth.min(), said.min()), max(truth.max(), said.max())
    ax.plot(ends, ends, color=GREY, linewidth=0.8, linestyle=(0, (3, 3)))
    every = -(-len(truth) // _MOST_DOTS)
    ax.scatter(truth[::every], said[::every], s=14 if every == 1 else 8, color=BLUE, alpha=0.5, linewidths=0)
    return tidy(ax, title=plain(name), x="truth", y="said", grid="both")


def calibration(report: Report | LabelReport, *, ax: Axes | None = None) -> Axes:
    """Draw how often what was said with some probability was true. On the dashed line the probabilities hold.

    Args:
        report: of one class a clip or of several labels.
        ax: where to draw; None: on a new figure.

    Returns:
        The Matplotlib axes: a dot for each bin of probabilities, larger where it has more answers, and a line to where
        it should be.

    Raises:
        InputError: the report has no probabilities.

    Example:
        >>> import jaxlisten as jl
        >>> report = jl.Report(("cat", "dog"), [0, 1], [[0.9, 0.1], [0.6, 0.4]], ("a.wav", "b.wav"))
        >>> jl.plot.calibration(report).get_ylabel()
        'share that was true'
    """
    found = getattr(report, "calibration", None)
    if found is None:
        raise InputError("calibration: expected a report with probabilities, got one of numbers")
    ax = axes_for(ax)
    used = found.count > 0
    said, true, count = found.confidence[used], found.accuracy[used], found.count[used]
    ax.plot((0, 1), (0, 1), color=GREY, linewidth=0.8, linestyle=(0, (3, 3)))
    ax.vlines(said, said, true, color=RUST, linewidth=2.2, label="off by")
    sizes = 14 + 150 * count / count.max()
    ax.scatter(said, true, s=sizes, color=BLUE, zorder=3, linewidths=0, label="answers", clip_on=False)
    ax.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
    title = f"Calibration, off by {100 * found.ece:.1f} points"
    return tidy(ax, title=title, x="probability that was said", y="share that was true", grid="both")
