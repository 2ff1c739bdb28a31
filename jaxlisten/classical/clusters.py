"""How many clusters there are: the silhouette, and the elbow of the inertia."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike, NDArray

from jaxlisten.classical.distances import blocked, differences, rows
from jaxlisten.classical.kmeans import KMeans, check_k, lloyd, points_of, seeds
from jaxlisten.errors import InputError
from jaxlisten.types import Array

_BATCH, _BLOCK = 128, 2048
"""Rows, and rows that they are compared with, whose distances are held at once."""
_MOST_CLUSTERS = 15
_MOST_ROWS = 5000


@dataclass(frozen=True, eq=False)
class Clusters:
    """k-means for several numbers of clusters.

    Attributes:
        ks: the numbers, ascending.
        inertia: of each, ``[ks]``: it falls with every cluster more.
        silhouette: of each, ``[ks]``, from -1 to 1: the highest is the best.
        found: the clusters for each number.
    """

    ks: tuple[int, ...]
    inertia: NDArray[np.float64]
    silhouette: NDArray[np.float64]
    found: tuple[KMeans, ...]

    @property
    def by_silhouette(self) -> int:
        """The number of clusters with the highest silhouette; among equals the fewest."""
        return self.ks[int(self.silhouette.argmax())]

    @property
    def by_elbow(self) -> int:
        """The number of clusters from which on another one helps little: see `elbow`."""
        return elbow(self.ks, self.inertia)

    @property
    def best(self) -> KMeans:
        """The clusters with the highest silhouette."""
        return self.found[self.ks.index(self.by_silhouette)]

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain JSON values."""
        return {
            "ks": list(self.ks),
            "inertia": self.inertia.tolist(),
            "silhouette": self.silhouette.tolist(),
            "by_silhouette": self.by_silhouette,
            "by_elbow": self.by_elbow,
        }


def choose_clusters(
    x: ArrayLike, ks: Sequence[int] | None = None, *, key: Array, restarts: int = 10, most_rows: int = _MOST_ROWS
) -> Clusters:
    """Run k-means for several numbers of clusters, in one compiled program, and measure each.

    Args:
        x: ``[n, features]``.
        ks: numbers of clusters, each from 2 to n - 1; None: from 2 to 15, as far as there are rows.
        key: decides the first centres, and which rows the silhouette is measured on. Every k begins with the first k of
            the same draw, so that the figures of different k can be compared.
        restarts: as in `kmeans`.
        most_rows: rows that the silhouette is measured on at most, drawn at random: its work grows with their square.

    Raises:
        InputError: `x` is no finite ``[n, features]`` of three rows or more, or a number of clusters is out of range.

    Example:
        >>> x = [[0.0], [0.1], [5.0], [5.1], [9.0], [9.1]]
        >>> choose_clusters(x, range(2, 5), key=jax.random.key(0)).by_silhouette
        3
    """
    found = rows("choose_clusters", x)
    if len(found) < 3:
        raise InputError(f"choose_clusters: expected three rows or more, got {len(found)}")
    numbers = sorted(set(range(2, min(_MOST_CLUSTERS, len(found) - 1) + 1) if ks is None else ks))
    for k in numbers or [0]:
        check_k("choose_clusters", k, len(found) - 1)
    if numbers[0] < 2:
        raise InputError(f"choose_clusters: expected two clusters or more, got {numbers[0]}: one has no silhouette")
    points = points_of(found)
    begin = seeds(key, points, numbers[-1], restarts)
    each = tuple(lloyd(points, begin, k, 300, 1e-4) for k in numbers)
    chosen = np.arange(len(found))
    if len(found) > most_rows:
        chosen = np.asarray(jax.random.permutation(jax.random.fold_in(key, 1), len(found)))[:most_rows]
    values = _silhouettes(found[chosen], [one.labels[chosen] for one in each])
    return Clusters(
        ks=tuple(numbers),
        inertia=np.array([one.inertia for one in each]),
        silhouette=np.array([value.mean() for value in values]),
        found=each,
    )


def silhouette(x: ArrayLike, labels: ArrayLike) -> float:
    """Return the mean of `silhouette_samples`: how much nearer rows are to their own cluster than to the next one.

    Args:
        x: ``[n, features]``.
        labels: the cluster of each row, integers ``[n]``, from 2 to n - 1 different ones.

    Returns:
        From -1 to 1.

    Raises:
        InputError: as in `silhouette_samples`.

    Reference:
        `sklearn.metrics.silhouette_score`, within 1e-5.
    """
    return float(silhouette_samples(x, labels).mean())


def silhouette_samples(x: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """Compute ``(b - a) / max(a, b)`` of each row, with a its mean distance to the others of its cluster, and b the
    least mean distance to the rows of another one; 0 where a row is alone. Distances are Euclidean.

    Args:
        x: ``[n, features]``.
        labels: the cluster of each row, integers ``[n]``, from 2 to n - 1 different ones.

    Returns:
        ``[n]``, from -1 to 1. A batch of rows is compared at a time, so memory grows with n and not with its square.

    Raises:
        InputError: the shapes don't belong together, or there are too few or too many clusters.

    Example:
        >>> silhouette_samples([[0.0], [1.0], [10.0]], [0, 0, 1]).round(4).tolist()
        [0.9, 0.8889, 0.0]

    Reference:
        `sklearn.metrics.silhouette_samples`, within 1e-5; Rousseeuw 1987.
    """
    found, mine = rows("silhouette", x), np.asarray(labels)
    if mine.shape != (len(found),) or mine.dtype.kind not in "iu":
        raise InputError(
            f"silhouette: expected labels, integers [{len(found)}], one for each row, "
            f"got {mine.dtype} {list(mine.shape)}"
        )
    if not 2 <= len(np.unique(mine)) < len(found):
        raise InputError(
            f"silhouette: expected from 2 to {len(found) - 1} clusters of {len(found)} rows, got {len(np.unique(mine))}"
        )
    return _silhouettes(found, [mine])[0]


def _silhouettes(x: np.ndarray, labelings: Sequence[np.ndarray]) -> list[NDArray[np.float64]]:
    """Measure several labelings of the same rows in one pass over the distances."""
    places = [np.unique(labels, return_inverse=True)[1] for labels in labelings]
    members = [np.eye(int(place.max()) + 1, dtype=np.float32)[place] for place in places]
    placed = (x.astype(np.float64) - x.mean(axis=0, dtype=np.float64)).astype(np.float32)
    size = min(_BLOCK, len(x))
    blocks, owners = (jnp.asarray(blocked(a, size)) for a in (placed, np.concatenate(members, axis=1)))
    sums = [_sums(jnp.asarray(batch), blocks, owners) for batch in blocked(placed, min(_BATCH, len(x)))]
    total = np.concatenate(jax.device_get(sums))[: len(x)].astype(np.float64)
    ends = np.cumsum([one.shape[1] for one in members])[:-1]
    return [_of(place, part) for place, part in zip(places, np.split(total, ends, axis=1), strict=True)]


@functools.partial(jax.jit)
def _sums(x: Array, blocks: Array, owners: Array) -> Array:
    """Add up the distances of ``x [m, features]`` to the rows of each cluster: ``[m, clusters]``."""

    def add(total: Array, block: tuple[Array, Array]) -> tuple[Array, None]:
        others, owner = block
        far = jnp.sqrt(differences(x, others, 2))
        return total + jnp.matmul(far, owner, precision=jax.lax.Precision.HIGHEST), None

    return jax.lax.scan(add, jnp.zeros((len(x), owners.shape[-1]), x.dtype), (blocks, owners))[0]


def _of(place: np.ndarray, total: np.ndarray) -> NDArray[np.float64]:
    """Compute silhouettes from the summed distances to each cluster, ``[n, clusters]``."""
    own, count = np.arange(len(place)), np.bincount(place)
    others = count[place] - 1
    within = total[own, place] / np.maximum(others, 1)
    between = total / count
    between[own, place] = np.inf
    nearest = between.min(axis=1)
    largest = np.maximum(within, nearest)
    return np.where((others > 0) & (largest > 0), (nearest - within) / np.where(largest > 0, largest, 1), 0.0)


def elbow(ks: Sequence[int], inertia: ArrayLike) -> int:
    """Choose the number of clusters at which the curve of the inertia bends most.

    It is the point that is furthest below the straight line from the first point to the last one.

    Args:
        ks: numbers of clusters, ascending.
        inertia: of each, ``[ks]``.

    Raises:
        InputError: there are no numbers, or not an inertia for each.

    Example:
        >>> elbow([1, 2, 3, 4, 5], [100.0, 40.0, 10.0, 8.0, 7.0])
        3

    Reference:
        Satopaa et al. 2011, *Finding a "kneedle" in a haystack*, without smoothing.
    """
    x, y = np.asarray(ks, np.float64), np.asarray(inertia, np.float64)
    if x.ndim != 1 or y.shape != x.shape or not x.size:
        raise InputError(f"elbow: expected an inertia for each of one or more k, got {x.shape} and {y.shape}")
    line = np.interp(x, x[[0, -1]], y[[0, -1]])
    return int(ks[int((line - y).argmax())])
