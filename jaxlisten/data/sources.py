"""Where labelled clips come from: folders, tables, arrays, and data sets that are known by name."""

from __future__ import annotations

import csv as csv_format
import math
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from jaxlisten.data.audio import AnyPath
from jaxlisten.data.clips import Clip, check_labels, compiled, group_of, load_clips
from jaxlisten.data.dataset import Dataset, Skipped
from jaxlisten.errors import InputError

EXTENSIONS = (
    ".wav",
    ".wave",
    ".flac",
    ".ogg",
    ".oga",
    ".opus",
    ".mp3",
    ".aif",
    ".aiff",
    ".aifc",
    ".au",
    ".caf",
    ".w64",
)
"""What `folder` takes for sound, in upper or lower case."""

_FOLDER_FORM = "it should hold one folder for each class, with that class's sound files inside"
_COLUMNS = ("path", "label", "group", "split", "start", "end")
_SPLITS = {"train": "train", "validation": "validation", "test": "test"} | dict.fromkeys(
    ("val", "valid", "dev"), "validation"
)
_FSDD_NAME = re.compile(r"(\d)_([^_]+)_(\d+)\.wav")


def load(
    path: AnyPath, *, sr: int | None = None, group_by: str | None = None, classes: Sequence[str] | None = None
) -> Dataset:
    """Load whatever `path` is: a table (`csv`), the spoken digits (`fsdd`), or a folder a class (`folder`).

    Args:
        path: a file that ends in ``.csv``, or a folder.
        sr: as in `folder`.
        group_by: as in `folder`.
        classes: as in `folder`.

    Raises:
        InputError: there is nothing at `path`, or it is none of these; and as in `csv`, `fsdd` and `folder`.
    """
    place = Path(path)
    if place.suffix.lower() == ".csv" and not place.is_dir():
        return csv(path, sr=sr, group_by=group_by, classes=classes)
    if place.is_file():
        raise InputError(f"'{path}' is neither a .csv file nor a folder; {_FOLDER_FORM}")
    source = fsdd if _is_fsdd(place) else folder
    return source(path, sr=sr, group_by=group_by, classes=classes)


def folder(
    root: AnyPath, *, sr: int | None = None, group_by: str | None = None, classes: Sequence[str] | None = None
) -> Dataset:
    """Load a folder that has one sub-folder a class.

    Sound files count at any depth inside a class folder. Whatever is hidden (a name that begins with a dot) is ignored,
    and so are folders without sound. Bad clips, and sound that lies beside the class folders, are listed in
    `Dataset.skipped`.

    Args:
        root: the folder.
        sr: the sample rate in Hz; None takes the most common rate of the files (the lower one of two that are equally
            common), but 16 kHz at the most: speech and most events live below 8 kHz.
        group_by: a regular expression that is searched in each path, relative to `root` and with forward slashes; its
            first group, or the whole match, is the clip's group.
        classes: the names that targets index, such as those of a trained model; None takes the folders' names, sorted.

    Raises:
        InputError: there is no such folder, it has no class folders with sound, no clip can be read, `group_by` does
            not match a clip, or a folder's name is not in `classes`.
    """
    root = Path(root)
    _check_folder(root, _FOLDER_FORM)
    pattern = compiled(group_by)
    found = [
        (label, file)
        for label in sorted(entry.name for entry in root.iterdir() if entry.is_dir() and entry.name[0] != ".")
        for file in _sound_files(root / label)
    ]
    beside = [file for file in sorted(root.iterdir()) if _is_sound(file.name) and file.is_file()]
    if not found:
        what = "sound files but no folders with sound" if beside else "no sound files"
        raise InputError(f"'{root}' holds {what}; {_FOLDER_FORM}, such as {root.name or 'sounds'}/dog/1.wav")
    clips = [
        Clip(file, label, pattern and group_of(pattern, file.relative_to(root).as_posix())) for label, file in found
    ]
    left_out = [
        Skipped(str(file), f"'{file}' lies beside the class folders; move it into one of them") for file in beside
    ]
    return load_clips(clips, sr=sr, classes=classes, source=str(root), skipped=left_out)


def csv(
    path: AnyPath, *, sr: int | None = None, group_by: str | None = None, classes: Sequence[str] | None = None
) -> Dataset:
    """Load the clips that a table lists.

    The first row names the columns: ``path`` (absolute or relative to the table) and ``label``, and any of ``group``,
    ``split`` (train, validation or test; val, valid and dev mean validation), ``start`` and ``end`` (seconds; an empty
    cell is the file's own end). Other columns are ignored. Rows whose clip can't be read are listed in
    `Dataset.skipped`. Rows are counted as spreadsheets do: the names are row 1.

    Args:
        path: the table, comma-separated UTF-8.
        sr: as in `folder`.
        group_by: a regular expression as in `folder`, searched in the paths as they are written; it goes before the
            column ``group``.
        classes: the names that targets index; None takes the labels, sorted.

    Raises:
        InputError: there is no such file, it is not such a table, a cell is wrong (the message names its row), no clip
            can be read, `group_by` does not match a path, or a label is not in `classes`.
    """
    path = Path(path)
    pattern = compiled(group_by)
    clips = [_clip_of_row(path, number, row, pattern) for number, row in _rows(path)]
    if not clips:
        raise InputError(f"'{path}' lists no clips; write one row a clip below the column names")
    return load_clips(clips, sr=sr, classes=classes, source=str(path))


def arrays(
    x: Sequence[np.ndarray] | np.ndarray,
    y: Sequence[str] | Sequence[int] | np.ndarray,
    *,
    sr: int,
    classes: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
) -> Dataset:
    """Make a data set of clips that are in memory already.

    Args:
        x: floating-point clips, ``[time]`` each, or one array ``[n, time]``.
        y: for each clip the name of its class, or its class's index.
        sr: the sample rate of all of them in Hz.
        classes: the names of the classes; None takes the sorted names in `y`, or "0", "1" and so on for indices, all
            of which must then occur.
        groups: what each clip belongs to; clips of one group never cross a split.

    Raises:
        InputError: no clips, a clip that is not one-dimensional, floating-point, finite and of one sample or more, as
            many labels or groups as clips are not there, or a label is not one of the classes.

    Example:
        >>> arrays(np.zeros((2, 8000)), ["dog", "cat"], sr=8000)
        Dataset(2 clips, 2 classes, 8000 Hz, 0.0 min)
    """
    clips = tuple(_checked_clip(i, clip) for i, clip in enumerate(x))
    if not clips or sr < 1:
        raise InputError(f"arrays: expected one clip or more and a rate in Hz, got {len(clips)} clips and sr={sr}")
    names, targets = _targets(y, len(clips), classes)
    return Dataset(
        audio=clips,
        targets=targets,
        classes=names,
        sr=sr,
        paths=tuple(f"clip {i}" for i in range(len(clips))),
        groups=None if groups is None else tuple(map(str, groups)),
    )


def fsdd(
    root: AnyPath, *, sr: int | None = None, group_by: str | None = None, classes: Sequence[str] | None = None
) -> Dataset:
    """Load the Free Spoken Digit Dataset: 3000 recordings of ten digits by six speakers at 8 kHz.

    The split is the official one: the recordings 0 to 4 of each digit and speaker are for testing, the others for
    training. It shares its speakers; the groups are the speakers, so that `split` leaves whole speakers out.

    Reference: https://github.com/Jakobovski/free-spoken-digit-dataset

    Args:
        root: the folder ``recordings`` of the data set, or the one that holds it.
        sr: as in `folder`.
        group_by: as in `folder`, in place of the speaker.
        classes: the names that targets index; None takes the digits, "0" to "9".

    Raises:
        InputError: the recordings are not there, none can be read, or a digit is not in `classes`.
    """
    root = Path(root)
    form = (
        "clone https://github.com/Jakobovski/free-spoken-digit-dataset and name its folder, "
        "which holds recordings/0_jackson_0.wav and so on"
    )
    _check_folder(root, form)
    found = _fsdd_files(root)
    if not found:
        raise InputError(f"'{root}' holds no spoken digits; {form}")
    pattern = compiled(group_by)
    clips = [
        Clip(
            file,
            label=match[1],
            group=group_of(pattern, file.relative_to(root).as_posix()) if pattern else match[2],
            split="test" if int(match[3]) < 5 else "train",
        )
        for file, match in found
    ]
    return load_clips(clips, sr=sr, classes=classes, source=str(root))


def _check_folder(root: Path, form: str) -> None:
    if not root.is_dir():
        raise InputError(
            f"'{root}' is not a folder; {form}" if root.exists() else f"there is no folder '{root}'; {form}"
        )


def _sound_files(root: Path) -> Iterator[Path]:
    """Yield the sound files below a folder, sorted."""
    for place, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name[0] != ".")
        yield from (Path(place, name) for name in sorted(names) if _is_sound(name))


def _is_sound(name: str) -> bool:
    return name[0] != "." and name.lower().endswith(EXTENSIONS)


def _fsdd_files(root: Path) -> list[tuple[Path, re.Match[str]]]:
    recordings = root / "recordings"
    files = sorted((recordings if recordings.is_dir() else root).iterdir())
    return [(file, match) for file in files if (match := _FSDD_NAME.fullmatch(file.name))]


def _is_fsdd(root: Path) -> bool:
    if not root.is_dir() or not _fsdd_files(root):
        return False
    return (root / "recordings").is_dir() or not any(entry.is_dir() for entry in root.iterdir())


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield each row that is not blank, with its number and its cells by column."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv_format.DictReader(file, restval="")
            reader.fieldnames = columns = [name.strip() for name in reader.fieldnames or ()]
            for name in ("path", "label"):
                if name not in columns:
                    found = ", ".join(map(repr, columns)) or "none, the file is empty"
                    raise InputError(f"'{path}' has no column '{name}' (found: {found}); name it in the first row")
            for row in reader:
                if None in row:
                    raise InputError(
                        f"'{path}', row {reader.line_num}: more cells than columns; quote a cell that has a comma"
                    )
                cells = {name: row[name].strip() for name in _COLUMNS if name in row}
                if any(cells.values()):
                    yield reader.line_num, cells
    except UnicodeDecodeError as error:
        raise InputError(f"'{path}' is not UTF-8 text; save the table as CSV in UTF-8") from error
    except csv_format.Error as error:
        raise InputError(
            f"'{path}' is not a comma-separated table ({error}); save the table as CSV in UTF-8"
        ) from error
    except OSError as error:
        raise InputError(f"'{path}' can't be opened ({error.strerror}); check the name of the table") from error


def _clip_of_row(table: Path, number: int, row: dict[str, str], pattern: re.Pattern[str] | None) -> Clip:
    """Check the cells of a row and make a clip of them."""
    where = f"'{table}', row {number}"
    for name in ("path", "label", "group", "split"):
        if row.get(name) == "":
            raise InputError(f"{where}: the cell '{name}' is empty; fill it in or remove the row")
    split = row.get("split")
    if split is not None and split.lower() not in _SPLITS:
        raise InputError(f"{where}: '{split}' is not a split; write train, validation or test")
    start, end = (_seconds(row.get(name, ""), f"{where}: the cell '{name}'") for name in ("start", "end"))
    if start is not None and end is not None and start >= end:
        raise InputError(
            f"{where}: the clip starts at {start:g} s, which is not before its end at {end:g} s; correct it"
        )
    return Clip(
        file=table.parent / row["path"],
        label=row["label"],
        group=group_of(pattern, row["path"].replace("\\", "/")) if pattern else row.get("group"),
        split=None if split is None else _SPLITS[split.lower()],
        start=start,
        end=end,
        origin=f"row {number}",
    )


def _seconds(cell: str, where: str) -> float | None:
    if not cell:
        return None
    try:
        seconds = float(cell)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise InputError(f"{where} is '{cell}'; write a number of seconds from the beginning of the file")
    return seconds


def _checked_clip(i: int, clip: np.ndarray) -> np.ndarray:
    clip = np.asarray(clip)
    if clip.ndim != 1 or clip.dtype.kind != "f":
        raise InputError(
            f"arrays: expected floating-point samples [time] as clip {i}, got {clip.dtype} {list(clip.shape)}: "
            "average the channels, and divide 16-bit integers by 32768"
        )
    clip = np.ascontiguousarray(clip, np.float32)
    if not len(clip) or not np.isfinite(clip).all():
        raise InputError(f"arrays: clip {i} has no samples, or some that are NaN or infinite; leave it out")
    return clip


def _targets(
    y: Sequence[str] | Sequence[int] | np.ndarray, n: int, classes: Sequence[str] | None
) -> tuple[tuple[str, ...], np.ndarray]:
    """Turn names or indices into the names of the classes and int32 indices."""
    labels = np.asarray(list(y))
    if labels.shape != (n,) or labels.dtype.kind not in "iuU":
        raise InputError(
            f"arrays: expected a name or an index for each of {n} clips as y, got {labels.dtype} {list(labels.shape)}"
        )
    values = sorted(set(labels.tolist()))
    if labels.dtype.kind == "U":
        names = tuple(values) if classes is None else tuple(classes)
        check_labels(values, names, "y")
        return names, np.array([names.index(label) for label in labels.tolist()], np.int32)
    if classes is None and values != list(range(len(values))):
        raise InputError(
            f"arrays: expected all indices from 0 to {len(values) - 1} in y, got {values[0]} to {values[-1]}: "
            "give classes=, or names in place of indices"
        )
    return tuple(map(str, values)) if classes is None else tuple(classes), labels.astype(np.int32)
