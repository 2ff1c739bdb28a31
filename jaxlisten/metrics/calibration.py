"""Whether probabilities mean what they say: reliability, calibration error, and the temperature that mends it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from jaxlisten.errors import InputError
from jaxlisten.metrics.arrays import Floats, columns, ratio

COLDEST, HOTTEST = 0.01, 100.0
"""The temperatures that `fit_temperature` chooses from."""

_HALVINGS = 45
"""They bring the temperature to double precision."""


class Reliability(NamedTuple):
    """How often what was said with some confidence was true.

    Attributes:
        confidence: ``[bins]``, the mean probability of the events of each bin; NaN where it has none.
        accuracy: ``[bins]``, the share of them that happened; NaN where it has none.
        count: ``[bins]``, integers, how many they are.
    """

    confidence: Floats
    accuracy: Floats
    count: np.ndarray


def reliability(targets: ArrayLike, probabilities: ArrayLike, bins: int = 15) -> Reliability:
    """Sort events by their probability into bins of one width, and compare it with how often they happened.

    Bin m of M holds the events with a probability above ``(m - 1) / M`` and up to ``m / M``; 0 is in the first.

    Args:
        targets: ``[n]``, class indices: the event is that the most probable class is right. Or ``[n, classes]``, 0 or
            1, or ``[n]`` with probabilities ``[n]``: each is an event of its own.
        probabilities: ``[n, classes]`` or ``[n]``, from 0 to 1.
        bins: how many, at least 1.

    Raises:
        InputError: the shapes don't belong together, or a target, a probability or `bins` is out of range.

    Example:
        >>> reliability([1, 0, 1, 1], [0.9, 0.4, 0.3, 0.8], bins=2).accuracy.tolist()
        [0.5, 1.0]

    Reference:
        Guo et al. (2017), *On calibration of modern neural networks*, section 2.
        Its bins that are not empty equal ``sklearn.calibration.calibration_curve(..., strategy="uniform")``.
    """
    if bins < 1:
        raise InputError(f"reliability: expected at least one bin, got {bins}")
    probability, happened = _events("reliability", targets, probabilities)
    place = np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], probability)
    count = np.bincount(place, minlength=bins)
    said, true = (np.bincount(place, weights=values, minlength=bins) for values in (probability, happened))
    return Reliability(ratio(said, count, np.nan), ratio(true, count, np.nan), count)


def expected_calibration_error(targets: ArrayLike, probabilities: ArrayLike, bins: int = 15) -> float:
    """Compute the mean distance of confidence and accuracy over the bins of `reliability`, by their counts.

    Args:
        targets: as in `reliability`.
        probabilities: as in `reliability`.
        bins: how many, at least 1.

    Returns:
        From 0, where every probability holds, to 1.

    Raises:
        InputError: as `reliability`.

    Example:
        >>> round(expected_calibration_error([1, 0, 1, 1], [0.9, 0.4, 0.3, 0.8], bins=2), 3)
        0.15

    Reference:
        Guo et al. (2017), *On calibration of modern neural networks*, equation 3.
    """
    table = reliability(targets, probabilities, bins)
    used = table.count > 0
    distance = np.abs(table.confidence[used] - table.accuracy[used])
    return float((distance * table.count[used]).sum() / table.count.sum())


def fit_temperature(targets: ArrayLike, logits: ArrayLike) -> float:
    """Find the temperature T whose ``softmax(logits / T)``, or ``sigmoid(logits / T)``, makes the truth most likely.

    Above 1 the model is too sure of itself, below 1 not sure enough. The log-likelihood is concave in ``1 / T``, so its
    slope is followed to the one place where it is 0.

    Args:
        targets: ``[n]``, class indices (softmax); or ``[n, classes]``, 0 or 1 (sigmoid).
        logits: ``[n, classes]``, finite; logarithms of probabilities will do for the softmax. ``[n]`` with targets
            ``[n]`` of 0 and 1 is one label.

    Returns:
        From `COLDEST`, reached where every answer is right, to `HOTTEST`, where chance would do better.

    Raises:
        InputError: the shapes don't belong together, or a target or a logit is none.

    Example:
        >>> round(fit_temperature([0, 0, 0, 1], [[4.0, 0.0]] * 4), 3)  # says 98 %, is right in 75 %
        3.641

    Reference:
        Guo et al. (2017), *On calibration of modern neural networks*, section 4.2.
    """
    exclusive = np.ndim(targets) == 1 and np.ndim(logits) == 2
    truth, z = columns("fit_temperature", targets, logits)

    def slope(beta: float) -> float:
        """Return the derivative of the log-likelihood by ``beta = 1 / T``."""
        return float(((truth - (_softmax(beta * z) if exclusive else _sigmoid(beta * z))) * z).sum())

    low, high = np.log(1 / HOTTEST), np.log(1 / COLDEST)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(np.exp(middle)) >= 0 else (low, middle)
    return float(np.exp(-(low + high) / 2))


def _events(function: str, targets: ArrayLike, probabilities: ArrayLike) -> tuple[Floats, Floats]:
    """Return the probability of each event, and whether it happened, ``[events]`` both."""
    truth, p = columns(function, targets, probabilities)
    if p.min() < 0 or p.max() > 1 + 1e-5:
        raise InputError(f"{function}: expected probabilities from 0 to 1, got {p.min():g} to {p.max():g}")
    if np.ndim(targets) == 1 and np.ndim(probabilities) == 2:
        best = p.argmax(axis=1)[:, None]
        truth, p = np.take_along_axis(truth, best, axis=1), np.take_along_axis(p, best, axis=1)
    return p.ravel(), truth.ravel().astype(np.float64)


def _softmax(z: Floats) -> Floats:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def _sigmoid(z: Floats) -> Floats:
    return (1 + np.tanh(z / 2)) / 2
