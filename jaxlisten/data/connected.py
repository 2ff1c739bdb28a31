"""Clips of one class each, joined to sequences of which it is known exactly what is said: connected digits."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from jaxlisten.data.dataset import Dataset
from jaxlisten.data.scene import endlessly, faded, loudness
from jaxlisten.data.transcripts import Transcript, encode_transcripts
from jaxlisten.errors import InputError

_LEVEL = 0.1
"""Root mean square of the loudest fifth of a second of a clip of no gain, -20 dB."""
_FADE_SECONDS = 0.005
_PEAK = 0.99


def connected(
    clips: Dataset,
    n: int,
    *,
    length: tuple[int, int] = (1, 7),
    gap: tuple[float, float] = (0.0, 0.2),
    level_db: float = 4.0,
    floor_db: tuple[float, float] = (-60.0, -40.0),
    seed: int = 0,
) -> Dataset:
    """Join clips to sequences, each of clips of one group (such as a speaker), with their transcripts.

    Clips follow one another with pauses between them, and fade in and out, but never overlap; each has a level of its
    own, and noise lies under all of a sequence. Groups take turns, and no clip of a group comes twice before all of its
    clips have come once. To keep training and test apart, split the clips first and join those of each part.

    Args:
        clips: with one class each, whose names are the symbols; names with spaces in them are refused.
        n: how many sequences to make.
        length: the range that the number of clips of a sequence is drawn from, evenly; both ends occur.
        gap: the range that a pause is drawn from, evenly, in seconds; also before the first clip and behind the last.
        level_db: how far a clip is louder or softer than the sequence, at most, in decibels.
        floor_db: the range that the level of the noise is drawn from, evenly, in decibels of the level of the clips.
        seed: decides everything random.

    Returns:
        Sequences with transcripts, in memory, with the groups of their clips.

    Raises:
        InputError: the clips are not of one class each, a class has a space in its name, there is no clip that can be
            heard, or a setting is no such range.

    Example:
        >>> from jaxlisten.data import arrays
        >>> tones = arrays(np.sin(np.arange(2000) * [[0.5], [0.9]]), ["low", "high"], sr=8000)
        >>> made = connected(tones, 3, length=(2, 2))
        >>> made.kind, len(made), made.targets.shape
        ('transcripts', 3, (3, 2))
    """
    _check(clips, n, length, gap, level_db, floor_db)
    rng, sr = np.random.default_rng(seed), clips.sr
    names = clips.groups or ("",) * len(clips)
    members = {name: [i for i in range(len(clips)) if names[i] == name and np.any(clips.audio[i])] for name in names}
    members = {name: own for name, own in sorted(members.items()) if own}
    if not members:
        raise InputError("connected: expected clips that can be heard, got silence only")
    order = {name: endlessly(own, rng) for name, own in members.items()}
    audio, transcripts, groups = [], [], []
    for k in range(n):
        group = list(members)[k % len(members)]
        chosen = _some(order[group], int(rng.integers(length[0], length[1], endpoint=True)))
        audio.append(_joined([clips.audio[i] for i in chosen], sr, gap, level_db, rng.uniform(*floor_db), rng))
        transcripts.append(Transcript(tuple(clips.classes[clips.targets[i]] for i in chosen)))
        groups.append(group)
    _, targets = encode_transcripts(transcripts, clips.classes, "connected")
    paths = tuple(f"{group or 'sequence'} {k}" for k, group in enumerate(groups))
    return Dataset(tuple(audio), targets, clips.classes, sr, paths, tuple(groups) if clips.groups else None)


def _some(order: Iterator[int], n: int) -> list[int]:
    return [next(order) for _ in range(n)]


def _joined(
    clips: list[np.ndarray],
    sr: int,
    gap: tuple[float, float],
    level_db: float,
    floor_db: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Join clips, float32 ``[time]``, with pauses, over noise."""
    parts = [np.zeros(round(rng.uniform(*gap) * sr), np.float32)]
    for clip in clips:
        gain = _LEVEL * 10 ** (rng.uniform(-level_db, level_db) / 20) / loudness(clip, sr)
        pause = np.zeros(round(rng.uniform(*gap) * sr), np.float32)
        parts += [faded((clip * gain).astype(np.float32), round(_FADE_SECONDS * sr)), pause]
    whole = np.concatenate(parts)
    floor = _LEVEL * 10 ** (floor_db / 20)
    whole += floor * rng.standard_normal(len(whole), dtype=np.float32)
    return (whole * min(1.0, _PEAK / max(1e-9, float(np.abs(whole).max())))).astype(np.float32)


def _check(
    clips: Dataset,
    n: int,
    length: tuple[int, int],
    gap: tuple[float, float],
    level_db: float,
    floor_db: tuple[float, float],
) -> None:
    if clips.kind != "class":
        raise InputError(f"connected: expected clips of one class each, got {clips.kind}")
    spaced = [name for name in clips.classes if name.split() != [name]]
    if spaced:
        raise InputError(f"connected: expected names of classes without spaces, got {spaced[0]!r}; rename the class")
    if n < 1 or not 1 <= length[0] <= length[1]:
        raise InputError(f"connected: expected n and length (least, most) of 1 or more, got n={n}, length={length}")
    if not 0 <= gap[0] <= gap[1]:
        raise InputError(f"connected: expected gap as two numbers of seconds, the smaller one first, got {gap}")
    if not level_db >= 0 or not floor_db[0] <= floor_db[1]:
        raise InputError(
            f"connected: expected level_db of 0 or more and floor_db (low, high), got {level_db} and {floor_db}"
        )
