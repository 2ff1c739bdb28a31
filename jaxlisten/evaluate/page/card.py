"""A report as a notebook shows it: the main figures and the confusion matrix, without styles from elsewhere."""

from __future__ import annotations

from functools import singledispatch
from html import escape
from typing import Any

from jaxlisten.evaluate.page.text import count, text
from jaxlisten.evaluate.report import Report

_ROOM = 25
"""With more classes, the table of the classes stands in place of the confusion matrix."""
_SHOWN = 30
"""Rows of a table at most."""

# Shades let the notebook's own colours of text and paper shine through, light or dark.
_RIGHT, _WRONG = "28 118 172", "212 96 36"
_SIDE = "text-align:right;padding:0 .6em 0 0"


def card(report: Any) -> str:
    """Render a report as a small piece of HTML.

    Args:
        report: what to show. Class names and the title are escaped.

    Returns:
        One ``div`` element.
    """
    title = f"<b>{text(report.title)}</b>: " if report.title else "<b>Report</b>: "
    table = f'<div style="overflow-x:auto">{_body(report)}</div>'
    html = f"<div><p>{title}{escape(report.headline)}</p>{table}</div>"
    return html.encode(errors="replace").decode()  # the name of a folder, and so of a class, may be no text


@singledispatch
def _body(report: Any) -> str:
    head, *rows = report.table()
    body = "".join(_row("td", *row) for row in rows[:_SHOWN])
    more = f"<p>and {count(len(rows) - _SHOWN)} more</p>" if len(rows) > _SHOWN else ""
    return f"<table><thead>{_row('th', *head)}</thead><tbody>{body}</tbody></table>{more}"


def _row(tag: str, name: str, *values: str) -> str:
    cells = "".join(f'<{tag} style="text-align:right">{text(value)}</{tag}>' for value in values)
    return f'<tr><{tag} style="text-align:left">{text(name)}</{tag}>{cells}</tr>'


@_body.register
def _(report: Report) -> str:
    names, counts = report.classes, report.confusion
    if len(names) > _ROOM:
        return _body.dispatch(object)(report)
    turned = ' style="writing-mode:vertical-rl;transform:rotate(180deg)"' if sum(map(len, names)) > 50 else ""
    top = "".join(
        f'<th style="text-align:center;vertical-align:bottom"><span{turned}>{text(name)}</span></th>' for name in names
    )
    rows = ""
    for i, name in enumerate(names):
        total = max(1, int(counts[i].sum()))
        cells = "".join(_cell(int(number), int(number) / total, i == j) for j, number in enumerate(counts[i]))
        rows += f'<tr><th style="{_SIDE}">{text(name)}</th>{cells}</tr>'
    head = f'<thead><tr><th style="{_SIDE}">truth</th>{top}</tr></thead>'
    return f'<table title="rows are the truth, columns what was heard">{head}<tbody>{rows}</tbody></table>'


def _cell(number: int, share: float, right: bool) -> str:
    shade = f"background:rgb({_RIGHT if right else _WRONG} / {0.08 + 0.6 * share:.2f});" if number else ""
    return f'<td style="{shade}text-align:center;min-width:2em">{count(number) if number else "·"}</td>'
