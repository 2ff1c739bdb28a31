"""The k nearest neighbours, on the device."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Literal, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike, NDArray

from jaxlisten.classical.distances import METRICS, blocked, differences, products, rows
from jaxlisten.errors import InputError
from jaxlisten.types import Array

Metric = Literal["euclidean", "manhattan", "cosine"]

_SPARE = 8
"""Candidates beyond the k nearest whose distances are computed again without rounding."""
_FEW = 16
"""So many are looked for at least."""


class Nearest(NamedTuple):
    """The nearest references of each query, the nearest first.

    Attributes:
        distances: ``[queries, k]``, float32.
        indices: ``[queries, k]``, integers: which references they are.
    """

    distances: NDArray[np.float32]
    indices: NDArray[np.int32]


def nearest(
    references: ArrayLike,
    queries: ArrayLike,
    k: int,
    *,
    metric: Metric = "euclidean",
    batch_size: int = 256,
    block_size: int = 16_384,
) -> Nearest:
    """Find the k nearest references of each query.

    Products of matrices find k + 8 candidates, whose distances are then taken from the differences, so that nothing is
    lost where two points are close. At most ``batch_size * block_size`` distances are held at once.

    Args:
        references: ``[n, features]``.
        queries: ``[m, features]``.
        k: how many to find, from 1 to n.
        metric: "euclidean", "manhattan" (the sum of absolute differences) or "cosine" (1 minus the cosine of the
            angle; a row of zeros has the distance 1 from every other).
        batch_size: queries that are answered at once.
        block_size: references that are looked at at once.

    Returns:
        Distances and indices, the nearest first. Of references at the same distance the one with the lower index comes
        first, and is taken; differences below 1e-6 of the size of the points can't be told from none.

    Raises:
        InputError: the arrays are no finite ``[n, features]`` of one width, `k` is out of range, or the metric unknown.

    Example:
        >>> nearest([[0.0], [1.0], [5.0]], [[0.9]], 2).indices.tolist()
        [[1, 0]]

    Reference:
        `sklearn.neighbors.NearestNeighbors`, within 1e-5 of the distances.
    """
    if metric not in METRICS:
        raise InputError(f"nearest: expected a metric of {', '.join(METRICS)}, got {metric!r}")
    known, asked = rows("nearest", references, "references"), rows("nearest", queries, "queries")
    if known.shape[1] != asked.shape[1]:
        raise InputError(
            f"nearest: expected queries of {known.shape[1]} features, as the references have, got {asked.shape[1]}"
        )
    if not 1 <= k <= len(known):
        raise InputError(f"nearest: expected k from 1 to {len(known)}, the number of references, got {k}")
    if batch_size < 1 or block_size < 1:
        raise InputError(f"nearest: expected sizes above 0, got batch_size={batch_size}, block_size={block_size}")
    return _search(_prepared(known, metric, block_size, k), _placed(asked, known, metric), k, metric, batch_size)


@dataclass(frozen=True, eq=False)
class Neighbours:
    """A classifier that answers with the class of most of the k nearest references.

    Attributes:
        references: ``[n, features]``.
        targets: the class of each, integers ``[n]``.
        k, metric: as in `nearest`.

    Of classes with the same number of votes, the one with the lowest index is the answer; which references are the k
    nearest where several are equally far is told in `nearest`.

    Raises:
        InputError: as in `nearest`, or there is no class index from 0 on for each reference.

    Example:
        >>> Neighbours([[0.0], [1.0], [5.0]], [0, 0, 1], k=1).predict([[4.0]]).tolist()
        [1]

    Reference:
        `sklearn.neighbors.KNeighborsClassifier` with ``weights="uniform"``.
    """

    references: ArrayLike
    targets: ArrayLike
    k: int = 5
    metric: Metric = "euclidean"

    def __post_init__(self) -> None:
        targets = np.asarray(self.targets)
        known = rows("Neighbours", self.references, "references")
        if targets.shape != (len(known),) or targets.dtype.kind not in "iu" or targets.min() < 0:
            raise InputError(
                f"Neighbours: expected a class index from 0 on for each of {len(known)} references, "
                f"got {targets.dtype} {list(targets.shape)}"
            )
        if not 1 <= self.k <= len(known):
            raise InputError(f"Neighbours: expected k from 1 to {len(known)}, the number of references, got {self.k}")

    @functools.cached_property
    def _blocks(self) -> tuple[Array, int]:
        """The references on the device, where they stay for all queries."""
        return _prepared(np.asarray(self.references), self.metric, 16_384, self.k)

    def votes(self, x: ArrayLike) -> NDArray[np.int64]:
        """Count how many of the k nearest references of each row are of each class: ``[n, classes]``."""
        known, asked, targets = np.asarray(self.references), rows("Neighbours", x), np.asarray(self.targets)
        if known.shape[1] != asked.shape[1]:
            raise InputError(f"Neighbours: expected x [n, {known.shape[1]}], got {list(asked.shape)}")
        found = _search(self._blocks, _placed(asked, known, self.metric), self.k, self.metric, 256)
        counts = np.zeros((len(asked), int(targets.max()) + 1), np.int64)
        np.add.at(counts, (np.arange(len(asked))[:, None], targets[found.indices]), 1)
        return counts

    def predict(self, x: ArrayLike) -> NDArray[np.int64]:
        """Return the class of each row of ``x [n, features]``."""
        return self.votes(x).argmax(axis=1)


def _placed(x: np.ndarray, references: np.ndarray, metric: Metric) -> np.ndarray:
    """Move points to where products of them lose least: around 0, or for the cosine to length 1. In float32."""
    x = x.astype(np.float64)
    if metric == "cosine":
        norm = np.linalg.norm(x, axis=1, keepdims=True)
        return (x / np.where(norm > 0, norm, 1)).astype(np.float32)
    return (x - references.mean(axis=0, dtype=np.float64)).astype(np.float32)


def _prepared(references: np.ndarray, metric: Metric, block_size: int, k: int) -> tuple[Array, int]:
    """Return the references in blocks ``[blocks, size, features]`` on the device, and how many there are."""
    size = min(len(references), max(block_size, _FEW + _SPARE, _power_of_two(k) + _SPARE))
    return jnp.asarray(blocked(_placed(references, references, metric), size)), len(references)


def _search(known: tuple[Array, int], queries: np.ndarray, k: int, metric: Metric, batch_size: int) -> Nearest:
    # Powers of two, so that a handful of programs serve every k and every number of queries.
    size = min(batch_size, _power_of_two(len(queries)))
    blocks, n = known
    more = min(n, max(_FEW, _power_of_two(k)))
    # All are dispatched before any is read, so that the device never waits.
    found = [_nearest(blocks, np.int32(n), batch, more, metric) for batch in blocked(queries, size)]
    distances, indices = (np.concatenate(part)[: len(queries), :k] for part in zip(*jax.device_get(found), strict=True))
    return Nearest(distances, indices)


def _power_of_two(n: int) -> int:
    return 1 << (n - 1).bit_length()


@functools.partial(jax.jit, static_argnames=("k", "metric"))
def _nearest(blocks: Array, n: Array, queries: Array, k: int, metric: Metric) -> tuple[Array, Array]:
    """Search all blocks of references ``[blocks, size, features]`` for ``queries [m, features]``."""
    n_blocks, size, _ = blocks.shape
    kept = min(k + _SPARE, size)

    def look(_: None, block: tuple[Array, Array]) -> tuple[None, tuple[Array, Array]]:
        known, first = block
        if metric == "manhattan":
            far = differences(queries, known, 1)
        else:  # without the length of the query, which changes no order
            far = jnp.sum(known * known, axis=1) - 2 * products(queries, known)
        there = first + jnp.arange(size, dtype=jnp.int32) < n
        least, place = jax.lax.top_k(jnp.where(there, -far, -jnp.inf), kept)
        return None, (least, first + place.astype(jnp.int32))

    starts = size * jnp.arange(n_blocks, dtype=jnp.int32)
    _, (least, place) = jax.lax.scan(look, None, (blocks, starts))
    least, place = (jnp.moveaxis(a, 0, 1).reshape(len(queries), -1) for a in (least, place))
    # Blocks come in order and `top_k` takes the first of equals, so the lower index wins throughout.
    least, chosen = jax.lax.top_k(least, kept)
    place = jnp.take_along_axis(place, chosen, axis=1)
    far = -least if metric == "manhattan" else _again(blocks, n, queries, place, metric)
    order = jnp.lexsort((place, far), axis=1)[:, :k]
    return tuple(jnp.take_along_axis(a, order, axis=1) for a in (far, place))  # pyright: ignore[reportReturnType]


def _again(blocks: Array, n: Array, queries: Array, place: Array, metric: Metric) -> Array:
    """Compute the distances of candidates, ``[m, kept]``, from the differences."""
    there = place < n
    known = blocks.reshape(-1, blocks.shape[-1])[jnp.where(there, place, 0)]
    squares = jnp.sum(jnp.square(queries[:, None] - known), axis=-1)
    if metric == "cosine":  # |a - b|^2 = |a|^2 + |b|^2 - 2 ab, and the lengths are 1, or 0 of rows of zeros
        lengths = jnp.sum(queries * queries, axis=1)[:, None], jnp.sum(known * known, axis=-1)
        far = (squares + sum(jnp.where(length > 0, 0.0, 1.0) for length in lengths)) / 2
    else:
        far = jnp.sqrt(squares)
    return cast(Array, jnp.where(there, far, jnp.inf))
