"""A data set as a notebook shows it."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxlisten.data.dataset import Dataset

_SHOWN = 60
"""Classes that are listed at most."""

# Lines and bars are shades of the text's own colour, so they can be seen on light and on dark pages.
_LEFT = 'style="text-align:left"'
_BAR = "display:inline-block;height:.7em;background:currentColor;opacity:.4;border-radius:2px"


def table(data: Dataset) -> str:
    """Render a data set as a small HTML table without styles or scripts from elsewhere.

    Args:
        data: the clips. The names of classes are escaped.

    Returns:
        One ``div`` element: how many clips, minutes and hertz, and the clips of each class or label as bars, or the
        range of each number.
    """
    head = f"{len(data):,} clips, {data.lengths.sum() / data.sr / 60:.1f} min, {data.sr:,} Hz"
    if data.skipped:
        head += f", {len(data.skipped):,} skipped"
    names, rows = _numbers(data) if data.kind == "numbers" else _counts(data)
    if not rows:
        return f"<div><p><b>Dataset</b>: {head}, without labels</p></div>"
    more = f"<p>and {len(rows) - _SHOWN:,} more</p>" if len(rows) > _SHOWN else ""
    body = "".join(f"<tr><td {_LEFT}>{row[0]}</td>{''.join(map(_cell, row[1:]))}</tr>" for row in rows[:_SHOWN])
    columns = "".join(f"<th {_LEFT}>{name}</th>" for name in names)
    rows_and_columns = f"<thead><tr>{columns}</tr></thead><tbody>{body}</tbody>"
    return f"<div><p><b>Dataset</b>: {head}</p><table>{rows_and_columns}</table>{more}</div>"


def _counts(data: Dataset) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return the names of the columns and the rows: the clips of each class or label."""
    counts = data.counts.tolist()
    most = max([1, *counts])
    rows = [
        (_text(name), f"{count:,}", f'<span style="{_BAR};width:{8 * count / most:.2f}em"></span>')
        for name, count in zip(data.classes, counts, strict=True)
    ]
    what = {"labels": "label", "transcripts": "symbol"}.get(data.kind, "class")
    return (what, "recordings" if data.kind == "events" else "clips", ""), rows


def _numbers(data: Dataset) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return the names of the columns and the rows: the range of each number."""
    columns = data.targets.reshape(len(data), len(data.classes)).T
    rows = [
        (_text(name), *(f"{value:g}" for value in np.quantile(column if len(data) else [0], (0, 0.5, 1))))
        for name, column in zip(data.classes, columns, strict=True)
    ]
    return ("number", "min", "median", "max"), rows


def _text(name: str) -> str:
    return escape(name.encode(errors="replace").decode())  # a folder's name may be no text


def _cell(content: str) -> str:
    side = "left" if content.startswith("<") else "right"
    return f'<td style="text-align:{side}">{content}</td>'
