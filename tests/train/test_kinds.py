"""Several labels a clip, and numbers: from training to the file that is shipped, on real recordings and on sines."""

import json
import math

import jax
import numpy as np
import pytest
import soundfile

import jaxlisten as jl
from jaxlisten.data import arrays
from jaxlisten.evaluate import LabelReport, NumberReport
from tests.train.small import SR

FRONT = jl.LogMel(sr=SR, n_fft=256, hop_length=80, n_mels=24)
LABELS = ("high", "low", "middle")
HZ = dict(zip(LABELS, (2000, 300, 800), strict=True))
ENDINGS = (".onnx", ".stablehlo")


def chords(n: int, seed: int) -> jl.data.Dataset:
    """Make clips of none, one or several of three pitches, over noise."""
    noise = np.random.default_rng(seed)
    held = [[name for name in LABELS if noise.random() < 0.5] for _ in range(n)]
    t = np.arange(1600) / SR
    sounds = [
        0.1 * noise.standard_normal(1600) + sum(0.3 * np.sin(2 * np.pi * HZ[name] * t) for name in names)
        for names in held
    ]
    groups = [f"singer {i % 2}" for i in range(n)]
    return arrays(np.array(sounds, np.float32), held, sr=SR, classes=LABELS, groups=groups)


def loudness(n: int, seed: int) -> jl.data.Dataset:
    """Make sines whose level in tens of decibels, and whose pitch in kHz, are to be found."""
    noise = np.random.default_rng(seed)
    numbers = np.stack([noise.uniform(-3, 0, n), noise.uniform(0.2, 2, n)], axis=1).astype(np.float32)
    t = np.arange(1600) / SR
    hiss = 0.003 * noise.standard_normal((n, 1600))
    sounds = [10 ** (level / 2) * np.sin(2 * np.pi * 1000 * khz * t) for level, khz in numbers] + hiss
    return arrays(np.array(sounds, np.float32), numbers, sr=SR, classes=("level", "pitch"))


def network(outputs: int) -> jl.Layer:
    return jl.serial(FRONT, jl.Normalize(), jl.GlobalPool(), jl.Dense(64), jl.ReLU(), jl.Dense(outputs))


def fit(train, validation, epochs, **settings):
    model = network(len(train.classes))
    settings = {"key": jax.random.key(0), "epochs": epochs, "batch_size": 32, "progress": False} | settings
    return jl.fit(model, train, validation, **settings)


@pytest.fixture(scope="module")
def tagger(tmp_path_factory):
    run = tmp_path_factory.mktemp("runs") / "tagger"
    task = jl.tasks.tagging(label_smoothing=0.05, positive_weight=(1.0, 2.0, 1.0))
    return fit(chords(256, 0), chords(64, 1), 12, run_dir=run, task=task), run


@pytest.fixture(scope="module")
def meter(tmp_path_factory):
    run = tmp_path_factory.mktemp("runs") / "meter"
    return fit(loudness(256, 0), loudness(64, 1), 25, run_dir=run), run


def test_a_tagger_learns_and_its_history_says_so(tagger):
    fitted, run = tagger
    assert fitted.task.name == "tagging"
    assert {"val_loss", "val_map"} <= fitted.history[-1].keys()
    assert fitted.history[fitted.best_epoch - 1]["val_map"] == max(row["val_map"] for row in fitted.history)
    report = jl.evaluate(fitted, chords(80, 2))
    assert isinstance(report, LabelReport)
    assert report.average_precision > 0.95
    assert report.exact_match > 0.7
    assert report.by_group.keys() == {"singer 0", "singer 1"}
    stored = json.loads((run / "report.json").read_text())
    assert stored["average_precision"] == pytest.approx(fitted.history[fitted.best_epoch - 1]["val_map"], abs=1e-6)


def test_a_meter_learns_and_its_history_says_so(meter):
    fitted, _ = meter
    assert fitted.task.name == "regression"
    assert {"val_loss", "val_mae", "val_r2"} <= fitted.history[-1].keys()
    assert fitted.history[fitted.best_epoch - 1]["val_loss"] == min(row["val_loss"] for row in fitted.history)
    test = loudness(80, 2)
    report = jl.evaluate(fitted, test)
    assert isinstance(report, NumberReport)
    assert report.r2 > 0.9
    swapped = arrays(test.audio, test.targets[:, ::-1], sr=SR, classes=("pitch", "level"))
    np.testing.assert_array_equal(jl.evaluate(fitted, swapped).targets, report.targets)


def test_a_stored_tagger_names_the_labels_that_hold(tagger):
    fitted, run = tagger
    listener, clips = jl.load(run), chords(8, 2)
    assert listener.fitted.task == jl.tasks.tagging()
    report = jl.evaluate(fitted, clips)
    for clip, probabilities in zip(clips.audio, report.probabilities, strict=True):
        said = listener.predict(clip)
        assert set(said.labels) == {LABELS[k] for k in np.flatnonzero(probabilities >= 0.5)}
        np.testing.assert_allclose([dict(said.top)[name] for name in LABELS], probabilities, atol=1e-5)
    assert repr(listener).startswith("Listener(3 labels")


def test_a_stored_meter_says_its_numbers_also_of_long_recordings(meter):
    fitted, run = meter
    listener, clips = jl.load(run), loudness(4, 2)
    said = [listener.predict(clip) for clip in clips.audio]
    expected = jl.evaluate(fitted, clips).predictions
    np.testing.assert_allclose([[value for _, value in one.numbers] for one in said], expected, atol=1e-4)
    assert (said[0].label, said[0].top, math.isnan(said[0].probability)) == ("", (), True)
    long = listener.predict(np.tile(clips.audio[0], 4))
    np.testing.assert_allclose([value for _, value in long.numbers], expected[0], atol=0.3)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("kind", ["tagger", "meter"])
def test_the_exported_file_ends_in_the_link_of_the_task(kind, ending, request, tmp_path):
    pytest.importorskip("onnxruntime" if ending == ".onnx" else "flatbuffers")
    fitted, run = request.getfixturevalue(kind)
    clips = chords(5, 3) if kind == "tagger" else loudness(5, 3)
    done = jl.load(run).export(tmp_path / f"model{ending}", clips=clips.audio)
    assert done.difference < 1e-5
    report = jl.evaluate(fitted, clips)
    if ending == ".onnx":
        from jaxlisten.deploy.onnx import run_onnx

        got = run_onnx(done.path.read_bytes(), np.stack(clips.audio))
        said = report.probabilities if kind == "tagger" else report.predictions
        np.testing.assert_allclose(got, said, atol=1e-4)


def test_predict_says_labels_and_numbers_on_the_command_line(tagger, meter, tmp_path, capsys):
    from jaxlisten.cli.main import main

    path = tmp_path / "a.wav"
    soundfile.write(path, chords(1, 2).audio[0], SR, subtype="FLOAT")
    lines = []
    for _, run in (tagger, meter):
        capsys.readouterr()
        assert main(["predict", str(run), str(path), "--json"]) == 0
        lines.append(json.loads(capsys.readouterr().out))
        assert main(["predict", str(run), str(path)]) == 0
        assert capsys.readouterr().out.startswith(str(path))
    labels, numbers = lines
    assert [one for one in labels["top"] if one["probability"] >= 0.5] == labels["labels"]
    assert numbers["numbers"].keys() == {"level", "pitch"}
    assert (numbers["label"], numbers["probability"], numbers["top"]) == (None, None, [])


@pytest.mark.wide
def test_real_digits_are_tagged_by_what_is_true_of_them(real):
    """Tags that a digit has or hasn't: a nasal, and a vowel at the end."""
    files = [
        (real / "fsdd" / "recordings" / f"{digit}_{speaker}_{i}.wav", digit)
        for digit in (0, 1, 6)
        for speaker in ("jackson", "theo")
        for i in range(5, 17)
    ]
    tags = {0: ["vowel"], 1: ["nasal"], 6: []}
    clips = [np.resize(jl.data.read(path, sr=SR)[0], 3000) for path, _ in files]
    whole = arrays(clips, [tags[digit] for _, digit in files], sr=SR, classes=("nasal", "vowel"))
    chosen = np.arange(len(clips)) % 3 == 0
    fitted = fit(whole.subset(~chosen), whole.subset(chosen), 40)
    assert jl.evaluate(fitted, whole.subset(chosen)).average_precision > 0.9


@pytest.mark.parametrize(
    ("train", "settings", "message"),
    [
        (chords(8, 0), {"task": "regression"}, "learns numbers, but the data has targets of the kind 'labels'"),
        (loudness(8, 0), {"task": "classification"}, "one class per clip, but .* 'numbers', float32 \\[8, 2\\]"),
        (chords(8, 0).subset([0, 0, 0]), {}, "with different labels"),
        (loudness(8, 0).subset([0, 0, 0]), {}, "with different numbers"),
    ],
)
def test_data_of_another_kind_is_refused(train, settings, message):
    with pytest.raises(jl.InputError, match=message):
        fit(train, None, 1, **settings)


def test_validation_of_another_kind_is_refused():
    with pytest.raises(jl.InputError, match="validation has targets of the kind 'numbers', training 'labels'"):
        fit(chords(8, 0), loudness(8, 0), 1)


def test_a_model_with_another_number_of_outputs_is_refused():
    train = chords(8, 0)
    with pytest.raises(jl.InputError, match="the model gives 2 logits, the data has 3 labels"):
        jl.fit(network(2), train, key=jax.random.key(0), progress=False)


def test_evaluating_on_another_kind_or_other_numbers_is_refused(meter):
    fitted, _ = meter
    with pytest.raises(jl.InputError, match="the listener has learnt numbers, but the data .* 'labels'"):
        jl.evaluate(fitted, jl.data.arrays(chords(4, 0).audio, [["level"]] * 4, sr=SR, classes=("level", "pitch")))
    one = arrays(loudness(4, 0).audio, [0.5] * 4, sr=SR, classes=("level",))
    with pytest.raises(jl.InputError, match="the numbers level, pitch; the data lacks 'pitch'"):
        jl.evaluate(fitted, one)


def test_the_epoch_without_a_figure_is_never_the_best():
    task = jl.tasks.find("tagging")
    rows = [{"epoch": i, "val_map": figure} for i, figure in enumerate([math.nan, 0.2, math.nan, 0.3], 1)]
    assert jl.Fitted(FRONT, {}, {}, task, LABELS, SR, (1,), tuple(rows)).best_epoch == 4
