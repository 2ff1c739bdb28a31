"""What all reports have: where their clips come from, scores by group, and files."""

from __future__ import annotations

import json
import math
import os
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jaxlisten import metrics
from jaxlisten.data import Dataset, union
from jaxlisten.data.transcripts import joined_transcripts
from jaxlisten.errors import InputError
from jaxlisten.evaluate.filters import Filters
from jaxlisten.files import replacing

WORST = 100
"""How many mistakes `to_dict` lists at most."""


class Calibration(NamedTuple):
    """Whether the probabilities hold, in bins of one width; see `jaxlisten.metrics.reliability`.

    Attributes:
        ece: the expected calibration error, from 0 (every probability holds) to 1.
        confidence: ``[bins]``, the mean probability; NaN where a bin is empty.
        accuracy: ``[bins]``, the share that was true; NaN where a bin is empty.
        count: ``[bins]``, integers.
        temperature: what the logits would have to be divided by for the best likelihood on these clips; above 1 the
            model is too sure. It is not applied.
    """

    ece: float
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    count: NDArray[np.int64]
    temperature: float


class _Clips(ABC):
    """What every report says of its clips; each declares these fields itself, between others of its own."""

    classes: tuple[str, ...]
    targets: NDArray[Any]
    paths: tuple[str, ...]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class BaseReport(_Clips):
    """What all reports share: `Report`, `LabelReport`, `NumberReport` and `TranscriptReport`.

    Attributes:
        history: a row an epoch of training, with any of ``epoch``, ``train_loss``, ``val_loss``, ``train_accuracy``,
            ``val_accuracy``, and any other column. Empty where it isn't known.
        title: the heading.
        about: what was scored, such as ``{"data": "speech", "part": "test"}``; values may be nested.
        best_epoch: the epoch whose weights were kept; None: the first of those with the highest ``val_accuracy``.
        groups: what each clip belongs to, such as its speaker or its fold; None: nothing.
        data: the clips that were scored, for the page to show and play; they are in no other file.
        health: what was found wrong with the data; see `jaxlisten.data.Health.to_dict`.
        trained_on: the paths of clips that the listener had been trained on.
        chosen_by: the paths of clips that its best epoch had been chosen by.
        model: the model in words, such as `jaxlisten.summary` prints it, for the page.
        places: ``[n, 2]``, where each clip lies on a map, such as `jaxlisten.embedding_map` draws; None: there is none.
        filters: what the listener has learned to hear samples with, for the page.
    """

    history: tuple[dict[str, float], ...] = ()
    title: str = ""
    about: dict[str, Any] = field(default_factory=dict)
    best_epoch: int | None = None
    groups: tuple[str, ...] | None = None
    data: Dataset | None = None
    health: dict[str, Any] | None = None
    model: str | None = None
    places: NDArray[np.float32] | None = None
    filters: Filters | None = None
    trained_on: tuple[str, ...] = ()
    chosen_by: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self._set(classes=tuple(map(str, self.classes)), paths=tuple(map(str, self.paths)), history=tuple(self.history))
        if self.groups is not None:
            self._set(groups=tuple(map(str, self.groups)))
        name = type(self).__name__
        if len(set(self.classes)) < len(self.classes):
            raise InputError(f"{name}: expected every class to be named once, got {', '.join(self.classes)}")
        if not self.paths:
            raise InputError(f"{name}: expected at least one clip, got none")
        for what, values in (("groups", self.groups), ("clips of data", self.data), ("places", self.places)):
            if values is not None and len(values) != self.n:
                raise InputError(f"{name}: expected {self.n} {what}, one for each path, got {len(values)}")

    def _set(self, **fields: Any) -> None:
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    @property
    def n(self) -> int:
        """The number of clips."""
        return len(self.paths)

    @property
    @abstractmethod
    def headline(self) -> str:
        """The main figures in one line."""

    @abstractmethod
    def _figures(self) -> dict[str, Any]:
        """Return what `to_dict` says between the title and the history; values may be arrays and NaN."""

    @abstractmethod
    def table(self) -> list[list[str]]:
        """Return the main table as text: a row of headings, then a row for each class."""

    @abstractmethod
    def worst_table(self) -> list[list[str]]:
        """Return what went most wrong as text: a row of headings, then the worst first, at most `WORST` rows."""

    def _by_group(self, figures: Callable[[NDArray[np.int64]], dict[str, float]]) -> dict[str, dict[str, float]]:
        """Compute figures of the clips of each group, with their number ``n``."""
        groups = np.array(self.groups or (), object)
        clips = {name: np.flatnonzero(groups == name) for name in sorted(set(groups))}
        return {name: {"n": len(indices), **figures(indices)} for name, indices in clips.items()}

    def _place(self, name: str) -> int:
        """Return the index of a class."""
        if name not in self.classes:
            raise InputError(f"{type(self).__name__}: there is no class {name!r}; there is {', '.join(self.classes)}")
        return self.classes.index(name)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain JSON values: no arrays, no NaN. Of the mistakes, the `WORST` worst."""
        return {
            "title": self.title,
            "n": self.n,
            **plain(self._figures()),
            "history": plain(self.history),
            "best_epoch": self.best_epoch,
            "about": plain(self.about),
            "health": plain(self.health),
            "trained_on": _counted(self.trained_on),
            "chosen_by": _counted(self.chosen_by),
        }

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the report to one file: a page that works offline, or `to_dict`. It is there whole or not at all.

        Args:
            path: ends in ``.html`` or ``.json``; its folder must exist.

        Raises:
            InputError: the name has another ending, or the file can't be written.
        """
        from jaxlisten.evaluate.page import render  # which knows the kinds of reports

        save_as(path, lambda: render(self), self.to_dict)

    def _repr_html_(self) -> str:
        from jaxlisten.evaluate.page.card import card

        return card(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.headline})"

    def __str__(self) -> str:
        title = [self.title] if self.title else []
        return "\n".join([*title, self.headline, "", *aligned(self.table())])


def save_as(path: str | os.PathLike[str], page: Callable[[], str], figures: Callable[[], dict[str, Any]]) -> None:
    """Write a page or its figures, as the name of the file asks."""
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in (".html", ".json"):
        raise InputError(f"a report is saved as .html or .json, got {path}")
    text = page() if suffix == ".html" else json.dumps(figures(), ensure_ascii=False, allow_nan=False, indent=1) + "\n"
    with replacing(path) as temporary:
        # File names that are no UTF-8 reach us as lone surrogates; \udcff is also how JSON escapes them.
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")


def _counted(paths: tuple[str, ...]) -> dict[str, Any]:
    return {"clips": len(paths), "paths": list(paths[:WORST])}


def pooled(reports: Mapping[str, BaseReport], *, title: str = "", about: Any = None) -> Any:
    """Make one report of several of one kind, on different clips: of a cross-validation, the folds.

    Args:
        reports: by name; the names become the groups of the clips.
        title, about: of the whole.

    Raises:
        InputError: there are none, or they are of different classes.
    """
    each = list(reports.values())
    if not each or len({(type(report), report.classes) for report in each}) > 1:
        raise InputError("pooled: expected one report or more, all of one kind and with the same classes")
    said = "predictions" if "predictions" in each[0].__dataclass_fields__ else "probabilities"
    clips = [report.data for report in each if report.data is not None]
    fields: dict[str, Any] = {
        "paths": tuple(path for report in each for path in report.paths),
        "targets": _concatenated([report.targets for report in each]),
        said: _concatenated([getattr(report, said) for report in each]),
        "groups": tuple(name for name, report in reports.items() for _ in report.paths),
        "trained_on": tuple(path for report in each for path in report.trained_on),
        "chosen_by": tuple(path for report in each for path in report.chosen_by),
        "data": union(clips)[0] if len(clips) == len(each) else None,
    }
    ended = {"history": (), "best_epoch": None, "places": None, "filters": None}
    return replace(each[0], **fields, **ended, title=title, about=about or {})


def _concatenated(arrays: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Join the rows of arrays; transcripts ``[n, most]`` of different width are filled up with -1."""
    widths = {array.shape[-1] for array in arrays if array.ndim == 2}
    return np.concatenate(arrays) if len(widths) < 2 else joined_transcripts(arrays)


def calibration(targets: Any, probabilities: NDArray[np.float32], logits: NDArray[np.float64]) -> Calibration:
    """Compare probabilities with the truth; `logits` are any from which they follow."""
    table = metrics.reliability(targets, probabilities)
    ece = metrics.expected_calibration_error(targets, probabilities)
    return Calibration(ece, *table, metrics.fit_temperature(targets, logits))


def curves(
    kind: Callable[[Any, Any], metrics.Curve],
    names: Sequence[str],
    truths: NDArray[np.bool_],
    scores: NDArray[np.float32],
) -> dict[str, metrics.Curve]:
    """Draw a curve for each class, ``[n, classes]``, that some but not all clips are of."""
    columns = zip(names, truths.T, scores.T, strict=True)
    return {name: kind(truth, score) for name, truth, score in columns if truth.any() and not truth.all()}


def mean_area(curves: Iterable[metrics.Curve]) -> float:
    """Return the mean area under some curves, NaN of none."""
    return metrics.mean_known([curve.area for curve in curves])


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Set a table: the first column to the left, the others to the right, as wide as a terminal shows them."""
    widths = [max(map(_columns, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *others in rows:
        cells = [" " * (width - _columns(cell)) + cell for cell, width in zip(others, widths[1:], strict=True)]
        lines.append("  ".join([first + " " * (widths[0] - _columns(first)), *cells]))
    return lines


def _columns(text: str) -> int:
    """Count the columns that a text takes on a terminal, where East Asian characters are two wide."""
    return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text)


def plain(value: Any) -> Any:
    """Turn a value into what JSON can hold: what is no number becomes None, what is unknown its text."""
    if hasattr(value, "_asdict"):  # a named tuple
        value = value._asdict()
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):  # an array or scalar of NumPy or JAX
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)
