"""The mistakes, to look at and to listen to."""

from __future__ import annotations

from functools import singledispatch
from typing import Any, NamedTuple

from jaxlisten.evaluate.labels import LabelReport
from jaxlisten.evaluate.numbers import NumberReport
from jaxlisten.evaluate.page.sounds import AUDIO_BYTES, sound
from jaxlisten.evaluate.page.text import Section, cell, count, listing, significant, text

PLAYED = 12
"""How many mistakes have a picture and a player."""
SHOWN_MISTAKES = 30
"""How many mistakes the page lists at most."""


class Shown(NamedTuple):
    """A mistake as the page shows it.

    Attributes:
        path: the clip.
        index: its place in the report.
        words: what it is and what was said, HTML, as the columns of `HEADS` have it.
        figure: how sure it was, or what else is a number.
    """

    path: str
    index: int
    words: tuple[str, str]
    figure: str


@singledispatch
def heads(report: Any) -> tuple[str, str, str]:
    """Name what the words and the figure of a mistake are."""
    return "Truth", "Heard as", "Probability"


@heads.register
def _(report: LabelReport) -> tuple[str, str, str]:
    return "Label", "Mistake", "Probability"


@heads.register
def _(report: NumberReport) -> tuple[str, str, str]:
    return "Number", "Truth", "Said"


@singledispatch
def worst(report: Any) -> list[Shown]:
    """List what the page shows of the mistakes, the worst first."""
    return [
        Shown(wrong.path, wrong.index, (text(wrong.truth), text(wrong.predicted)), f"{wrong.probability:.3f}")
        for wrong in report.mistakes[:SHOWN_MISTAKES]
    ]


@worst.register
def _(report: LabelReport) -> list[Shown]:
    return [
        Shown(
            wrong.path,
            wrong.index,
            (text(wrong.label), "missed" if wrong.truth else "false alarm"),
            f"{wrong.probability:.3f}",
        )
        for wrong in report.mistakes[:SHOWN_MISTAKES]
    ]


@worst.register
def _(report: NumberReport) -> list[Shown]:
    return [
        Shown(miss.path, miss.index, (text(miss.number), significant(miss.truth)), significant(miss.predicted))
        for miss in report.worst[:SHOWN_MISTAKES]
    ]


def mistakes(report: Any) -> Section:
    """Show the worst mistakes: with a picture and a player where the sound is at hand, the others in a table."""
    shown, title = worst(report), "Worst" if isinstance(report, NumberReport) else "Mistakes"
    number = len(report.worst if isinstance(report, NumberReport) else report.mistakes)
    if not shown:
        return (
            Section(title, "", "") if not report.n else Section(title, "<p>None: every clip was classified right.</p>")
        )
    names = heads(report)
    played = [] if report.data is None else shown[:PLAYED]
    cards = "".join(_card(report, one, names, AUDIO_BYTES // max(1, len(played))) for one in played)
    rest = shown[len(played) :]
    rows = [(text(one.path), [*(cell(word, "name") for word in one.words), cell(one.figure)]) for one in rest]
    table = listing(("Clip", *names), rows, first="path", words=2) if rest else ""
    listed = "All of them" if number == len(shown) else f"{len(shown)} of {count(number)}"
    order = "the largest error first" if isinstance(report, NumberReport) else "the most confident first"
    return Section(title, (f'<div class="clips">{cards}</div>\n' if cards else "") + table, f"{listed}, {order}.")


def _card(report: Any, one: Shown, names: tuple[str, str, str], most: int) -> str:
    """Show one mistake with its sound."""
    terms = zip(names, (*one.words, one.figure), strict=True)
    words = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in terms)
    return f"""<article>{sound(report.data, one.index, bytes_left=most)}
<dl>{words}</dl><p class="path">{text(one.path)}</p></article>
"""
