"""What was said and what was heard, symbol over symbol, and the symbols that are heard worst."""

from __future__ import annotations

from collections.abc import Sequence

from jaxlisten.data.transcripts import SPACE
from jaxlisten.evaluate.page.text import Section, bar, cell, count, listing, text
from jaxlisten.evaluate.transcripts import TranscriptReport
from jaxlisten.metrics.sequences import Pair

_SHOWN_PAIRS = 400
"""Symbols of a clip that are shown at most."""
_SHOWN_SYMBOLS = 60
"""Symbols that are listed at most."""
_NOTHING = "<i>·</i>"


def aligned(pairs: Sequence[Pair]) -> str:
    """Set the truth over what was heard, with marks where they differ, as HTML.

    Args:
        pairs: from `jaxlisten.metrics.aligned_pairs`, of symbols as text.
    """
    narrow = all(len(symbol) == 1 for pair in pairs for symbol in pair if symbol is not None)
    columns = "".join(_column(*pair) for pair in pairs[:_SHOWN_PAIRS])
    more = f"<i>and {count(len(pairs) - _SHOWN_PAIRS)} more</i>" if len(pairs) > _SHOWN_PAIRS else ""
    return f'<span class="aligned{" characters" if narrow and len(pairs) > 20 else ""}">{columns}{more}</span>'


def _column(truth: str | None, said: str | None) -> str:
    tag = "i" if truth == said else "b"
    above, below = (
        _NOTHING if symbol is None else f"<{tag}>{text(_visible(symbol))}</{tag}>" for symbol in (truth, said)
    )
    return f"<span{'' if truth == said else ' class=off'}>{above}{below}</span>"


def _visible(symbol: str) -> str:
    return "\u2423" if symbol == SPACE else symbol


def symbols(report: TranscriptReport) -> Section:
    """List the symbols, those with the most errors first."""
    shown = sorted(report.per_class.items(), key=lambda item: -sum(item[1].values()) + item[1]["support"])
    rows = []
    for name, row in shown[:_SHOWN_SYMBOLS]:
        right = row["support"] - row["substituted"] - row["deleted"]
        share = right / row["support"] if row["support"] else float("nan")
        counts = [cell(count(row[key])) for key in ("substituted", "deleted", "inserted", "support")]
        rows.append((text(_visible(name)), [bar(share), *counts]))
    listed = "" if len(shown) <= _SHOWN_SYMBOLS else f" {_SHOWN_SYMBOLS} of {count(len(shown))}."
    note = f"The most errors first: taken for another, missed, and heard where it was not said.{listed}"
    return Section(
        "Symbols", listing(("Symbol", "Right", "Taken for another", "Missed", "Made up", "Said"), rows), note
    )
