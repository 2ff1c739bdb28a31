"""A report: what a classifier said about every clip of a data set, and the figures that follow from it."""

from __future__ import annotations

import json
import math
import os
import unicodedata
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jaxlisten import metrics
from jaxlisten.errors import InputError
from jaxlisten.evaluate.html import render
from jaxlisten.files import replacing

WORST = 100
"""How many mistakes `Report.to_dict` lists at most."""


class Mistake(NamedTuple):
    """A clip that was classified wrong.

    Attributes:
        path: the clip.
        truth: its class.
        predicted: the class that it was taken for.
        probability: of the predicted class.
    """

    path: str
    truth: str
    predicted: str
    probability: float


@dataclass(frozen=True, eq=False)
class Report:
    """What a classifier said about every clip. All figures follow from `targets` and `probabilities`.

    Attributes:
        classes: the names, all different.
        targets: ``[n]``, integers from 0 to ``classes - 1``.
        probabilities: ``[n, classes]``, float32, from 0 to 1.
        paths: ``[n]``, a name for each clip.
        history: a row an epoch of training, with any of ``epoch``, ``train_loss``, ``val_loss``, ``train_accuracy``,
            ``val_accuracy``, and any other column. Empty where it isn't known.
        title: the heading.
        about: what was scored, such as ``{"data": "speech", "part": "test"}``; values may be nested.
        best_epoch: the epoch whose weights were kept; None: the first of those with the highest ``val_accuracy``.

    Raises:
        InputError: the shapes don't belong together, there is no clip, a class is named twice, a target is no class
            index or a probability is no number.

    Example:
        >>> report = Report(("cat", "dog"), np.array([0, 1]), np.array([[0.9, 0.1], [0.6, 0.4]]), ("a.wav", "b.wav"))
        >>> report.accuracy, [mistake.path for mistake in report.mistakes]
        (0.5, ['b.wav'])
    """

    classes: tuple[str, ...]
    targets: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    paths: tuple[str, ...]
    history: tuple[dict[str, float], ...] = ()
    title: str = ""
    about: dict[str, Any] = field(default_factory=dict)
    best_epoch: int | None = None

    def __post_init__(self):
        set_field = object.__setattr__
        set_field(self, "classes", tuple(map(str, self.classes)))
        set_field(self, "paths", tuple(map(str, self.paths)))
        set_field(self, "history", tuple(self.history))
        set_field(self, "targets", np.asarray(self.targets))
        set_field(self, "probabilities", np.asarray(self.probabilities, np.float32))
        shape = (len(self.paths), len(self.classes))
        if self.probabilities.shape != shape or self.targets.shape != shape[:1]:
            raise InputError(
                f"Report: {shape[0]} paths and {shape[1]} classes need targets {shape[:1]} and probabilities {shape}, "
                f"got {self.targets.shape} and {self.probabilities.shape}"
            )
        if len(set(self.classes)) < len(self.classes):
            raise InputError(f"Report: expected every class to be named once, got {', '.join(self.classes)}")
        if not np.isfinite(self.probabilities).all():
            raise InputError("Report: expected finite probabilities; has the training diverged?")
        if not self.n:
            raise InputError("Report: expected at least one clip, got none")
        _ = self.confusion  # counting checks the targets: a wrong report fails where it is made, not where it is shown

    @property
    def n(self) -> int:
        """The number of clips."""
        return len(self.paths)

    @cached_property
    def predictions(self) -> NDArray[np.int64]:
        """The most probable class of each clip, ``[n]``."""
        return self.probabilities.argmax(axis=1)

    @cached_property
    def confusion(self) -> NDArray[np.int64]:
        """The counts, ``[classes, classes]``; rows are the truth."""
        return metrics.confusion_matrix(self.targets, self.predictions, len(self.classes))

    @property
    def accuracy(self) -> float:
        """The share of clips that are classified right."""
        return metrics.accuracy(self.confusion)

    @property
    def accuracy_interval(self) -> tuple[float, float]:
        """The 95 % score interval of `accuracy`, if the clips are independent."""
        return metrics.wilson_interval(int(np.trace(self.confusion)), self.n)

    @property
    def balanced_accuracy(self) -> float:
        """The mean recall over the classes that occur."""
        return metrics.balanced_accuracy(self.confusion)

    @property
    def macro_f1(self) -> float:
        """The mean F1 over the classes that occur in the truth or in the predictions."""
        return metrics.macro_f1(self.confusion)

    @property
    def per_class(self) -> dict[str, dict[str, float]]:
        """``precision``, ``recall``, ``f1`` and ``support`` of each class, by name."""
        figures = metrics.per_class(self.confusion)._asdict()
        columns = {name: column.tolist() for name, column in figures.items()}
        return {name: {key: columns[key][k] for key in columns} for k, name in enumerate(self.classes)}

    @cached_property
    def mistakes(self) -> list[Mistake]:
        """Every clip that was classified wrong, the most confident first."""
        wrong = np.flatnonzero(self.predictions != self.targets)
        confidence = self.probabilities[wrong, self.predictions[wrong]]
        return [
            Mistake(
                path=self.paths[i],
                truth=self.classes[self.targets[i]],
                predicted=self.classes[self.predictions[i]],
                probability=float(self.probabilities[i, self.predictions[i]]),
            )
            for i in wrong[np.argsort(-confidence, kind="stable")]
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain JSON values: no arrays, no NaN. Of the mistakes, the `WORST` worst."""
        return {
            "title": self.title,
            "n": self.n,
            "accuracy": self.accuracy,
            "accuracy_interval": list(self.accuracy_interval),
            "balanced_accuracy": self.balanced_accuracy,
            "macro_f1": self.macro_f1,
            "classes": list(self.classes),
            "confusion": self.confusion.tolist(),
            "per_class": self.per_class,
            "mistakes": [mistake._asdict() for mistake in self.mistakes[:WORST]],
            "history": _plain(self.history),
            "best_epoch": self.best_epoch,
            "about": _plain(self.about),
        }

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the report to one file: a page that works offline, or `to_dict`. It is there whole or not at all.

        Args:
            path: ends in ``.html`` or ``.json``; its folder must exist.

        Raises:
            InputError: the name has another ending, or the file can't be written.
        """
        path = Path(path)
        suffix = path.suffix.lower()
        if suffix not in (".html", ".json"):
            raise InputError(f"a report is saved as .html or .json, got {path}")
        if suffix == ".html":
            text = render(self)
        else:
            text = json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False, indent=1) + "\n"
        with replacing(path) as temporary:
            # File names that are no UTF-8 reach us as lone surrogates; \udcff is also how JSON escapes them.
            temporary.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")

    def __str__(self) -> str:
        low, high = self.accuracy_interval
        width = max(map(_columns, ("class", *self.classes)))
        lines = [
            *([self.title] if self.title else []),
            f"accuracy {self.accuracy:.1%} (95 % interval {low:.1%} to {high:.1%}), "
            f"balanced {self.balanced_accuracy:.1%}, macro F1 {self.macro_f1:.3f}, {self.n} clips",
            "",
            f"{'class':{width}}  precision  recall     F1  clips",
        ]
        for name, row in self.per_class.items():
            padding = " " * (width - _columns(name))
            lines.append(
                f"{name}{padding}  {row['precision']:9.3f}  {row['recall']:6.3f}  {row['f1']:5.3f}  {row['support']:5}"
            )
        return "\n".join(lines)


def _columns(text: str) -> int:
    """Count the columns that a text takes on a terminal, where East Asian characters are two wide."""
    return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text)


def _plain(value: Any) -> Any:
    """Turn a value into what JSON can hold: what is no number becomes None, what is unknown its text."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):  # an array or scalar of NumPy or JAX
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)
