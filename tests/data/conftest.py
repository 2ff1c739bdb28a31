"""What the tests of the data room share: small sound files, and the real recordings where they are."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

WriteSound = Callable[..., Path]


@pytest.fixture
def write_sound(tmp_path: Path) -> WriteSound:
    """Return a function that writes a sound below tmp_path, by default half a second of a 440 Hz tone at 8 kHz."""

    def write(name: str, samples: np.ndarray | None = None, sr: int = 8000, **form: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, tone(0.5, sr) if samples is None else samples, sr, **form)
        return path

    return write


@pytest.fixture
def sounds(write_sound, tmp_path) -> Path:
    """Two classes, four clips, at two rates, one of them deep down and one with a loud name."""
    write_sound("sounds/dog/rex_1.wav")
    write_sound("sounds/dog/more/rex_2.FLAC", format="FLAC")
    write_sound("sounds/cat/tom_1.wav", sr=16_000)
    write_sound("sounds/cat/tom_2.wav")
    return tmp_path / "sounds"


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of real recordings."""
    root = os.environ.get("JAXLISTEN_DATA")
    if not root:
        pytest.skip("JAXLISTEN_DATA does not name the folder of real recordings")
    return Path(root)


def tone(seconds: float, sr: int, hz: float = 440) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * sr)) / sr)).astype(np.float32)
