"""What is wrong with a data set, before any time goes into training on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from jaxlisten.data.audio import AnyPath
from jaxlisten.data.crossing import copies, crossing, some, torn
from jaxlisten.data.dataset import Dataset, Skipped, same_sound
from jaxlisten.data.files import facts
from jaxlisten.data.leak import Leak, leak
from jaxlisten.data.sources import load

SILENT_DB = -60.0
"""A clip whose loudest sample is quieter than this is silent; 0 dB is full scale."""
CLIPPED_SHARE = 1e-3
"""A clip with this share of clipped samples is clipped."""
SHORT_SECONDS = 0.05
"""A clip below this length is too short, and so is one below `SHORT_SHARE` of the median."""
SHORT_SHARE = 0.25
UNEVEN = 3.0
"""Classes are uneven when the largest has this many times the clips of the smallest, or more."""


class ClassHealth(NamedTuple):
    """The state of one class, or of the clips that have one label.

    Attributes:
        clips: how many can be used.
        seconds: their ``min``, ``median``, ``max`` and ``total`` length.
        skipped: how many can't be used.
        silent: how many are silent.
        clipped: how many are clipped.
        short: how many are too short.
        duplicates: how many hold the same samples as another clip.
    """

    clips: int
    seconds: dict[str, float]
    skipped: int
    silent: int
    clipped: int
    short: int
    duplicates: int


@dataclass(frozen=True)
class Health:
    """The state of a data set. Clips are named by their paths.

    Attributes:
        clips: how many can be used.
        sr: the sample rate in Hz at which they were looked at.
        seconds: the ``min``, ``median``, ``max`` and ``total`` length.
        classes: the state of each class or label by its name; empty where the targets are numbers.
        skipped: the clips that can't be used, because they are unreadable, empty or in no class, and why.
        silent: clips whose loudest sample is below `SILENT_DB`.
        clipped: clips that were recorded too loud, with `CLIPPED_SHARE` of their samples at full scale or more.
        short: clips below `SHORT_SECONDS` or `SHORT_SHARE` of the median length.
        duplicates: clips that hold the same samples, in groups of two or more.
        leaks: those of the duplicates that are in different splits or folds.
        torn: the groups that are in different splits or folds.
        conflicts: those of the duplicates that have different targets.
        leak: what a random split of these clips would have promised and what it would have hidden; None: nothing, as
            there are neither groups nor duplicates.
        problems: a sentence for each thing that spoils a training or its measurement.
        remarks: a sentence for each thing that is worth knowing and may be meant.
    """

    clips: int
    sr: int
    seconds: dict[str, float]
    classes: dict[str, ClassHealth]
    skipped: tuple[Skipped, ...]
    silent: tuple[str, ...]
    clipped: tuple[str, ...]
    short: tuple[str, ...]
    duplicates: tuple[tuple[str, ...], ...]
    leaks: tuple[tuple[str, ...], ...]
    torn: tuple[str, ...]
    conflicts: tuple[tuple[str, ...], ...]
    leak: Leak | None
    problems: tuple[str, ...]
    remarks: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as dicts, lists, strings and numbers that JSON can hold, under the attributes' names."""
        named = {
            "classes": {name: one._asdict() for name, one in self.classes.items()},
            "skipped": [{"path": bad.path, "reason": bad.reason} for bad in self.skipped],
            "leak": None if self.leak is None else self.leak.to_dict(),
        }
        return {key: _plain(value) for key, value in (asdict(self) | named).items()}

    def __str__(self) -> str:
        """The state in words: a line for all clips, a table of the classes, and the sentences."""
        head = f"{self.clips:,} clips, {self.seconds['total'] / 60:.1f} min, {self.sr:,} Hz"
        lines = [head, "", *_table(self.classes), ""] if self.classes else [head, ""]
        lines += [f"problem: {sentence}" for sentence in self.problems] or ["no problems"]
        lines += [f"remark: {sentence}" for sentence in self.remarks]
        lines += [] if self.leak is None else [f"leak: {self.leak}"]
        return "\n".join(lines)


def health(source: Dataset | AnyPath, *, group_by: str | None = None) -> Health:
    """Look a data set over: unreadable, silent, clipped and short clips, duplicates, lengths and balance, by class.

    Clipping is looked for in the samples at the data set's rate: a file that was resampled shows less of it.

    Args:
        source: a data set, or what `load` takes: a folder or a CSV.
        group_by: as in `folder`, where `source` is to be loaded.

    Returns:
        What was found.

    Raises:
        InputError: as in `load`.

    Example:
        >>> from jaxlisten.data import synthetic
        >>> print(health(synthetic(36)).problems)
        ()
    """
    data = source if isinstance(source, Dataset) else load(source, group_by=group_by)
    silent, clipped, short = _faults(data)
    groups = copies(same_sound(data.digests()))
    parts = [part for part in (data.splits, data.folds) if part is not None]
    in_group = np.zeros(len(data), bool)
    in_group[[i for group in groups for i in group]] = True
    marks = {"silent": silent, "clipped": clipped, "short": short, "duplicates": in_group}
    state = {
        "clips": len(data),
        "sr": data.sr,
        "seconds": _seconds(data.lengths / data.sr),
        "classes": _by_class(data, marks),
        "skipped": data.skipped,
        "silent": _paths(data, np.flatnonzero(silent)),
        "clipped": _paths(data, np.flatnonzero(clipped)),
        "short": _paths(data, np.flatnonzero(short)),
        "duplicates": tuple(_paths(data, group) for group in groups),
        "leaks": tuple(_paths(data, group) for group in groups if any(crossing([group], part) for part in parts)),
        "torn": _torn(data, parts),
        "conflicts": tuple(_paths(data, group) for group in groups if _differ(data.targets[group].tolist())),
        "leak": leak(data),
    }
    found = Health(**state, problems=(), remarks=())
    return Health(**state, problems=tuple(_problems(found)), remarks=tuple(_remarks(found)))


def _faults(data: Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tell which clips are silent, clipped and short, booleans ``[n]`` each."""
    lengths, clipped = data.lengths, facts(data.audio, "clipped")
    silent = facts(data.audio, "peak") < 10 ** (SILENT_DB / 20)
    clipped = (clipped > 0) & (clipped >= CLIPPED_SHARE * lengths)
    least = max(SHORT_SECONDS * data.sr, SHORT_SHARE * float(np.median(lengths)) if len(data) else 0)
    return silent, clipped, lengths < least


def _torn(data: Dataset, parts: Iterable[Sequence[str]]) -> tuple[str, ...]:
    groups = data.groups or ()
    return tuple(sorted({groups[clips[0]] for part in parts for clips in torn(data, part)}))


def _differ(values: list[Any]) -> bool:
    return any(value != values[0] for value in values)


def _paths(data: Dataset, indices: Iterable[int]) -> tuple[str, ...]:
    return tuple(data.paths[i] for i in indices)


def _seconds(seconds: np.ndarray) -> dict[str, float]:
    values = seconds if len(seconds) else np.zeros(1)
    spread = {"min": values.min(), "median": np.median(values), "max": values.max(), "total": values.sum()}
    return {name: round(float(value), 6) for name, value in spread.items()}


def _by_class(data: Dataset, marks: dict[str, np.ndarray]) -> dict[str, ClassHealth]:
    """Count by class or label. A class of which no clip can be used has a line too."""
    if data.kind in ("numbers", "contours", "transcripts"):
        return {}
    seconds = data.lengths / data.sr
    bad = [clip.label for clip in data.skipped if clip.label]
    names = (*data.classes, *sorted(set(bad).difference(data.classes)))
    states = {}
    for k, name in enumerate(names):
        has = _has(data, k)
        counts = {mark: int(np.sum(where & has)) for mark, where in marks.items()}
        states[name] = ClassHealth(int(has.sum()), _seconds(seconds[has]), bad.count(name), **counts)
    return states


def _has(data: Dataset, k: int) -> np.ndarray:
    """Tell which clips are of a class, or have a label or an event of it."""
    if data.kind == "class":
        return data.targets == k
    return (data.targets[:, :, 2] == k).any(axis=1) if data.kind == "events" else data.targets[:, k] == 1


def _problems(found: Health) -> Iterator[str]:
    """Say what spoils a training or its measurement."""
    if found.skipped:
        yield f"{_clips(len(found.skipped))} of no use: {some([bad.reason for bad in found.skipped])}"
    for name, one in found.classes.items():
        if one.clips < 2:
            few = "no clip" if one.clips == 0 else "only one clip"
            yield f"'{name}' has {few} that can be used, so it can't be both learned and measured; add clips"
    if found.leaks:
        yield (
            f"{_sounds(found.leaks)} in more than one split, so the test is in part known from training: "
            f"{some(' = '.join(group) for group in found.leaks)}; keep copies in one split"
        )
    if found.conflicts:
        yield (
            f"{_sounds(found.conflicts)} there with different targets: "
            f"{some(' = '.join(group) for group in found.conflicts)}; correct the targets"
        )


def _remarks(found: Health) -> Iterator[str]:
    """Say what is worth knowing and may be meant."""
    if found.silent:
        yield f"{_clips(len(found.silent))} silent, below {SILENT_DB:g} dB from beginning to end: {some(found.silent)}"
    if found.clipped:
        yield f"{_clips(len(found.clipped))} clipped, recorded too loud: {some(found.clipped)}"
    if found.short:
        median = found.seconds["median"]
        yield f"{_clips(len(found.short))} far shorter than the median of {median:.2f} s: {some(found.short)}"
    if found.duplicates:
        yield (
            f"{_sounds(found.duplicates)} there more than once: "
            f"{some(' = '.join(group) for group in found.duplicates)}; split keeps copies together"
        )
    if found.torn:
        several = "1 group is" if len(found.torn) == 1 else f"{len(found.torn):,} groups are"
        yield (
            f"{several} in more than one split, so what is measured says nothing of new groups: "
            f"{some(map(repr, found.torn))}"
        )
    sizes = {name: one.clips for name, one in found.classes.items() if one.clips}
    if sizes and max(sizes.values()) >= UNEVEN * min(sizes.values()):
        most, least = max(sizes, key=sizes.__getitem__), min(sizes, key=sizes.__getitem__)
        ratio = sizes[most] / sizes[least]
        yield f"'{most}' has {ratio:.1f} times the clips of '{least}'; class_weights or resample makes up for it"


def _clips(n: int) -> str:
    return "1 clip is" if n == 1 else f"{n:,} clips are"


def _sounds(groups: tuple[tuple[str, ...], ...]) -> str:
    return "1 sound is" if len(groups) == 1 else f"{len(groups):,} sounds are"


def _table(classes: dict[str, ClassHealth]) -> list[str]:
    """Lay the states of the classes out in columns."""
    head = ("class", "clips", "min s", "median s", "max s", "skipped", "silent", "clipped", "short", "duplicates")
    rows = [
        (name, one.clips, *(f"{one.seconds[key]:.2f}" for key in ("min", "median", "max")), *one[2:])
        for name, one in classes.items()
    ]
    columns = [[str(cell) for cell in column] for column in zip(head, *rows, strict=True)]
    widths = [max(map(len, column)) for column in columns]
    aligned = [
        [cell.rjust(width) if i else cell.ljust(width) for cell in column]
        for i, (column, width) in enumerate(zip(columns, widths, strict=True))
    ]
    return ["  ".join(line) for line in zip(*aligned, strict=True)]


def _plain(value: Any) -> Any:
    """Turn tuples into lists."""
    return [_plain(one) for one in value] if isinstance(value, tuple | list) else value
