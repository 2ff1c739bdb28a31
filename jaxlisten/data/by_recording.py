"""Tables with several rows for each recording: what is said of it at different times."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jaxlisten.data.clips import Clip, compiled, group_of, load_clips
from jaxlisten.data.dataset import Dataset
from jaxlisten.data.table import SPLITS
from jaxlisten.data.targets import Target
from jaxlisten.errors import InputError

ROUNDED_SECONDS = 0.05
"""How far behind the recording a time may lie: times are rounded, and lengths of MP3 are estimates."""


@dataclass
class Recording:
    """What the rows of a recording say.

    Attributes:
        path: as it is written.
        number: of its first row.
        facts: its group, split and fold.
        said: the number of each row that says something, and what.
    """

    path: str
    number: int
    facts: dict[str, str | None]
    said: list[tuple[int, Any]] = field(default_factory=list)


def recordings_of(
    table: Path,
    rows: Iterable[tuple[int, str, dict[str, str]]],
    read: Callable[[dict[str, str], str], Any],
) -> list[Recording]:
    """Sort the rows of a table by their recordings, in the order of the table.

    Args:
        table: for messages.
        rows: number, place in words and cells of each.
        read: makes of the cells, and the place, what they say; None: nothing.

    Raises:
        InputError: there is no row, or the rows of a recording differ in its group, split or fold.
    """
    found = dict[str, Recording]()
    for number, where, row in rows:
        facts = _facts(row, where)
        one = found.setdefault(os.path.normpath(row["path"]), Recording(row["path"], number, facts))
        for name, value in facts.items():
            if one.facts[name] != value:
                raise InputError(
                    f"{where}: the {name} of '{row['path']}' is {value or 'empty'!r}, and {one.facts[name]!r} in row "
                    f"{one.number}; a recording is in one only"
                )
        if (said := read(row, where)) is not None:
            one.said.append((number, said))
    if not found:
        raise InputError(f"'{table}' lists no recordings; write rows below the column names")
    return list(found.values())


def load_recordings(
    table: Path,
    found: Sequence[Recording],
    target: Callable[[Recording], Target],
    check: Callable[[Recording, float], None],
    *,
    sr: int | None,
    group_by: str | None,
    classes: Sequence[str] | None,
    from_files: bool | None,
) -> Dataset:
    """Read the recordings of a table.

    Args:
        table: where they are listed.
        found: the recordings.
        target: of a recording.
        check: is given each one that was read, and its seconds, to refuse what doesn't go with them.
        sr, group_by, classes, from_files: as in `jaxlisten.data.csv`.
    """
    pattern = compiled(group_by)
    clips = [
        Clip(
            file=str(table.parent / one.path),
            target=target(one),
            group=group_of(pattern, one.path.replace("\\", "/")) if pattern else one.facts["group"],
            split=None if one.facts["split"] is None else SPLITS[one.facts["split"].lower()],
            fold=one.facts["fold"],
            origin=f"row {one.number}",
        )
        for one in found
    ]
    data = load_clips(clips, sr=sr, classes=classes, source=str(table), from_files=from_files)
    named = {clip.path: one for clip, one in zip(clips, found, strict=True)}
    for name, samples in zip(data.paths, data.lengths.tolist(), strict=True):
        check(named[name], samples / data.sr)
    return data


def _facts(row: dict[str, str], where: str) -> dict[str, str | None]:
    for name in ("group", "split"):
        if row.get(name) == "":
            raise InputError(f"{where}: the cell '{name}' is empty; fill it in or remove the row")
    split = row.get("split")
    if split is not None and split.lower() not in SPLITS:
        raise InputError(f"{where}: '{split}' is not a split; write train, validation or test")
    return {"group": row.get("group"), "split": split, "fold": row.get("fold") or None}
