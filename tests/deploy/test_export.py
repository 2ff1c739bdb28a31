import os
import stat

import numpy as np
import onnx
import pytest
import soundfile

import jaxlisten as jl
from jaxlisten.deploy import forms
from jaxlisten.deploy.export import export
from jaxlisten.deploy.onnx import run_onnx
from jaxlisten.deploy.stablehlo import run_stablehlo
from tests.deploy.speech import CLASSES, MODELS, SR, ours, padded, speech, trained

SETTINGS = {"sr": SR, "classes": CLASSES, "longest": 2000}
FORMATS = (".onnx", ".stablehlo")


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("name", MODELS)
def test_file_is_compared_with_ours(name, ending, tmp_path):
    clips, path = speech(), tmp_path / f"model{ending}"
    result = export(*trained(name), path, **SETTINGS, clips=clips)
    assert result.path == path
    assert result.bytes == path.stat().st_size
    assert result.clips == len(clips)
    assert result.difference < 1e-5
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_without_clips_noise_is_compared_and_an_existing_file_is_replaced(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"old")
    result = export(*trained("lstm"), str(path), **SETTINGS)
    assert result.clips == 4
    assert result.bytes > 1000
    assert result.bytes == path.stat().st_size


def test_file_can_be_read_like_any_other(tmp_path):
    (tmp_path / "other").touch()
    path = export(*trained("lstm"), tmp_path / "model.onnx", **SETTINGS).path
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "other").stat().st_mode)


def test_onnx_file_says_how_long_the_clips_of_the_training_were(tmp_path):
    path = export(*trained("lstm"), tmp_path / "model.onnx", **SETTINGS).path
    assert {prop.key: prop.value for prop in onnx.load(path).metadata_props}["longest"] == "2000"


@pytest.mark.parametrize("ending", FORMATS)
def test_file_gives_our_probabilities(ending, tmp_path):
    content = export(*trained("lstm"), tmp_path / f"model{ending}", **SETTINGS).path.read_bytes()
    x = padded(speech())
    got = (run_onnx if ending == ".onnx" else run_stablehlo)(content, x.values, x.length)
    np.testing.assert_allclose(got, ours("lstm", x)[1], rtol=0, atol=1e-6)


@pytest.mark.parametrize("ending", FORMATS)
def test_difference_above_the_tolerance_leaves_nothing_behind(ending, tmp_path):
    path = tmp_path / f"model{ending}"
    path.write_bytes(b"old")
    with pytest.raises(jl.TrainingError, match=r"differ from the model's by up to .* above the tolerance"):
        export(*trained("lstm"), path, **SETTINGS, tolerance=-1.0)
    assert path.read_bytes() == b"old"
    assert [*tmp_path.iterdir()] == [path]


def test_wrong_file_is_never_let_through(tmp_path, monkeypatch):
    broken = lambda content, x, n=None: np.full((len(x), 3), np.nan)  # noqa: E731
    monkeypatch.setattr(forms, "run_onnx", broken)
    with pytest.raises(jl.TrainingError, match="nan"):
        export(*trained("lstm"), tmp_path / "model.onnx", **SETTINGS)
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("model.pt", r"ends in \.onnx or \.stablehlo, got 'model\.pt'"),
        ("model", "ends in"),
        ("missing/model.onnx", r"the folder .*missing does not exist"),
        ("taken.onnx", "is a folder"),
    ],
)
def test_path_that_can_not_be_written_is_refused(path, message, tmp_path):
    (tmp_path / "taken.onnx").mkdir()
    with pytest.raises(jl.InputError, match=message):
        export(*trained("lstm"), tmp_path / path, **SETTINGS)


def test_folder_without_permission_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(jl.InputError, match="can't be written to"):
        export(*trained("lstm"), tmp_path / "model.onnx", **SETTINGS)


def test_clip_with_channels_is_refused(tmp_path):
    with pytest.raises(jl.InputError, match=r"expected clips \[time\], got shapes \[\(800, 2\)\]"):
        export(*trained("lstm"), tmp_path / "model.onnx", **SETTINGS, clips=[np.zeros((800, 2))])


def test_exported_model_equals_ours_on_real_recordings(real, tmp_path):
    paths = sorted((real / "fsdd").rglob("*.wav"))
    if not paths:
        pytest.skip("JAXLISTEN_DATA has no folder fsdd with wav files")
    clips = [soundfile.read(path, dtype="float32")[0] for path in paths[:: len(paths) // 12]]
    for ending in FORMATS:
        result = export(*trained("cnn1d"), tmp_path / f"model{ending}", **SETTINGS, clips=clips)
        assert result.difference < 1e-5
        assert result.clips == len(clips)
