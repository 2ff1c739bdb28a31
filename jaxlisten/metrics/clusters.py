"""How far clusters and classes agree."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from jaxlisten.errors import InputError


def adjusted_rand(targets: ArrayLike, labels: ArrayLike) -> float:
    """Count the pairs of items that classes and clusters both put together, against what chance would give.

    With n_ij items of class i in cluster j, C(n) the pairs among n, and sums a_i and b_j of rows and columns::

        (sum C(n_ij) - E) / ((sum C(a_i) + sum C(b_j)) / 2 - E),   E = sum C(a_i) sum C(b_j) / C(n)

    Args:
        targets: the classes, integers ``[n]``.
        labels: the clusters, integers ``[n]``; how they are numbered doesn't matter.

    Returns:
        1 where both are the same, about 0 where they have nothing to do with each other.

    Raises:
        InputError: there are no items, or not as many of both.

    Example:
        >>> adjusted_rand([0, 0, 1, 1], [1, 1, 0, 0])
        1.0

    Reference:
        `sklearn.metrics.adjusted_rand_score`; Hubert and Arabie 1985.
    """
    truth, found = np.asarray(targets), np.asarray(labels)
    if truth.ndim != 1 or truth.shape != found.shape or not truth.size:
        raise InputError(
            f"adjusted_rand: expected targets [n] and labels [n] of one item or more, "
            f"got {list(truth.shape)} and {list(found.shape)}"
        )
    rows, columns = (np.unique(a, return_inverse=True)[1] for a in (truth, found))
    counts = np.zeros((rows.max() + 1, columns.max() + 1))
    np.add.at(counts, (rows, columns), 1)
    together, of_rows, of_columns, all_pairs = (
        float((n * (n - 1) / 2).sum()) for n in (counts, counts.sum(axis=1), counts.sum(axis=0), counts.sum())
    )
    by_chance = of_rows * of_columns / all_pairs if all_pairs else 0.0
    most = (of_rows + of_columns) / 2
    return 1.0 if most == by_chance else (together - by_chance) / (most - by_chance)
