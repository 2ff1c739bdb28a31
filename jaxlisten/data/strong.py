"""Strong labels: recordings of which it is known what is heard when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from jaxlisten.data.audio import AnyPath, read
from jaxlisten.data.by_recording import ROUNDED_SECONDS, Recording, load_recordings, recordings_of
from jaxlisten.data.contour import contour_inside, stacked_contours
from jaxlisten.data.dataset import Dataset
from jaxlisten.data.events import EVENT_COLUMNS, event_of, said_rows
from jaxlisten.data.files import FACTS, Files, Place, fact
from jaxlisten.data.table import check_columns
from jaxlisten.data.timed import Event, Timed, inside, stacked
from jaxlisten.errors import InputError


def strong(
    path: AnyPath,
    *,
    sr: int | None = None,
    group_by: str | None = None,
    classes: Sequence[str] | None = None,
    from_files: bool | None = None,
) -> Dataset:
    """Load the recordings of a table that says what is heard when: targets of the kind ``"events"``.

    The first row names the columns: ``path`` (absolute, or relative to the table), ``label``, ``start`` and ``end`` in
    seconds; a row an event, as many of a recording as there are, also at once. A recording in which nothing is heard
    has one row, with the three other cells empty. There may also be ``group``, ``split`` and ``fold``, as in `csv`, the
    same in all rows of a recording. Other columns are ignored.

    Args:
        path: the table, comma-separated UTF-8.
        sr: the sample rate in Hz; None takes the most common rate of the files, but 16 kHz at the most.
        group_by: a regular expression that is searched in the paths as they are written; its first group, or the whole
            match, is the recording's group.
        classes: the names that events index; None takes those that occur, sorted. One is enough.
        from_files: let the recordings stay in their files; None: if memory is short.

    Returns:
        A clip for each recording, whole, in the order of the table; `windows` cuts them for training.

    Raises:
        InputError: there is no such file, it is not such a table, a cell is wrong, an event lies behind the end of its
            recording (the message names its row), there is no event at all, no recording can be read, or a label is not
            in `classes`.

    Example:
        >>> data = strong("street.csv")  # doctest: +SKIP
        >>> train, val = (jl.data.windows(part) for part in jl.data.split(data, (0.8, 0.2)))  # doctest: +SKIP
    """
    table = Path(path)
    found = recordings_of(table, said_rows(table, _check_columns, EVENT_COLUMNS), _event)
    if not any(one.said for one in found):
        raise InputError(f"'{table}' lists no event in any recording, so there is nothing to learn; add some")
    data = load_recordings(
        table,
        found,
        lambda one: Timed(tuple(event for _, event in one.said)),
        lambda one, seconds: _check_inside(table, one, seconds),
        sr=sr,
        group_by=group_by,
        classes=classes,
        from_files=from_files,
    )
    return _cut_off(data)


def windows(data: Dataset, seconds: float = 5.0, *, hop: float | None = None) -> Dataset:
    """Cut recordings into windows to train on, with what is in them; an event that a window cuts begins or ends there.

    A recording of at most `seconds` stays whole. Otherwise a window begins every `hop` seconds, and the last one ends
    where the recording does. Each keeps the recording as its group (or the recording's group), so that windows of one
    recording never cross a split.

    Args:
        data: recordings with events, or with numbers over time.
        seconds: how long a window is.
        hop: seconds from one to the next; None: half of `seconds`.

    Returns:
        The windows in their order; a path such as ``a.wav#t=5,15`` says where each lies.

    Raises:
        InputError: the data has targets of another kind, or a length is not above 0.

    Example:
        >>> from jaxlisten.data import Event, arrays
        >>> data = arrays([np.zeros(3000)], [[Event("a", 0.5, 2.5)]], sr=1000)
        >>> cut = windows(data, 2.0)
        >>> cut.paths, cut.targets[:, 0].tolist()
        (('clip 0#t=0,2', 'clip 0#t=1,3'), [[0.5, 2.0, 0.0], [0.0, 1.5, 0.0]])
    """
    hop = seconds / 2 if hop is None else hop
    if data.kind not in _IN_TIME:
        raise InputError(
            f"windows: expected recordings with events or numbers over time, got targets of the kind {data.kind!r}"
        )
    part, together = _IN_TIME[data.kind]
    n, step = round(seconds * data.sr), round(hop * data.sr)
    if n < 1 or step < 1:
        raise InputError(f"windows: expected seconds and hop above 0, got {seconds} and {hop}")
    spans = [(i, *span) for i, length in enumerate(data.lengths.tolist()) for span in _spans(length, n, step)]
    sr = data.sr

    def of(values: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return None if values is None else tuple(values[i] for i, _, _ in spans)

    return replace(
        data,
        audio=_parts(data, spans),
        targets=together([part(data.targets[i], start / sr, end / sr) for i, start, end in spans]),
        paths=tuple(_path(data, i, start, end) for i, start, end in spans),
        groups=of(data.paths if data.groups is None else data.groups),
        splits=of(data.splits),
        folds=of(data.folds),
        skipped=(),
    )


_IN_TIME = {"events": (inside, stacked), "contours": (contour_inside, stacked_contours)}
"""What takes the part of a target that lies between two times, and what makes one array of such parts."""


def _spans(length: int, n: int, step: int) -> list[tuple[int, int]]:
    if length <= n:
        return [(0, length)]
    starts = [*range(0, length - n, step), length - n]
    return [(start, start + n) for start in starts]


def _path(data: Dataset, i: int, start: int, end: int) -> str:
    if end - start == int(data.lengths[i]):
        return data.paths[i]
    return f"{data.paths[i]}#t={start / data.sr:g},{end / data.sr:g}"


def _parts(data: Dataset, spans: list[tuple[int, int, int]]) -> Any:
    """Return the samples of each part, or where they lie."""
    if not isinstance(data.audio, Files):
        return tuple(data.audio[i][start:end] for i, start, end in spans)
    places, found = [], []
    for i, start, end in spans:
        file, begin, _ = data.audio.places[i]
        begin = begin or 0.0
        place = Place(file, begin + start / data.sr, begin + end / data.sr)
        places.append(place)
        found.append(fact(read(file, sr=data.sr, start=place.start, end=place.end)[0]))
    return Files(tuple(places), np.array(found, FACTS), data.sr)


def _event(row: dict[str, str], where: str) -> Event | None:
    return event_of(row, where) if any(row[name] for name in ("label", "start", "end")) else None


def _check_columns(path: Path, columns: Sequence[str]) -> None:
    check_columns(path, columns, ("path", "label"))
    if lacking := [name for name in ("start", "end") if name not in columns]:
        raise InputError(
            f"'{path}' has labels without times (no column {' and no column '.join(map(repr, lacking))}); events need "
            "path,label,start,end in seconds, a row an event"
        )


def _check_inside(table: Path, one: Recording, seconds: float) -> None:
    """Refuse events behind the end of their recording."""
    for number, event in one.said:
        if event.start >= seconds or event.end > seconds + ROUNDED_SECONDS:
            raise InputError(
                f"'{table}', row {number}: {event.label!r} is from {event.start:g} to {event.end:g} s, but "
                f"'{one.path}' ends at {seconds:.3f} s; correct the times, which are seconds, or name the right file"
            )


def _cut_off(data: Dataset) -> Dataset:
    """Let no event end behind its recording."""
    targets = data.targets.copy()
    targets[..., 1] = np.minimum(targets[..., 1], (data.lengths / data.sr)[:, None])
    return replace(data, targets=targets)
