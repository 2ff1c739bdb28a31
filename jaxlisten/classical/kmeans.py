"""k-means: clusters around means, from several beginnings at once."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike, NDArray

from jaxlisten.classical.distances import blocked, products, rows
from jaxlisten.errors import InputError
from jaxlisten.types import Array

_BLOCK = 4096
"""Rows whose distances to the centres are held at once."""


@dataclass(frozen=True, eq=False)
class KMeans:
    """Clusters that were found.

    Attributes:
        centres: the mean of each cluster, ``[k, features]``, float32.
        labels: the cluster of each row, ``[n]``.
        inertia: the sum of the squared distances of all rows to their centres.
        iterations: how often the centres were moved.
    """

    centres: NDArray[np.float32]
    labels: NDArray[np.int32]
    inertia: float
    iterations: int

    def predict(self, x: ArrayLike) -> NDArray[np.int32]:
        """Return the nearest centre of each row of ``x [n, features]``; of equals the one with the lower index."""
        found = rows("KMeans.predict", x)
        if found.shape[1] != self.centres.shape[1]:
            raise InputError(f"KMeans.predict: expected x [n, {self.centres.shape[1]}], got {list(found.shape)}")
        points = _Points.of(found, self.centres.mean(axis=0, dtype=np.float64))
        centres = jnp.asarray(self.centres - points.middle, jnp.float32)
        return np.asarray(_assign(points.blocks, centres, jnp.ones(len(centres), bool))[0]).reshape(-1)[: len(found)]


class _Points(NamedTuple):
    """Rows around 0 and in blocks, so that products of them lose little: ``[blocks, size, features]``."""

    blocks: Array
    valid: Array
    middle: NDArray[np.float64]
    spread: float

    @staticmethod
    def of(x: np.ndarray, middle: Any = None) -> _Points:
        wide = x.astype(np.float64)
        middle = wide.mean(axis=0) if middle is None else middle
        size = min(_BLOCK, len(x))
        placed = blocked((wide - middle).astype(np.float32), size)
        valid = blocked(np.ones(len(x), bool), size)
        return _Points(jnp.asarray(placed), jnp.asarray(valid), middle, float(wide.var(axis=0).mean()))


def kmeans(
    x: ArrayLike,
    k: int,
    *,
    key: Array | None = None,
    restarts: int = 10,
    init: ArrayLike | None = None,
    iterations: int = 300,
    tolerance: float = 1e-4,
) -> KMeans:
    """Find k clusters whose rows are as near to their means as can be: ``min sum_i |x_i - c(i)|^2``.

    Each restart draws its first centres by k-means++ (every next one with a probability that grows with the squared
    distance from those before it), and then moves them to the means of their rows until nothing changes. All restarts
    run together, under `jax.vmap`, and the one with the least inertia is kept. A cluster that loses all its rows
    begins anew at the row that is furthest from its own centre.

    Args:
        x: ``[n, features]``. Features of different units should be standardized before.
        k: how many clusters, from 1 to the number of rows.
        key: decides the first centres; not needed with `init`.
        restarts: how many beginnings.
        init: the first centres, ``[k, features]``, in place of drawing them; there is one beginning then.
        iterations: how often the centres are moved at most.
        tolerance: it also ends where the centres have moved, in sum of squares, by no more than this times the mean
            variance of the features.

    Raises:
        InputError: `x` or `init` have another shape or hold NaN, `k` is out of range, or there is neither `key` nor
            `init`.

    Example:
        >>> found = kmeans([[0.0], [0.2], [5.0], [5.2]], 2, key=jax.random.key(0))
        >>> sorted(round(float(centre), 3) for centre in found.centres[:, 0]), round(found.inertia, 3)
        ([0.1, 5.1], 0.04)

    Reference:
        `sklearn.cluster.KMeans` with ``algorithm="lloyd"``: from the same `init`, the same labels and the same inertia.
        Lloyd 1982; Arthur and Vassilvitskii 2007.
    """
    found = rows("kmeans", x)
    check_k("kmeans", k, len(found))
    if restarts < 1 or iterations < 1 or not tolerance >= 0:
        raise InputError(
            f"kmeans: expected restarts and iterations above 0 and a tolerance of at least 0, "
            f"got restarts={restarts}, iterations={iterations}, tolerance={tolerance}"
        )
    points = _Points.of(found)
    if init is not None:
        first = rows("kmeans", init, "init")
        if first.shape != (k, found.shape[1]):
            raise InputError(f"kmeans: expected init [{k}, {found.shape[1]}], got {list(first.shape)}")
        begin = jnp.asarray((first - points.middle)[None], jnp.float32)
    elif key is None:
        raise InputError("kmeans: expected a key that decides the first centres, such as jax.random.key(0), got None")
    else:
        begin = seeds(key, points, k, restarts)
    return lloyd(points, begin, k, iterations, tolerance)


def check_k(function: str, k: int, n: int) -> None:
    """Refuse a number of clusters that `n` rows can't have."""
    if not 1 <= k <= n:
        raise InputError(f"{function}: expected k from 1 to {n}, the number of rows, got {k}")


def points_of(x: np.ndarray) -> _Points:
    """Prepare rows for `seeds` and `lloyd`."""
    return _Points.of(x)


def seeds(key: Array, points: _Points, k: int, restarts: int) -> Array:
    """Draw first centres by k-means++, ``[restarts, k, features]``. The first j of them are a draw for j clusters."""
    return _seeds(jax.random.split(key, restarts), points.blocks, points.valid, k)


@functools.partial(jax.jit, static_argnames="k")
def _seeds(keys: Array, blocks: Array, valid: Array, k: int) -> Array:
    x, there = blocks.reshape(-1, blocks.shape[-1]), valid.reshape(-1)

    def draw(key: Array) -> Array:
        def add(i: Array, so_far: tuple[Array, Array]) -> tuple[Array, Array]:
            centres, least = so_far
            # Where every row is a centre already, any will do.
            odds = jnp.where((least > 0).any(), jnp.log(least), jnp.where(there, 0.0, -jnp.inf))
            centre = x[jax.random.categorical(jax.random.fold_in(key, i), odds)]
            far = jnp.where(there, jnp.sum(jnp.square(x - centre), axis=1), 0.0)
            return centres.at[i].set(centre), jnp.where(i == 0, far, jnp.minimum(least, far))

        begin = jnp.zeros((k, x.shape[1]), x.dtype), there.astype(x.dtype)
        return jax.lax.fori_loop(0, k, add, begin)[0]

    return jax.vmap(draw)(keys)


def lloyd(points: _Points, begin: Array, k: int, iterations: int, tolerance: float) -> KMeans:
    """Run k-means from several beginnings ``[restarts, at least k, features]`` and return the best.

    Centres beyond the first k are not used: one compiled program serves all k.
    """
    used = jnp.arange(begin.shape[1]) < k
    enough = np.float32(tolerance * points.spread)
    found = _lloyd(points.blocks, points.valid, begin, used, np.int32(iterations), enough)
    centres, labels, inertia, count = jax.device_get(found)
    best = int(np.argmin(inertia))
    return KMeans(
        centres=(centres[best, :k] + points.middle).astype(np.float32),
        labels=labels[best].reshape(-1)[: int(np.sum(points.valid))],
        inertia=float(inertia[best]),
        iterations=int(count[best]),
    )


class _Now(NamedTuple):
    """A run between two iterations; `labels` are those that `centres` are the means of."""

    centres: Array
    labels: Array
    count: Array
    over: Array


@jax.jit
def _lloyd(
    blocks: Array, valid: Array, begin: Array, used: Array, iterations: Array, tolerance: Array
) -> tuple[Array, Array, Array, Array]:
    def once(centres: Array) -> tuple[Array, Array, Array, Array]:
        def go_on(now: _Now) -> Array:
            return ~now.over & (now.count < iterations)

        def move(now: _Now) -> _Now:
            labels, squares = _assign(blocks, now.centres, used)
            centres = _means(blocks, valid, labels, squares, now.centres, used)
            shift = jnp.sum(jnp.square(centres - now.centres))
            over = (labels == now.labels).all() | (shift <= tolerance)
            return _Now(centres, labels, now.count + 1, over)

        nowhere = jnp.full(valid.shape, -1, jnp.int32)
        end = jax.lax.while_loop(go_on, move, _Now(centres, nowhere, jnp.int32(0), jnp.bool_(False)))
        labels, squares = _assign(blocks, end.centres, used)
        return end.centres, labels, jnp.sum(jnp.where(valid, squares, 0.0)), end.count

    return jax.vmap(once)(begin)


@jax.jit
def _assign(blocks: Array, centres: Array, used: Array) -> tuple[Array, Array]:
    """Find the nearest used centre of each row: labels, and squared distances, ``[blocks, size]`` both."""
    lengths = jnp.where(used, jnp.sum(centres * centres, axis=1), jnp.inf)

    def look(_: None, x: Array) -> tuple[None, tuple[Array, Array]]:
        labels = jnp.argmin(lengths - 2 * products(x, centres), axis=1).astype(jnp.int32)
        return None, (labels, jnp.sum(jnp.square(x - centres[labels]), axis=1))

    return jax.lax.scan(look, None, blocks)[1]


def _means(blocks: Array, valid: Array, labels: Array, squares: Array, centres: Array, used: Array) -> Array:
    """Return the mean of the rows of each cluster; an empty one gets the row furthest from its own centre."""
    k = len(centres)

    def counted(labels: Array) -> Array:
        return jnp.zeros(k, blocks.dtype).at[labels.reshape(-1)].add(valid.reshape(-1).astype(blocks.dtype))

    empty = used & (counted(labels) == 0)
    most = min(k, valid.size)
    _, furthest = jax.lax.top_k(jnp.where(valid, squares, -1.0).reshape(-1), most)
    places = jnp.nonzero(empty, size=most, fill_value=k)[0]  # of the i-th empty cluster; k: there is none
    flat = labels.reshape(-1)
    flat = flat.at[furthest].set(jnp.where(places < k, places.astype(jnp.int32), flat[furthest]))

    def add(totals: Array, block: tuple[Array, Array, Array]) -> tuple[Array, None]:
        x, mine, there = block
        members = (mine[:, None] == jnp.arange(k)) & there[:, None]
        return totals + products(members.astype(x.dtype).T, x.T), None

    moved = flat.reshape(labels.shape)
    totals, _ = jax.lax.scan(add, jnp.zeros_like(centres), (blocks, moved, valid))
    count = counted(moved)[:, None]
    return jnp.where(count > 0, totals / jnp.maximum(count, 1.0), centres)
