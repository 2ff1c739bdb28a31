"""What a classifier answers all over a plane of two features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jaxlisten.classical.distances import rows
from jaxlisten.classical.families import Family, Settings, train
from jaxlisten.errors import InputError

_ALIKE = 0.7
"""Two features whose correlation is larger say the same."""


@dataclass(frozen=True, eq=False)
class Regions:
    """The answers of a classifier of two features, and the clips that it was asked about.

    Attributes:
        title: what the classifier is called.
        classes: the names of the classes.
        names: of the two features.
        x, y: the places of the grid along the first and the second feature, ascending, ``[columns]`` and ``[rows]``.
        answers: the class at each place, ``[rows, columns]``.
        points: the two features of the clips that are drawn, ``[n, 2]``.
        targets: their classes, ``[n]``.
        accuracy: the share of these clips that it gets right.
    """

    title: str
    classes: tuple[str, ...]
    names: tuple[str, str]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    answers: NDArray[np.int64]
    points: NDArray[np.float64]
    targets: NDArray[np.int64]
    accuracy: float


def two_features(x: ArrayLike, targets: ArrayLike) -> tuple[int, int]:
    """Choose two features that tell the classes apart best, each by itself.

    The first has the largest ratio of the variance between the means of the classes to the variance within them. The
    second has the largest ratio among those whose correlation with the first is at most 0.7 either way, or, where there
    is none, the next largest of all.

    Args:
        x: the features of training clips, ``[n, features]``, two or more.
        targets: their classes, integers ``[n]``.

    Returns:
        The indices of the two.

    Raises:
        InputError: there is one feature only, or no target for each row.

    Example:
        >>> two_features([[0, 1, 1, 9], [0, 2, 0, 2], [5, 6, 1, 1], [5, 7, 0, 8]], [0, 0, 1, 1])
        (0, 3)
    """
    values, classes = rows("two_features", x).astype(np.float64), np.asarray(targets)
    if values.shape[1] < 2 or classes.shape != (len(values),):
        raise InputError(
            f"two_features: expected two features or more and a target for each row, got {list(values.shape)} "
            f"and {list(classes.shape)}"
        )
    mean, spread = values.mean(axis=0), values.std(axis=0)
    between, within = np.zeros_like(mean), np.zeros_like(mean)
    for name in np.unique(classes):
        mine = values[classes == name]
        between += len(mine) * (mine.mean(axis=0) - mean) ** 2
        within += ((mine - mine.mean(axis=0)) ** 2).sum(axis=0)
    varies = spread > 1e-6 * np.maximum(np.abs(mean), 1e-6)
    ratio = np.where(varies, between / np.maximum(within, 1e-12 * np.maximum(between, 1e-300)), -1.0)
    first = int(ratio.argmax())
    placed = np.where(varies, (values - mean) / np.where(varies, spread, 1), 0.0)
    alike = np.abs(placed.T @ placed[:, first]) / len(values)
    others = np.where((alike <= _ALIKE) & varies, ratio, -2.0)
    others[first] = -np.inf
    if others.max() < 0:
        others = np.where(np.arange(len(ratio)) == first, -np.inf, ratio)
    return first, int(others.argmax())


def regions(
    family: Family,
    settings: Settings,
    x: ArrayLike,
    targets: ArrayLike,
    points: ArrayLike,
    point_targets: ArrayLike,
    *,
    classes: Sequence[str],
    names: tuple[str, str],
    seed: int = 0,
    steps: int = 120,
) -> Regions:
    """Train a classifier on two features, and ask it all over the plane that the clips lie in.

    Args:
        family, settings: what to train; see `FAMILIES`.
        x, targets: two features of the training clips, ``[n, 2]``, and their classes, ``[n]``.
        points, point_targets: the clips to draw, ``[m, 2]``, and their classes, ``[m]``.
        classes: the names of the classes.
        names: of the two features.
        seed: decides whatever is random.
        steps: places of the grid along each feature.

    Raises:
        InputError: there are not two features, or as `train`.
    """
    learned, drawn, truth = rows("regions", x), rows("regions", points, "points"), np.asarray(point_targets)
    if learned.shape[1] != 2 or drawn.shape[1] != 2:
        raise InputError(f"regions: expected two features, got {list(learned.shape)} and {list(drawn.shape)}")
    made = train(family, settings, learned, targets, seed=seed)
    low, high = np.percentile(np.concatenate([learned, drawn]).astype(np.float64), [2, 98], axis=0)
    margin = 0.05 * np.maximum(high - low, 1e-6)
    across, up = (np.linspace(low[i] - margin[i], high[i] + margin[i], steps) for i in (0, 1))
    grid = np.stack(np.meshgrid(across, up), axis=-1)
    answers = made.predict(grid.reshape(-1, 2)).reshape(steps, steps)
    right = float((made.predict(drawn) == truth).mean())
    return Regions(family.title, tuple(classes), names, across, up, answers, drawn.astype(np.float64), truth, right)
