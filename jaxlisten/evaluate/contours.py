"""A report on numbers over time: what was said at every moment, beside what is true."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jaxlisten import metrics
from jaxlisten.data import Dataset
from jaxlisten.detect import frames, seconds_a_step
from jaxlisten.errors import InputError
from jaxlisten.evaluate.base import WORST
from jaxlisten.evaluate.numbers import NumberFigures
from jaxlisten.runs import Fitted
from jaxlisten.tasks import values_at


class ContourErrors(NamedTuple):
    """A recording and how far what was said is off in it.

    Attributes:
        path: the recording.
        seconds: for how long its numbers are known.
        mae: the mean absolute error.
        concordance: the concordance correlation within it; NaN where it isn't defined.
        index: its place in the report, and in its `data`.
    """

    path: str
    seconds: float
    mae: float
    concordance: float
    index: int


@dataclass(frozen=True, eq=False, repr=False)
class ContourReport(NumberFigures):
    """What a model said about numbers over time. All figures are over the steps at which they are known, of all clips.

    A figure over several numbers is the mean of theirs, so it says little where their units differ: see `per_class`.

    Attributes:
        classes: the names of the numbers, all different.
        truths: of each recording the numbers at each step, ``[steps, k]``; NaN where they are not known.
        predictions: of each recording what was said, ``[steps, k]``.
        paths: the recordings.
        period: seconds from one step to the next.

    See `jaxlisten.evaluate.base.BaseReport` for the other fields, which are given by name.

    Raises:
        InputError: there is no recording, truths and predictions differ in their shapes or number, at no step is a
            number known, or one that was said is not finite.

    Example:
        >>> truth, said = np.array([[60.0], [np.nan], [62.0]]), np.array([[61.0], [0.0], [62.0]])
        >>> ContourReport(("pitch",), (truth,), (said,), ("a.wav",), period=0.1).mae
        0.5
    """

    each: ClassVar[str] = "step"
    classes: tuple[str, ...]
    truths: tuple[NDArray[np.float64], ...]
    predictions: tuple[NDArray[np.float64], ...]
    paths: tuple[str, ...]
    period: float

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("truths", "predictions"):
            self._set(**{name: tuple(np.asarray(one, np.float64) for one in getattr(self, name))})
        shapes = [[one.shape for one in each] for each in (self.truths, self.predictions)]
        if shapes[0] != shapes[1] or len(shapes[0]) != self.n or {s[1:] for s in shapes[0]} != {(len(self.classes),)}:
            raise InputError(
                f"ContourReport: expected truths and predictions [steps, {len(self.classes)}] of {self.n} recordings, "
                f"equally long, got {shapes[0][:3]} and {shapes[1][:3]}"
            )
        if not len(self.pairs()[0]):
            raise InputError("ContourReport: expected numbers that are known at one step or more, got none at any")
        _ = self._each  # it checks the numbers

    def pairs(self, clips: NDArray[np.int64] | None = None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        chosen = range(self.n) if clips is None else clips
        truth, said = (np.concatenate([every[i] for i in chosen]) for every in (self.truths, self.predictions))
        known = np.asarray(np.isfinite(truth).all(axis=1))
        return truth[known], said[known]

    @property
    def seconds(self) -> float:
        """For how long the numbers are known, in all recordings together."""
        return len(self.pairs()[0]) * self.period

    @cached_property
    def recordings(self) -> list[ContourErrors]:
        """Every recording with a number, the largest error first, in units of the spread of each number."""
        spread = self.pairs()[0].std(axis=0)
        found = []
        for i, path in enumerate(self.paths):
            truth, said = self.pairs(np.array([i]))
            if len(truth):
                each = metrics.per_number(truth, said)
                error = float((each.mae / np.where(spread > 0, spread, 1)).mean())
                concordance = metrics.mean_known(each.concordance)
                one = ContourErrors(path, len(truth) * self.period, float(each.mae.mean()), concordance, i)
                found.append((error, one))
        return [one for _, one in sorted(found, key=lambda pair: -pair[0])]

    def _figures(self) -> dict[str, Any]:
        return {
            "seconds": self.seconds,
            "period": self.period,
            **super()._figures(),
            "recordings": self.recordings[:WORST],
        }

    def worst_table(self) -> list[list[str]]:
        """Return the recordings with the largest errors as text, after a row of headings."""
        rows = [
            [one.path, f"{one.seconds:.2f}", f"{one.mae:.4g}", f"{one.concordance:.3f}"]
            for one in self.recordings[:WORST]
        ]
        return [["recording", "seconds", "MAE", "concordance"], *rows]


def evaluate_contours(fitted: Fitted, clips: Dataset, **fields: Any) -> ContourReport:
    """Let a listener for numbers over time hear whole recordings, and compare what it says with what is true.

    Args:
        fitted: the listener.
        clips: recordings with all its numbers, at its sample rate.
        **fields: those of `ContourReport`.
    """
    said = tuple(frames(fitted, ([clip] for clip in clips.audio)))
    period = seconds_a_step(fitted)
    targets = clips.targets[:, :, [clips.classes.index(name) for name in fitted.classes]]
    truths = values_at(targets, [len(steps) for steps in said], period)
    return ContourReport(fitted.classes, truths, said, clips.paths, period, **fields)
