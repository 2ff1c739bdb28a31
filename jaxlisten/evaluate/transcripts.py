"""A report on transcripts: what was said in each clip, and what was heard."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jaxlisten import metrics
from jaxlisten.data.transcripts import SPACE, check_transcripts, text_of
from jaxlisten.errors import InputError
from jaxlisten.evaluate.base import WORST, BaseReport
from jaxlisten.metrics import Edits
from jaxlisten.metrics.sequences import Pair
from jaxlisten.tasks import Task
from jaxlisten.types import Array, Params, State


class Misheard(NamedTuple):
    """A clip whose transcript is not what is said in it.

    Attributes:
        path: the clip.
        truth: what is said, as text.
        predicted: what was heard, as text.
        errors: how many symbols were taken for others, missed or made up.
        pairs: both laid beside each other, see `jaxlisten.metrics.aligned_pairs`.
        index: the place of the clip in the report, and in its `data`.
    """

    path: str
    truth: str
    predicted: str
    errors: int
    pairs: tuple[Pair, ...]
    index: int


@dataclass(frozen=True, eq=False, repr=False)
class TranscriptReport(BaseReport):
    """What a listener heard in every clip, symbol by symbol. All figures follow from `targets` and `predictions`.

    Attributes:
        classes: the symbols, all different: words, or characters with a space among them.
        targets: ``[n, longest]``, indices into `classes`, -1 behind the end of each.
        predictions: ``[n, any]``, likewise; a clip in which nothing was heard begins with -1.
        paths: ``[n]``, a name for each clip.

    See `jaxlisten.evaluate.base.BaseReport` for the other fields, which are given by name.

    Raises:
        InputError: the shapes don't belong together, there is no clip, a symbol is named twice, an index is no symbol,
            or a clip has no truth.

    Example:
        >>> truth, said = np.array([[0, 1], [1, -1]]), np.array([[0, 1], [0, 1]])
        >>> report = TranscriptReport(("one", "two"), truth, said, ("a.wav", "b.wav"))
        >>> round(report.label_error_rate, 3), [(wrong.truth, wrong.predicted) for wrong in report.mistakes]
        (0.333, [('two', 'one two')])
    """

    classes: tuple[str, ...]
    targets: NDArray[np.int64]
    predictions: NDArray[np.int64]
    paths: tuple[str, ...]

    def __post_init__(self) -> None:
        self._set(**{name: np.asarray(getattr(self, name), np.int64) for name in ("targets", "predictions")})
        for name in ("targets", "predictions"):
            shape = getattr(self, name).shape
            if len(shape) != 2 or shape[0] != len(self.paths):
                raise InputError(f"TranscriptReport: expected {name} [{len(self.paths)}, any], got {list(shape)}")
        super().__post_init__()
        check_transcripts(self.targets, self.classes)
        if (self.predictions >= len(self.classes)).any():
            raise InputError(f"TranscriptReport: expected predictions below {len(self.classes)}, the number of symbols")

    @cached_property
    def _pairs(self) -> list[list[Pair]]:
        """Truth and what was heard of each clip beside each other, as indices."""
        both = zip(self.targets, self.predictions, strict=True)
        return [metrics.aligned_pairs(*(row[row >= 0].tolist() for row in rows)) for rows in both]

    @cached_property
    def _edits(self) -> list[Edits]:
        return [metrics.edits(pairs) for pairs in self._pairs]

    @cached_property
    def total(self) -> Edits:
        """The substitutions, deletions and insertions in all clips, and the symbols of their truths."""
        return metrics.total_edits(self._edits)

    @property
    def label_error_rate(self) -> float:
        """The errors for each symbol of the truth: of words the word error rate, of characters that of characters."""
        return self.total.rate

    @property
    def exact_match(self) -> float:
        """The share of clips whose transcript is right from beginning to end."""
        return sum(not one.errors for one in self._edits) / self.n

    @cached_property
    def word_error_rate(self) -> float:
        """The errors for each word of the truth; where symbols are words, that is `label_error_rate`."""
        if SPACE not in self.classes:
            return self.label_error_rate
        words = [[self._text(row).split() for row in rows] for rows in (self.targets, self.predictions)]
        return metrics.total_edits(
            [metrics.edits(metrics.aligned_pairs(*both)) for both in zip(*words, strict=True)]
        ).rate

    @cached_property
    def per_class(self) -> dict[str, dict[str, float]]:
        """Of each symbol, by name: ``support`` (how often it is said), ``substituted``, ``deleted``, ``inserted``."""
        pairs = [pair for each in self._pairs for pair in each]
        said = Counter(a for a, _ in pairs if a is not None)
        wrong = Counter(a for a, b in pairs if a is not None and b is not None and a != b)
        missed, made_up = Counter(a for a, b in pairs if b is None), Counter(b for a, b in pairs if a is None)
        return {
            name: {"support": said[k], "substituted": wrong[k], "deleted": missed[k], "inserted": made_up[k]}
            for k, name in enumerate(self.classes)
        }

    @cached_property
    def confusions(self) -> list[tuple[str, str, int]]:
        """Which symbol was taken for which, and how often; the most frequent first."""
        pairs = [(a, b) for each in self._pairs for a, b in each if a is not None and b is not None and a != b]
        return [(self.classes[a], self.classes[b], n) for (a, b), n in Counter(pairs).most_common()]

    @property
    def by_group(self) -> dict[str, dict[str, float]]:
        """``n``, ``label_error_rate`` and ``exact_match`` of the clips of each group, by name."""

        def figures(clips: NDArray[np.int64]) -> dict[str, float]:
            each = [self._edits[i] for i in clips]
            right = sum(not one.errors for one in each) / len(each)
            return {"label_error_rate": metrics.total_edits(each).rate, "exact_match": right}

        return self._by_group(figures)

    @cached_property
    def mistakes(self) -> list[Misheard]:
        """The clips that were not heard right, those with the most errors first."""
        wrong = [i for i, one in enumerate(self._edits) if one.errors]
        return [
            Misheard(
                path=self.paths[i],
                truth=self._text(self.targets[i]),
                predicted=self._text(self.predictions[i]),
                errors=self._edits[i].errors,
                pairs=tuple((self._name(a), self._name(b)) for a, b in self._pairs[i]),
                index=i,
            )
            for i in sorted(wrong, key=lambda i: (-self._edits[i].errors, -self._edits[i].rate, i))
        ]

    def _text(self, row: NDArray[np.int64]) -> str:
        return text_of([self.classes[k] for k in row[row >= 0]], self.classes)

    def _name(self, symbol: int | None) -> str | None:
        return None if symbol is None else self.classes[symbol]

    @property
    def headline(self) -> str:
        """The main figures in one line."""
        total = self.total
        words = f", word error rate {self.word_error_rate:.1%}" if SPACE in self.classes else ""
        return (
            f"label error rate {total.rate:.1%} ({total.substitutions} substitutions, {total.deletions} deletions, "
            f"{total.insertions} insertions in {total.symbols:,} symbols){words}, {self.exact_match:.1%} of {self.n} "
            "clips all right"
        )

    def _figures(self) -> dict[str, Any]:
        return {
            "label_error_rate": self.label_error_rate,
            "word_error_rate": self.word_error_rate,
            **self.total._asdict(),
            "exact_match": self.exact_match,
            "classes": self.classes,
            "per_class": self.per_class,
            "confusions": self.confusions[:WORST],
            "by_group": self.by_group,
            "mistakes": self.mistakes[:WORST],
        }

    def table(self) -> list[list[str]]:
        """Return the main table as text: a row of headings, then a row for each class."""
        rows = [["symbol", "said", "substituted", "deleted", "inserted"]]
        return rows + [[_shown(name), *(str(n) for n in row.values())] for name, row in self.per_class.items()]

    def worst_table(self) -> list[list[str]]:
        """Return the worst mistakes as text, after a row of headings."""
        rows = [[wrong.path, wrong.truth, wrong.predicted, str(wrong.errors)] for wrong in self.mistakes[:WORST]]
        return [["clip", "truth", "heard as", "errors"], *rows]


def _shown(symbol: str) -> str:
    return "(space)" if symbol == SPACE else symbol


def searched(model: Any, task: Task, beam: int, params: Params, state: State, x: Any, logits: Any) -> Array:
    """Find what is said in a batch by beam search: int32 ``[batch, any]``, -1 behind the end of each.

    Args:
        model: it has a `search` of its own where it writes symbol by symbol.
        task: of transcripts.
        beam: how many sequences are kept.
        params, state: of the model.
        x: the batch.
        logits: what the model makes of it.
    """
    return model.search(params, state, x, beams=beam).symbols[:, 0] if task.taught else task.searched(logits, beam)


def check_beam(caller: str, task: Task, beam: int) -> None:
    """Refuse a number of beams that is none, or that goes with no transcripts."""
    if beam < 1 or (beam > 1 and task.kind != "transcripts"):
        raise InputError(f"{caller}: expected beam of 1 or more, and more than 1 for transcripts only, got {beam}")
