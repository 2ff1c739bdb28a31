"""Tasks with one answer for each clip: a class, labels, numbers."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from jaxlisten import metrics
from jaxlisten.errors import InputError
from jaxlisten.losses import binary_cross_entropy, concordance, cross_entropy, mean_squared_error
from jaxlisten.tasks.task import Task

NumberLoss = Literal["squared", "concordance"]
"""What numbers are learnt by."""


def classification(*, label_smoothing: float = 0.0, class_weight: Any = None) -> Task:
    """Make the task of one class per clip: integer targets ``[n]``, logits ``[batch, classes]``.

    The best epoch is the one with the highest accuracy, ``val_accuracy``.

    Args:
        label_smoothing: the share of each target that is spread evenly over all classes in training, from 0 to below 1.
        class_weight: ``[classes]``, from 0 upwards, how much each class counts in training, such as
            `jaxlisten.data.class_weights`; None: all the same.

    Raises:
        InputError: a setting is out of range.

    Example:
        >>> classification(label_smoothing=0.1) == classification(label_smoothing=0.1)
        True
    """
    return Task(
        name="classification",
        kind="class",
        target="one class per clip",
        objective=cross_entropy,
        activation="softmax",
        judge=_accuracy,
        metric="val_accuracy",
        maximize=True,
        label_smoothing=label_smoothing,
        class_weight=class_weight,
    )


def tagging(*, label_smoothing: float = 0.0, class_weight: Any = None, positive_weight: Any = None) -> Task:
    """Make the task of several labels per clip: targets ``[n, classes]`` of 0 and 1, logits ``[batch, classes]``.

    The best epoch is the one with the highest mean average precision over the labels, ``val_map``.

    Args:
        label_smoothing: how far each target is drawn towards 1/2 in training, from 0 to below 1.
        class_weight: ``[classes]``, from 0 upwards, how much each label counts in training; None: all the same.
        positive_weight: ``[classes]``, from 0 upwards, how much a label that holds counts in training against one that
            doesn't; None: the same. See `jaxlisten.losses.binary_cross_entropy`.

    Raises:
        InputError: a setting is out of range.

    Example:
        >>> tagging(positive_weight=[1, 5]).positive_weight
        (1.0, 5.0)
    """
    return Task(
        name="tagging",
        kind="labels",
        target="several labels per clip",
        objective=binary_cross_entropy,
        activation="sigmoid",
        judge=_mean_average_precision,
        metric="val_map",
        maximize=True,
        label_smoothing=label_smoothing,
        class_weight=class_weight,
        positive_weight=positive_weight,
    )


def regression(*, loss: NumberLoss = "squared") -> Task:
    """Make the task of numbers: floating-point targets ``[n]`` or ``[n, k]``, outputs ``[batch, k]``.

    By the squared error, the best epoch is the one with the least, ``val_loss``; by concordance, the one with the
    highest concordance correlation over all validation clips, ``val_concordance``. Numbers of about unit size are
    learnt best: where yours are far from it, such as pitch in Hz, end the model with a `jaxlisten.Rescaling`, as
    `jaxlisten.train.default_units` makes it of the targets and ``jaxlisten train`` does.

    Args:
        loss: "squared", `jaxlisten.losses.mean_squared_error`; or "concordance", `jaxlisten.losses.concordance`, which
            is usual for ratings of emotion. It needs batches of two clips or more; larger ones estimate it better.

    Raises:
        InputError: there is no such loss.

    Example:
        >>> float(regression().loss(np.array([[1.0]]), np.array([3.0])))
        4.0
    """
    return Task(
        name="regression" if loss == "squared" else f"regression_{loss}",
        kind="numbers",
        target="numbers",
        **number_loss("regression", loss),
        activation="identity",
        judge=_errors,
    )


def number_loss(function: str, loss: NumberLoss) -> dict[str, Any]:
    """Return the fields of a task of numbers that follow from what they are learnt by.

    Raises:
        InputError: there is no such loss.
    """
    known: dict[str, dict[str, Any]] = {
        "squared": {"objective": mean_squared_error, "metric": "val_loss", "maximize": False},
        "concordance": {"objective": concordance, "metric": "val_concordance", "maximize": True},
    }
    if loss not in known:
        raise InputError(f"{function}: expected a loss of {', '.join(known)}, got {loss!r}")
    return known[loss]


def _accuracy(probabilities: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    return {"accuracy": float((probabilities.argmax(axis=-1) == targets).mean())}


def _mean_average_precision(probabilities: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    # Numbers that are not finite are told by the loss; a figure must not stop the run in its place.
    return {"map": float(metrics.average_precision(targets, np.nan_to_num(probabilities)))}


def _errors(predictions: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    return metrics.number_figures(targets, predictions)
