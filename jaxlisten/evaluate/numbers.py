"""A report on a regression: a number or several for each clip."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jaxlisten import metrics
from jaxlisten.errors import InputError
from jaxlisten.evaluate.base import WORST, BaseReport
from jaxlisten.metrics import PerNumber


class Miss(NamedTuple):
    """A number of a clip, and what it was taken for.

    Attributes:
        path: the clip.
        number: which number.
        truth: what it is.
        predicted: what was said.
        index: the place of the clip in the report, and in its `data`.
    """

    path: str
    number: str
    truth: float
    predicted: float
    index: int


class NumberFigures(BaseReport):
    """What reports on numbers share: the figures that follow from pairs of truth and prediction."""

    each: ClassVar[str]
    """What a pair is of."""

    @abstractmethod
    def pairs(self, clips: NDArray[np.int64] | None = None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return truths and predictions, ``[m, k]`` each, of some clips or of all."""

    @cached_property
    def _each(self) -> PerNumber:
        return metrics.per_number(*self.pairs())

    @property
    def mae(self) -> float:
        """The mean absolute error."""
        return float(self._each.mae.mean())

    @property
    def rmse(self) -> float:
        """The root of the mean squared error."""
        return float(self._each.rmse.mean())

    @property
    def r2(self) -> float:
        """The coefficient of determination; NaN where the truth never changes, as the two that follow."""
        return metrics.mean_known(self._each.r2)

    @property
    def pearson(self) -> float:
        """The correlation of truth and prediction, from -1 to 1."""
        return metrics.mean_known(self._each.pearson)

    @property
    def concordance(self) -> float:
        """The concordance correlation, from -1 to 1, which is 1 only where every number is right."""
        return metrics.mean_known(self._each.concordance)

    @property
    def per_class(self) -> dict[str, dict[str, float]]:
        """``mae``, ``rmse``, ``r2``, ``pearson`` and ``concordance`` of each number, by name."""
        columns = {name: column.tolist() for name, column in self._each._asdict().items()}
        return {name: {key: columns[key][k] for key in columns} for k, name in enumerate(self.classes)}

    @property
    def by_group(self) -> dict[str, dict[str, float]]:
        """``n`` (clips), ``mae`` and ``rmse`` of each group, by name."""

        def figures(clips: NDArray[np.int64]) -> dict[str, float]:
            each = metrics.per_number(*self.pairs(clips))
            return {"mae": float(each.mae.mean()), "rmse": float(each.rmse.mean())}

        return self._by_group(figures)

    @property
    def headline(self) -> str:
        """The main figures in one line."""
        return (
            f"mean absolute error {self.mae:.4g}, root mean squared error {self.rmse:.4g}, R² {self.r2:.3f}, "
            f"correlation {self.pearson:.3f}, concordance {self.concordance:.3f}, {self.n} clips"
        )

    def _figures(self) -> dict[str, Any]:
        return {
            "mae": self.mae,
            "rmse": self.rmse,
            "r2": self.r2,
            "pearson": self.pearson,
            "concordance": self.concordance,
            "classes": self.classes,
            "per_class": self.per_class,
            "by_group": self.by_group,
        }

    def table(self) -> list[list[str]]:
        """Return the main table as text: a row of headings, then a row for each class."""
        rows = [["number", "MAE", "RMSE", "R²", "correlation", "concordance"]]
        for name, row in self.per_class.items():
            errors, shares = (row["mae"], row["rmse"]), (row["r2"], row["pearson"], row["concordance"])
            rows.append([name, *(f"{value:.4g}" for value in errors), *(f"{value:.3f}" for value in shares)])
        return rows


@dataclass(frozen=True, eq=False, repr=False)
class NumberReport(NumberFigures):
    """What a model said about the numbers of every clip. All figures follow from `targets` and `predictions`.

    A figure over several numbers is the mean of theirs, so it says little where their units differ: see `per_class`.

    Attributes:
        classes: the names of the numbers, all different.
        targets: ``[n, k]``, float64; ``[n]`` is taken for one number.
        predictions: ``[n, k]``, float64.
        paths: ``[n]``, a name for each clip.

    See `jaxlisten.evaluate.base.BaseReport` for the other fields, which are given by name.

    Raises:
        InputError: the shapes don't belong together, there is no clip, a name is given twice, or a number is not
            finite.

    Example:
        >>> report = NumberReport(("age",), np.array([20.0, 40.0]), np.array([25.0, 38.0]), ("a.wav", "b.wav"))
        >>> report.mae, report.worst[0].path
        (3.5, 'a.wav')
    """

    each: ClassVar[str] = "clip"
    classes: tuple[str, ...]
    targets: NDArray[np.float64]
    predictions: NDArray[np.float64]
    paths: tuple[str, ...]

    def __post_init__(self) -> None:
        shape = (len(self.paths), len(self.classes))
        for name in ("targets", "predictions"):
            array = np.asarray(getattr(self, name), np.float64)
            self._set(**{name: array[:, None] if array.ndim == 1 else array})
        if self.predictions.shape != shape or self.targets.shape != shape:
            raise InputError(
                f"NumberReport: {shape[0]} paths and {shape[1]} names need targets and predictions {shape}, "
                f"got {self.targets.shape} and {self.predictions.shape}"
            )
        super().__post_init__()
        _ = self._each  # it checks the numbers: a wrong report fails where it is made, not where it is shown

    def pairs(self, clips: NDArray[np.int64] | None = None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        chosen = slice(None) if clips is None else clips
        return self.targets[chosen], self.predictions[chosen]

    @cached_property
    def worst(self) -> list[Miss]:
        """All numbers of all clips, the largest error first, in units of the spread (standard deviation) of each."""
        spread = self.targets.std(axis=0)
        error = np.abs(self.predictions - self.targets) / np.where(spread > 0, spread, 1)
        order = np.argsort(-error, axis=None, kind="stable")
        return [
            Miss(
                path=self.paths[i],
                number=self.classes[k],
                truth=float(self.targets[i, k]),
                predicted=float(self.predictions[i, k]),
                index=int(i),
            )
            for i, k in zip(*np.unravel_index(order, error.shape), strict=True)
        ]

    def _figures(self) -> dict[str, Any]:
        return {**super()._figures(), "worst": self.worst[:WORST]}

    def worst_table(self) -> list[list[str]]:
        """Return the largest errors as text, after a row of headings."""
        rows = [[miss.path, miss.number, f"{miss.truth:.4g}", f"{miss.predicted:.4g}"] for miss in self.worst[:WORST]]
        return [["clip", "number", "truth", "said"], *rows]
