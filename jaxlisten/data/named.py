"""Data sets that are known by name, read from the folder where the user put them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from jaxlisten.data.audio import AnyPath
from jaxlisten.data.clips import Clip, compiled, group_of, load_clips
from jaxlisten.data.dataset import Dataset, Skipped
from jaxlisten.data.finding import check_folder, class_files
from jaxlisten.data.table import check_columns, rows
from jaxlisten.errors import InputError

_FSDD_NAME = re.compile(r"(\d)_([^_]+)_(\d+)\.wav")
_ESC_NAME = re.compile(r"([1-5])-(\d+)-([A-Z])(?:-\d+)?\.\w+")
_ESC_FOLDS = 5
_ESC_COLUMNS = ("filename", "fold", "category", "esc10", "src_file")


def fsdd(
    root: AnyPath,
    *,
    sr: int | None = None,
    group_by: str | None = None,
    classes: Sequence[str] | None = None,
    from_files: bool | None = None,
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
        from_files: as in `folder`.

    Raises:
        InputError: the recordings are not there, none can be read, or a digit is not in `classes`.
    """
    root = Path(root)
    form = (
        "clone https://github.com/Jakobovski/free-spoken-digit-dataset and name its folder, "
        "which holds recordings/0_jackson_0.wav and so on"
    )
    check_folder(root, form)
    found = _fsdd_files(root)
    if not found:
        raise InputError(f"'{root}' holds no spoken digits; {form}")
    pattern = compiled(group_by)
    clips = [
        Clip(
            str(file),
            target=match[1],
            group=group_of(pattern, file.relative_to(root).as_posix()) if pattern else match[2],
            split="test" if int(match[3]) < 5 else "train",
        )
        for file, match in found
    ]
    return load_clips(clips, sr=sr, classes=classes, source=str(root), from_files=from_files)


def esc50(
    root: AnyPath,
    *,
    test_fold: int = 1,
    sr: int | None = None,
    classes: Sequence[str] | None = None,
    from_files: bool | None = None,
) -> Dataset:
    """Load ESC-50: 2000 environmental sounds of five seconds in 50 classes.

    The folds are the official five, in which cuts of one recording stay together: `test_fold` is for testing, the
    next one (1 after 5) for validation, the others for training, and `folds` goes through all five. The groups are the
    recordings that the clips were cut from.

    Reference: Piczak, "ESC: Dataset for Environmental Sound Classification", ACM Multimedia 2015,
    https://github.com/karolpiczak/ESC-50

    Args:
        root: the folder of the data set: as upstream has it, with ``audio`` and ``meta/esc50.csv``; or with one folder
            a class that holds files such as ``1-100032-A.ogg`` (fold, recording, take). A number before the name of
            such a folder, as in ``001 - Dog bark``, is no part of the class.
        test_fold: 1 to 5.
        sr: as in `folder`.
        classes: the names that targets index; None takes those of the data set, sorted.
        from_files: as in `folder`.

    Raises:
        InputError: the recordings are not there, none can be read, there is no such fold, or a class is not in
            `classes`.

    Example:
        >>> data = esc50("ESC-50-master", test_fold=3)  # doctest: +SKIP
    """
    return _esc(Path(root), "ESC-50", 50, test_fold, sr, classes, from_files)


def esc10(
    root: AnyPath,
    *,
    test_fold: int = 1,
    sr: int | None = None,
    classes: Sequence[str] | None = None,
    from_files: bool | None = None,
) -> Dataset:
    """Load ESC-10: the 400 environmental sounds in ten classes that are the easy part of ESC-50.

    Folds, splits and groups are those of `esc50`.

    Reference: Piczak, "ESC: Dataset for Environmental Sound Classification", ACM Multimedia 2015,
    https://github.com/karolpiczak/ESC-50

    Args:
        root: as in `esc50`: ESC-50 as upstream has it, of which the ten classes are taken, or ESC-10 with one folder a
            class.
        test_fold: as in `esc50`.
        sr: as in `folder`.
        classes: as in `esc50`.
        from_files: as in `folder`.

    Raises:
        InputError: as in `esc50`, or the folder has more than ten classes.
    """
    return _esc(Path(root), "ESC-10", 10, test_fold, sr, classes, from_files)


def _esc(
    root: Path,
    name: str,
    n_classes: int,
    test_fold: int,
    sr: int | None,
    classes: Sequence[str] | None,
    from_files: bool | None,
) -> Dataset:
    """Load either of the two in either of the layouts."""
    if test_fold not in range(1, _ESC_FOLDS + 1):
        raise InputError(f"{name}: expected test_fold from 1 to {_ESC_FOLDS}, got {test_fold!r}")
    form = (
        f"get {name} from https://github.com/karolpiczak/ESC-50 and name its folder, which holds meta/esc50.csv and "
        "audio/1-100032-A-0.wav and so on, or one folder a class with dog/1-100032-A.ogg and so on"
    )
    check_folder(root, form)
    table = root / "meta" / "esc50.csv"
    split_of = {str(test_fold): "test", str(test_fold % _ESC_FOLDS + 1): "validation"}
    clips, odd = _esc_table(root, table, name) if table.is_file() else _esc_folders(root)
    if not clips:
        raise InputError(f"'{root}' holds no recordings of {name}; {form}")
    found = len({clip.target for clip in clips})
    if found > n_classes:
        raise InputError(f"'{root}' holds {found} classes, and {name} has {n_classes}; name the folder of {name}")
    clips = [clip._replace(split=split_of.get(clip.fold or "", "train")) for clip in clips]
    return load_clips(clips, sr=sr, classes=classes, source=str(root), skipped=odd, from_files=from_files)


def _esc_table(root: Path, table: Path, name: str) -> tuple[list[Clip], list[Skipped]]:
    """List the clips as upstream's table has them."""
    clips = [
        Clip(
            str(root / "audio" / row["filename"]),
            target=row["category"],
            group=row["src_file"],
            fold=row["fold"],
            origin=f"row {number} of {table.name}",
        )
        for number, row in rows(table, lambda path, columns: check_columns(path, columns, _ESC_COLUMNS))
        if name == "ESC-50" or row["esc10"].lower() == "true"
    ]
    return clips, []


def _esc_folders(root: Path) -> tuple[list[Clip], list[Skipped]]:
    """List the clips of one folder a class, and the sounds there whose names are not of the data set."""
    clips, odd = [], []
    for folder, file in class_files(root):
        label = re.sub(r"^\d+ - ", "", folder)
        if match := _ESC_NAME.fullmatch(file.name):
            clips.append(Clip(str(file), label, group=match[2], fold=match[1]))
        else:
            reason = f"'{file}' is not named fold-recording-take, so its fold is not known; rename it or take it out"
            odd.append(Skipped(str(file), reason, label))
    return clips, odd


def _fsdd_files(root: Path) -> list[tuple[Path, re.Match[str]]]:
    recordings = root / "recordings"
    files = sorted((recordings if recordings.is_dir() else root).iterdir())
    return [(file, match) for file in files if (match := _FSDD_NAME.fullmatch(file.name))]


def is_fsdd(root: Path) -> bool:
    """Tell whether a folder holds the Free Spoken Digit Dataset and nothing that is a folder a class."""
    if not root.is_dir() or not _fsdd_files(root):
        return False
    return (root / "recordings").is_dir() or not any(entry.is_dir() for entry in root.iterdir())
