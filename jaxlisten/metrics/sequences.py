"""How far sequences of symbols are from the truth: edit distance, its kinds of errors, and error rates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxlisten.errors import InputError


class Edits(NamedTuple):
    """What makes a sequence of another one, at least.

    Attributes:
        substitutions: symbols that were taken for others.
        deletions: symbols that were missed.
        insertions: symbols that were made up.
        symbols: of the truth.
    """

    substitutions: int
    deletions: int
    insertions: int
    symbols: int

    @property
    def errors(self) -> int:
        """All of them together: the edit distance."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        """Errors for each symbol of the truth; above 1 where more was made up than there is. NaN of no symbols."""
        return self.errors / self.symbols if self.symbols else float("nan")


Pair = tuple[Any, Any]
"""A symbol of the truth and what it was taken for; None on one side where it was missed, or made up."""


def edit_distances(truth: Any, said: Any) -> np.ndarray:
    """Count the least substitutions, deletions and insertions between sequences, many at once.

    Args:
        truth: integers ``[n, longest]``, -1 behind the end of each.
        said: integers ``[n, *]``, likewise; as long as it likes.

    Returns:
        int64 ``[n]``.

    Raises:
        InputError: the shapes don't belong together.

    Example:
        >>> edit_distances([[1, 2, 3]], [[1, 3, -1, -1]]).tolist()
        [1]

    Reference:
        Levenshtein 1966; the recursion of Wagner and Fischer 1974 over all sequences, a row of the table at a time.
    """
    a, b = np.asarray(truth), np.asarray(said)
    if a.ndim != 2 or b.ndim != 2 or len(a) != len(b):
        raise InputError(
            f"edit_distances: expected truth [n, longest] and said [n, any], got {list(a.shape)} and {list(b.shape)}"
        )
    n, m = (a >= 0).sum(axis=1), (b >= 0).sum(axis=1)
    b = b[:, : m.max(initial=0)]
    columns = np.arange(b.shape[1] + 1)
    row = np.broadcast_to(columns, (len(a), len(columns))).copy()
    found = row[np.arange(len(a)), m].copy()  # of an empty truth
    for i in range(n.max(initial=0)):
        through = np.minimum(row[:, 1:] + 1, row[:, :-1] + (a[:, i, None] != b))
        row = np.concatenate([np.full((len(a), 1), i + 1), through], axis=1)
        # Insertions: row[j] = min over k <= j of row[k] + j - k.
        row = np.minimum.accumulate(row - columns, axis=1) + columns
        ends = n == i + 1
        found[ends] = row[ends, m[ends]]
    return found.astype(np.int64)


def aligned_pairs(truth: Sequence[Any], said: Sequence[Any]) -> list[Pair]:
    """Lay a sequence beside the truth, so that as few pairs as possible differ.

    Where several ways are as good, symbols are taken for others rather than missed, and missed rather than made up,
    as late as can be.

    Args:
        truth, said: sequences of anything that can be compared.

    Returns:
        Pairs ``(of the truth, of what was said)`` in order, with None for what was made up, or missed.

    Example:
        >>> aligned_pairs("cat", "at")
        [('c', None), ('a', 'a'), ('t', 't')]
    """
    table = np.zeros((len(truth) + 1, len(said) + 1), np.int64)
    table[:, 0], table[0] = np.arange(len(truth) + 1), np.arange(len(said) + 1)
    for i, a in enumerate(truth):
        for j, b in enumerate(said):
            table[i + 1, j + 1] = min(table[i, j] + (a != b), table[i, j + 1] + 1, table[i + 1, j] + 1)
    i, j, pairs = len(truth), len(said), list[Pair]()
    while i or j:
        if i and j and table[i, j] == table[i - 1, j - 1] + (truth[i - 1] != said[j - 1]):
            i, j = i - 1, j - 1
            pairs.append((truth[i], said[j]))
        elif i and table[i, j] == table[i - 1, j] + 1:
            i -= 1
            pairs.append((truth[i], None))
        else:
            j -= 1
            pairs.append((None, said[j]))
    return pairs[::-1]


def edits(pairs: Sequence[Pair]) -> Edits:
    """Count the errors of `aligned_pairs`; a symbol must not be None.

    Example:
        >>> edits(aligned_pairs(["one", "two"], ["one", "too", "two"])), edits(aligned_pairs("ab", "ac")).rate
        (Edits(substitutions=0, deletions=0, insertions=1, symbols=2), 0.5)
    """
    kinds = [(a is None, b is None) for a, b in pairs]
    wrong = sum(a != b for (a, b), kind in zip(pairs, kinds, strict=True) if kind == (False, False))
    made_up = kinds.count((True, False))
    return Edits(wrong, kinds.count((False, True)), made_up, len(pairs) - made_up)


def total_edits(each: Sequence[Edits]) -> Edits:
    """Add the counts of many sequences; the `rate` of the sum is the label error rate of all of them."""
    return Edits(*(int(sum(column)) for column in zip(*each, strict=True))) if each else Edits(0, 0, 0, 0)


def label_error_rate(truth: Any, said: Any) -> float:
    """Compute the errors of all sequences for each symbol of all truths; NaN where there are no symbols.

    Args:
        truth, said: as in `edit_distances`.

    Example:
        >>> label_error_rate([[1, 2, -1], [3, 4, 5]], [[1, 2, 2], [3, 5, -1]])
        0.4

    Reference:
        Graves et al. 2006, equation 3, with symbols in place of sequences to divide by, as is usual for word error
        rates.
    """
    symbols = int((np.asarray(truth) >= 0).sum())
    return float(edit_distances(truth, said).sum() / symbols) if symbols else float("nan")
