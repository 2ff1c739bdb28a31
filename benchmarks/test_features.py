"""Features of one-second clips: ``pytest benchmarks/test_features.py``."""

from __future__ import annotations

import pytest

from benchmarks.features import NAMES, SETTINGS, sides
from benchmarks.versus import BATCHES


@pytest.mark.parametrize("size", BATCHES)
@pytest.mark.parametrize("name", NAMES)
def test_feature(timed, name, size):
    timed(sides(name, size)["jaxlisten"], clips=size, batch=size, **SETTINGS)
