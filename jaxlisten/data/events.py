"""What is heard when, in recordings that are longer than one sound."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from jaxlisten.data.audio import AnyPath
from jaxlisten.data.table import check_columns, rows, seconds
from jaxlisten.data.timed import Event
from jaxlisten.errors import InputError

EVENT_COLUMNS = ("path", "label", "start", "end")
BACKGROUND = "_background_"
"""The class of cuts of a stream in which there is nothing to find."""


def is_negative(label: str) -> bool:
    """Tell whether a class stands for what is not to be found.

    Its name begins with an underscore, as those of ``_silence_`` and ``_unknown_`` of Speech Commands do.
    """
    return label.startswith("_")


def is_background(label: str) -> bool:
    """Tell whether a class stands for what is heard when nothing is: ``_background_``, ``_silence_`` or ``_noise_``."""
    return is_negative(label) and label.strip("_").lower() in {"background", "silence", "noise"}


def events(path: AnyPath) -> dict[str, list[Event]]:
    """Read a table of what is heard when.

    The first row names the columns: ``path`` (of the recording, absolute or relative to the table), ``label``,
    ``start`` and ``end`` (in seconds). A recording in which nothing is heard has one row, with the other cells empty.
    Other columns are ignored.

    Args:
        path: the table, comma-separated UTF-8.

    Returns:
        For each recording, in the order of the table, its events in the order of time. Nothing is read of them.

    Raises:
        InputError: there is no such file, it is not such a table, or a cell is wrong; the message names its row.
    """
    path = Path(path)
    found = dict[str, list[Event]]()
    for _, where, row in said_rows(path, _check, EVENT_COLUMNS):
        heard = found.setdefault(os.path.join(path.parent, row["path"]), [])
        if any(row[name] for name in ("label", "start", "end")):
            heard.append(event_of(row, where))
    if not found:
        raise InputError(f"'{path}' lists no recordings; write one row an event below the column names")
    return {name: sorted(heard, key=lambda event: event.start) for name, heard in found.items()}


def said_rows(
    path: Path, check: Callable[[Path, Sequence[str]], None], columns: Sequence[str]
) -> Iterator[tuple[int, str, dict[str, str]]]:
    """Yield number, place in words and cells of each row of a table that says something in one of the columns.

    Raises:
        InputError: as `rows`, or a row names no recording.
    """
    for number, row in rows(path, check):
        if not any(row.get(name) for name in columns):
            continue
        where = f"'{path}', row {number}"
        if not row["path"]:
            raise InputError(f"{where}: the cell 'path' is empty; fill it in or remove the row")
        yield number, where, row


def _check(path: Path, columns: Sequence[str]) -> None:
    check_columns(path, columns, EVENT_COLUMNS)


def event_of(row: dict[str, str], where: str) -> Event:
    """Read the event of a row of a table.

    Raises:
        InputError: a cell is empty or wrong; the message begins with `where`.
    """
    start, end = (seconds(row[name], f"{where}: the cell '{name}'") for name in ("start", "end"))
    if not row["label"] or start is None or end is None:
        raise InputError(f"{where}: an event needs label, start and end; leave all three empty where nothing is heard")
    if start >= end:
        raise InputError(f"{where}: the event starts at {start:g} s, which is not before its end at {end:g} s")
    return Event(row["label"], start, end)
