"""What the tests of classical models share: features of real recordings, and made ones."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import jaxlisten as jl

SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")


class Digits(NamedTuple):
    """Spoken digits as standardized features ``[n, features]``, with their digits and their speakers."""

    x: np.ndarray
    targets: np.ndarray
    speakers: np.ndarray


@pytest.fixture(scope="session")
def digits(real: Path) -> Digits:
    """240 of the real recordings, described."""
    names = [(digit, who, i) for i in range(4) for digit in range(10) for who in range(6)]
    root = real / "fsdd" / "recordings"
    clips = [jl.data.read(root / f"{digit}_{SPEAKERS[who]}_{i}.wav", sr=8000)[0] for digit, who, i in names]
    targets, speakers = (np.array([name[k] for name in names]) for k in (0, 1))
    x = jl.classical.describe(jl.data.arrays(clips, targets.astype(np.int32), sr=8000)).values
    return Digits((x - x.mean(axis=0)) / x.std(axis=0), targets, speakers)


@pytest.fixture(scope="session")
def blobs() -> tuple[np.ndarray, np.ndarray]:
    """Four clouds of 12 features far from 0, and which row is of which."""
    rng = np.random.default_rng(0)
    centres = 3 * rng.standard_normal((4, 12)) + 50
    place = rng.integers(0, 4, 203)
    return (centres[place] + rng.standard_normal((203, 12))).astype(np.float32), place
