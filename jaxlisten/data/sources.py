"""Where clips come from: whatever a path is, a folder a class, recordings without labels, or arrays."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from jaxlisten.data.ahead import each
from jaxlisten.data.audio import AnyPath, read
from jaxlisten.data.clips import Clip, compiled, group_of, load_clips
from jaxlisten.data.dataset import Dataset, Skipped
from jaxlisten.data.finding import check_folder, class_files, is_sound, sound_files
from jaxlisten.data.named import fsdd, is_fsdd
from jaxlisten.data.sharing import together
from jaxlisten.data.table import csv, unlabelled_csv
from jaxlisten.data.targets import DTYPES, check_targets, encode, kind_of, number_names
from jaxlisten.data.timed import Event, Timed
from jaxlisten.data.transcripts import Transcript, Units
from jaxlisten.errors import InputError

_FOLDER_FORM = "it should hold one folder for each class, with that class's sound files inside"


def load(
    path: AnyPath,
    *,
    sr: int | None = None,
    group_by: str | None = None,
    classes: Sequence[str] | None = None,
    from_files: bool | None = None,
    units: Units | None = None,
) -> Dataset:
    """Load whatever `path` is: a table (`csv`), the spoken digits (`fsdd`), or a folder a class (`folder`).

    Args:
        path: a file that ends in ``.csv``, or a folder.
        sr: as in `folder`.
        group_by: as in `folder`.
        classes: as in `folder`.
        from_files: as in `folder`.
        units: as in `csv`, for a table of transcripts.

    Raises:
        InputError: there is nothing at `path`, or it is none of these; and as in `csv`, `fsdd` and `folder`.
    """
    place = Path(path)
    if place.suffix.lower() == ".csv" and not place.is_dir():
        return csv(path, sr=sr, group_by=group_by, classes=classes, from_files=from_files, units=units)
    if units is not None:
        raise InputError(f"'{path}' is no table of transcripts, so it has no units; leave them out")
    if place.is_file():
        raise InputError(f"'{path}' is neither a .csv file nor a folder; {_FOLDER_FORM}")
    source = fsdd if is_fsdd(place) else folder
    return source(path, sr=sr, group_by=group_by, classes=classes, from_files=from_files)


def folder(
    root: AnyPath,
    *,
    sr: int | None = None,
    group_by: str | None = None,
    classes: Sequence[str] | None = None,
    from_files: bool | None = None,
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
        from_files: let the clips stay in their files, from which training and scoring read them batch by batch (with
            grain, the extra ``data``), or keep them in memory; None: in memory, where they take no more than a quarter
            of what is free. Every file is read once to begin with, whichever it is.

    Raises:
        InputError: there is no such folder, it has no class folders with sound, no clip can be read, `group_by` does
            not match a clip, a folder's name is not in `classes`, or the clips are to stay in their files and grain is
            missing.
    """
    root = Path(root)
    check_folder(root, _FOLDER_FORM)
    pattern = compiled(group_by)
    found = class_files(root)
    beside = [file for file in sorted(root.iterdir()) if is_sound(file.name) and file.is_file()]
    if not found:
        what = "sound files but no folders with sound" if beside else "no sound files"
        raise InputError(f"'{root}' holds {what}; {_FOLDER_FORM}, such as {root.name or 'sounds'}/dog/1.wav")
    clips = [
        Clip(str(file), label, pattern and group_of(pattern, file.relative_to(root).as_posix()))
        for label, file in found
    ]
    left_out = [
        Skipped(str(file), f"'{file}' lies beside the class folders; move it into one of them") for file in beside
    ]
    return load_clips(clips, sr=sr, classes=classes, source=str(root), skipped=left_out, from_files=from_files)


def unlabelled(
    source: Dataset | AnyPath,
    *,
    sr: int | None = None,
    group_by: str | None = None,
    from_files: bool | None = None,
) -> Dataset:
    """Load recordings of which nothing is known, or forget what is known of some.

    Args:
        source: a folder, whose sound files count at any depth; or a table with the column ``path``, and any of those of
            `csv` but what is to be learned, which is not looked at; or a data set, whose targets are left out.
        sr, group_by, from_files: as in `folder`, where `source` is to be loaded.

    Returns:
        A data set of the kind ``"none"``, without classes.

    Raises:
        InputError: there is no such folder or table, no sound in it, or no clip can be read; and as in `folder`.

    Example:
        >>> unlabelled(arrays(np.zeros((2, 8000)), ["dog", "cat"], sr=8000))
        Dataset(2 clips without labels, 8000 Hz, 0.0 min)
    """
    if isinstance(source, Dataset):
        return replace(source, targets=np.zeros((len(source), 0), DTYPES["none"]), classes=())
    root = Path(source)
    if root.suffix.lower() == ".csv" and not root.is_dir():
        return unlabelled_csv(root, sr=sr, group_by=group_by, from_files=from_files)
    pattern = compiled(group_by)
    clips = [
        Clip(str(file), None, pattern and group_of(pattern, file.relative_to(root).as_posix()))
        for file in _recordings_in(root)
    ]
    return load_clips(clips, sr=sr, classes=None, source=str(root), from_files=from_files)


def recordings(path: AnyPath, *, sr: int) -> list[np.ndarray]:
    """Read recordings without labels, such as background.

    Args:
        path: a folder, whose sound files count at any depth, or one file.
        sr: the sample rate wanted, in Hz.

    Returns:
        The samples of each, float32 ``[time]``, in the order of their names.

    Raises:
        InputError: there is no such folder or file, no sound in it, or a file that can't be read.
    """
    place = Path(path)
    if place.is_file():
        return [read(place, sr=sr)[0]]
    return together(lambda some: list(each(lambda file: read(file, sr=sr)[0], some)), _recordings_in(place))


def _recordings_in(root: Path) -> list[Path]:
    """List the sound files of a folder, at any depth.

    Raises:
        InputError: there is no such folder, or no sound in it.
    """
    form = "it should hold sound files, at any depth"
    check_folder(root, form)
    files = list(sound_files(root))
    if not files:
        raise InputError(f"'{root}' holds no sound files; {form}")
    return files


def arrays(
    x: Sequence[np.ndarray] | np.ndarray,
    y: Sequence[str]
    | Sequence[int]
    | Sequence[float]
    | Sequence[Collection[str]]
    | Sequence[Sequence[Event]]
    | Sequence[Transcript]
    | np.ndarray,
    *,
    sr: int,
    classes: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
) -> Dataset:
    """Make a data set of clips that are in memory already.

    Args:
        x: floating-point clips, ``[time]`` each, or one array ``[n, time]``.
        y: for each clip the name of its class, or the index of its class; or a list of the names of its labels, or
            a row of 0 and 1, integers ``[n, classes]``; or a number, or a row of them, floating-point ``[n]`` or
            ``[n, k]``; or a list of its events, `Event` each; or what is said, as `transcript_of` gives it.
        sr: the sample rate of all of them in Hz.
        classes: the names of the classes, labels or numbers; None takes the sorted names in `y`, or "0", "1" and so
            on for indices, all of which must then occur, and for columns of 0 and 1; numbers are called ``"target"``,
            or ``"target 0"`` and so on.
        groups: what each clip belongs to; clips of one group never cross a split.

    Raises:
        InputError: no clips, a clip that is not one-dimensional, floating-point, finite and of one sample or more, as
            many targets or groups as clips are not there, or the targets don't fit the classes.

    Example:
        >>> arrays(np.zeros((2, 8000)), ["dog", "cat"], sr=8000)
        Dataset(2 clips, 2 classes, 8000 Hz, 0.0 min)
        >>> arrays(np.zeros((2, 8000)), [["dog", "rain"], []], sr=8000).targets
        array([[1, 1],
               [0, 0]], dtype=int8)
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


def _targets(y: Iterable[Any], n: int, classes: Sequence[str] | None) -> tuple[tuple[str, ...], np.ndarray]:
    """Turn names, indices, labels or numbers into the names of the classes and the array of their kind."""
    given = list(y)
    if len(given) != n:
        raise _no_targets(n, str(len(given)))
    if all(isinstance(target, Transcript) for target in given):
        return encode(given, classes, "y")
    if all(isinstance(target, str) for target in given):
        return encode([str(target) for target in given], classes, "y")
    if any(_are_events(target) for target in given) and all(
        _are_events(target) or len(target) == 0 for target in given
    ):
        return encode([Timed(tuple(target)) for target in given], classes, "y")
    if all(_are_names(target) for target in given):
        return encode([frozenset(map(str, target)) for target in given], classes, "y")
    try:
        array = np.asarray(given)
        array = array.astype(np.int64) if array.dtype.kind in "iu" else array  # rows of int16 are no transcripts here
        kind = kind_of(array)
    except ValueError as error:  # NumPy's for ragged rows, or ours
        raise _no_targets(n, f"some like {given[0]!r}") from error
    names = _default_names(array) if classes is None else tuple(classes)
    check_targets(array, names)
    return names, array.astype(DTYPES[kind])


def _default_names(targets: np.ndarray) -> tuple[str, ...]:
    """Name the classes, labels or numbers of an array."""
    kind, columns = kind_of(targets), 1 if targets.ndim == 1 else targets.shape[1]
    if kind == "numbers":
        return number_names(columns)
    if kind in ("labels", "none"):
        return tuple(map(str, range(columns)))
    values = sorted(set(targets.tolist()))
    if values != list(range(len(values))):
        raise InputError(
            f"arrays: expected all indices from 0 to {len(values) - 1} in y, got {values[0]} to {values[-1]}: "
            "give classes=, or names in place of indices"
        )
    return tuple(map(str, values))


def _are_names(target: object) -> bool:
    """Tell whether these are the labels of a clip, by name."""
    return isinstance(target, list | tuple | set | frozenset) and all(isinstance(name, str) for name in target)


def _are_events(target: object) -> bool:
    """Tell whether these are the events of a clip, one or more."""
    return isinstance(target, list | tuple) and len(target) > 0 and all(isinstance(event, Event) for event in target)


def _no_targets(n: int, got: str) -> InputError:
    return InputError(
        f"arrays: expected a class (a name or an index), labels (names, or a row of 0 and 1), numbers or events for "
        f"each of {n} clips as y, got {got}"
    )
