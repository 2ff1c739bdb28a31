"""Recordings of which a table says numbers at every moment."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from jaxlisten.data.audio import AnyPath
from jaxlisten.data.by_recording import ROUNDED_SECONDS, Recording, load_recordings, recordings_of
from jaxlisten.data.contour import Contour
from jaxlisten.data.dataset import Dataset
from jaxlisten.data.events import said_rows
from jaxlisten.data.table import check_columns, numbers_in, seconds
from jaxlisten.errors import InputError

_COLUMNS = ("path", "time", "target")


def contours(
    path: AnyPath,
    *,
    sr: int | None = None,
    group_by: str | None = None,
    classes: Sequence[str] | None = None,
    from_files: bool | None = None,
) -> Dataset:
    """Load the recordings of a table that says numbers at every moment: targets of the kind ``"contours"``.

    The first row names the columns: ``path`` (absolute, or relative to the table), ``time`` in seconds, and ``target``,
    a number or several between semicolons; a row for each point, those of a recording in the order of time. Between
    two points numbers are on the line between them; before the first point, behind the last one, and next to a point
    whose ``target`` is empty they are not known, and don't count. There may also be ``group``, ``split`` and ``fold``,
    as in `csv`, the same in all rows of a recording. Other columns are ignored.

    Args:
        path: the table, comma-separated UTF-8.
        sr, group_by, from_files: as in `strong`.
        classes: the names of the numbers; None: ``"target"``, or ``"target 0"`` and so on.

    Returns:
        A clip for each recording, whole, in the order of the table; `windows` cuts them for training.

    Raises:
        InputError: there is no such file, it is not such a table, a cell is wrong or holds no number, times are not in
            order or lie behind the end of the recording (the message names the row), a recording has no number at two
            times in succession, or none can be read.

    Example:
        >>> data = contours("loudness.csv")  # doctest: +SKIP
        >>> train, val = (jl.data.windows(part) for part in jl.data.split(data, (0.8, 0.2)))  # doctest: +SKIP
    """
    table = Path(path)
    rows = said_rows(table, lambda path, columns: check_columns(path, columns, _COLUMNS), _COLUMNS)
    found = recordings_of(table, rows, _point)
    width = max(len(numbers) for one in found for _, (_, numbers) in one.said)
    for one in found:
        _check(table, one, width)

    def inside(one: Recording, seconds: float) -> None:
        for number, (time, _) in one.said:
            if time > seconds + ROUNDED_SECONDS:
                raise InputError(
                    f"'{table}', row {number}: the time {time:g} s is behind the end of '{one.path}', at "
                    f"{seconds:.3f} s; correct the times, which are seconds, or name the right file"
                )

    settings = {"sr": sr, "group_by": group_by, "classes": classes, "from_files": from_files}
    return load_recordings(table, found, lambda one: _contour(one, width), inside, **settings)


def _point(row: dict[str, str], where: str) -> tuple[float, tuple[float, ...]]:
    """Read a row; a number that is not known is left out."""
    time = seconds(row["time"], f"{where}: the cell 'time'")
    if time is None:
        raise InputError(f"{where}: the cell 'time' is empty; write seconds from the beginning of the recording")
    return time, numbers_in(row["target"], where) if row["target"] else ()


def _check(table: Path, one: Recording, width: int) -> None:
    """Refuse times that don't ascend, other numbers than in other rows, and a recording without any."""
    for (_, (before, _)), (number, (time, _)) in pairwise(one.said):
        if time <= before:
            raise InputError(
                f"'{table}', row {number}: the time {time:g} s of '{one.path}' comes behind {before:g} s; sort the "
                "rows of a recording by their times, each time once"
            )
    for number, (_, numbers) in one.said:
        if len(numbers) not in (0, width):
            raise InputError(
                f"'{table}', row {number}: the cell 'target' holds {len(numbers)} numbers, others {width}; give every "
                "row equally many, or leave it empty"
            )
    known = [bool(numbers) for _, (_, numbers) in one.said]
    if not any(a and b for a, b in pairwise(known)):
        raise InputError(
            f"'{table}', row {one.number}: '{one.path}' has no number in 'target' at two times in succession, so there "
            "is nothing to learn from it; give more, or leave the recording out"
        )


def _contour(one: Recording, width: int) -> Contour:
    values = [numbers or (math.nan,) * width for _, (_, numbers) in one.said]
    return Contour(np.array([time for _, (time, _) in one.said]), np.array(values))
