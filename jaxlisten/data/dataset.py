"""Clips and their targets, in memory or in their files, all at one sample rate."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from jaxlisten.data.files import Files, facts, handles, joined
from jaxlisten.data.targets import Kind, check_targets, kind_of
from jaxlisten.data.timed import event_counts, rows_of
from jaxlisten.data.transcripts import joined_transcripts
from jaxlisten.errors import InputError


class Skipped(NamedTuple):
    """A bad clip that was left out.

    Attributes:
        path: the clip as the user knows it.
        reason: one sentence that names the file, what is wrong and the remedy.
        label: the name of its class, where it has one.
    """

    path: str
    reason: str
    label: str = ""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Clips and their targets.

    Attributes:
        audio: the clips, mono float32 ``[time]`` each, all at `sr`: a tuple of arrays, or `Files`, which reads a clip
            from its file each time that it is asked for.
        targets: int32 ``[n]``, indices into `classes`; or, where a clip may have several labels or none, int8
            ``[n, classes]`` of 0 and 1; or, where numbers are to be found, float32 ``[n]`` or ``[n, k]``; or, where
            sounds are to be found in time, float64 ``[n, most, 3]``: start and end in seconds and the class of each
            event, and a class of -1 where there is none; or, where it is known what is said, int16 ``[n, longest]``,
            indices into `classes` with -1 behind the end of each; or, where nothing is known, int8 ``[n, 0]``.
        classes: the names of the classes, of the labels, or of the numbers, or the symbols of the transcripts.
        sr: the sample rate in Hz.
        paths: the clips as shown to the user.
        groups: what each clip belongs to (a speaker, a recording); clips of one group never cross a split.
        splits: ``"train"``, ``"validation"`` or ``"test"`` for each clip, where the data set says so.
        folds: the name of the fold of each clip, where the data set comes with folds for cross-validation.
        skipped: bad clips that were left out.

    Raises:
        InputError: the fields are not of one length, or the targets don't fit the classes.
    """

    audio: Sequence[np.ndarray]
    targets: np.ndarray
    classes: tuple[str, ...]
    sr: int
    paths: tuple[str, ...]
    groups: tuple[str, ...] | None = None
    splits: tuple[str, ...] | None = None
    folds: tuple[str, ...] | None = None
    skipped: tuple[Skipped, ...] = ()

    def __post_init__(self) -> None:
        for name in ("targets", "paths", "groups", "splits", "folds"):
            field = getattr(self, name)
            if field is not None and len(field) != len(self.audio):
                raise InputError(f"Dataset: expected {len(self.audio)} {name}, one for each clip, got {len(field)}")
        check_targets(self.targets, self.classes)

    def __len__(self) -> int:
        return len(self.audio)

    def __repr__(self) -> str:
        minutes = self.lengths.sum() / self.sr / 60
        what = {"class": "classes", "transcripts": "symbols"}.get(self.kind, self.kind)
        known = " without labels" if self.kind == "none" else f", {len(self.classes)} {what}"
        return f"Dataset({len(self)} clips{known}, {self.sr} Hz, {minutes:.1f} min)"

    def _repr_html_(self) -> str:
        from jaxlisten.data.html import table

        return table(self)

    @property
    def kind(self) -> Kind:
        """``"class"``, ``"labels"``, ``"numbers"``, ``"events"``, ``"transcripts"`` or, without targets, ``"none"``."""
        return kind_of(self.targets)

    @property
    def lengths(self) -> np.ndarray:
        """Samples of each clip, int64 ``[n]``."""
        return facts(self.audio, "samples")

    @property
    def counts(self) -> np.ndarray:
        """How many clips are of each class, have each label or symbol, or an event of it: int64 ``[classes]``.

        Of numbers, all clips have each.
        """
        if self.kind == "class":
            return np.bincount(self.targets, minlength=len(self.classes))
        if self.kind == "labels":
            return self.targets.sum(axis=0, dtype=np.int64)
        if self.kind == "events":
            return (event_counts(self.targets, len(self.classes)) > 0).sum(axis=0)
        if self.kind == "transcripts":
            having = [np.unique(row[row >= 0]) for row in self.targets]
            return np.bincount(np.concatenate(having) if having else [], minlength=len(self.classes))
        return np.full(len(self.classes), len(self))

    def subset(self, indices: ArrayLike) -> Dataset:
        """Take some of the clips, in the order given, with all the classes. The audio is shared, not copied.

        Args:
            indices: integers ``[m]``, or booleans ``[n]``.

        Returns:
            The chosen clips; `skipped` stays with the whole.
        """
        chosen = np.asarray(indices)
        chosen = np.flatnonzero(chosen) if chosen.dtype == bool else chosen.astype(np.int64)

        def take(field: tuple | None) -> Any:
            return None if field is None else tuple(field[i] for i in chosen)

        return replace(
            self,
            audio=self.audio.take(chosen) if isinstance(self.audio, Files) else take(tuple(self.audio)),
            targets=self.targets[chosen],
            paths=take(self.paths),
            groups=take(self.groups),
            splits=take(self.splits),
            folds=take(self.folds),
            skipped=(),
        )

    def part(self, name: str) -> Dataset:
        """Take the clips of one split.

        Args:
            name: ``"train"``, ``"validation"`` or ``"test"``.

        Raises:
            InputError: no clip has this split.
        """
        chosen = [i for i, split in enumerate(self.splits or ()) if split == name]
        if not chosen:
            found = ", ".join(sorted(set(self.splits))) if self.splits else "no splits at all"
            raise InputError(f"no clip belongs to the split '{name}'; the data has {found}")
        return self.subset(chosen)

    def fingerprint(self) -> str:
        """Hash the samples and targets of all clips, and the rate; the order and the paths don't matter.

        Returns:
            SHA-256, 64 hexadecimal digits.
        """
        hashes = zip(self._targets_as_bytes(), facts(self.audio, "sha256").tolist(), strict=True)
        clips = sorted(hashlib.sha256(target + b"\0" + samples).digest() for target, samples in hashes)
        return hashlib.sha256(f"{self.sr}\n".encode() + b"".join(clips)).hexdigest()

    def digests(self) -> np.ndarray:
        """Hash the sound of each clip, so that copies of a sound can be told by a number.

        Neither the name and the form of the file count, nor digital silence (zeros) before and after the sound. A clip
        of one value has nothing that it could give away about another, and gets 0.

        Returns:
            uint64 ``[n]``: the first 8 bytes, as a little-endian number, of the SHA-1 of the samples (little-endian
            float32) from the first one to the last one that is not zero.

        Example:
            >>> from jaxlisten.data import arrays
            >>> one, two, same = arrays([[0.1, 0.2], [0.3, 0.2], [0.0, 0.1, 0.2]], ["a", "b", "a"], sr=8000).digests()
            >>> bool(one == same), bool(one == two)
            (True, False)
        """
        return facts(self.audio, "sound")

    def _targets_as_bytes(self) -> list[bytes]:
        """Write each target so that it depends neither on the order of the classes nor on those that it lacks."""
        names = [name.encode(errors="surrogateescape") for name in self.classes]  # a folder's name may be no text
        if self.kind == "class":
            return [names[target] for target in self.targets]
        if self.kind == "transcripts":
            return [b"".join(names[k] + b"\3" for k in row[row >= 0]) for row in self.targets]
        if self.kind == "labels":
            return [b"".join(sorted(names[k] + b"\1" for k in np.flatnonzero(row))) for row in self.targets]
        if self.kind == "events":
            events = ([(names[int(k)], start, end) for start, end, k in rows_of(row)] for row in self.targets)
            return [b"".join(n + b"\3" + np.array(t, "<f8").tobytes() for n, *t in sorted(row)) for row in events]
        rows = np.ascontiguousarray(self.targets, "<f4").reshape(len(self), len(names))
        named = ([name + b"\2" + value.tobytes() for name, value in zip(names, row, strict=True)] for row in rows)
        return [b"".join(sorted(numbers)) for numbers in named]

    def summary(self) -> dict[str, Any]:
        """Describe the data in numbers that JSON can hold.

        Returns:
            ``kind``, ``clips``, ``classes``, ``clips_per_class`` (by name, and of events ``events_per_class``; where
            the targets are numbers, instead ``numbers``: the ``min``, ``median`` and ``max`` of each), ``sr``,
            ``seconds`` (``total``, ``min``, ``median`` and ``max``), ``skipped`` (how many) and ``fingerprint``.
        """
        seconds = self.lengths / self.sr
        if self.kind == "numbers":
            columns = self.targets.reshape(len(self), len(self.classes)).T
            targets = {"numbers": {name: _spread(column) for name, column in zip(self.classes, columns, strict=True)}}
        else:
            targets = {"clips_per_class": dict(zip(self.classes, self.counts.tolist(), strict=True))}
        if self.kind == "events":
            each = event_counts(self.targets, len(self.classes)).sum(axis=0).tolist()
            targets["events_per_class"] = dict(zip(self.classes, each, strict=True))
        return {
            "kind": self.kind,
            "clips": len(self),
            "classes": list(self.classes),
            **targets,
            "sr": self.sr,
            "seconds": {"total": round(float(seconds.sum()), 6), **_spread(seconds)},
            "skipped": len(self.skipped),
            "fingerprint": self.fingerprint(),
        }


def union(parts: Sequence[Dataset]) -> tuple[Dataset, list[np.ndarray]]:
    """Join data sets, each clip once: what `Dataset.subset` has taken from one data set shares its clips.

    Returns:
        All clips, and the places of each data set's own among them, int64 ``[n]``.
    """
    place = dict[tuple[int, bytes], int]()
    where, targets, paths, members = [], [], [], []
    for k, part in enumerate(parts):
        mine = np.zeros(len(part), np.int64)
        for i, (clip, target, path) in enumerate(zip(handles(part.audio), part.targets, part.paths, strict=True)):
            name = id(clip), target.tobytes()
            if name not in place:
                place[name] = len(where)
                where.append((k, i))
                targets.append(target)
                paths.append(path)
            mine[i] = place[name]
        members.append(mine)
    first, audio = parts[0], joined([part.audio for part in parts], where)
    joined_targets = (
        joined_transcripts([row[None] for row in targets]) if first.kind == "transcripts" else np.stack(targets)
    )
    return Dataset(audio, joined_targets, first.classes, first.sr, tuple(paths)), members


def same_sound(digests: np.ndarray) -> np.ndarray:
    """Find clips that hold the same sound.

    Args:
        digests: from `Dataset.digests`, ``[n]``.

    Returns:
        For each clip the index of the first one that equals it, int64 ``[n]``; its own index where it is the first.
    """
    first: dict[int, int] = {}
    return np.array([first.setdefault(d, i) if d else i for i, d in enumerate(digests.tolist())], np.int64)


def _spread(values: np.ndarray) -> dict[str, float]:
    """Return the smallest, middle and largest value, all 0 where there are none."""
    values = values if len(values) else np.zeros(1)
    return {
        "min": round(float(values.min()), 6),
        "median": round(float(np.median(values)), 6),
        "max": round(float(values.max()), 6),
    }
