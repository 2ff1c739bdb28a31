"""A report on a tagger: several labels a clip, or none."""

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
from jaxlisten.tasks import HOLDS


class LabelMistake(NamedTuple):
    """A label of a clip that was missed, or that was found where it isn't.

    Attributes:
        path: the clip.
        label: which label.
        truth: whether it holds.
        probability: that was given to it.
        index: the place of the clip in the report, and in its `data`.
    """

    path: str
    label: str
    truth: bool
    probability: float
    index: int


@dataclass(frozen=True, eq=False, repr=False)
class LabelReport(BaseReport):
    """What a tagger said about every clip. All figures follow from `targets` and `probabilities`.

    A label counts as found from a probability of 1/2 upwards, where nothing else is said.

    Attributes:
        classes: the names of the labels, all different.
        targets: ``[n, classes]``, 1 where a label holds, otherwise 0.
        probabilities: ``[n, classes]``, float32, from 0 to 1.
        paths: ``[n]``, a name for each clip.

    See `jaxlisten.evaluate.base.BaseReport` for the other fields, which are given by name.

    Raises:
        InputError: the shapes don't belong together, there is no clip, a label is named twice, a target is neither 0
            nor 1 or a probability is no number.

    Example:
        >>> said = np.array([[0.9, 0.2], [0.4, 0.7]])
        >>> report = LabelReport(("dog", "rain"), np.array([[1, 0], [1, 1]]), said, ("a.wav", "b.wav"))
        >>> report.exact_match, [(mistake.path, mistake.label) for mistake in report.mistakes]
        (0.5, [('b.wav', 'dog')])
    """

    classes: tuple[str, ...]
    targets: NDArray[np.int8]
    probabilities: NDArray[np.float32]
    paths: tuple[str, ...]

    def __post_init__(self) -> None:
        self._set(targets=np.asarray(self.targets), probabilities=np.asarray(self.probabilities, np.float32))
        shape = (len(self.paths), len(self.classes))
        if self.probabilities.shape != shape or self.targets.shape != shape:
            raise InputError(
                f"LabelReport: {shape[0]} paths and {shape[1]} classes need targets and probabilities {shape}, "
                f"got {self.targets.shape} and {self.probabilities.shape}"
            )
        super().__post_init__()
        if not np.isfinite(self.probabilities).all():
            raise InputError("LabelReport: expected finite probabilities; has the training diverged?")
        if not np.isin(self.targets, (0, 1)).all():
            raise InputError("LabelReport: expected targets of 0 and 1, got others")

    @cached_property
    def predictions(self) -> NDArray[np.bool_]:
        """The labels that were found, ``[n, classes]``."""
        return self.probabilities >= HOLDS

    @cached_property
    def _truths(self) -> NDArray[np.bool_]:
        return self.targets.astype(bool)

    @property
    def exact_match(self) -> float:
        """The share of clips of which every label is right."""
        return metrics.exact_match(self._truths, self.predictions)

    @cached_property
    def averages(self) -> Averages:
        """Precision, recall and F1, macro and micro."""
        return metrics.label_averages(self._truths, self.predictions)

    @property
    def macro_f1(self) -> float:
        """The mean F1 over the labels that hold somewhere or were found somewhere."""
        return self.averages.macro_f1

    @property
    def micro_f1(self) -> float:
        """The F1 of all decisions together."""
        return self.averages.micro_f1

    @cached_property
    def roc(self) -> dict[str, Curve]:
        """The ROC curve of each label that holds for some but not all clips, by name.

        Of each, `x` is the false-alarm rate and `y` the hit rate.
        """
        return curves(metrics.roc_curve, self.classes, self._truths, self.probabilities)

    @property
    def auc(self) -> float:
        """The mean area under the curves of `roc`; NaN where there are none."""
        return mean_area(self.roc.values())

    @cached_property
    def precision_recall(self) -> dict[str, Curve]:
        """Precision (`y`) against recall (`x`) of the labels of `roc`; the area is the average precision."""
        return curves(metrics.precision_recall_curve, self.classes, self._truths, self.probabilities)

    @property
    def average_precision(self) -> float:
        """The mean average precision over the labels that hold for some clip, known as mAP; NaN where none does."""
        return float(metrics.average_precision(self._truths, self.probabilities))

    @cached_property
    def per_class(self) -> dict[str, dict[str, float]]:
        """Figures of each label, by name.

        ``precision``, ``recall``, ``f1``, ``support``, ``auc``, ``average_precision``, and ``best_f1`` with the
        ``best_threshold`` that gives it: the best in hindsight, on these very clips. What isn't defined is NaN.
        """
        figures = metrics.per_label(self._truths, self.predictions)._asdict()
        figures["auc"] = metrics.roc_auc(self._truths, self.probabilities, average=None)
        figures["average_precision"] = metrics.average_precision(self._truths, self.probabilities, average=None)
        best = [metrics.best_f1(t, p) for t, p in zip(self._truths.T, self.probabilities.T, strict=True)]
        figures["best_threshold"], figures["best_f1"] = np.array(best).T
        columns = {name: column.tolist() for name, column in figures.items()}
        return {name: {key: columns[key][k] for key in columns} for k, name in enumerate(self.classes)}

    @cached_property
    def calibration(self) -> Calibration:
        """Whether labels that are said to hold with 80 % do so in 80 % of the cases, over all clips and labels."""
        p = np.clip(self.probabilities.astype(np.float64), np.finfo(np.float32).tiny, 1 - np.finfo(np.float32).epsneg)
        return calibration(self.targets, self.probabilities, np.log(p) - np.log1p(-p))

    def threshold(self, name: str, false_alarm_rate: float) -> OperatingPoint:
        """Choose the probability from which a label is reported, with false alarms on at most a share of the clips.

        Args:
            name: the label.
            false_alarm_rate: the share of the clips without the label that may be alarms, from 0 to 1.

        Returns:
            The smallest such threshold, and the rates that it brings on these clips; see
            `jaxlisten.metrics.threshold_for`.

        Raises:
            InputError: there is no such label, no clip without it, or the rate is out of range.
        """
        k = self._place(name)
        return metrics.threshold_for(self._truths[:, k], self.probabilities[:, k], false_alarm_rate=false_alarm_rate)

    @property
    def by_group(self) -> dict[str, dict[str, float]]:
        """``n``, ``accuracy`` (`exact_match`), its 95 % interval ``low`` to ``high``, and ``micro_f1`` by group."""
        right = (self.predictions == self._truths).all(axis=1)

        def figures(clips: NDArray[np.int64]) -> dict[str, float]:
            low, high = metrics.wilson_interval(int(right[clips].sum()), len(clips))
            micro_f1 = metrics.label_averages(self._truths[clips], self.predictions[clips]).micro_f1
            return {"accuracy": float(right[clips].mean()), "low": low, "high": high, "micro_f1": micro_f1}

        return self._by_group(figures)

    @cached_property
    def mistakes(self) -> list[LabelMistake]:
        """Every label that was missed or found where it isn't, the most confident first."""
        clips, labels = np.nonzero(self.predictions != self._truths)
        order = np.argsort(-np.abs(self.probabilities[clips, labels] - HOLDS), kind="stable")
        return [
            LabelMistake(
                path=self.paths[i],
                label=self.classes[k],
                truth=bool(self._truths[i, k]),
                probability=float(self.probabilities[i, k]),
                index=int(i),
            )
            for i, k in zip(clips[order], labels[order], strict=True)
        ]

    @property
    def headline(self) -> str:
        """The main figures in one line."""
        return (
            f"mean average precision {self.average_precision:.3f}, AUC {self.auc:.3f}, micro F1 {self.micro_f1:.3f}, "
            f"macro F1 {self.macro_f1:.3f}, all labels right in {self.exact_match:.1%} of {self.n} clips"
        )

    def _figures(self) -> dict[str, Any]:
        return {
            "exact_match": self.exact_match,
            "average_precision": self.average_precision,
            "auc": self.auc,
            **self.averages._asdict(),
            "calibration": self.calibration,
            "classes": self.classes,
            "per_class": self.per_class,
            "by_group": self.by_group,
            "mistakes": self.mistakes[:WORST],
        }

    def table(self) -> list[list[str]]:
        """Return the main table as text: a row of headings, then a row for each class."""
        rows = [["label", "precision", "recall", "F1", "AP", "AUC", "clips"]]
        for name, row in self.per_class.items():
            keys = ("precision", "recall", "f1", "average_precision", "auc")
            rows.append([name, *(f"{row[key]:.3f}" for key in keys), str(row["support"])])
        return rows

    def worst_table(self) -> list[list[str]]:
        """Return the most confident mistakes as text, after a row of headings."""
        rows = [["clip", "label", "mistake", "probability"]]
        for wrong in self.mistakes[:WORST]:
            rows.append([wrong.path, wrong.label, "missed" if wrong.truth else "false", f"{wrong.probability:.3f}"])
        return rows
