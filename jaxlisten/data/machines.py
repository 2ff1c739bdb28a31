"""Machines made by rule, and what is wrong with some of them: for a first run of anomaly detection."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from jaxlisten.data.dataset import Dataset
from jaxlisten.errors import InputError

_SR = 16_000
_SECONDS = 2.0
_FEWEST = 20
NORMAL = "normal"
"""The class of the machines that run as they should."""


def machines(n: int = 300, *, seed: int = 0) -> Dataset:
    """Make recordings of one kind of machine, half of those for testing with a planted fault.

    A machine turns 24 to 26 times a second: harmonics of its hum, a stroke at each fourth turn, and noise of a fixed
    colour, each at its own level within limits, recorded from near or far. Every recording is another machine. Faults
    are: clicks of a bearing, a harmonic out of tune, one that is missing, a level that sways, a rattle in the high
    bands, and a rhythm that stumbles.

    Args:
        n: how many recordings of two seconds, 20 or more. Of ten, six are normal and for training, one is normal and
            for validation, and three are for testing: one or two of them normal, in turn.
        seed: equal seeds give equal sounds.

    Returns:
        A data set at 16 kHz with splits; its classes are ``"normal"`` and the names of the faults.

    Raises:
        InputError: `n` is too small.

    Example:
        >>> data = machines(20)
        >>> data.classes[:3], sum(split == "test" for split in data.splits)
        (('bearing', 'detuned', 'missing'), 6)
    """
    if n < _FEWEST:
        raise InputError(f"machines: expected n >= {_FEWEST}, got {n}")
    classes = tuple(sorted((*_FAULTS, NORMAL)))
    audio, names, splits, planted = list[np.ndarray](), list[str](), list[str](), 0
    for i in range(n):
        splits.append("train" if i % 10 < 6 else "validation" if i % 10 == 6 else "test")
        faulty = splits[-1] == "test" and (i // 10 + i) % 2 == 0
        names.append(_FAULTS[planted % len(_FAULTS)] if faulty else NORMAL)
        planted += faulty
        audio.append(_machine(names[-1], np.random.default_rng((seed, i))))
    index = {name: k for k, name in enumerate(classes)}
    return Dataset(
        audio=tuple(audio),
        targets=np.array([index[name] for name in names], np.int32),
        classes=classes,
        sr=_SR,
        paths=tuple(f"machines/{name}/{i:04d}" for i, name in enumerate(names)),
        splits=tuple(splits),
    )


_HARMONICS = np.arange(1, 13)
_LEVELS = np.array([1.0, 0.8, 0.25, 0.6, 0.12, 0.3, 0.1, 0.22, 0.08, 0.05, 0.12, 0.04])
"""Of the hum's harmonics, of every machine, to 20 %."""


def _machine(name: str, rng: np.random.Generator) -> np.ndarray:
    """Make one recording: hum, strokes and noise, with a fault where it has one, at a random distance."""
    t = np.arange(round(_SECONDS * _SR)) / _SR
    turns_hz = rng.uniform(24, 26) * 4
    levels = _LEVELS * rng.uniform(0.8, 1.2, len(_LEVELS))
    tuned = _HARMONICS.astype(float)
    strokes = np.ones(round(_SECONDS * 30))
    if name == "detuned":
        tuned[rng.integers(1, 4)] *= 1 + rng.choice([-1, 1]) * rng.uniform(0.12, 0.2)
    if name == "missing":
        levels[rng.choice([1, 3])] = 0.0
    if name == "stumbling":
        strokes = strokes * (rng.uniform(size=len(strokes)) > 0.4)
    phases = rng.uniform(0, 2 * np.pi, len(levels))
    hum = levels @ np.sin(2 * np.pi * turns_hz * tuned[:, None] * t + phases[:, None])
    stroke_hz, first = turns_hz / 16, rng.uniform()
    turn = t * stroke_hz + first
    since = turn % 1 / stroke_hz
    stroke = strokes[turn.astype(int)] * np.exp(-since / 0.02) * np.sin(2 * np.pi * 1800 * since)
    noise = _coloured(rng, len(t))
    sound = hum + rng.uniform(1.5, 2.2) * stroke + rng.uniform(0.25, 0.4) * noise
    if name in _ADDED:
        sound = _ADDED[name](sound, t, rng)
    return (sound * rng.uniform(0.05, 0.1)).astype(np.float32)


def _coloured(rng: np.random.Generator, n: int) -> np.ndarray:
    """Make noise that falls by 6 dB an octave from 500 Hz on, of power 1."""
    spectrum = np.fft.rfft(rng.standard_normal(n))
    hz = np.fft.rfftfreq(n, 1 / _SR)
    noise = np.fft.irfft(spectrum / np.sqrt(1 + (hz / 500) ** 2), n)
    return noise / noise.std()


def _bearing(sound: np.ndarray, t: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Click 60 to 110 times a second, with the ring of a resonance."""
    rate_hz, ring_hz = rng.uniform(60, 110), rng.uniform(2500, 4500)
    since = t * rate_hz % 1 / rate_hz
    return sound + rng.uniform(0.4, 0.8) * np.exp(-since / 0.001) * np.sin(2 * np.pi * ring_hz * since)


def _swaying(sound: np.ndarray, t: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Let the level go up and down 2 to 6 times a second."""
    return sound * (1 + rng.uniform(0.5, 0.8) * np.sin(2 * np.pi * (rng.uniform(2, 6) * t + rng.uniform())))


def _rattle(sound: np.ndarray, t: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add bursts of bright noise, 8 to 14 a second."""
    hiss = np.diff(rng.standard_normal(len(t) + 1))
    burst = np.exp(-(t * rng.uniform(8, 14) % 1) / 0.25)
    return sound + rng.uniform(0.08, 0.16) * hiss * burst


_ADDED: dict[str, Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray]] = {
    "bearing": _bearing,
    "rattle": _rattle,
    "swaying": _swaying,
}
"""Faults that change the sound as a whole; those of its parts are planted where it is made."""
_FAULTS = (*_ADDED, "detuned", "missing", "stumbling")
