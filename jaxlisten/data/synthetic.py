"""Sounds made by rule, for a first run that needs no download."""

from __future__ import annotations

import numpy as np

from jaxlisten.data.dataset import Dataset
from jaxlisten.errors import InputError

# 14 : 3 : 3, in an order that gives small sets all three as well.
_SPLITS = [{"T": "train", "V": "validation", "E": "test"}[letter] for letter in "TTVTTETTTVTTETTTVTTE"]
_FEWEST = 36
_LOWEST_SR = 8000


def synthetic(n: int = 600, *, sr: int = 8000, seed: int = 0) -> Dataset:
    """Make a data set of short sounds in six classes that a person can name.

    Pitch, duration (0.4 to 1 s), loudness, envelope and background noise (5 to 30 dB below the sound) are random, so
    that the classes are easy but not trivial to tell apart. Classes take turns, and 70 % of each are for training,
    15 % for validation and 15 % for testing.

    Args:
        n: how many clips, 36 or more. The first clips of a larger set are those of a smaller one.
        sr: the sample rate in Hz, 8000 or more.
        seed: equal seeds give equal sounds.

    Returns:
        A data set with splits and without groups.

    Raises:
        InputError: `n` or `sr` is too small.

    Example:
        >>> synthetic(60).classes
        ('chirp_down', 'chirp_up', 'clicks', 'noise_burst', 'siren', 'tone')
    """
    if n < _FEWEST or sr < _LOWEST_SR:
        raise InputError(f"synthetic: expected n >= {_FEWEST} and sr >= {_LOWEST_SR}, got n={n} and sr={sr}")
    classes = tuple(sorted(_SOUNDS))
    targets = np.arange(n, dtype=np.int32) % len(classes)
    return Dataset(
        audio=tuple(_clip(classes[target], sr, np.random.default_rng((seed, i))) for i, target in enumerate(targets)),
        targets=targets,
        classes=classes,
        sr=sr,
        paths=tuple(f"synthetic/{classes[target]}/{i:04d}" for i, target in enumerate(targets)),
        splits=tuple(_SPLITS[i // len(classes) % len(_SPLITS)] for i in range(n)),
    )


def _clip(name: str, sr: int, rng: np.random.Generator) -> np.ndarray:
    """Make one clip of a class: its sound in an envelope, noise behind it, at a random loudness."""
    t = np.arange(round(rng.uniform(0.4, 1.0) * sr)) / sr
    sound = _SOUNDS[name](t, rng) * _envelope(t, rng)
    noise = rng.standard_normal(len(t), np.float32)
    snr_db = rng.uniform(5, 30)
    clip = sound + noise * np.sqrt(np.mean(sound**2) / 10 ** (snr_db / 10))
    return (clip * (rng.uniform(0.1, 0.9) / np.abs(clip).max())).astype(np.float32)


def _envelope(t: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rise in 5 to 50 ms, decay to between 10 and 100 %, and fall in 20 ms."""
    decay = np.linspace(0, np.log(rng.uniform(0.1, 1.0)), len(t))
    return np.exp(decay) * np.clip(t / rng.uniform(0.005, 0.05), 0, 1) * np.clip((t[-1] - t) / 0.02, 0, 1)


def _phase(frequency_hz: np.ndarray, t: np.ndarray) -> np.ndarray:
    return 2 * np.pi * np.cumsum(frequency_hz) * t[1]


def _chirp_up(t: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Glide one to two and a half octaves upwards."""
    octaves = rng.uniform(1, 2.5) * t / t[-1]
    return np.sin(_phase(rng.uniform(200, 600) * 2**octaves, t))


def _chirp_down(t: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Glide one to two and a half octaves downwards."""
    return _chirp_up(t, rng)[::-1]


def _tone(t: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Hold a note of six harmonics."""
    harmonics = np.arange(1, 7)
    amplitudes = rng.uniform(0.2, 1, 6) / harmonics
    return amplitudes @ np.sin(2 * np.pi * rng.uniform(150, 600) * harmonics[:, None] * t)


def _siren(t: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Swing two to five times up and down, by a third to two thirds of an octave to each side."""
    swing = np.sin(2 * np.pi * (rng.uniform(2, 5) * t / t[-1] + rng.uniform()))
    return np.sin(_phase(rng.uniform(500, 1500) * 2 ** (rng.uniform(1 / 3, 2 / 3) * swing), t))


def _noise_burst(t: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Hiss for 20 to 60 % of the clip, somewhere in it."""
    width = rng.uniform(0.2, 0.6) * t[-1]
    middle = rng.uniform(width / 2, t[-1] - width / 2)
    return rng.standard_normal(len(t)) * np.exp(-((2 * (t - middle) / width) ** 4))


def _clicks(t: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Tick evenly, 6 to 16 times a second."""
    rate_hz = rng.uniform(6, 16)
    since = (t * rate_hz + rng.uniform()) % 1 / rate_hz
    return np.exp(-since / rng.uniform(0.001, 0.004)) * np.sin(2 * np.pi * rng.uniform(800, 2500) * since)


_SOUNDS = {
    "chirp_down": _chirp_down,
    "chirp_up": _chirp_up,
    "clicks": _clicks,
    "noise_burst": _noise_burst,
    "siren": _siren,
    "tone": _tone,
}
