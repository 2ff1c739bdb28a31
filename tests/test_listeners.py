"""The trained listeners of the repository: they load, they hear what their cards say, and they name no machine."""

from pathlib import Path

import numpy as np
import pytest

import jaxlisten as jl
from jaxlisten.detect import Hearing

FOLDERS = sorted(path.parent for path in (Path(__file__).parent.parent / "examples/listeners").glob("*/config.json"))
EACH = pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)


@EACH
def test_a_listener_is_small_has_a_card_and_names_no_file(folder):
    assert sum(path.stat().st_size for path in folder.iterdir()) < 2_000_000
    assert "| limits |" in (folder / "README.md").read_text(encoding="utf-8")
    assert jl.load(folder).fitted.about["examples"] == []


@EACH
def test_a_listener_loads_and_says_something(folder):
    listener = jl.load(folder)
    said = listener.predict(0.1 * np.random.default_rng(0).standard_normal(listener.sr))
    assert said.label in listener.classes


def test_keywords_of_other_speakers_are_known(real):
    """Clips of version 0.01, of which few can be among those that trained."""
    listener = jl.load(next(folder for folder in FOLDERS if folder.name == "keywords"))
    clips = [
        (path, word)
        for word in jl.data.KEYWORDS
        for path in sorted((real / "speech_commands_v1_30x10").rglob(f"{word}/*"))[:4]
        if path.suffix in (".wav", ".flac")
    ]
    assert len(clips) == 40
    right = [said.label == word for (_, said), (_, word) in zip(_heard(listener, clips), clips, strict=True)]
    assert np.mean(right) >= 0.85
    assert Hearing(listener.fitted).exact


def _heard(listener, clips):
    return listener.predict_many(path for path, _ in clips)
