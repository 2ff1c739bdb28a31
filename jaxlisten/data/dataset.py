"""Labelled clips in memory, all at one sample rate."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from jaxlisten.errors import InputError


class Skipped(NamedTuple):
    """A bad clip that was left out.

    Attributes:
        path: the clip as the user knows it.
        reason: one sentence that names the file, what is wrong and the remedy.
    """

    path: str
    reason: str


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled clips in memory.

    Attributes:
        audio: the clips, mono float32 ``[time]`` each, all at `sr`.
        targets: int32 ``[n]``, indices into `classes`.
        classes: the names of the classes.
        sr: the sample rate in Hz.
        paths: the clips as shown to the user.
        groups: what each clip belongs to (a speaker, a recording); clips of one group never cross a split.
        splits: ``"train"``, ``"validation"`` or ``"test"`` for each clip, where the data set says so.
        skipped: bad clips that were left out.

    Raises:
        InputError: the fields are not of one length, or a target is not an index into `classes`.
    """

    audio: tuple[np.ndarray, ...]
    targets: np.ndarray
    classes: tuple[str, ...]
    sr: int
    paths: tuple[str, ...]
    groups: tuple[str, ...] | None = None
    splits: tuple[str, ...] | None = None
    skipped: tuple[Skipped, ...] = ()

    def __post_init__(self) -> None:
        for name in ("targets", "paths", "groups", "splits"):
            field = getattr(self, name)
            if field is not None and len(field) != len(self.audio):
                raise InputError(f"Dataset: expected {len(self.audio)} {name}, one for each clip, got {len(field)}")
        if len(self) and not 0 <= self.targets.min() <= self.targets.max() < len(self.classes):
            raise InputError(
                f"Dataset: expected targets from 0 to {len(self.classes) - 1}, the indices of the classes, "
                f"got {self.targets.min()} to {self.targets.max()}"
            )

    def __len__(self) -> int:
        return len(self.audio)

    def __repr__(self) -> str:
        minutes = self.lengths.sum() / self.sr / 60
        return f"Dataset({len(self)} clips, {len(self.classes)} classes, {self.sr} Hz, {minutes:.1f} min)"

    @property
    def lengths(self) -> np.ndarray:
        """Samples of each clip, int64 ``[n]``."""
        return np.array([len(clip) for clip in self.audio], np.int64)

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
            audio=take(self.audio),
            targets=self.targets[chosen],
            paths=take(self.paths),
            groups=take(self.groups),
            splits=take(self.splits),
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
        """Hash the samples and labels of all clips, and the rate; the order and the paths don't matter.

        Returns:
            SHA-256, 64 hexadecimal digits.
        """
        names = [name.encode(errors="surrogateescape") for name in self.classes]  # a folder's name may be no text
        clips = sorted(
            hashlib.sha256(names[target] + b"\0" + np.ascontiguousarray(clip, "<f4").data).digest()
            for clip, target in zip(self.audio, self.targets, strict=True)
        )
        return hashlib.sha256(f"{self.sr}\n".encode() + b"".join(clips)).hexdigest()

    def summary(self) -> dict[str, Any]:
        """Describe the data in numbers that JSON can hold.

        Returns:
            ``clips``, ``classes``, ``clips_per_class`` (by name), ``sr``, ``seconds`` (``total``, ``min``, ``median``
            and ``max``), ``skipped`` (how many) and ``fingerprint``.
        """
        seconds = self.lengths / self.sr if len(self) else np.zeros(1)
        counts = np.bincount(self.targets, minlength=len(self.classes))
        statistics = {"total": seconds.sum(), "min": seconds.min(), "median": np.median(seconds), "max": seconds.max()}
        return {
            "clips": len(self),
            "classes": list(self.classes),
            "clips_per_class": dict(zip(self.classes, counts.tolist(), strict=True)),
            "sr": self.sr,
            "seconds": {name: round(float(value), 6) for name, value in statistics.items()},
            "skipped": len(self.skipped),
            "fingerprint": self.fingerprint(),
        }
