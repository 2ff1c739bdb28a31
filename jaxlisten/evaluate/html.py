"""A report as one HTML file: no script, nothing loaded from elsewhere, light and dark, from 360 px to print."""

from __future__ import annotations

import io
import math
import re
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxlisten.evaluate.style import STYLE

if TYPE_CHECKING:
    from jaxlisten.evaluate.report import Report

SHOWN_MISTAKES = 30
"""How many mistakes the page lists at most."""

# Matplotlib knows no CSS variables, so it draws in colours that stand for them.
_INKS = {"#010203": "var(--muted)", "#010204": "var(--line)", "#010205": "var(--other)", "#010206": "var(--right)"}
_MUTED, _LINE, _TRAIN, _VAL = _INKS
_SERIES = {"train": ("training", _TRAIN), "val": ("validation", _VAL)}


def render(report: Report) -> str:
    """Render a report as one self-contained HTML page.

    Args:
        report: what to show. Class names, paths and the rest of its text are escaped.

    Returns:
        The whole page.
    """
    heading = report.title or "Listening report"
    sections = [
        _headline(report),
        _training(report),
        f'<div class="pair">{_confusion(report)}{_per_class(report)}</div>\n',
        _mistakes(report),
        _about(report),
    ]
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{escape(heading)}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<header><p class="eyebrow">Evaluation</p><h1>{_text(heading)}</h1></header>
{"".join(sections)}
<footer>Made by jaxlisten.</footer>
</main>
</body>
</html>
"""


def _headline(report: Report) -> str:
    low, high = report.accuracy_interval
    interval = f"""<div class="interval" style="--low:{low:.4f};--high:{high:.4f}"><i></i></div>
<p>95 % interval {100 * low:.1f} to {_percent(high)}</p>"""
    figures = (
        ("Accuracy", _percent(report.accuracy), interval),
        ("Balanced accuracy", _percent(report.balanced_accuracy), "<p>mean recall of the classes</p>"),
        ("Macro F1", f"{report.macro_f1:.3f}", "<p>mean F1 of the classes</p>"),
        ("Clips", _count(report.n), f"<p>in {len(report.classes)} classes</p>"),
    )
    cards = "".join(f"<div><dt>{name}</dt><dd><b>{value}</b>{note}</dd></div>\n" for name, value, note in figures)
    return f'<section><dl class="headline">\n{cards}</dl></section>\n'


def _training(report: Report) -> str:
    history = [{**row, "epoch": row.get("epoch", k + 1)} for k, row in enumerate(report.history)]
    best = report.best_epoch if report.best_epoch is not None else _best_epoch(history)
    figures = [_curves(history, metric, best) for metric in ("loss", "accuracy")]
    if not any(figures):
        return ""
    note = "" if best is None else f"<p>The dashed line marks the best epoch, {best:g}.</p>"
    return f'<section><h2>Training</h2>{note}\n<div class="curves">{"".join(figures)}</div></section>\n'


def _best_epoch(history: list[dict[str, float]]) -> float | None:
    rows = [row for row in history if _known(row, "val_accuracy")]
    return max(rows, key=lambda row: row["val_accuracy"])["epoch"] if rows else None


def _known(row: dict[str, float], column: str) -> bool:
    value = row.get(column)
    return value is not None and math.isfinite(value)


def _curves(history: list[dict[str, float]], metric: str, best: float | None) -> str:
    curves = {}
    for part in _SERIES:
        column = f"{part}_{metric}"
        points = [(row["epoch"], row[column]) for row in history if _known(row, column)]
        if points:
            curves[part] = np.array(points, float)
    if not curves:
        return ""
    legend = "".join(f'<span class="{part}">{_SERIES[part][0]}</span>' for part in curves)
    drawing = _draw(curves, metric, best)
    return f"<figure><figcaption><b>{metric.capitalize()}</b>{legend}</figcaption>{drawing}</figure>\n"


def _draw(curves: dict[str, np.ndarray], metric: str, best: float | None) -> str:
    """Draw curves of points ``[n, (epoch, value)]`` as an SVG element in the page's own colours and font."""
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": metric, "font.size": 9}):
        figure = Figure(figsize=(4.6, 2.6), layout="constrained")
        axes = figure.add_subplot()
        if best is not None:
            axes.axvline(best, color=_MUTED, linewidth=0.8, linestyle=(0, (3, 3)))
        for part, points in curves.items():
            marker = "o" if len(points) == 1 else None
            axes.plot(points[:, 0], points[:, 1], color=_SERIES[part][1], linewidth=1.6, marker=marker, markersize=4)
            for x, y in points[points[:, 0] == best]:
                axes.plot(x, y, "o", color=_SERIES[part][1], markersize=4)
        axes.set_xlabel("epoch", color=_MUTED)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.grid(axis="y", color=_LINE, linewidth=0.7)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0, labelcolor=_MUTED)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True)
    return _inline(buffer.getvalue(), f"{metric} by epoch")


def _inline(svg: str, label: str) -> str:
    """Make a stand-alone SVG an element of the page: no prolog, metadata, fixed size, style sheet or shared names."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    svg = re.sub(
        r'<svg .*?viewBox="([^"]*)"[^>]*>', rf'<svg viewBox="\1" role="img" aria-label="{label}">', svg, count=1
    )
    svg = svg.replace("xlink:href", "href")
    for ink, variable in _INKS.items():
        svg = svg.replace(ink, variable)
    return svg


def _confusion(report: Report) -> str:
    names, counts = report.classes, report.confusion
    totals = counts.sum(axis=1)
    density = "roomy" if len(names) <= 5 else "medium" if len(names) <= 16 else "dense"
    turned = " turned" if len(names) > 8 or max(map(len, names)) > 9 else ""
    columns = "".join(f'<th scope="col"><span>{_text(name)}</span></th>' for name in names)
    rows = []
    for i, name in enumerate(names):
        cells = "".join(_cell(names, i, j, int(counts[i, j]), int(totals[i])) for j in range(len(names)))
        rows.append(f'<tr><th scope="row">{_text(name)}</th>{cells}</tr>\n')
    return f"""<section><h2>Confusion</h2>
<p>Rows are the truth, columns what was heard. The shade is the share of the row,
<span class="keys"><span class="right">right</span> or <span class="wrong">wrong</span>.</span></p>
<div class="scroll"><table class="confusion {density}{turned}">
<thead><tr><th class="corner">truth</th>{columns}</tr></thead>
<tbody>
{"".join(rows)}</tbody>
</table></div></section>
"""


def _cell(names: tuple[str, ...], i: int, j: int, count: int, total: int) -> str:
    kind = "right" if i == j else "wrong"
    if not count:
        return f'<td class="{kind} none">·</td>'
    share = count / total
    deep = " deep" if share > (0.75 if i == j else 0.45) else ""
    hint = _text(f"{names[i]}, heard as {names[j]}: {count} of {total} ({share:.1%})", isolate=False)
    return f'<td class="{kind}{deep}" style="--share:{share:.3f}" title="{hint}">{count}</td>'


def _per_class(report: Report) -> str:
    rows = []
    for name, figures in sorted(report.per_class.items(), key=lambda item: item[1]["f1"]):
        bars = "".join(_bar(figures[key]) for key in ("precision", "recall", "f1"))
        rows.append(f'<tr><th scope="row">{_text(name)}</th>{bars}<td>{_count(figures["support"])}</td></tr>\n')
    return f"""<section><h2>Classes</h2>
<p>The lowest F1 first.</p>
<div class="scroll"><table class="list">
<thead><tr><th scope="col">Class</th><th scope="col">Precision</th><th scope="col">Recall</th><th scope="col">F1</th>
<th scope="col">Clips</th></tr></thead>
<tbody>
{"".join(rows)}</tbody>
</table></div></section>
"""


def _bar(value: float) -> str:
    return f'<td class="bar" style="--value:{value:.3f}">{value:.3f}</td>'


def _mistakes(report: Report) -> str:
    shown = report.mistakes[:SHOWN_MISTAKES]
    if not shown:
        return "<section><h2>Mistakes</h2><p>None: every clip was classified right.</p></section>\n"
    rows = "".join(
        f'<tr><th scope="row" class="path">{_text(mistake.path)}</th><td class="name">{_text(mistake.truth)}</td>'
        f'<td class="name">{_text(mistake.predicted)}</td><td>{mistake.probability:.3f}</td></tr>\n'
        for mistake in shown
    )
    number = len(report.mistakes)
    listed = "All of them" if number == len(shown) else f"{len(shown)} of {_count(number)}"
    return f"""<section><h2>Mistakes</h2>
<p>{listed}, the most confident first.</p>
<div class="scroll"><table class="list">
<thead><tr><th scope="col">Clip</th><th scope="col" class="name">Truth</th><th scope="col" class="name">Heard as</th>
<th scope="col">Probability</th></tr></thead>
<tbody>
{rows}</tbody>
</table></div></section>
"""


def _about(report: Report) -> str:
    if not report.about:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{_text(key)}</th><td class="name">{_text(_words(value))}</td></tr>\n'
        for key, value in report.about.items()
    )
    return f"""<section><h2>About</h2>
<div class="scroll"><table class="list about">
<tbody>
{rows}</tbody>
</table></div></section>
"""


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_words(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_words, value))
    return str(value)


def _text(value: object, isolate: bool = True) -> str:
    """Escape text that isn't ours, and let its direction of writing be its own affair."""
    return f"<bdi>{escape(str(value))}</bdi>" if isolate else escape(str(value))


def _percent(share: float) -> str:
    return f"{100 * share:.1f}\u202f%"


def _count(number: float) -> str:
    return f"{number:,}".replace(",", "\u202f")
