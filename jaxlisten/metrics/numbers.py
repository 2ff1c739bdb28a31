"""Numbers: how far predictions are from them, and how much of their variation they explain."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from jaxlisten.errors import InputError
from jaxlisten.metrics.arrays import Floats, mean_known, ratio


class PerNumber(NamedTuple):
    """What predictions say of each number. With targets t and predictions p:

    Attributes:
        mae: ``[k]``, the mean absolute error ``mean |p - t|``.
        rmse: ``[k]``, the root of the mean squared error.
        r2: ``[k]``, the coefficient of determination ``1 - sum (p - t)² / sum (t - mean t)²``; 1 is perfect, 0 is as
            good as always saying the mean, and it can be negative.
        pearson: ``[k]``, the correlation of p and t, from -1 to 1.
        concordance: ``[k]``, the concordance correlation, from -1 to 1: unlike `pearson` it is 1 only where p = t.
    """

    mae: Floats
    rmse: Floats
    r2: Floats
    pearson: Floats
    concordance: Floats


def per_number(targets: ArrayLike, predictions: ArrayLike) -> PerNumber:
    """Compute the errors and correlations of each number.

    Args:
        targets: ``[n]`` or ``[n, k]``, finite.
        predictions: likewise; an axis of ``k = 1`` may be left out of either.

    Returns:
        Arrays ``[k]``. What the targets leave undefined, such as `r2` where all are equal, is NaN.

    Raises:
        InputError: there are no items, the shapes differ, or a number is not finite.

    Example:
        >>> per_number([1.0, 2.0, 3.0], [1.5, 2.0, 2.5]).r2.tolist()
        [0.75]

    Reference:
        `mae`, `rmse` and `r2` equal ``sklearn.metrics.mean_absolute_error``, ``root_mean_squared_error`` and
        ``r2_score``, `pearson` ``scipy.stats.pearsonr``. `concordance` is that of Lin (1989), *A concordance
        correlation coefficient to evaluate reproducibility*, with variances over n.
    """
    t, p = _checked(targets, predictions)
    error, t0, p0 = p - t, t - t.mean(axis=0), p - p.mean(axis=0)
    tt, pp, tp = (t0**2).mean(axis=0), (p0**2).mean(axis=0), (t0 * p0).mean(axis=0)
    # Numbers that are all the same have a variance of about 1e-33 by rounding alone.
    tt, pp = (np.where(np.ptp(x, axis=0) > 0, variance, 0.0) for x, variance in ((t, tt), (p, pp)))
    square = (error**2).mean(axis=0)
    return PerNumber(
        mae=np.abs(error).mean(axis=0),
        rmse=np.sqrt(square),
        r2=1 - ratio(square, tt, np.nan),
        pearson=np.clip(ratio(tp, np.sqrt(tt) * np.sqrt(pp), np.nan), -1, 1),
        concordance=ratio(2 * tp, tt + pp + error.mean(axis=0) ** 2, np.nan),
    )


def number_figures(targets: ArrayLike, predictions: ArrayLike) -> dict[str, float]:
    """Return what a row of a training's history says of numbers: ``mae``, ``r2`` and ``concordance``, means over them.

    Args:
        targets: as in `per_number`.
        predictions: likewise; what is not finite counts as 0, because the loss tells of it.
    """
    each = per_number(targets, np.nan_to_num(predictions))
    return {"mae": float(each.mae.mean()), "r2": mean_known(each.r2), "concordance": mean_known(each.concordance)}


def _checked(targets: ArrayLike, predictions: ArrayLike) -> tuple[Floats, Floats]:
    t, p = (np.asarray(x, np.float64) for x in (targets, predictions))
    t, p = (x[:, None] if x.ndim == 1 else x for x in (t, p))
    if t.ndim != 2 or t.shape != p.shape or not t.size:
        raise InputError(
            f"per_number: expected targets [n] or [n, k] and as many predictions, of at least one item, got {t.shape} "
            f"and {p.shape}"
        )
    if not (np.isfinite(t).all() and np.isfinite(p).all()):
        raise InputError("per_number: expected finite numbers, got NaN or infinity; has the training diverged?")
    return t, p
