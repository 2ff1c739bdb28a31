"""The examples run as they stand, on the built-in sounds and on a folder of recordings."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

import jaxlisten as jl
from jaxlisten.deploy.onnx import run_onnx
from tests.deploy.speech import CLASSES, SR, speech, trained

FOLDER = Path(__file__).parent.parent / "examples"
APART = ("common.py", "onnx_only.py", "tracking.py")
EXAMPLES = sorted(path for path in FOLDER.glob("*.py") if path.name not in APART)


def run(path: Path, *arguments: str | Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, path, *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"JAX_PLATFORMS": "cpu"} | environment,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs(path):
    assert run(path, "--quick")


@pytest.mark.slow
def test_an_example_takes_a_folder_of_recordings(tmp_path):
    clips = jl.data.synthetic(36)
    for i, (clip, target) in enumerate(zip(clips.audio, clips.targets % 2, strict=True)):
        place = tmp_path / ("even", "odd")[target]
        place.mkdir(exist_ok=True)
        soundfile.write(place / f"{i}.wav", clip, clips.sr)
    said = run(FOLDER / "linear.py", "--quick", "--data", tmp_path)
    assert "even" in said
    assert "odd" in said


def test_an_outside_tracker_gets_every_epoch(tmp_path):
    pytest.importorskip("wandb", reason="pip install wandb brings the tracker")
    said = run(FOLDER / "tracking.py", "--quick", WANDB_DIR=str(tmp_path), WANDB_MODE="offline", WANDB_SILENT="true")
    assert said.startswith("accuracy ")
    (kept,) = tmp_path.glob("wandb/offline-run-*/*.wandb")
    assert all(name in kept.read_bytes() for name in (b"val_accuracy", b"clips_per_second", b"test/macro_f1"))


def test_an_exported_file_is_used_without_jaxlisten(tmp_path):
    done = jl.export(*trained("cnn1d"), tmp_path / "listener.onnx", sr=SR, classes=CLASSES, longest=SR)
    paths = [tmp_path / "mono.wav", tmp_path / "stereo.flac"]
    clip = speech()[0]
    soundfile.write(paths[0], clip, SR, subtype="FLOAT")
    soundfile.write(paths[1], np.stack([clip, 0 * clip], axis=1), 2 * SR)
    assert "import jaxlisten" not in (FOLDER / "onnx_only.py").read_text()
    lines = run(FOLDER / "onnx_only.py", done.path, *paths).splitlines()
    for path, line in zip(paths, lines, strict=True):
        expected = run_onnx(done.path.read_bytes(), jl.data.read(path, sr=SR)[0][None])[0]
        said = "  ".join(f"{CLASSES[k]} {expected[k]:.1%}" for k in np.argsort(-expected))
        assert line == f"{path}  {said}"


def test_there_is_an_example_of_every_model():
    text = "".join(path.read_text() for path in EXAMPLES)
    for name in (*jl.models.MODELS, "autoencoder", "conv_autoencoder"):
        assert f"jl.models.{name}(" in text
