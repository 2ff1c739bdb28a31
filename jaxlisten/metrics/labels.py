"""Several labels a clip: figures of truths and decisions ``[n, classes]`` of 0 and 1."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from jaxlisten.errors import InputError
from jaxlisten.metrics.arrays import Bools, Floats, ratio
from jaxlisten.metrics.confusion import Averages, PerClass, averaged


def per_label(targets: ArrayLike, predictions: ArrayLike) -> PerClass:
    """Compute precision, recall, F1 and support of each label.

    Args:
        targets: ``[n, classes]``, 0 or 1.
        predictions: ``[n, classes]``, 0 or 1.

    Raises:
        InputError: there are no items, the shapes differ, or a value is neither 0 nor 1.

    Example:
        >>> per_label([[1, 0], [1, 1]], [[1, 0], [0, 1]]).recall.tolist()
        [0.5, 1.0]

    Reference:
        Equals ``sklearn.metrics.precision_recall_fscore_support(..., zero_division=0)``.
    """
    hits, truth, predicted = _counts("per_label", targets, predictions)
    return PerClass(
        precision=ratio(hits, predicted),
        recall=ratio(hits, truth),
        f1=ratio(2 * hits, truth + predicted),
        support=truth.astype(np.int64),
    )


def label_averages(targets: ArrayLike, predictions: ArrayLike) -> Averages:
    """Average precision, recall and F1 over the labels.

    Args:
        targets: ``[n, classes]``, 0 or 1.
        predictions: ``[n, classes]``, 0 or 1.

    Raises:
        InputError: there are no items, the shapes differ, or a value is neither 0 nor 1.

    Reference:
        Equals ``sklearn.metrics.precision_recall_fscore_support(..., average="macro" or "micro", zero_division=0)``
        over the labels that occur in the truth or in the predictions; scikit-learn counts the others as 0.
    """
    return averaged(*_counts("label_averages", targets, predictions))


def exact_match(targets: ArrayLike, predictions: ArrayLike) -> float:
    """Compute the share of the items of which every label is right.

    Args:
        targets: ``[n, classes]``, 0 or 1.
        predictions: ``[n, classes]``, 0 or 1.

    Raises:
        InputError: there are no items, the shapes differ, or a value is neither 0 nor 1.

    Reference:
        Equals ``sklearn.metrics.accuracy_score``.
    """
    truth, predicted = _checked("exact_match", targets, predictions)
    return float((truth == predicted).all(axis=1).mean())


def _counts(function: str, targets: ArrayLike, predictions: ArrayLike) -> tuple[Floats, Floats, Floats]:
    truth, predicted = _checked(function, targets, predictions)
    hits, there, said = ((truth & predicted), truth, predicted)
    return hits.sum(axis=0, dtype=np.float64), there.sum(axis=0, dtype=np.float64), said.sum(axis=0, dtype=np.float64)


def _checked(function: str, targets: ArrayLike, predictions: ArrayLike) -> tuple[Bools, Bools]:
    truth, predicted = np.asarray(targets), np.asarray(predictions)
    if truth.ndim != 2 or truth.shape != predicted.shape or not truth.size:
        raise InputError(
            f"{function}: expected targets [n, classes] and predictions of the same shape, of at least one item, got "
            f"{truth.shape} and {predicted.shape}"
        )
    if not (np.isin(truth, (0, 1)).all() and np.isin(predicted, (0, 1)).all()):
        raise InputError(f"{function}: expected 0 and 1 only; are the predictions probabilities? Compare them with 0.5")
    return truth.astype(bool), predicted.astype(bool)
