"""A report: what a classifier said about every clip of a data set, and the figures that follow from it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jaxlisten import metrics
from jaxlisten.errors import InputError
from jaxlisten.evaluate.base import WORST, BaseReport, Calibration, calibration, curves, mean_area
from jaxlisten.metrics import Averages, Curve, OperatingPoint

__all__ = ["WORST", "Mistake", "Report"]


class Mistake(NamedTuple):
    """A clip that was classified wrong.

    Attributes:
        path: the clip.
        truth: its class.
        predicted: the class that it was taken for.
        probability: of the predicted class.
        index: the place of the clip in the report, and in its `data`.
    """

    path: str
    truth: str
    predicted: str
    probability: float
    index: int


@dataclass(frozen=True, eq=False, repr=False)
class Report(BaseReport):
    """What a classifier said about every clip. All figures follow from `targets` and `probabilities`.

    Attributes:
        classes: the names, all different.
        targets: ``[n]``, integers from 0 to ``classes - 1``.
        probabilities: ``[n, classes]``, float32, from 0 to 1.
        paths: ``[n]``, a name for each clip.

    See `jaxlisten.evaluate.base.BaseReport` for the other fields, which are given by name.

    Raises:
        InputError: the shapes don't belong together, there is no clip, a class is named twice, a target is no class
            index or a probability is no number.

    Example:
        >>> report = Report(("cat", "dog"), np.array([0, 1]), np.array([[0.9, 0.1], [0.6, 0.4]]), ("a.wav", "b.wav"))
        >>> report.accuracy, [mistake.path for mistake in report.mistakes]
        (0.5, ['b.wav'])
        >>> report.threshold("dog", false_alarm_rate=0.0).hit_rate
        1.0
    """

    classes: tuple[str, ...]
    targets: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    paths: tuple[str, ...]

    def __post_init__(self) -> None:
        self._set(targets=np.asarray(self.targets), probabilities=np.asarray(self.probabilities, np.float32))
        shape = (len(self.paths), len(self.classes))
        if self.probabilities.shape != shape or self.targets.shape != shape[:1]:
            raise InputError(
                f"Report: {shape[0]} paths and {shape[1]} classes need targets {shape[:1]} and probabilities {shape}, "
                f"got {self.targets.shape} and {self.probabilities.shape}"
            )
        super().__post_init__()
        if not np.isfinite(self.probabilities).all():
            raise InputError("Report: expected finite probabilities; has the training diverged?")
        _ = self.confusion  # counting checks the targets: a wrong report fails where it is made, not where it is shown

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

    @cached_property
    def averages(self) -> Averages:
        """Precision, recall and F1, macro and micro."""
        return metrics.averages(self.confusion)

    @property
    def macro_precision(self) -> float:
        """The mean precision over the classes that occur in the truth or in the predictions."""
        return self.averages.macro_precision

    @property
    def macro_recall(self) -> float:
        """The mean recall over the classes that occur in the truth or in the predictions."""
        return self.averages.macro_recall

    @property
    def macro_f1(self) -> float:
        """The mean F1 over the classes that occur in the truth or in the predictions."""
        return self.averages.macro_f1

    @property
    def micro_f1(self) -> float:
        """The F1 of all decisions together, which is the accuracy where each clip has one class."""
        return self.averages.micro_f1

    @property
    def per_class(self) -> dict[str, dict[str, float]]:
        """``precision``, ``recall``, ``f1`` and ``support`` of each class, by name."""
        figures = metrics.per_class(self.confusion)._asdict()
        columns = {name: column.tolist() for name, column in figures.items()}
        return {name: {key: columns[key][k] for key in columns} for k, name in enumerate(self.classes)}

    @cached_property
    def _truths(self) -> NDArray[np.bool_]:
        return self.targets[:, None] == np.arange(len(self.classes))

    @cached_property
    def roc(self) -> dict[str, Curve]:
        """The ROC curve of each class against the rest, by name, of the classes that some but not all clips are of.

        Of each, `x` is the false-alarm rate and `y` the hit rate.
        """
        return curves(metrics.roc_curve, self.classes, self._truths, self.probabilities)

    @property
    def auc(self) -> float:
        """The mean area under the curves of `roc`; NaN where there are none."""
        return mean_area(self.roc.values())

    @cached_property
    def precision_recall(self) -> dict[str, Curve]:
        """Precision (`y`) against recall (`x`) of the classes of `roc`; the area is the average precision."""
        return curves(metrics.precision_recall_curve, self.classes, self._truths, self.probabilities)

    @property
    def average_precision(self) -> float:
        """The mean area under the curves of `precision_recall`; NaN where there are none."""
        return mean_area(self.precision_recall.values())

    @cached_property
    def calibration(self) -> Calibration:
        """Whether clips that are said to be of a class with 80 % are so in 80 % of the cases."""
        p = np.maximum(self.probabilities.astype(np.float64), np.finfo(np.float32).tiny)
        return calibration(self.targets, self.probabilities, np.log(p))

    def threshold(self, name: str, false_alarm_rate: float) -> OperatingPoint:
        """Choose the probability from which a class is reported, with false alarms on at most a share of other clips.

        Args:
            name: the class.
            false_alarm_rate: the share of the clips of other classes that may be alarms, from 0 to 1.

        Returns:
            The smallest such threshold, and the rates that it brings on these clips; see
            `jaxlisten.metrics.threshold_for`.

        Raises:
            InputError: there is no such class, no clip of another class, or the rate is out of range.
        """
        k = self._place(name)
        return metrics.threshold_for(self._truths[:, k], self.probabilities[:, k], false_alarm_rate=false_alarm_rate)

    @property
    def by_group(self) -> dict[str, dict[str, float]]:
        """``n``, ``accuracy`` and its 95 % interval from ``low`` to ``high`` of the clips of each group, by name."""
        right = self.predictions == self.targets

        def figures(clips: NDArray[np.int64]) -> dict[str, float]:
            low, high = metrics.wilson_interval(int(right[clips].sum()), len(clips))
            return {"accuracy": float(right[clips].mean()), "low": low, "high": high}

        return self._by_group(figures)

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
                index=int(i),
            )
            for i in wrong[np.argsort(-confidence, kind="stable")]
        ]

    @property
    def headline(self) -> str:
        """The main figures in one line."""
        low, high = self.accuracy_interval
        return (
            f"accuracy {self.accuracy:.1%} (95 % interval {low:.1%} to {high:.1%}), "
            f"balanced {self.balanced_accuracy:.1%}, macro F1 {self.macro_f1:.3f}, {self.n} clips"
        )

    def _figures(self) -> dict[str, Any]:
        return {
            "accuracy": self.accuracy,
            "accuracy_interval": self.accuracy_interval,
            "balanced_accuracy": self.balanced_accuracy,
            "macro_precision": self.macro_precision,
            "macro_recall": self.macro_recall,
            "macro_f1": self.macro_f1,
            "micro_f1": self.micro_f1,
            "auc": self.auc,
            "average_precision": self.average_precision,
            "calibration": self.calibration,
            "classes": self.classes,
            "confusion": self.confusion,
            "per_class": self.per_class,
            "by_group": self.by_group,
            "mistakes": self.mistakes[:WORST],
        }

    def table(self) -> list[list[str]]:
        """Return the main table as text: a row of headings, then a row for each class."""
        rows = [["class", "precision", "recall", "F1", "clips"]]
        for name, row in self.per_class.items():
            rows.append([name, *(f"{row[key]:.3f}" for key in ("precision", "recall", "f1")), str(row["support"])])
        return rows

    def worst_table(self) -> list[list[str]]:
        """Return the most confident mistakes as text, after a row of headings."""
        rows = [
            [wrong.path, wrong.truth, wrong.predicted, f"{wrong.probability:.3f}"] for wrong in self.mistakes[:WORST]
        ]
        return [["clip", "truth", "heard as", "probability"], *rows]
