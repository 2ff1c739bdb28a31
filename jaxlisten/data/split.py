"""Cutting a data set into parts so that no group is in two of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np

from jaxlisten.data.crossing import kept_together, some, warn, warn_of_crossings
from jaxlisten.data.dataset import Dataset, same_sound
from jaxlisten.data.sources import unlabelled
from jaxlisten.data.timed import event_counts
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
    """Cut a data set into parts that have the same mix of classes or labels, as well as whole groups allow.

    Groups are dealt out one by one, the largest first, each to the part where it does most good. A class that has
    one clip only goes to the first part. Clips that hold the same sound (see `Dataset.digests`) stay together, and so
    do their groups, so that no part has a copy of a sound of another part. A class that is one sound only, however
    often, could not be both learned and measured: its copies are dealt out all the same, with a warning that names
    them.

    Args:
        data: the clips.
        fractions: the share of each part; they add up to 1. A part of share 0 stays empty, no other one does.
        by: ``"group"`` keeps the clips of a group together (where `data` has no groups, each clip is its own);
            ``"clip"`` ignores groups, but for copies.
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
    part_of_clip = _cut(data, shares, by, seed, "split")
    return tuple(data.subset(part_of_clip == part) for part in range(len(shares)))


def folds(
    data: Dataset, k: int | None = None, *, by: Literal["group", "clip"] = "group", seed: int = 0
) -> tuple[Partition, ...]:
    """Make the partitions of a cross-validation, so that every clip is tested on once.

    The clips are cut into k folds. Each fold in turn is for testing, the next one (the first after the last) for
    validation, and the others are for training. A data set that comes with folds, such as `esc50`, keeps them, with a
    warning where copies of a sound are in more than one.

    Args:
        data: the clips. Splits that it names don't matter.
        k: how many folds to cut, as `split` does, 3 or more; None takes the folds that `data` names, or cuts 5.
        by: as in `split`. Named folds may tear groups apart only by ``"clip"``.
        seed: as in `split`.

    Returns:
        A partition for each fold; none of its parts names splits.

    Raises:
        InputError: there are fewer than 3 folds, fewer groups than folds, or a group in two of the named folds.

    Example:
        >>> from jaxlisten.data import synthetic
        >>> [tuple(map(len, parts)) for parts in folds(synthetic(60), 3)]
        [(20, 20, 20), (20, 20, 20), (20, 20, 20)]
    """
    if k is None and data.folds is not None:
        fold = _named_folds(data, data.folds, by)
        warn_of_crossings(data, data.folds, "folds", groups=False)
        k = int(fold.max(initial=-1)) + 1
    else:
        k = 5 if k is None else k
        fold = _cut(data, np.full(max(k, 1), 1 / max(k, 1)), by, seed, "folds")
    if k < 3:
        raise InputError(f"folds: expected 3 folds or more, to train, to validate and to test on, got {k}")
    data = replace(data, splits=None)
    return tuple(
        Partition(
            train=data.subset((fold != i) & (fold != (i + 1) % k)),
            validation=data.subset(fold == (i + 1) % k),
            test=data.subset(fold == i),
        )
        for i in range(k)
    )


def partition(data: Dataset, *, validation: float = 0.15, test: float = 0.0, seed: int = 0) -> Partition:
    """Find the clips to train, to validate and to test on.

    The splits that the data set names are kept. Where it names no validation clips, they are taken out of the training
    clips by `split`; where it names no splits at all, out of all clips. Whole groups are held out, unless the named
    test clips share their groups with the training clips: validation then asks what the test asks. Copies of a sound,
    and groups, that the named splits tear apart stay as they are named, with a warning that names them.

    Args:
        data: the clips.
        validation: the share of the clips to take for validation where none are named.
        test: the share to take for the test first of all, where no clips are named for it; 0: there is none then.
        seed: as in `split`.

    Raises:
        InputError: `validation` is not between 0 and 1, or `test` not from 0 to below 1; splits are named but no clip
            is for training; or there are too few groups to choose from.
    """
    if not 0 < validation < 1:
        raise InputError(f"partition: expected a validation share between 0 and 1, got {validation}")
    if not 0 <= test < 1:
        raise InputError(f"partition: expected a share for the test from 0 to below 1, got {test}")
    named = set(data.splits or ())
    if data.splits is not None:
        warn_of_crossings(data, data.splits, "splits")
    train = data.part("train") if named else data
    tested = data.part("test") if "test" in named else None
    if tested is None and test:
        train, tested = split(train, (1 - test, test), seed=seed)
    if "validation" in named:
        return Partition(train, data.part("validation"), tested)
    shared = tested is not None and tested.groups is not None and set(tested.groups) <= set(train.groups or ())
    train, held_out = split(train, (1 - validation, validation), by="clip" if shared else "group", seed=seed)
    return Partition(train, held_out, tested)


def normal_partition(data: Dataset, normal: Sequence[str] = (), *, seed: int = 0) -> Partition:
    """Find the clips that anomaly detection trains, validates and is tested on: normal ones alone, but for testing.

    Splits that the data set names are kept; anomalies among its training and validation clips are left out. Where it
    names no test clips, a fifth of the normal clips, in whole groups, is held out and tested on beside all others.

    Args:
        data: clips of classes; or clips without labels, which are all taken for normal.
        normal: the classes that are normal.
        seed: as in `split`.

    Returns:
        Training and validation clips without labels, and test clips with their classes; None of those where nothing is
        known.

    Raises:
        InputError: the targets are of another kind, a class is not there, all or none are normal, or there are too few
            normal clips.
    """
    if data.kind == "none":
        return partition(data, seed=seed)
    known = ", ".join(map(repr, data.classes))
    if data.kind != "class":
        raise InputError(f"normal_partition: expected a class for each clip, or no labels, got {data.kind}")
    unknown = [name for name in normal if name not in data.classes]
    if unknown or not normal:
        missing = repr(unknown[0]) if unknown else "none"
        raise InputError(f"normal_partition: expected normal classes among {known}, got {missing}")
    usual = np.isin(data.targets, [data.classes.index(name) for name in normal])
    if usual.sum() < 3:
        raise InputError(f"normal_partition: expected three or more normal clips, got {usual.sum()}; add some")
    splits = np.array(data.splits or ("",) * len(data), object)
    if "test" in splits:
        tested = splits == "test"
    else:
        tested, places = ~usual, np.flatnonzero(usual)
        by = _cut(data.subset(places), np.array([0.8, 0.2]), "group", seed, "normal_partition")
        tested[places[by == 1]] = True
    train, validation, _ = partition(unlabelled(data.subset(usual & ~tested)), seed=seed)
    return Partition(train, validation, replace(data.subset(tested), splits=None))


def _cut(data: Dataset, shares: np.ndarray, by: str, seed: int, caller: str) -> np.ndarray:
    """Return the part of each clip, int64 ``[n]``, when each part gets its share, ``[parts]``."""
    if by not in ("group", "clip"):
        raise InputError(f"{caller}: expected by='group' or by='clip', got {by!r}")
    grouped = by == "group" and data.groups is not None
    sound = same_sound(data.digests())
    dealt = _alone(data, sound) if len(shares) > 1 else sound
    group = kept_together(dealt, data.groups if grouped else None)
    parts, units = np.flatnonzero(shares), len(np.unique(group))
    if units < len(parts):
        remedy = "take fewer parts, or give by='clip' to ignore the groups" if grouped else "take fewer parts"
        raise InputError(
            f"{caller}: expected a {'group' if grouped else 'clip'} or more for each of {len(parts)} parts, "
            f"got {units}; {remedy}"
        )
    part = parts[deal(data, group, shares[parts], np.random.default_rng(seed))]
    if (dealt != sound).any():
        _warn_of_one_sound(data, sound, part)
    return part


def deal(data: Dataset, group: np.ndarray, shares: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Assign clips to parts with the same mix of classes or labels, as well as whole groups allow.

    Args:
        data: the clips.
        group: the number of the group of each, ``[n]``; no fewer of them than parts.
        shares: share of each part, ``[parts]``, above 0.
        rng: orders groups of one size.

    Returns:
        The part of each clip, int64 ``[n]``; every part occurs.
    """
    _, group = np.unique(group, return_inverse=True)
    size, mixed = np.bincount(group), _mixed(data)
    counts = np.zeros((len(size), mixed.shape[1]), np.int64)
    np.add.at(counts, group, mixed)
    return _deal(counts, size, shares, rng)[group]


def _alone(data: Dataset, sound: np.ndarray) -> np.ndarray:
    """Number the clips as `same_sound` does, but each by itself where a class is one sound only."""
    sound = sound.copy()
    for column in _mixed(data).T:
        members = np.flatnonzero(column)
        if len(members) > 1 and (sound[members] == sound[members[0]]).all():
            sound[members] = members
    return sound


def _warn_of_one_sound(data: Dataset, sound: np.ndarray, part: np.ndarray) -> None:
    """Warn where copies of a class that is one sound are in more than one part."""
    for first in np.unique(sound):
        clips = np.flatnonzero(sound == first)
        if len(np.unique(part[clips])) > 1:
            names = some(f"'{data.paths[i]}'" for i in clips)
            warn(
                f"{names} are one sound, the only one of its class, so its copies are in more than one part: nothing "
                "can be measured on them"
            )


def _mixed(data: Dataset) -> np.ndarray:
    """Count for each clip what the parts should have the same mix of, int64 ``[n, kinds]``."""
    if data.kind == "class":
        return (data.targets[:, None] == np.arange(len(data.classes))).astype(np.int64)
    if data.kind == "labels":
        return np.column_stack([data.targets, ~data.targets.any(axis=1)]).astype(np.int64)
    if data.kind == "events":
        counts = event_counts(data.targets, len(data.classes))
        return np.column_stack([counts, ~counts.any(axis=1)]).astype(np.int64)
    return np.ones((len(data), 1), np.int64)


def _named_folds(data: Dataset, names: tuple[str, ...], by: str) -> np.ndarray:
    """Return the fold of each clip, int64 ``[n]``, from the names that the data set gives."""
    if by == "group" and data.groups is not None:
        fold_of_group = dict(zip(data.groups, names, strict=True))
        for group, name in zip(data.groups, names, strict=True):
            if fold_of_group[group] != name:
                raise InputError(
                    f"folds: the group '{group}' is in the folds {name} and {fold_of_group[group]}; correct the folds, "
                    "give k= to cut others, or by='clip' to ignore the groups"
                )
    ordered = sorted(set(names), key=lambda name: (len(name), name))
    return np.array([ordered.index(name) for name in names], np.int64)


def _deal(counts: np.ndarray, size: np.ndarray, shares: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Assign groups to parts.

    The parts want ``w[p, k] = share_p * total_k`` clips of class k, and of all classes together as one more k. A group
    with c[k] clips goes where it lowers ``sum_pk a_k (n[p, k] - w[p, k])^2 / w[p, k]`` most, with a_k = 1 for a class.

    Args:
        counts: clips of each class in each group, ``[groups, classes]``; no fewer groups than parts.
        size: clips of each group, ``[groups]``.
        shares: share of each part, ``[parts]``, above 0.
        rng: orders groups of one size.

    Returns:
        The part of each group, ``[groups]``; every part occurs.
    """
    counts = counts[:, counts.any(axis=0)]
    alone = np.any(counts[:, counts.sum(axis=0) == 1] > 0, axis=1)
    counts = np.column_stack([counts, size])
    wanted = shares[:, None] * counts.sum(axis=0)
    importance = np.append(np.ones(counts.shape[1] - 1), _TOTAL_IMPORTANCE)
    have = np.zeros_like(wanted)
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
