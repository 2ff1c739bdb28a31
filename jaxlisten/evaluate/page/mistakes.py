"""The mistakes, to look at and to listen to."""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING, Any, NamedTuple

from jaxlisten.evaluate.anomaly import AnomalyReport
from jaxlisten.evaluate.labels import LabelReport
from jaxlisten.evaluate.numbers import NumberReport
from jaxlisten.evaluate.page.aligned import aligned
from jaxlisten.evaluate.page.sounds import AUDIO_BYTES, sound
from jaxlisten.evaluate.page.text import Section, cell, count, listing, significant, text
from jaxlisten.evaluate.transcripts import TranscriptReport

if TYPE_CHECKING:
    from jaxlisten.data import Dataset

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


@heads.register
def _(report: TranscriptReport) -> tuple[str, str, str]:
    return "Truth, and below it what was heard", "Written", "Errors"


@heads.register
def _(report: AnomalyReport) -> tuple[str, str, str]:
    return "Truth", "Mistake", "Novelty"


@singledispatch
def worst(report: Any) -> list[Shown]:
    """List what the page shows of the mistakes, the worst first."""
    return [
        Shown(wrong.path, wrong.index, (text(wrong.truth), text(wrong.predicted)), f"{wrong.probability:.3f}")
        for wrong in report.mistakes[:SHOWN_MISTAKES]
    ]


@worst.register
def _(report: LabelReport) -> list[Shown]:
    kinds = {True: "missed", False: "false alarm"}
    return [
        Shown(wrong.path, wrong.index, (text(wrong.label), kinds[wrong.truth]), f"{wrong.probability:.3f}")
        for wrong in report.mistakes[:SHOWN_MISTAKES]
    ]


@worst.register
def _(report: NumberReport) -> list[Shown]:
    return [
        Shown(miss.path, miss.index, (text(miss.number), significant(miss.truth)), significant(miss.predicted))
        for miss in report.worst[:SHOWN_MISTAKES]
    ]


@worst.register
def _(report: TranscriptReport) -> list[Shown]:
    return [
        Shown(wrong.path, wrong.index, (aligned(wrong.pairs), text(wrong.predicted or "nothing")), str(wrong.errors))
        for wrong in report.mistakes[:SHOWN_MISTAKES]
    ]


@worst.register
def _(report: AnomalyReport) -> list[Shown]:
    kinds = {True: "false alarm", False: "missed"}
    return [
        Shown(wrong.path, wrong.index, (text(wrong.truth), kinds[wrong.normal]), significant(wrong.score))
        for wrong in report.mistakes[:SHOWN_MISTAKES]
    ]


def mistakes(report: Any) -> Section:
    """Show the worst mistakes: with a picture and a player where the sound is at hand, the others in a table."""
    numbers = isinstance(report, NumberReport)
    title, order = ("Worst", "the largest error") if numbers else ("Mistakes", "the most confident")
    order = "the most errors" if isinstance(report, TranscriptReport) else order
    shown, number = worst(report), len(report.worst if numbers else report.mistakes)
    if not shown:
        right = (
            "every transcript is right" if isinstance(report, TranscriptReport) else "every clip was classified right"
        )
        return Section(title, f"<p>None: {right}.</p>")
    names, data = heads(report), report.data
    played = [] if data is None else shown[:PLAYED]
    cards = "".join(_card(data, k, one, names, AUDIO_BYTES // len(played)) for k, one in enumerate(played) if data)
    rows = [
        (text(one.path), [*(cell(word, "name") for word in one.words), cell(one.figure)])
        for one in shown[len(played) :]
    ]
    body = f'<div class="clips">{cards}</div>\n' if cards else ""
    body += listing(("Clip", *names), rows, first="path", words=2) if rows else ""
    listed = "All of them" if number == len(shown) else f"{len(shown)} of {count(number)}"
    return Section(title, body, f"{listed}, {order} first.")


def _card(data: Dataset, k: int, one: Shown, names: tuple[str, str, str], most: int) -> str:
    """Show the k-th mistake with its sound."""
    terms = zip(names, (*one.words, one.figure), strict=True)
    words = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in terms)
    return f"""<article>{sound(data, one.index, name=f"mistake {k}", most=most)}
<dl>{words}</dl><p class="path">{text(one.path)}</p></article>
"""
