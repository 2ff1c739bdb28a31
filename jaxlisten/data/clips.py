"""From a list of files with labels to a `Dataset`: reading in parallel, one rate, bad clips left out, and no more kept
than there is memory for."""

from __future__ import annotations

import functools
import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxlisten.data.ahead import check_grain, each
from jaxlisten.data.audio import info, read
from jaxlisten.data.dataset import Dataset, Skipped
from jaxlisten.data.files import FACTS, Fact, Files, Place, fact
from jaxlisten.data.limits import limits
from jaxlisten.data.memory import SHARE, free_memory
from jaxlisten.data.sharing import processes, together
from jaxlisten.data.targets import Target, check_labels, encode, names_in
from jaxlisten.errors import InputError

HIGHEST_DEFAULT_SR = 16_000
"""Speech and most events live below 8 kHz, so without `sr=` no more than this is kept."""


class Clip(NamedTuple):
    """A labelled clip that has not been read yet.

    Attributes:
        file: where it lies.
        target: the name of its class, the names of its labels, its numbers, or its transcript; all clips of a data set
            the same.
        group: what it belongs to; for all clips of a data set or for none.
        split: ``"train"``, ``"validation"`` or ``"test"``; for all clips or for none.
        fold: the fold that it is in; for all clips or for none.
        start: where it begins in the file, in seconds; None is the beginning.
        end: where it ends in the file, in seconds; None is the end.
        origin: where it is listed, such as ``"row 7"``.
    """

    file: str
    target: Target
    group: str | None = None
    split: str | None = None
    fold: str | None = None
    start: float | None = None
    end: float | None = None
    origin: str = ""

    @property
    def path(self) -> str:
        """The clip as shown to the user; a part of a file is written as a media fragment, ``a.wav#t=0.5,2``."""
        if self.start is None and self.end is None:
            return self.file
        return f"{self.file}#t={self.start or 0:g}" + ("" if self.end is None else f",{self.end:g}")


def load_clips(
    clips: Sequence[Clip],
    *,
    sr: int | None,
    classes: Sequence[str] | None,
    source: str,
    skipped: Sequence[Skipped] = (),
    from_files: bool | None = None,
) -> Dataset:
    """Read clips into a `Dataset`; those that can't be read are left out and listed in `Dataset.skipped`.

    Args:
        clips: one or more.
        sr: the sample rate in Hz; None takes the most common rate of the files (the lower one of two that are equally
            common), but 16 kHz at the most.
        classes: the names of the classes, labels, numbers or symbols; None takes those of the clips that were read,
            sorted.
        source: the folder or file that the user named, for messages.
        skipped: what has been left out before.
        from_files: let clips stay in their files, or keep them in memory; None: in memory, where they take no more
            than a quarter of what is free. All are read once in any case: only that tells which can be.

    Raises:
        InputError: a label is not in `classes`, the targets don't fit together, no clip can be read, or clips are to
            stay in their files and grain is missing.
    """
    if classes is not None and isinstance(clips[0].target, str | frozenset):
        check_labels(names_in(clip.target for clip in clips), classes, source)
    rate = sr or _common_rate(clips)
    results = together(functools.partial(_read_clips, sr=rate, source=source, room=_room(from_files)), clips)
    kept = [clip for clip, result in zip(clips, results, strict=True) if not isinstance(result, Skipped)]
    bad = [*skipped, *(result for result in results if isinstance(result, Skipped))]
    if not kept:
        raise InputError(f"'{source}': none of {len(clips)} clips can be read: " + _first_reasons(bad))
    names, targets = encode([clip.target for clip in kept], classes, source)
    return Dataset(
        audio=_audio(kept, [result for result in results if not isinstance(result, Skipped)], rate),
        targets=targets,
        classes=names,
        sr=rate,
        paths=tuple(clip.path for clip in kept),
        groups=_for_all([clip.group for clip in kept]),
        splits=_for_all([clip.split for clip in kept]),
        folds=_for_all([clip.fold for clip in kept]),
        skipped=tuple(bad),
    )


def group_of(pattern: re.Pattern[str], path: str) -> str:
    """Find the group of a clip in its path.

    Args:
        pattern: searched in `path`; its first group is the answer, or the whole match where it has none.
        path: with forward slashes.

    Raises:
        InputError: the pattern does not occur.
    """
    match = pattern.search(path)
    group = match and match[1 if pattern.groups else 0]
    if group is None:
        raise InputError(f"'{path}' does not match the group pattern '{pattern.pattern}'; correct the pattern")
    return group


def compiled(group_by: str | None) -> re.Pattern[str] | None:
    """Compile a user's regular expression.

    Raises:
        InputError: it is not a regular expression.
    """
    try:
        return None if group_by is None else re.compile(group_by)
    except re.error as error:
        raise InputError(f"the group pattern '{group_by}' is not a regular expression: {error}") from error


def _common_rate(clips: Sequence[Clip]) -> int:
    # Headers are read faster one by one: threads would only wait for each other's lock.
    files = list(dict.fromkeys(clip.file for clip in clips))
    rates = Counter(rate for rate in together(lambda some: list(map(_native_rate, some)), files) if rate)
    common = min(rates, key=lambda rate: (-rates[rate], rate), default=HIGHEST_DEFAULT_SR)
    return min(common, HIGHEST_DEFAULT_SR)


def _native_rate(file: str) -> int | None:
    try:
        return info(file).sr
    except InputError:  # reading it will say why
        return None


def _room(from_files: bool | None) -> float:
    """Return the bytes that the clips may take which this process reads.

    All of them are held by each of the processes that share them, which may all be on this machine.
    """
    return free_memory() / SHARE / processes() ** 2 if from_files is None else -1 if from_files else math.inf


Read = np.ndarray | Fact | Skipped
"""What reading a clip gives: its samples, or only what is to be known of them, or the reason why it can't be used."""


def _read_clips(clips: Sequence[Clip], sr: int, source: str, room: float) -> list[Read]:
    """Read clips. If they take more than `room` bytes, no samples of any are returned, and never more are held."""
    if room < 0:
        check_grain()
    results: list[Read] = []
    total = 0

    def let_go(result: Read) -> Read:
        return fact(result) if room < 0 and isinstance(result, np.ndarray) else result

    for result in each(lambda clip: let_go(_read_clip(clip, sr)), clips):
        results.append(let_go(result))
        if isinstance(result, np.ndarray) and room >= 0:
            room, total = room - result.nbytes, total + len(result)
            limits().check(source, "dataset_samples", total)
            if room < 0:
                check_grain()
                results = list(map(let_go, results))
    return results


def _audio(clips: Sequence[Clip], results: list[Any], sr: int) -> Sequence[np.ndarray]:
    """Return the samples of clips that were read, or `Files` where some were let go."""
    if all(isinstance(result, np.ndarray) for result in results):
        return tuple(results)
    rows = [fact(result) if isinstance(result, np.ndarray) else result for result in results]
    return Files(tuple(Place(clip.file, clip.start, clip.end) for clip in clips), np.array(rows, FACTS), sr)


def _read_clip(clip: Clip, sr: int) -> np.ndarray | Skipped:
    try:
        return read(clip.file, sr=sr, start=clip.start, end=clip.end)[0]
    except InputError as error:
        label = clip.target if isinstance(clip.target, str) else ""
        return Skipped(clip.path, f"{clip.origin}: {error}" if clip.origin else str(error), label)


def _first_reasons(skipped: Sequence[Skipped], n: int = 3) -> str:
    more = f" (and {len(skipped) - n} more)" if len(skipped) > n else ""
    return "; ".join(bad.reason for bad in skipped[:n]) + more


def _for_all(values: list[str | None]) -> tuple[str, ...] | None:
    """Return the values where every clip has one."""
    found = tuple(value for value in values if value is not None)
    return found if len(found) == len(values) else None
