"""Cutting a data set into parts so that no group is in two of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from jaxlisten.data.dataset import Dataset
from jaxlisten.errors import InputError

# Of the sizes of parts against that of one class in them: classes too small to be shared out must not starve a part.
_TOTAL_IMPORTANCE = 4.0


class Partition(NamedTuple):
    """What a training run uses.

    Attributes:
        train: the clips to learn from.
        validation: the clips to choose by.
        test: the clips to measure on; None where the data set names none.
    """

    train: Dataset
    validation: Dataset
    test: Dataset | None


def split(
    data: Dataset,
    fractions: Sequence[float] = (0.8, 0.1, 0.1),
    *,
    by: Literal["group", "clip"] = "group",
    seed: int = 0,
) -> tuple[Dataset, ...]:
    """Cut a data set into parts that have the same mix of classes, as well as whole groups allow.

    Groups are dealt out one by one, the largest first, each to the part where it does most good. A class that has
    one clip only goes to the first part.

    Args:
        data: the clips.
        fractions: the share of each part; they add up to 1. A part of share 0 stays empty, no other one does.
        by: ``"group"`` keeps the clips of a group together (where `data` has no groups, each clip is its own);
            ``"clip"`` ignores groups.
        seed: which of the equally good cuts is taken; equal seeds give equal parts.

    Returns:
        One data set for each fraction, clips in their original order.

    Raises:
        InputError: the fractions are negative or don't add up to 1, `by` is neither, or there are fewer groups than
            parts.

    Example:
        >>> from jaxlisten.data import synthetic
        >>> [len(part) for part in split(synthetic(60), (0.8, 0.1, 0.1))]
        [48, 6, 6]
    """
    shares = np.asarray(fractions, np.float64)
    if shares.ndim != 1 or (shares < 0).any() or not abs(shares.sum() - 1) <= 1e-6:
        raise InputError(f"split: expected fractions that are not negative and add up to 1, got {tuple(fractions)}")
    if by not in ("group", "clip"):
        raise InputError(f"split: expected by='group' or by='clip', got {by!r}")
    groups = data.groups if by == "group" else None
    grouped = groups is not None
    names, group = np.unique(np.arange(len(data)) if groups is None else np.array(groups), return_inverse=True)
    parts = np.flatnonzero(shares)
    if len(names) < len(parts):
        remedy = "take fewer parts, or give by='clip' to ignore the groups" if grouped else "take fewer parts"
        raise InputError(
            f"split: expected a {'group' if grouped else 'clip'} or more for each of {len(parts)} parts, "
            f"got {len(names)}; {remedy}"
        )
    counts = np.zeros((len(names), len(data.classes)), np.int64)
    np.add.at(counts, (group, data.targets), 1)
    part_of_group = parts[_deal(counts, shares[parts], np.random.default_rng(seed))]
    return tuple(data.subset(np.flatnonzero(part_of_group[group] == part)) for part in range(len(shares)))


def partition(data: Dataset, *, validation: float = 0.15, seed: int = 0) -> Partition:
    """Find the clips to train, to validate and to test on.

    The splits that the data set names are kept. Where it names no validation clips, they are taken out of the training
    clips by `split`; where it names no splits at all, out of all clips. Whole groups are held out, unless the named
    test clips share their groups with the training clips: validation then asks what the test asks.

    Args:
        data: the clips.
        validation: the share of the clips to take for validation where none are named.
        seed: as in `split`.

    Raises:
        InputError: `validation` is not between 0 and 1, splits are named but no clip is for training, or there are
            fewer than two groups to choose from.
    """
    if not 0 < validation < 1:
        raise InputError(f"partition: expected a validation share between 0 and 1, got {validation}")
    named = set(data.splits or ())
    train = data.part("train") if named else data
    test = data.part("test") if "test" in named else None
    if "validation" in named:
        return Partition(train, data.part("validation"), test)
    shared = test is not None and test.groups is not None and set(test.groups) <= set(train.groups or ())
    train, held_out = split(train, (1 - validation, validation), by="clip" if shared else "group", seed=seed)
    return Partition(train, held_out, test)


def _deal(counts: np.ndarray, shares: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Assign groups to parts.

    The parts want ``w[p, k] = share_p * total_k`` clips of class k, and of all classes together as one more k. A group
    with c[k] clips goes where it lowers ``sum_pk a_k (n[p, k] - w[p, k])^2 / w[p, k]`` most, with a_k = 1 for a class.

    Args:
        counts: clips of each class in each group, ``[groups, classes]``; no fewer groups than parts.
        shares: share of each part, ``[parts]``, above 0.
        rng: orders groups of one size.

    Returns:
        The part of each group, ``[groups]``; every part occurs.
    """
    counts = counts[:, counts.any(axis=0)]
    alone = np.any(counts[:, counts.sum(axis=0) == 1] > 0, axis=1)
    counts = np.column_stack([counts, counts.sum(axis=1)])
    wanted = shares[:, None] * counts.sum(axis=0)
    importance = np.append(np.ones(counts.shape[1] - 1), _TOTAL_IMPORTANCE)
    have = np.zeros_like(wanted)
    size = counts[:, -1]
    shuffled = rng.permutation(len(counts))
    order = shuffled[np.lexsort((-size[shuffled], ~alone[shuffled]))]
    part_of = np.zeros(len(counts), np.int64)
    for left, g in zip(range(len(order), 0, -1), order, strict=True):
        change = (counts[g] * (2 * (have - wanted) + counts[g]) / wanted) @ importance
        if alone[g]:
            change[0] = -np.inf
        empty = have[:, -1] == 0
        if left <= empty.sum():
            change[~empty] = np.inf
        part_of[g] = change.argmin()
        have[part_of[g]] += counts[g]
    return part_of
