"""Clips that stay in their files, and what has to be known of a clip without its samples."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, overload

import numpy as np

from jaxlisten.data.audio import read
from jaxlisten.errors import InputError

FULL_SCALE = 0.999
"""From this size on, a sample between two others of that size is clipped."""

Fact = tuple[int, float, int, int, bytes]
"""What is known of one clip: `FACTS`."""


def _clipped(clip: np.ndarray) -> int:
    full = np.abs(clip) >= FULL_SCALE
    return int(np.sum(full[:-2] & full[1:-1] & full[2:]))


def _sound(clip: np.ndarray) -> int:
    """Hash the samples between the zeros at both ends; 0 where all samples are the same."""
    if not len(clip) or clip.min() == clip.max():
        return 0
    if not (clip[0] and clip[-1]):
        heard = np.flatnonzero(clip)
        clip = clip[heard[0] : heard[-1] + 1]
    return int.from_bytes(hashlib.sha1(np.ascontiguousarray(clip, "<f4").data).digest()[:8], "little")


_MEASURES: dict[str, tuple[str, Callable[[np.ndarray], Any]]] = {
    "samples": ("i8", len),
    "peak": ("f4", lambda clip: float(np.abs(clip).max(initial=0))),
    "clipped": ("i4", _clipped),
    "sound": ("u8", _sound),
    "sha256": ("V32", lambda clip: hashlib.sha256(np.ascontiguousarray(clip, "<f4").data).digest()),
}
FACTS = np.dtype([(name, kind) for name, (kind, _) in _MEASURES.items()])
"""What is known of a clip without its samples: how many there are, the largest absolute one, how many are clipped, the
digest of the sound as in `Dataset.digests`, and the hash of all samples."""


def fact(clip: np.ndarray) -> Fact:
    """Measure a clip, float32 ``[time]``."""
    samples, peak, clipped, sound, sha256 = (measure(clip) for _, measure in _MEASURES.values())
    return samples, peak, clipped, sound, sha256


class Place(NamedTuple):
    """Where a clip lies.

    Attributes:
        file: its file.
        start, end: where it begins and ends there, in seconds; None is the beginning or the end of the file.
    """

    file: str
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True, eq=False)
class Files(Sequence[np.ndarray]):
    """Clips that are read whenever they are asked for: a sequence of arrays, float32 ``[time]`` each.

    Each was read once before, so that its facts are known and no other clip is among them.

    Attributes:
        places: where they lie.
        facts: what is known of them, `FACTS` ``[n]``.
        sr: the sample rate in Hz at which they are read.
    """

    places: tuple[Place, ...]
    facts: np.ndarray
    sr: int

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, index: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, index: slice) -> Files: ...
    def __getitem__(self, index: int | slice) -> np.ndarray | Files:
        """Read a clip.

        Raises:
            InputError: its file is gone, damaged, or no longer what it was; the message names it.
        """
        if isinstance(index, slice):
            return Files(self.places[index], self.facts[index], self.sr)
        file, start, end = self.places[index]
        clip, _ = read(file, sr=self.sr, start=start, end=end)
        if len(clip) != (samples := int(self.facts["samples"][index])):
            raise InputError(
                f"'{file}' has changed since it was first read: a clip in it had {samples} samples at {self.sr} Hz, "
                f"and now has {len(clip)}; put the file back as it was, or begin anew"
            )
        return clip

    def take(self, chosen: np.ndarray) -> Files:
        """Take some of the clips, by their indices ``[m]``; none is read."""
        return Files(tuple(self.places[i] for i in chosen), self.facts[chosen], self.sr)


def facts(audio: Sequence[np.ndarray], name: str) -> np.ndarray:
    """Return one of the `FACTS` of clips, ``[n]``; those of files are known."""
    if isinstance(audio, Files):
        return audio.facts[name]
    kind, measure = _MEASURES[name]
    return np.array([measure(clip) for clip in audio], kind)


def handles(audio: Sequence[np.ndarray]) -> Sequence[object]:
    """Return something for each clip that is the same object wherever `Dataset.subset` has taken the clip to."""
    return audio.places if isinstance(audio, Files) else audio


def joined(audios: Sequence[Sequence[np.ndarray]], where: Sequence[tuple[int, int]]) -> Sequence[np.ndarray]:
    """Join clips of several sequences.

    Args:
        audios: where they come from.
        where: of each clip, which sequence it is in and where there.

    Returns:
        `Files` if all are, and otherwise the samples.
    """
    files = [audio for audio in audios if isinstance(audio, Files)]
    if len(files) < len(audios):
        return tuple(audios[k][i] for k, i in where)
    rows = np.array([files[k].facts[i] for k, i in where], FACTS)
    return Files(tuple(files[k].places[i] for k, i in where), rows, files[0].sr)
