"""Sounds and groups that lie in more than one part of a data set: what is measured on one is known from another."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence

import numpy as np

from jaxlisten.data.dataset import Dataset, same_sound
from jaxlisten.errors import ListenWarning

_NAMED = 3
"""Clips, and groups, that a warning names at most."""


def copies(sound: np.ndarray) -> list[list[int]]:
    """List the indices of clips that hold the same sound, by `same_sound`, in groups of two or more."""
    return [clips for clips in gathered(sound.tolist()) if len(clips) > 1]


def crossing(clips: Iterable[list[int]], parts: Sequence[object] | None) -> list[list[int]]:
    """Choose of some lists of clips those that lie in more than one part; without parts there are none."""
    return [] if parts is None else [own for own in clips if len({parts[i] for i in own}) > 1]


def torn(data: Dataset, parts: Sequence[object] | None) -> list[list[int]]:
    """List the clips of each group that lies in more than one part."""
    return crossing(gathered(data.groups or ()), parts)


def warn_of_crossings(data: Dataset, parts: Sequence[str], kind: str, *, groups: bool = True) -> None:
    """Warn of copies of a sound, and of groups, that named parts tear apart.

    Args:
        data: the clips.
        parts: the name of the part of each clip.
        kind: what the parts are called, in the plural.
        groups: False: only of copies.
    """

    def told(clips: list[int]) -> str:
        each = {parts[i]: i for i in reversed(clips)}  # the first clip in each part
        return " = ".join(f"'{data.paths[i]}' ({part})" for part, i in sorted(each.items(), key=lambda item: item[1]))

    if found := crossing(copies(same_sound(data.digests())), parts):
        sounds = "1 sound is" if len(found) == 1 else f"{len(found):,} sounds are"
        warn(
            f"{sounds} in more than one of the {kind}: {some(map(told, found))}; what is measured on copies is known "
            "from training, so keep them in one"
        )
    if found := torn(data, parts) if groups else []:
        names = some(f"'{data.groups[clips[0]]}'" for clips in found) if data.groups else ""
        several = "1 group is" if len(found) == 1 else f"{len(found):,} groups are"
        first = told(found[0]).replace(" = ", " and ")
        warn(
            f"{several} in more than one of the {kind}: {names}, such as {first}; what is measured says nothing of new "
            "groups"
        )


def warn(message: str) -> None:
    """Warn whoever called the library."""
    warnings.warn(message, ListenWarning, stacklevel=4)


def some(texts: Iterable[str], named: int = _NAMED) -> str:
    """Join the first few of some texts, and count the others."""
    texts = list(texts)
    return ", ".join(texts[:named]) + (f" and {len(texts) - named:,} more" if len(texts) > named else "")


def gathered(keys: Iterable[object]) -> list[list[int]]:
    """Put the places of equal keys into one list each."""
    places: dict[object, list[int]] = {}
    for i, key in enumerate(keys):
        places.setdefault(key, []).append(i)
    return list(places.values())


def kept_together(sound: np.ndarray, groups: tuple[str, ...] | None) -> np.ndarray:
    """Number the clips so that those of one group or of one sound have one number.

    Args:
        sound: from `same_sound`, ``[n]``.
        groups: of the clips; None: there are none.

    Returns:
        int64 ``[n]``.
    """
    if groups is None:
        return sound
    names, group = np.unique(np.array(groups), return_inverse=True)
    n = len(sound)
    if (sound == np.arange(n)).all():
        return group
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    # Each clip is tied to the first clip of its sound, and to its group.
    ends = np.tile(np.arange(n), 2), np.concatenate([sound, n + group])
    ties = coo_array((np.ones(2 * n), ends), shape=(n + len(names), n + len(names)))
    return connected_components(ties, directed=False)[1][:n]
