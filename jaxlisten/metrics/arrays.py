"""What the figures share: arrays of float64, ratios without warnings, and checks of truths and scores."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jaxlisten.errors import InputError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def ratio(numerator: Any, denominator: Any, otherwise: float = 0.0) -> Floats:
    """Divide arrays ``[n]``, with `otherwise` where the denominator is 0."""
    return np.divide(numerator, denominator, out=np.full(len(numerator), otherwise), where=denominator > 0)


def mean_known(values: Any) -> float:
    """Return the mean of the values that are numbers, and NaN where none is."""
    array = np.asarray(values, np.float64)
    known = array[~np.isnan(array)]
    return float(known.mean()) if known.size else float("nan")


def binary(function: str, targets: ArrayLike, scores: ArrayLike) -> tuple[Bools, Floats]:
    """Check what is one detection task: truths of 0 and 1 and finite scores, ``[n]`` both."""
    truth, score = np.asarray(targets), np.asarray(scores, np.float64)
    if truth.ndim != 1 or score.shape != truth.shape or not truth.size:
        raise InputError(
            f"{function}: expected targets [n] and scores [n] of at least one item, got {truth.shape} and {score.shape}"
        )
    return _truths(function, truth), _finite(function, score)


def columns(function: str, targets: ArrayLike, scores: ArrayLike) -> tuple[Bools, Floats]:
    """Bring targets and scores into one detection task a column, ``[n, classes]`` both.

    Args:
        function: whose name the messages bear.
        targets: class indices ``[n]``, or truths of 0 and 1 ``[n, classes]``; with scores ``[n]``, truths ``[n]``.
        scores: ``[n, classes]`` or ``[n]``.
    """
    truth, score = np.asarray(targets), np.asarray(scores, np.float64)
    if score.ndim == 1:
        truth, score = binary(function, truth, score)
        return truth[:, None], score[:, None]
    if truth.ndim == 1 and score.ndim == 2:
        truth = one_hot(function, truth, score.shape[1])
    if score.ndim != 2 or truth.shape != score.shape or not score.size:
        raise InputError(
            f"{function}: expected targets [n] or [n, classes] and scores [n, classes] of at least one item, "
            f"got {truth.shape} and {score.shape}"
        )
    return _truths(function, truth), _finite(function, score)


def one_hot(function: str, targets: ArrayLike, classes: int) -> Bools:
    """Turn class indices ``[n]`` into truths ``[n, classes]``."""
    indices = np.asarray(targets)
    if not np.issubdtype(indices.dtype, np.integer):
        raise InputError(f"{function}: expected class indices, integers [n], got {indices.dtype}")
    if indices.size and not 0 <= indices.min() <= indices.max() < classes:
        raise InputError(
            f"{function}: expected class indices from 0 to {classes - 1}, got {indices.min()} to {indices.max()}"
        )
    return indices[:, None] == np.arange(classes)


def _truths(function: str, truth: np.ndarray) -> Bools:
    if not np.isin(truth, (0, 1)).all():
        raise InputError(f"{function}: expected targets of 0 and 1, got others, such as {truth.max()}")
    return truth.astype(bool)


def _finite(function: str, score: Floats) -> Floats:
    if not np.isfinite(score).all():
        raise InputError(f"{function}: expected finite scores, got NaN or infinity; has the training diverged?")
    return score
