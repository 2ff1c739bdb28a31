"""The task of numbers over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jaxlisten import metrics
from jaxlisten.errors import InputError
from jaxlisten.ops import frame_values
from jaxlisten.tasks.clips import NumberLoss, number_loss
from jaxlisten.tasks.task import Task


def frame_regression(*, loss: NumberLoss = "squared", period: float | None = None) -> Task:
    """Make the task of numbers at every step: targets ``[n, most, k, 2]``, outputs ``[batch, steps, k]``.

    The targets at a step are those on the line between the points to either side (`jaxlisten.ops.frame_values`); steps
    at which one of the numbers is not known don't count.

    Args:
        loss: as in `regression`; of "concordance", over all steps of a batch together.
        period: seconds from one step to the next; None: `jaxlisten.fit` takes that of the model
            (`jaxlisten.nn.period`).

    Raises:
        InputError: a setting is out of range.

    Example:
        >>> task = frame_regression(period=0.5)
        >>> line = np.array([[[[0.0, 1.0]], [[1.0, 3.0]]]])
        >>> float(task.loss(np.array([[[1.5], [3.5]]]), line))
        0.5
    """
    if period is not None and not 0 < period < np.inf:
        raise InputError(f"frame_regression: expected a period above 0 seconds, got {period}")
    return Task(
        name="frame_regression" if loss == "squared" else f"frame_regression_{loss}",
        kind="contours",
        target="numbers over time",
        **number_loss("frame_regression", loss),
        activation="identity",
        judge=_ContourFigures(period),
        period=period,
    )


def values_at(targets: np.ndarray, lengths: Sequence[int], period: float) -> tuple[np.ndarray, ...]:
    """Return the numbers of each clip at its steps, ``[steps, k]`` each, NaN where they don't count.

    Args:
        targets: ``[n, most, k, 2]``.
        lengths: how many steps each clip has.
        period: seconds from one step to the next.
    """
    values = np.array(frame_values(targets, max(lengths), period))
    values[np.isnan(values).any(axis=-1)] = np.nan
    return tuple(own[:steps] for own, steps in zip(values, lengths, strict=True))


@dataclass(frozen=True)
class _ContourFigures:
    """The figures of numbers over time, of all steps together; equal periods are equal values."""

    period: float | None

    def __call__(self, predictions: Sequence[np.ndarray], targets: np.ndarray) -> dict[str, float]:
        if self.period is None:
            raise InputError("frame_regression: expected to know how many seconds a step is; give period=")
        truth = np.concatenate(values_at(targets, [len(said) for said in predictions], self.period))
        counts = np.isfinite(truth).all(axis=1)
        if not counts.any():
            return dict.fromkeys(("mae", "r2", "concordance"), float("nan"))
        return metrics.number_figures(truth[counts], np.concatenate(predictions)[counts])
