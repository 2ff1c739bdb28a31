"""The task of events in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxlisten import metrics
from jaxlisten.errors import InputError
from jaxlisten.losses import binary_cross_entropy
from jaxlisten.tasks.task import Task


def event_detection(
    *,
    label_smoothing: float = 0.0,
    class_weight: Any = None,
    positive_weight: Any = None,
    period: float | None = None,
) -> Task:
    """Make the task of finding events in time: targets ``[n, most, 3]``, logits ``[batch, steps, classes]``.

    The loss is the binary cross-entropy of every class at every step, against what holds there
    (`jaxlisten.ops.frame_targets`). The best epoch is the one with the highest F1 of events, ``val_event_f1``:
    beginning and end in time (`jaxlisten.metrics.event_based`), with a threshold of 1/2 and the median
    filters of `jaxlisten.metrics.usual_medians`.

    Args:
        label_smoothing, class_weight, positive_weight: as for `tagging`, at every step.
        period: seconds from one step to the next; None: `jaxlisten.fit` takes that of the model
            (`jaxlisten.nn.period`).

    Raises:
        InputError: a setting is out of range.

    Example:
        >>> task = event_detection(period=0.5)
        >>> logits, events = np.array([[[-9.0], [9.0], [9.0], [-9.0]]]), np.array([[[0.5, 1.5, 0]]])
        >>> bool(task.loss(logits, events) < 1e-3)
        True
    """
    if period is not None and not 0 < period < np.inf:
        raise InputError(f"event_detection: expected a period above 0 seconds, got {period}")
    return Task(
        name="event_detection",
        kind="events",
        target="events in time",
        objective=binary_cross_entropy,
        activation="sigmoid",
        judge=_EventFigures(period),
        metric="val_event_f1",
        maximize=True,
        label_smoothing=label_smoothing,
        class_weight=class_weight,
        positive_weight=positive_weight,
        period=period,
    )


@dataclass(frozen=True)
class _EventFigures:
    """The figures of events; equal periods are equal values."""

    period: float | None

    def __call__(self, probabilities: Sequence[np.ndarray], targets: np.ndarray) -> dict[str, float]:
        if self.period is None:
            raise InputError("event_detection: expected to know how many seconds a step is; give period=")
        truths, classes = [target[target[:, 2] >= 0] for target in targets], probabilities[0].shape[1]
        medians = metrics.usual_medians(truths, classes)
        found = [metrics.found_events(np.nan_to_num(p), self.period, medians=medians) for p in probabilities]
        both, segments = metrics.event_based(truths, found, classes), metrics.segment_based(truths, found, classes)
        return {"event_f1": both.f1, "segment_f1": segments.f1}
