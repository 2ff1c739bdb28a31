"""Detection at every threshold: ROC, precision and recall, their areas, and the choice of a threshold.

An item is an alarm where its score is at least the threshold. A figure that the truth leaves undefined, such as the
area under the ROC curve where no item is positive, is NaN, and the mean over the classes leaves it out.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from jaxlisten.errors import InputError
from jaxlisten.metrics.arrays import Bools, Floats, binary, columns, mean_known, ratio

Average = Literal["macro", "weighted", "micro"]
"""How classes become one figure: all count the same, by their items, or all decisions in one."""


class Curve(NamedTuple):
    """A curve over all thresholds, from the highest downwards.

    Attributes:
        x: ``[points]``, not falling.
        y: ``[points]``.
        thresholds: ``[points]``, falling; the first is infinite: no alarm at all.
        area: under the curve.
    """

    x: Floats
    y: Floats
    thresholds: Floats
    area: float


class OperatingPoint(NamedTuple):
    """A threshold and what it brings.

    Attributes:
        threshold: an item is an alarm from this score upwards; infinite: never.
        hit_rate: the share of the positive items that are alarms (recall).
        false_alarm_rate: the share of the negative items that are alarms.
    """

    threshold: float
    hit_rate: float
    false_alarm_rate: float


def roc_curve(targets: ArrayLike, scores: ArrayLike) -> Curve:
    """Compute the receiver operating characteristic: hits against false alarms.

    Points on a straight line between others are left out; the area is that of all.

    Args:
        targets: ``[n]``, 0 or 1.
        scores: ``[n]``, finite; more of it speaks for 1.

    Returns:
        `x` is the false-alarm rate, `y` the hit rate. Without positive items `y` and the area are NaN, without
        negative ones `x` and the area.

    Raises:
        InputError: there are no items, the lengths differ, or a target or score is none.

    Example:
        >>> roc_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]).area
        0.75

    Reference:
        Equals ``sklearn.metrics.roc_curve`` and ``roc_auc_score``.
    """
    hits, false, thresholds = _counts(*binary("roc_curve", targets, scores))
    x, y = _shares(false), _shares(hits)
    corners = np.ones(len(x), bool)
    # The point of no alarm always stays, and so does the one after it.
    corners[2:-1] = (np.diff(hits[1:], 2) != 0) | (np.diff(false[1:], 2) != 0)
    return Curve(x[corners], y[corners], thresholds[corners], _trapezoid(x, y))


def precision_recall_curve(targets: ArrayLike, scores: ArrayLike) -> Curve:
    """Compute precision against recall. The area is the average precision, a sum of steps and not of slopes.

    Points between the first and the last of one recall are left out; the area is that of all.

    Args:
        targets: ``[n]``, 0 or 1.
        scores: ``[n]``, finite; more of it speaks for 1.

    Returns:
        `x` is the recall, from 0, `y` the precision, which without alarms is 1. Without positive items `x` and the
        area are NaN.

    Raises:
        InputError: there are no items, the lengths differ, or a target or score is none.

    Example:
        >>> round(precision_recall_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]).area, 4)
        0.8333

    Reference:
        Equals ``sklearn.metrics.precision_recall_curve(..., drop_intermediate=True)`` read backwards, and
        ``average_precision_score``.
    """
    hits, false, thresholds = _counts(*binary("precision_recall_curve", targets, scores))
    x, y = _shares(hits), ratio(hits, hits + false, otherwise=1.0)
    corners = np.ones(len(x), bool)
    corners[2:-1] = (np.diff(hits[1:-1]) != 0) | (np.diff(hits[2:]) != 0)
    return Curve(x[corners], y[corners], thresholds[corners], float((np.diff(x) * y[1:]).sum()))


def roc_auc(targets: ArrayLike, scores: ArrayLike, *, average: Average | None = "macro") -> float | Floats:
    """Compute the area under the ROC curve: the chance that a positive item has a higher score than a negative one.

    Args:
        targets: ``[n]``, class indices, each class against the rest; or ``[n, classes]``, 0 or 1.
        scores: ``[n, classes]``, finite; or ``[n]``, with targets ``[n]`` of 0 and 1.
        average: "macro", the mean over the classes; "weighted", by their positive items; "micro", of all scores as one
            task; None: the area of each class.

    Returns:
        A number, or with None ``[classes]``. A class without positive or without negative items has NaN and is left
        out of the means, which are NaN where no class is left.

    Raises:
        InputError: the shapes don't belong together, or a target or score is none.

    Example:
        >>> roc_auc([0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]])
        1.0

    Reference:
        Equals ``sklearn.metrics.roc_auc_score(..., multi_class="ovr")`` where all classes occur.
    """
    return _averaged("roc_auc", targets, scores, average, lambda t, s: roc_curve(t, s).area)


def partial_roc_auc(targets: ArrayLike, scores: ArrayLike, *, most_false_alarms: float = 0.1) -> float:
    """Compute the area under the beginning of the ROC curve, on a scale on which chance is 1/2 and the best is 1.

    With A the area up to a false-alarm rate m, and ``m^2 / 2`` that of chance::

        (1 + (A - m^2 / 2) / (m - m^2 / 2)) / 2

    Args:
        targets: ``[n]``, 0 or 1.
        scores: ``[n]``, finite; more of it speaks for 1.
        most_false_alarms: m, above 0 and up to 1.

    Returns:
        The scaled area; NaN where all items are positive, or none.

    Raises:
        InputError: as in `roc_curve`, or m is out of range.

    Example:
        >>> round(partial_roc_auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), 4)
        0.7368

    Reference:
        McClish 1989; equals ``sklearn.metrics.roc_auc_score(..., max_fpr=most_false_alarms)``.
    """
    m = most_false_alarms
    if not 0 < m <= 1:
        raise InputError(f"partial_roc_auc: expected most_false_alarms above 0 and up to 1, got {m}")
    x, y, _, area = roc_curve(targets, scores)
    if not np.isfinite(area):
        return float("nan")
    stop = int(np.searchsorted(x, m, "right"))
    if stop < len(x):
        height = np.interp(m, x[stop - 1 : stop + 1], y[stop - 1 : stop + 1])
        x, y = np.append(x[:stop], m), np.append(y[:stop], height)
    return float(0.5 * (1 + (_trapezoid(x, y) - m**2 / 2) / (m - m**2 / 2)))


def roc_auc_interval(targets: ArrayLike, scores: ArrayLike) -> tuple[float, float]:
    """Compute a 95 % interval of the area under the ROC curve.

    With the share of negative items below each positive one, and of positive items above each negative one, V and W
    (ties count half), and P of the former and N of the latter, the variance of the area is ``var(V) / P + var(W) / N``.

    Args:
        targets, scores: as in `roc_curve`.

    Returns:
        The lower and the upper bound, from 0 to 1; NaN where fewer than two items are positive, or negative.

    Raises:
        InputError: as in `roc_curve`.

    Example:
        >>> [round(bound, 2) for bound in roc_auc_interval([0, 0, 0, 1, 1, 1], [1, 2, 4, 3, 5, 6])]
        [0.58, 1.0]

    Reference:
        DeLong, DeLong and Clarke-Pearson 1988.
    """
    truth, scores = binary("roc_auc_interval", targets, scores)
    high, low = scores[truth], scores[~truth]
    if min(len(high), len(low)) < 2:
        return float("nan"), float("nan")

    def below(some: Floats, others: Floats) -> Floats:
        ordered = np.sort(others)
        places = np.searchsorted(ordered, some, "left") + np.searchsorted(ordered, some, "right")
        return places / (2 * len(others))

    v, w = below(high, low), 1 - below(low, high)
    area, margin = v.mean(), 1.959964 * np.sqrt(v.var(ddof=1) / len(high) + w.var(ddof=1) / len(low))
    return float(max(0.0, area - margin)), float(min(1.0, area + margin))


def average_precision(targets: ArrayLike, scores: ArrayLike, *, average: Average | None = "macro") -> float | Floats:
    """Compute the average precision ``sum_i (recall_i - recall_(i-1)) precision_i`` over falling thresholds.

    Args:
        targets: ``[n]``, class indices, each class against the rest; or ``[n, classes]``, 0 or 1.
        scores: ``[n, classes]``, finite; or ``[n]``, with targets ``[n]`` of 0 and 1.
        average: "macro", the mean over the classes, known as mAP; "weighted", by their positive items; "micro", of all
            scores as one task; None: that of each class.

    Returns:
        A number, or with None ``[classes]``. A class without positive items has NaN and is left out of the means,
        where scikit-learn counts 0.

    Raises:
        InputError: the shapes don't belong together, or a target or score is none.

    Example:
        >>> average_precision([[1, 0], [0, 0]], [[0.9, 0.1], [0.2, 0.8]])
        1.0

    Reference:
        Equals ``sklearn.metrics.average_precision_score`` where all classes occur.
    """
    return _averaged("average_precision", targets, scores, average, lambda t, s: precision_recall_curve(t, s).area)


def threshold_for(targets: ArrayLike, scores: ArrayLike, *, false_alarm_rate: float) -> OperatingPoint:
    """Choose the smallest threshold, among the scores, that raises false alarms on at most a wanted share of items.

    The rates are those of these items. For a rate that is to hold elsewhere, take clips that were not trained on and
    many more negative ones than ``1 / false_alarm_rate``.

    Args:
        targets: ``[n]``, 0 or 1.
        scores: ``[n]``, finite; more of it speaks for 1.
        false_alarm_rate: the share of the negative items that may be alarms, from 0 to 1.

    Returns:
        The threshold, infinite where even the highest score is too low, with the rates that it brings. A hit rate
        without positive items is NaN.

    Raises:
        InputError: the rate is out of range, there is no negative item, or a target or score is none.

    Example:
        >>> threshold_for([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], false_alarm_rate=0.0)
        OperatingPoint(threshold=0.8, hit_rate=0.5, false_alarm_rate=0.0)
    """
    if not 0 <= false_alarm_rate <= 1:
        raise InputError(f"threshold_for: expected a false_alarm_rate from 0 to 1, got {false_alarm_rate}")
    hits, false, thresholds = _counts(*binary("threshold_for", targets, scores))
    if not false[-1]:
        raise InputError("threshold_for: expected at least one negative item, got none; there is nothing to confuse")
    x, y = _shares(false), _shares(hits)
    last = int(np.searchsorted(x, false_alarm_rate, side="right")) - 1
    return OperatingPoint(float(thresholds[last]), float(y[last]), float(x[last]))


def best_f1(targets: ArrayLike, scores: ArrayLike) -> tuple[float, float]:
    """Find the threshold, among the scores, with the highest F1; the highest such threshold.

    It is the best one in hindsight: on other items the F1 will be a little lower.

    Args:
        targets: ``[n]``, 0 or 1.
        scores: ``[n]``, finite; more of it speaks for 1.

    Returns:
        The threshold and its F1, both NaN without positive items.

    Raises:
        InputError: there are no items, the lengths differ, or a target or score is none.

    Example:
        >>> best_f1([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
        (0.35, 0.8)
    """
    hits, false, thresholds = _counts(*binary("best_f1", targets, scores))
    if not hits[-1]:
        return float("nan"), float("nan")
    f1 = 2 * hits / (hits[-1] + hits + false)
    best = int(f1.argmax())
    return float(thresholds[best]), float(f1[best])


def _counts(truth: Bools, scores: Floats) -> tuple[Floats, Floats, Floats]:
    """Count hits and false alarms at each threshold, falling from infinity: ``[different scores + 1]``, all three."""
    order = np.argsort(-scores, kind="stable")
    score, hits = scores[order], np.cumsum(truth[order])
    last = np.append(np.flatnonzero(np.diff(score)), len(score) - 1)
    false = last + 1 - hits[last]
    return (
        np.concatenate([[0.0], hits[last]]),
        np.concatenate([[0.0], false]),
        np.concatenate([[np.inf], score[last]]),
    )


def _shares(counts: Floats) -> Floats:
    return counts / counts[-1] if counts[-1] else np.full(len(counts), np.nan)


def _trapezoid(x: Floats, y: Floats) -> float:
    return float((np.diff(x) * (y[1:] + y[:-1])).sum() / 2)


def _averaged(function: str, targets: ArrayLike, scores: ArrayLike, average: str | None, figure) -> float | Floats:
    truth, score = columns(function, targets, scores)
    if average == "micro":
        return figure(truth.ravel(), score.ravel())
    each = np.array([figure(t, s) for t, s in zip(truth.T, score.T, strict=True)])
    if average is None:
        return each
    if average == "macro":
        return mean_known(each)
    if average == "weighted":
        known, support = ~np.isnan(each), truth.sum(axis=0)
        return float(np.average(each[known], weights=support[known])) if known.any() else float("nan")
    raise InputError(f"{function}: expected average 'macro', 'weighted', 'micro' or None, got {average!r}")
