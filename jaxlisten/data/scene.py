"""Real sounds laid over real background: long recordings of which it is known exactly what is heard when."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from jaxlisten.data.dataset import Dataset
from jaxlisten.data.events import Event, is_background
from jaxlisten.errors import InputError

_BED_LEVEL = 0.02
"""Root mean square of the background, -34 dB: speech 30 dB above it is not clipped."""
_FADE_SECONDS = 0.01
_JOIN_SECONDS = 0.1
_PEAK = 0.99
_APART_SECONDS = 0.1
"""Between the beginnings of two sounds, however negative the pause."""


@dataclass(frozen=True, eq=False)
class Scene:
    """A long recording and what is heard in it.

    Attributes:
        samples: float32 ``[time]``, from -1 to 1.
        sr: sample rate in Hz.
        events: in the order of their starts. They overlap where the pauses were allowed to be negative.
    """

    samples: np.ndarray
    sr: int
    events: tuple[Event, ...]


def scene(
    clips: Dataset,
    background: Sequence[np.ndarray],
    *,
    seconds: float,
    gap: tuple[float, float] = (2.0, 20.0),
    snr_db: tuple[float, float] = (5.0, 25.0),
    seed: int = 0,
) -> Scene:
    """Lay clips over background, one after another with pauses between them, or overlapping.

    The background recordings follow one another in a random order, all at one level, joined by cross-fades; the clips
    come in a random order too, each at a level of its own above the background. No clip or recording comes twice before
    all have come once. An event begins and ends where its clip does, so clips with silence around the sound want
    `jaxlisten.data.sounds` first.

    Args:
        clips: with one class each. Clips of background and silence are left out; other classes whose name begins with
            an underscore are laid too: they are what a detector must not take for something else.
        background: float arrays ``[time]`` at the rate of the clips, with nothing in them that is to be found.
        seconds: how long the scene is.
        gap: the range that a pause is drawn from, evenly, in seconds. After a negative one, a sound begins before the
            one before it has ended, but at least a tenth of a second behind its beginning.
        snr_db: the range that the ratio of a clip's level to that of the background is drawn from, evenly, in decibels.
        seed: decides everything random.

    Returns:
        The scene.

    Raises:
        InputError: there is no clip or no background that can be heard, or a range or the length is no such thing.

    Example:
        >>> from jaxlisten.data import arrays
        >>> clips = arrays(np.sin(np.arange(8000))[None], ["tone"], sr=8000)
        >>> made = scene(clips, [np.cos(np.arange(99))], seconds=10, gap=(1.0, 2.0))
        >>> len(made.samples), made.events[0].label
        (80000, 'tone')
    """
    _check(clips, seconds, gap, snr_db)
    rng = np.random.default_rng(seed)
    sr = clips.sr
    laid = [i for i, label in enumerate(_labels(clips)) if not is_background(label) and clips.audio[i].any()]
    if not laid:
        raise InputError("scene: expected clips of something to hear, got background and silence only")
    samples = _bed(background, round(seconds * sr), round(_JOIN_SECONDS * sr), rng)
    events, place = [], max(0, round(rng.uniform(*gap) * sr))
    for i in endlessly(laid, rng):
        clip = clips.audio[i]
        if place + len(clip) > len(samples):
            break
        level = _BED_LEVEL * 10 ** (rng.uniform(*snr_db) / 20) / loudness(clip, sr)
        samples[place : place + len(clip)] += faded(clip * level, round(_FADE_SECONDS * sr))
        events.append(Event(clips.classes[clips.targets[i]], place / sr, (place + len(clip)) / sr))
        place += max(len(clip) + round(rng.uniform(*gap) * sr), round(_APART_SECONDS * sr))
    return Scene(samples * min(1.0, _PEAK / max(1e-9, float(np.abs(samples).max()))), sr, tuple(events))


def _bed(background: Sequence[np.ndarray], n: int, join: int, rng: np.random.Generator) -> np.ndarray:
    """Join recordings of one level until there are `n` samples."""
    heard = [np.asarray(sound, np.float32) for sound in background if len(sound) and np.any(sound)]
    if not heard:
        raise InputError("scene: expected background recordings that can be heard, got none; record some, or use noise")
    bed, place = np.zeros(n + 1, np.float32), 0
    for i in endlessly(range(len(heard)), rng):
        sound = heard[i] * (_BED_LEVEL / np.sqrt(np.mean(np.square(heard[i], dtype=np.float64))))
        over = min(join, len(sound) // 2)
        piece = faded(sound, over)[: len(bed) - place]
        bed[place : place + len(piece)] += piece
        place += max(1, len(sound) - over)
        if place >= n:
            return bed[:n]
    raise AssertionError("unreachable")


def faded(clip: np.ndarray, steps: int) -> np.ndarray:
    """Let a sound begin and end softly; two such ends laid over each other keep their power."""
    steps = min(steps, len(clip) // 2)
    ramp = np.sin(np.pi / 2 * (np.arange(steps) + 0.5) / max(1, steps)).astype(np.float32)
    return np.concatenate(
        [clip[:steps] * ramp, clip[steps : len(clip) - steps], clip[len(clip) - steps :] * ramp[::-1]]
    )


def loudness(clip: np.ndarray, sr: int) -> float:
    """Return the root mean square of the loudest fifth of a second."""
    power, n = np.square(clip, dtype=np.float64), max(1, min(len(clip), sr // 5))
    total = np.concatenate([[0.0], np.cumsum(power)])
    return max(1e-9, float(np.sqrt((total[n:] - total[:-n]).max() / n)))


def endlessly(items: Sequence[int], rng: np.random.Generator) -> Iterator[int]:
    while True:
        yield from rng.permutation(np.asarray(items)).tolist()


def _labels(clips: Dataset) -> list[str]:
    return [clips.classes[target] for target in clips.targets]


def _check(clips: Dataset, seconds: float, gap: tuple[float, float], snr_db: tuple[float, float]) -> None:
    if clips.kind != "class":
        raise InputError(f"scene: expected clips of one class each, got {clips.kind}")
    if not seconds > 0:
        raise InputError(f"scene: expected a length above 0 seconds, got {seconds}")
    if not gap[0] <= gap[1] < math.inf:
        raise InputError(f"scene: expected gap as two numbers of seconds, the smaller one first, got {gap}")
    if not snr_db[0] <= snr_db[1]:
        raise InputError(f"scene: expected snr_db as two numbers of decibels, the smaller one first, got {snr_db}")
