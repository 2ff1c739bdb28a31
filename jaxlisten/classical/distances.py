"""Distances between rows of two arrays, and arrays cut into blocks of rows, so that memory stays bounded."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from jaxlisten.errors import InputError
from jaxlisten.types import Array

METRICS = ("euclidean", "manhattan", "cosine")
_AT_ONCE = 8
"""Columns whose differences are added up in one pass over a block of distances."""
_TILE = 1024
"""Rows of the second array that are compared at once."""


def rows(function: str, x: ArrayLike, name: str = "x") -> np.ndarray:
    """Return features as an array ``[n, features]`` of finite numbers, or raise an error that names the function.

    Args:
        function: who asks.
        x: at least one row and one column.
        name: what the function calls it.
    """
    array = np.asarray(x)
    if array.ndim != 2 or 0 in array.shape or array.dtype.kind not in "fiu":
        raise InputError(
            f"{function}: expected {name} [n, features], numbers, at least one row and one column, "
            f"got {array.dtype} {list(array.shape)}"
        )
    if not np.isfinite(array).all():
        raise InputError(
            f"{function}: expected finite numbers in {name}, got NaN or infinity; has a training diverged?"
        )
    return array


def blocked(x: np.ndarray, size: int) -> np.ndarray:
    """Cut an array into blocks of rows, the last one filled up with zeros: ``[blocks, size, ...]``."""
    blocks = -(-len(x) // size)
    padded = np.pad(x, [(0, blocks * size - len(x))] + [(0, 0)] * (x.ndim - 1))
    return padded.reshape(blocks, size, *x.shape[1:])


def differences(a: Array, b: Array, power: int) -> Array:
    """Compute ``sum_i |a_i - b_i| ** power`` for each pair of rows, from the differences, so that no digit is lost.

    Args:
        a: ``[m, features]``.
        b: ``[n, features]``.
        power: 1 or 2.

    Returns:
        ``[m, n]``.
    """
    if len(b) > _TILE:  # a tile of distances stays in the cache while all columns are added up
        tiles = jnp.pad(b, [(0, -len(b) % _TILE), (0, 0)]).reshape(-1, _TILE, b.shape[1])
        found = jax.lax.map(lambda tile: differences(a, tile, power), tiles)
        return jnp.moveaxis(found, 0, 1).reshape(len(a), -1)[:, : len(b)]
    fill = [(0, 0), (0, -a.shape[1] % _AT_ONCE)]
    one, other = (jnp.pad(x, fill).T.reshape(-1, _AT_ONCE, len(x)) for x in (a, b))

    def add(total: Array, some: tuple[Array, Array]) -> tuple[Array, None]:
        for mine, theirs in zip(*some, strict=True):
            gap = mine[:, None] - theirs[None, :]
            total = total + (jnp.abs(gap) if power == 1 else gap * gap)
        return total, None

    return jax.lax.scan(add, jnp.zeros((len(a), len(b)), a.dtype), (one, other))[0]


def products(a: Array, b: Array) -> Array:
    """Multiply each row of ``a [m, features]`` with each of ``b [n, features]``, in full precision: ``[m, n]``."""
    return jnp.matmul(a, b.T, precision=jax.lax.Precision.HIGHEST)
