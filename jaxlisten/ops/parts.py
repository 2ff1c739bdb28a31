"""A few items of a batch at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

_IN_CACHE = 4_000_000
"""Bytes that stay in the cache of a CPU core."""
_LARGE = 32_000_000
"""Bytes from which on it pays: new memory is what costs most."""


def in_parts(function: Callable[[Any], Any], x: Any, size: int) -> Any:
    """Compute a function of a batch; on a CPU a few items at a time, where what lies within would leave the cache.

    Args:
        function: treats every item alike: from arrays ``[n, ...]`` to arrays ``[n, ...]``.
        x: a tree of arrays ``[n, ...]``.
        size: bytes of the largest array within, for one item.

    Returns:
        ``function(x)``.
    """
    n = jax.tree.leaves(x)[0].shape[0]
    if not isinstance(n, int) or n * size < _LARGE:  # the size of an exported program may be open
        return function(x)
    each = max(each for each in range(1, n + 1) if n % each == 0 and (each == 1 or each * size <= _IN_CACHE))

    def parts(x: Any) -> Any:
        y = jax.lax.map(function, jax.tree.map(lambda a: a.reshape(-1, each, *a.shape[1:]), x))
        return jax.tree.map(lambda a: a.reshape(n, *a.shape[2:]), y)

    return jax.lax.platform_dependent(x, cpu=parts, default=function)
