"""The smallest parts of a page: escaped text, figures, sections and tables."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple


class Section(NamedTuple):
    """A part of the page.

    Attributes:
        title: its heading, and its line in the contents.
        body: HTML; empty: there is nothing to show, and no section.
        note: HTML of a sentence below the heading.
    """

    title: str
    body: str
    note: str = ""

    @property
    def name(self) -> str:
        """What links to it."""
        return self.title.lower().replace(" ", "-")

    def __str__(self) -> str:
        note = f"<p>{self.note}</p>\n" if self.note else ""
        return f'<section id="{self.name}"><h2>{self.title}</h2>\n{note}{self.body}</section>\n'


def text(value: object) -> str:
    """Escape text that isn't ours, and let its direction of writing be its own affair."""
    return f"<bdi>{escape(str(value))}</bdi>"


def hint(value: object) -> str:
    """Escape text for an attribute."""
    return escape(str(value), quote=True)


def percent(share: float, digits: int = 1) -> str:
    """Write a share as a percentage; a dash where it isn't known."""
    return f"{100 * share:.{digits}f}\u202f%" if math.isfinite(share) else "–"


def count(number: float) -> str:
    """Write a number with its thousands apart."""
    return f"{number:,}".replace(",", "\u202f")


def counted(number: int, thing: str) -> str:
    """Write a number and a noun: "1 clip", "2 clips", "3 classes"."""
    return f"{count(number)} {thing if number == 1 else thing + ('es' if thing.endswith('s') else 's')}"


def figure(value: float, digits: int = 3) -> str:
    """Write a number; a dash where it isn't known."""
    return f"{value:.{digits}f}" if math.isfinite(value) else "–"


def significant(value: float) -> str:
    """Write a number with four digits that count; a dash where it isn't known."""
    return f"{value:.4g}" if math.isfinite(value) else "–"


def cell(content: str, kind: str = "") -> str:
    """Make a cell of a table, of HTML."""
    return f'<td class="{kind}">{content}</td>' if kind else f"<td>{content}</td>"


def bar(value: float) -> str:
    """Make a cell with a number from 0 to 1 and a bar of that length."""
    if not math.isfinite(value):
        return cell("–", "bar none")
    return f'<td class="bar" style="--value:{min(max(value, 0), 1):.3f}">{value:.3f}</td>'


def listing(head: Sequence[str], rows: Iterable[tuple[str, Sequence[str]]], *, first: str = "", words: int = 0) -> str:
    """Make a table that scrolls by itself where the screen is narrow.

    Args:
        head: the names of the columns.
        rows: of each its name, HTML, and its cells, made by `cell` or `bar`.
        first: the class of the names.
        words: how many of the columns after the first are set to the left, as words are.
    """
    columns = "".join(
        f'<th scope="col"{" class=name" if 0 < k <= words else ""}>{name}</th>' for k, name in enumerate(head)
    )
    kind = f' class="{first}"' if first else ""
    body = "".join(f'<tr><th scope="row"{kind}>{name}</th>{"".join(cells)}</tr>\n' for name, cells in rows)
    return f"""<div class="scroll"><table class="list">
<thead><tr>{columns}</tr></thead>
<tbody>
{body}</tbody>
</table></div>
"""
