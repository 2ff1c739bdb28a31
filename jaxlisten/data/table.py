"""Clips that a CSV table lists."""

from __future__ import annotations

import csv as csv_format
import math
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from jaxlisten.data.audio import AnyPath
from jaxlisten.data.clips import Clip, compiled, group_of, load_clips
from jaxlisten.data.dataset import Dataset
from jaxlisten.data.limits import check_file
from jaxlisten.data.targets import Target
from jaxlisten.data.transcripts import SPACE, Transcript, Units, transcript_of
from jaxlisten.errors import InputError

_TARGETS = ("label", "labels", "target", "transcript")
_COLUMNS = ("path", *_TARGETS, "group", "split", "fold", "start", "end")
_LARGEST_NUMBER = 1e38
"""Targets are kept as float32."""
SPLITS = {"train": "train", "validation": "validation", "test": "test"} | dict.fromkeys(
    ("val", "valid", "dev"), "validation"
)
"""What a table may call the splits."""


def csv(
    path: AnyPath,
    *,
    sr: int | None = None,
    group_by: str | None = None,
    classes: Sequence[str] | None = None,
    from_files: bool | None = None,
    units: Units | None = None,
) -> Dataset:
    """Load the clips that a table lists.

    The first row names the columns: ``path`` (absolute or relative to the table, wherever that leads: what lies there
    is decoded as sound and nothing else), and what is to be learned,

    - ``label``: the clip's class; or in its place
    - ``labels``: any number of labels between semicolons, ``dog;rain``; an empty cell is none of them; or
    - ``target``: a number, or several between semicolons. Beside ``label`` it is ignored: many tables have the number
      of a class there. Numbers of several moments of a clip (a column ``time``) are for `contours`; or
    - ``transcript``: what is said, word for word (see `units`).

    There may also be ``group``, ``split`` (train, validation or test; val, valid and dev mean validation), ``fold``,
    ``start`` and ``end`` (seconds; an empty cell is the file's own end). Other columns are ignored. Rows whose clip
    can't be read are listed in `Dataset.skipped`. Rows are counted as spreadsheets do: the names are row 1.

    Args:
        path: the table, comma-separated UTF-8.
        sr: as in `folder`.
        group_by: a regular expression as in `folder`, searched in the paths as they are written; it goes before the
            column ``group``.
        classes: the names that targets index; None takes the labels, sorted, and for numbers ``"target"`` (or
            ``"target 0"`` and so on).
        from_files: as in `folder`.
        units: what the symbols of transcripts are: "words", between spaces, or "characters"; None: characters where
            `classes` has a space, and words otherwise.

    Raises:
        InputError: there is no such file, it is not such a table, a cell is wrong (the message names its row), no clip
            can be read, `group_by` does not match a path, or a label is not in `classes`.
    """
    path = Path(path)
    units = units or ("characters" if SPACE in (classes or ()) else "words")
    columns = list[str]()

    def check(path: Path, names: Sequence[str]) -> None:
        _check_columns(path, names)
        columns.extend(names)

    clips = _listed(path, group_by, check, lambda row, where: _target(row, where, units))
    _check_widths(path, clips)
    _check_moments(path, columns, clips)
    return load_clips(clips, sr=sr, classes=classes, source=str(path), from_files=from_files)


def unlabelled_csv(
    path: Path, *, sr: int | None = None, group_by: str | None = None, from_files: bool | None = None
) -> Dataset:
    """Load the clips that a table lists, as `csv` does, without what may be written about them."""
    clips = _listed(path, group_by, lambda path, columns: check_columns(path, columns, ("path",)), lambda *_: None)
    return load_clips(clips, sr=sr, classes=None, source=str(path), from_files=from_files)


def has_targets(path: Path) -> bool:
    """Tell whether a table has a column of what is to be learned.

    Raises:
        InputError: it can't be read as a table.
    """
    found = list[str]()

    def look(path: Path, columns: Sequence[str]) -> None:
        check_columns(path, columns, ("path",))
        found.extend(name for name in _TARGETS if name in columns)

    next(rows(path, look), None)
    return bool(found)


def _listed(
    path: Path,
    group_by: str | None,
    check: Callable[[Path, Sequence[str]], None],
    target: Callable[[dict[str, str], str], Target],
) -> list[Clip]:
    """Read the rows of a table as clips; `target` makes of a row, and of words for where it is, what is learned."""
    pattern = compiled(group_by)
    clips = [
        _clip_of_row(path, number, row, pattern, target)
        for number, row in rows(path, check)
        if any(row.get(name) for name in _COLUMNS)
    ]
    if not clips:
        raise InputError(f"'{path}' lists no clips; write one row a clip below the column names")
    return clips


def transcripts(
    path: AnyPath,
    *,
    units: Units = "words",
    sr: int | None = None,
    group_by: str | None = None,
    classes: Sequence[str] | None = None,
    from_files: bool | None = None,
) -> Dataset:
    """Load clips of which a table says what is said in them: `csv`, with the columns ``path`` and ``transcript``.

    Symbols are the words between spaces, or the characters; nothing is changed but that several spaces are one. The
    classes are the symbols that occur, sorted, and of characters always the space.

    Args:
        path: the table, comma-separated UTF-8.
        units: "words" or "characters".
        sr, group_by, from_files: as in `folder`.
        classes: the symbols that targets index, such as those of a trained listener; None takes those that occur.

    Raises:
        InputError: as in `csv`; there is no column ``transcript``, a transcript is empty, or one has a symbol that is
            not in `classes`.

    Example:
        >>> data = transcripts("digits.csv")  # doctest: +SKIP
        >>> data.classes, said_in(data.targets, data.classes)[0]  # doctest: +SKIP
        (('one', 'three', 'two'), 'three one')
    """
    table = Path(path)
    for _ in rows(table, lambda path, columns: check_columns(path, columns, ("path", "transcript"))):
        break
    return csv(table, sr=sr, group_by=group_by, classes=classes, from_files=from_files, units=units)


def rows(path: Path, check: Callable[[Path, Sequence[str]], None]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield each row of a table with its number and its cells by column.

    Args:
        path: the table, comma-separated UTF-8, with the names of the columns in its first row.
        check: called once with `path` and the names of the columns; it refuses what lacks one.

    Raises:
        InputError: the file can't be read as such a table, or `check` refuses it.
    """
    check_file(path, "a table", "table_bytes")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv_format.DictReader(file, restval="")
            reader.fieldnames = columns = [name.strip() for name in reader.fieldnames or ()]
            check(path, columns)
            for row in reader:
                if None in row:
                    raise InputError(
                        f"'{path}', row {reader.line_num}: more cells than columns; quote a cell that has a comma"
                    )
                yield reader.line_num, {name: cell.strip() for name, cell in row.items()}
    except UnicodeDecodeError as error:
        raise InputError(f"'{path}' is not UTF-8 text; save the table as CSV in UTF-8") from error
    except csv_format.Error as error:
        raise InputError(
            f"'{path}' is not a comma-separated table ({error}); save the table as CSV in UTF-8"
        ) from error
    except OSError as error:
        raise InputError(f"'{path}' can't be opened ({error.strerror}); check the name of the table") from error


def check_columns(path: Path, columns: Sequence[str], names: Sequence[str]) -> None:
    """Refuse a table that lacks one of the columns.

    Raises:
        InputError: it does; the message names the columns that were found.
    """
    for name in names:
        if name not in columns:
            found = ", ".join(map(repr, columns)) or "none, the file is empty"
            raise InputError(f"'{path}' has no column '{name}' (found: {found}); name it in the first row")


def _check_columns(path: Path, columns: Sequence[str]) -> None:
    """Refuse a table without paths, or where it is not clear which column says what is to be learned."""
    targets = [name for name in _TARGETS if name in columns]
    if len(targets) > 1 and ("labels" in targets or "transcript" in targets):
        raise InputError(
            f"'{path}' has the columns {' and '.join(map(repr, targets))}, but clips have targets of one kind: a class "
            "(label), several labels (labels), numbers (target) or what is said (transcript); rename or remove the "
            "others"
        )
    check_columns(path, columns, ("path", *(targets or _TARGETS[:1])))


def _check_widths(table: Path, clips: Sequence[Clip]) -> None:
    """Refuse rows that have more or fewer numbers than the first one."""
    if not isinstance(clips[0].target, tuple) or isinstance(clips[0].target, Transcript):
        return
    width = len(clips[0].target)
    for clip in clips:
        if isinstance(clip.target, tuple) and len(clip.target) != width:
            raise InputError(
                f"'{table}', {clip.origin}: the cell 'target' holds {len(clip.target)} numbers, the first one {width}; "
                "give every clip equally many"
            )


def _check_moments(table: Path, columns: Sequence[str], clips: Sequence[Clip]) -> None:
    """Refuse numbers of several moments of a recording, which would each be learned of the whole of it."""
    if "time" not in columns or "target" not in columns or "label" in columns:
        return
    seen = set[tuple[str, float | None, float | None]]()
    for clip in clips:
        piece = clip.file, clip.start, clip.end
        if piece in seen:
            raise InputError(
                f"'{table}', {clip.origin}: a second target for the same sound, and there is a column 'time'; numbers "
                "over time want --task contours (jaxlisten.data.contours); for one number a clip, keep one row of each"
            )
        seen.add(piece)


def _clip_of_row(
    table: Path,
    number: int,
    row: dict[str, str],
    pattern: re.Pattern[str] | None,
    target: Callable[[dict[str, str], str], Target],
) -> Clip:
    """Check the cells of a row and make a clip of them."""
    where = f"'{table}', row {number}"
    for name in ("path", "group", "split"):
        if row.get(name) == "":
            raise InputError(f"{where}: the cell '{name}' is empty; fill it in or remove the row")
    split = row.get("split")
    if split is not None and split.lower() not in SPLITS:
        raise InputError(f"{where}: '{split}' is not a split; write train, validation or test")
    start, end = (seconds(row.get(name, ""), f"{where}: the cell '{name}'") for name in ("start", "end"))
    if start is not None and end is not None and start >= end:
        raise InputError(
            f"{where}: the clip starts at {start:g} s, which is not before its end at {end:g} s; correct it"
        )
    return Clip(
        file=str(table.parent / row["path"]),
        target=target(row, where),
        group=group_of(pattern, row["path"].replace("\\", "/")) if pattern else row.get("group"),
        split=None if split is None else SPLITS[split.lower()],
        fold=row.get("fold") or None,
        start=start,
        end=end,
        origin=f"row {number}",
    )


def seconds(cell: str, where: str) -> float | None:
    """Read a time from the beginning of a file; an empty cell is None.

    Raises:
        InputError: it is no such number; the message begins with `where`.
    """
    if not cell:
        return None
    try:
        time = float(cell)
    except ValueError:
        time = math.nan
    if not 0 <= time < math.inf:
        raise InputError(f"{where} is '{cell}'; write a number of seconds from the beginning of the file")
    return time


def _target(row: dict[str, str], where: str, units: Units) -> Target:
    """Read what is to be learned from the one column that has it."""
    for name in ("label", "transcript"):
        if row.get(name) == "":
            raise InputError(f"{where}: the cell '{name}' is empty; fill it in or remove the row")
    if "transcript" in row:
        return transcript_of(row["transcript"], units)
    if "label" in row:
        return row["label"]
    if "labels" in row:
        return frozenset(label.strip() for label in row["labels"].split(";") if label.strip())
    return numbers_in(row["target"], where)


def numbers_in(cell: str, where: str) -> tuple[float, ...]:
    """Read the numbers of a cell ``target``.

    Raises:
        InputError: one is none; the message begins with `where`.
    """
    return tuple(_number(number.strip(), where) for number in cell.split(";"))


def _number(cell: str, where: str) -> float:
    try:
        number = float(cell)
    except ValueError:
        number = math.nan
    if not abs(number) < _LARGEST_NUMBER:
        raise InputError(f"{where}: the cell 'target' has '{cell}'; write a number, or several between semicolons")
    return number
