import os
import stat

import jax
import numpy as np
import onnx
import pytest
import soundfile
from onnx import numpy_helper

import jaxlisten as jl
from jaxlisten import runs
from jaxlisten.deploy import forms
from jaxlisten.deploy.export import export
from jaxlisten.deploy.onnx import run_onnx
from jaxlisten.deploy.stablehlo import run_stablehlo
from tests.deploy.speech import CLASSES, FRONT, MODELS, SR, ours, padded, speech, trained

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
    monkeypatch.setattr(forms, "run_onnx_steps", broken)
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


def test_a_stream_is_compared_at_every_step(tmp_path):
    settings = SETTINGS | {"longest": 4000, "clips": speech()}
    result = export(*trained("cnn1d"), tmp_path / "model.onnx", **settings, streaming=True)
    assert result.difference < 1e-5
    assert (result.clips, result.changed, result.score) == (5, 0, None)
    file = onnx.load(result.path)
    assert [value.name for value in file.graph.output][:2] == ["probabilities", "valid"]


def test_a_model_without_a_streaming_form_is_refused_by_the_name_of_the_layer(tmp_path):
    model = jl.serial(FRONT, jl.models.lstm(3, units=(4,), bidirectional=True))
    weights = jax.jit(model.init)(jax.random.key(0), np.zeros((1, SR), np.float32))
    with pytest.raises(jl.LayerError, match=r"lstm0.*Bidirectional: expected a layer with a streaming form"):
        export(model, *weights, tmp_path / "model.onnx", **SETTINGS, streaming=True)
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("streaming", [False, True])
def test_kernels_of_eight_bits_are_a_quarter_of_the_size_and_nearly_the_same(streaming, tmp_path):
    settings = SETTINGS | {"longest": 4000, "clips": speech()}
    result = export(*trained("lstm"), tmp_path / "model.onnx", **settings, streaming=streaming, int8=True)
    assert 1e-5 < result.difference < 0.2
    assert result.changed <= 1
    assert result.bytes < result.float_bytes
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(result.path).graph.initializer}
    whole = {name for name, array in tensors.items() if array.dtype == np.int8}
    assert whole == {"lstm0/kernel/int8", "lstm0/recurrent/int8"}  # the others are too small to gain by it
    for name in whole:  # a scale for each gate of each unit, and the whole range used
        assert tensors[name.replace("int8", "scale")].shape == tensors[name].shape[1:2]
        assert np.abs(tensors[name]).max(axis=(0, 2)).tolist() == [127] * tensors[name].shape[1]
    assert tensors["log_mel/mel_filters"].dtype == np.float32


@pytest.mark.wide
def test_labelled_clips_are_scored_as_the_report_scores_them(tmp_path):
    clips = speech((2000, 1999, 700, 90, 1500, 1501, 800), seed=3)
    answers = [CLASSES[i] for i in ours("cnn1d", padded(clips))[1][:-1].argmax(1)]
    answers[0] = next(name for name in CLASSES if name != answers[0])
    data = jl.data.arrays(clips, answers, sr=SR, classes=CLASSES)
    fitted = runs.Fitted(*trained("cnn1d"), jl.tasks.find("classification"), CLASSES, SR, (2000,))
    assert jl.evaluate(fitted, data).accuracy == 6 / 7
    for settings in ({"streaming": True}, {"int8": True}):
        result = jl.Listener(fitted).export(tmp_path / "model.onnx", data=data, **settings)
        assert result.score == ("accuracy", 6 / 7, 6 / 7)


@pytest.mark.wide
def test_eight_bits_that_cost_more_than_a_point_or_a_clip_are_refused(tmp_path, monkeypatch):
    clips = speech([700] * 30)
    truth = ours("cnn1d", padded(clips))[1][:-1].argmax(1)

    def other(content, x, n=None):  # says another class for the first two clips of a batch
        said = run_onnx(content, x, n)
        return np.concatenate([1 - said[:2], said[2:]]) if n is not None else said

    settings = SETTINGS | {"clips": clips, "int8": True}
    path = tmp_path / "model.onnx"
    assert export(*trained("cnn1d"), path, **settings, targets=truth).score.after > 0.96
    path.unlink()
    monkeypatch.setattr(forms, "run_onnx_steps", other)
    with pytest.raises(jl.TrainingError, match=r"cost more than 3.3%: accuracy 100.00% before, 93.33% after on 30"):
        export(*trained("cnn1d"), path, **settings, targets=truth)
    with pytest.raises(jl.TrainingError, match=r"another answer to 2 of 30 clips.*export without int8"):
        export(*trained("cnn1d"), path, **settings)
    with pytest.raises(jl.TrainingError, match="above the tolerance of 0.001"):
        export(*trained("cnn1d"), path, **settings, tolerance=1e-3)
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"streaming": True}, r"\.stablehlo has no streaming form; give the file a name that ends in \.onnx"),
        ({"int8": True}, r"\.stablehlo has no 8-bit weights; give the file"),
        ({"targets": np.zeros(2, np.int32)}, "expected targets of 0 clips, got 2"),
    ],
)
def test_what_a_format_lacks_is_refused(settings, message, tmp_path):
    with pytest.raises(jl.InputError, match=message):
        export(*trained("lstm"), tmp_path / "model.stablehlo", **SETTINGS, **settings)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sr": 4000}, "expected data at 8000 Hz with a class a clip"),
        ({"classes": CLASSES[::-1]}, r"in this order, got três, zwei, one; read it with classes=listener.classes"),
    ],
)
def test_data_of_another_kind_is_refused(changes, message, tmp_path):
    data = jl.data.arrays(speech((700, 90)), ["one", "zwei"], **{"sr": SR, "classes": CLASSES} | changes)
    fitted = runs.Fitted(*trained("lstm"), jl.tasks.find("classification"), CLASSES, SR, (2000,))
    with pytest.raises(jl.InputError, match=message):
        jl.Listener(fitted).export(tmp_path / "model.onnx", data=data)


def test_exported_model_equals_ours_on_real_recordings(real, tmp_path):
    paths = sorted((real / "fsdd").rglob("*.wav"))
    if not paths:
        pytest.skip("JAXLISTEN_DATA has no folder fsdd with wav files")
    clips = [soundfile.read(path, dtype="float32")[0] for path in paths[:: len(paths) // 12]]
    for ending in FORMATS:
        result = export(*trained("cnn1d"), tmp_path / f"model{ending}", **SETTINGS, clips=clips)
        assert result.difference < 1e-5
        assert result.clips == len(clips)
