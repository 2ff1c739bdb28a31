"""One class a clip: figures of a confusion matrix ``[classes, classes]``; rows are the truth, columns predictions."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jaxlisten.errors import InputError
from jaxlisten.metrics.arrays import Floats, ratio


class PerClass(NamedTuple):
    """What one confusion matrix says of each class. A ratio whose denominator is 0 is 0.

    Attributes:
        precision: ``[classes]``, the share of its predictions that are right.
        recall: ``[classes]``, the share of its items that are found.
        f1: ``[classes]``, the harmonic mean of the two.
        support: ``[classes]``, integers, how many items truly are of the class.
    """

    precision: Floats
    recall: Floats
    f1: Floats
    support: NDArray[np.int64]


class Averages(NamedTuple):
    """Precision, recall and F1 over all classes.

    Attributes:
        macro_precision, macro_recall, macro_f1: the mean over the classes that occur in the truth or in the
            predictions, each class counting the same.
        micro_precision, micro_recall, micro_f1: of all decisions taken together, each decision counting the same.
    """

    macro_precision: float
    macro_recall: float
    macro_f1: float
    micro_precision: float
    micro_recall: float
    micro_f1: float


def confusion_matrix(targets: ArrayLike, predictions: ArrayLike, n_classes: int) -> NDArray[np.int64]:
    """Count how often each true class was predicted as each class.

    Args:
        targets: ``[n]``, integers from 0 to ``n_classes - 1``.
        predictions: ``[n]``, likewise.
        n_classes: the number of classes, also of those that don't occur.

    Returns:
        ``[n_classes, n_classes]``, integers; rows are the truth.

    Raises:
        InputError: there are no items, the lengths differ, or something is no class index.

    Example:
        >>> confusion_matrix([0, 0, 1], [0, 1, 1], 2).tolist()
        [[1, 1], [0, 1]]

    Reference:
        Equals ``sklearn.metrics.confusion_matrix(targets, predictions, labels=range(n_classes))``.
    """
    truth = _indices("targets", targets, n_classes)
    predicted = _indices("predictions", predictions, n_classes)
    if truth.shape != predicted.shape:
        raise InputError(
            f"confusion_matrix: expected as many predictions as targets, got {predicted.size} and {truth.size}"
        )
    return np.bincount(truth * n_classes + predicted, minlength=n_classes**2).reshape(n_classes, n_classes)


def accuracy(confusion: ArrayLike) -> float:
    """Compute the share of items that are classified right.

    Args:
        confusion: ``[classes, classes]`` counts.

    Raises:
        InputError: the matrix is not square or counts no item.

    Reference:
        Equals ``sklearn.metrics.accuracy_score``.
    """
    counts = _counts("accuracy", confusion)
    return float(np.trace(counts) / counts.sum())


def balanced_accuracy(confusion: ArrayLike) -> float:
    """Compute the mean recall over the classes that occur in the truth.

    Args:
        confusion: ``[classes, classes]`` counts.

    Raises:
        InputError: the matrix is not square or counts no item.

    Reference:
        Equals ``sklearn.metrics.balanced_accuracy_score``.
    """
    counts = _counts("balanced_accuracy", confusion)
    recall = ratio(np.diag(counts), counts.sum(axis=1))
    return float(recall[counts.sum(axis=1) > 0].mean())


def macro_f1(confusion: ArrayLike) -> float:
    """Compute the mean F1 over the classes that occur in the truth or in the predictions.

    Args:
        confusion: ``[classes, classes]`` counts.

    Raises:
        InputError: the matrix is not square or counts no item.

    Reference:
        Equals ``sklearn.metrics.f1_score(..., average="macro", zero_division=0)``.
    """
    counts = _counts("macro_f1", confusion)
    occurs = counts.sum(axis=0) + counts.sum(axis=1) > 0
    return float(per_class(counts).f1[occurs].mean())


def per_class(confusion: ArrayLike) -> PerClass:
    """Compute precision, recall, F1 and support of each class.

    Args:
        confusion: ``[classes, classes]`` counts.

    Returns:
        Arrays ``[classes]``; see `PerClass`.

    Raises:
        InputError: the matrix is not square or counts no item.

    Reference:
        Equals ``sklearn.metrics.precision_recall_fscore_support(..., labels=range(classes), zero_division=0)``.
    """
    counts = _counts("per_class", confusion)
    hits, truth, predicted = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    return PerClass(
        precision=ratio(hits, predicted),
        recall=ratio(hits, truth),
        f1=ratio(2 * hits, truth + predicted),
        support=truth.astype(np.int64),
    )


def averages(confusion: ArrayLike) -> Averages:
    """Average precision, recall and F1 over the classes.

    With one class a clip, every false alarm of one class is a miss of another, so that the three micro averages are
    all the accuracy.

    Args:
        confusion: ``[classes, classes]`` counts.

    Raises:
        InputError: the matrix is not square or counts no item.

    Reference:
        Equals ``sklearn.metrics.precision_recall_fscore_support(..., average="macro" or "micro", zero_division=0)``.
    """
    counts = _counts("averages", confusion)
    return averaged(np.diag(counts), truth=counts.sum(axis=1), predicted=counts.sum(axis=0))


def averaged(hits: Floats, truth: Floats, predicted: Floats) -> Averages:
    """Average over classes of which ``[classes]`` were found, are there, and were predicted."""
    occurs = truth + predicted > 0
    columns = (ratio(hits, predicted), ratio(hits, truth), ratio(2 * hits, truth + predicted))
    macro = [float(column[occurs].mean()) if occurs.any() else 0.0 for column in columns]
    all_hits, all_truth, all_predicted = (np.array([column.sum()]) for column in (hits, truth, predicted))
    pooled = (
        ratio(all_hits, all_predicted),
        ratio(all_hits, all_truth),
        ratio(2 * all_hits, all_truth + all_predicted),
    )
    return Averages(*macro, *(float(column[0]) for column in pooled))


def wilson_interval(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Compute the score interval of a proportion, such as an accuracy. It stays sensible for few items and near 1.

    With ``p = successes / n`` and ``z`` the normal quantile of ``(1 + confidence) / 2``, the bounds are

        (p + z² / 2n ± z √(p (1 - p) / n + z² / 4n²)) / (1 + z² / n)

    Args:
        successes: from 0 to `n`.
        n: the number of independent items, at least 1.
        confidence: between 0 and 1.

    Returns:
        The lower and the upper bound, from 0 to 1.

    Raises:
        InputError: a number is out of its range.

    Example:
        >>> [round(bound, 3) for bound in wilson_interval(9, 10)]
        [0.596, 0.982]

    Reference:
        Wilson (1927), *Probable inference, the law of succession, and statistical inference*.
        Equals ``scipy.stats.binomtest(successes, n).proportion_ci(confidence, method="wilson")``.
    """
    if not (n > 0 and 0 <= successes <= n and 0 < confidence < 1):
        raise InputError(
            "wilson_interval: expected 0 <= successes <= n, n > 0 and 0 < confidence < 1, "
            f"got successes {successes}, n {n}, confidence {confidence}"
        )
    p, z = successes / n, NormalDist().inv_cdf((1 + confidence) / 2)
    centre = p + z**2 / (2 * n)
    margin = z * sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    scale = 1 + z**2 / n
    # At p = 0 and p = 1 the bound is exact; rounding would leave 1e-17 on the wrong side of it.
    lower = 0.0 if successes == 0 else (centre - margin) / scale
    upper = 1.0 if successes == n else (centre + margin) / scale
    return lower, upper


def _indices(name: str, values: ArrayLike, n_classes: int) -> NDArray[np.int64]:
    array = np.asarray(values)
    if array.size == 0:
        raise InputError(f"confusion_matrix: expected at least one item, got no {name}")
    if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer):
        raise InputError(f"confusion_matrix: expected {name} [n] of integers, got {array.dtype} {array.shape}")
    if array.min() < 0 or array.max() >= n_classes:
        raise InputError(
            f"confusion_matrix: expected {name} from 0 to {n_classes - 1}, got {array.min()} to {array.max()}"
        )
    return array.astype(np.int64)


def _counts(function: str, confusion: ArrayLike) -> Floats:
    counts = np.asarray(confusion, np.float64)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise InputError(f"{function}: expected a confusion matrix [classes, classes], got {counts.shape}")
    if counts.sum() == 0:
        raise InputError(f"{function}: expected at least one item, got a confusion matrix that counts none")
    return counts
