"""The examples run as they stand, on the built-in sounds and on a folder of recordings."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

import jaxlisten as jl

FOLDER = Path(__file__).parent.parent / "examples"
EXAMPLES = sorted(path for path in FOLDER.glob("*.py") if path.name != "common.py")


def run(path: Path, *arguments: str | Path) -> str:
    done = subprocess.run(
        [sys.executable, path, *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"JAX_PLATFORMS": "cpu"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs(path):
    assert run(path, "--quick")


def test_an_example_takes_a_folder_of_recordings(tmp_path):
    clips = jl.data.synthetic(36)
    for i, (clip, target) in enumerate(zip(clips.audio, clips.targets % 2, strict=True)):
        place = tmp_path / ("even", "odd")[target]
        place.mkdir(exist_ok=True)
        soundfile.write(place / f"{i}.wav", clip, clips.sr)
    said = run(FOLDER / "linear.py", "--quick", "--data", tmp_path)
    assert "even" in said
    assert "odd" in said


def test_there_is_an_example_of_every_model():
    text = "".join(path.read_text() for path in EXAMPLES)
    for name in (*jl.models.MODELS, "autoencoder", "conv_autoencoder"):
        assert f"jl.models.{name}(" in text
