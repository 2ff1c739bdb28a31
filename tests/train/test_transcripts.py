"""Transcripts from training to the shipped file: CTC on sequences of tones, and a decoder that writes."""

import json
import math

import jax
import numpy as np
import optax
import pytest
import soundfile

import jaxlisten as jl
from jaxlisten.cli.main import main
from jaxlisten.data import transcript_of
from jaxlisten.detect import Hearing
from jaxlisten.train import default_augment, default_task
from jaxlisten.train.job import prepare

SR = 8000
FRONT = jl.LogMel(sr=SR, n_fft=128, hop_length=80, n_mels=12)
SYMBOLS = ("high", "low")
HZ = {"high": 2200, "low": 500}


def sequences(n: int, seed: int) -> jl.data.Dataset:
    """Make one to three tones in turn, with pauses, 3600 samples in all."""
    noise = np.random.default_rng(seed)
    clips, said = [], []
    for i in range(n):
        names = [SYMBOLS[k] for k in noise.integers(0, 2, 1 + i % 3)]
        tones = [np.pad(0.3 * np.sin(2 * np.pi * HZ[name] * np.arange(800) / SR), (200, 200)) for name in names]
        clip = np.resize(np.concatenate([*tones, np.zeros(3600)]), 3600)
        clips.append((clip + 0.01 * noise.standard_normal(3600)).astype(np.float32))
        said.append(transcript_of(" ".join(names)))
    return jl.data.arrays(clips, said, sr=SR, classes=SYMBOLS)


TRAIN, VALIDATION = sequences(96, 0), sequences(24, 1)
CTC = jl.serial(
    FRONT, normalize=jl.Normalize(), conv=jl.Conv1D(12, 5, stride=2), relu=jl.ReLU(), gru=jl.GRU(12), logits=jl.Dense(3)
)
WRITER = jl.EncoderDecoder(
    jl.serial(FRONT, jl.Normalize(), jl.Conv1D(8, 5, stride=4), jl.ReLU()),
    jl.AttentionDecoder(2, longest=4, units=8, size=8, kernel=3),
)


def fit(model, **settings) -> jl.Fitted:
    usual = {"key": jax.random.key(0), "batch_size": 16, "progress": False, "optimizer": optax.adam(2e-2)}
    return jl.fit(model, TRAIN, VALIDATION, **(usual | settings))


@pytest.fixture(scope="module")
def transcriber(tmp_path_factory):
    run = tmp_path_factory.mktemp("runs") / "tones"
    return fit(CTC, epochs=30, run_dir=run), run


def test_a_listener_learns_what_is_said_without_being_told_when(transcriber):
    fitted, run = transcriber
    report = jl.evaluate(fitted, VALIDATION)
    assert report.label_error_rate < 0.05, report.headline
    assert fitted.task.name == "transcription"
    assert min(row["val_ler"] for row in fitted.history) == fitted.history[fitted.best_epoch - 1]["val_ler"]
    stored = json.loads((run / "report.json").read_text())
    assert stored["label_error_rate"] == report.label_error_rate
    assert jl.evaluate(fitted, VALIDATION, beam=4).label_error_rate < 0.05
    assert "2 symbols" in repr(fitted)


def test_a_loaded_listener_says_what_the_report_says_and_its_stream_too(transcriber):
    fitted, run = transcriber
    listener, report = jl.load(run), jl.evaluate(fitted, VALIDATION)
    want = jl.data.said_in(report.predictions, SYMBOLS)
    said = [one.transcript for _, one in listener.predict_many(VALIDATION.audio)]
    assert said == want
    one = listener.predict(VALIDATION.audio[2], beam=4)
    assert (one.symbols, one.label, one.top) == (tuple(one.transcript.split()), "", ())
    assert math.isnan(one.probability)
    streamed = list(listener.transcribe(np.split(VALIDATION.audio[2], 6)))
    assert " ".join(found.symbol for found in streamed) == want[2]
    assert [found.time for found in streamed] == sorted(found.time for found in streamed)
    with pytest.raises(jl.InputError, match=r"has learnt transcripts; see Listener\.transcribe"):
        listener.listen([VALIDATION.audio[0]])
    assert listener.probabilities(VALIDATION.audio[0]).shape == (CTC.out_length(3600), 3)


def test_a_long_recording_is_transcribed_in_windows_that_are_joined(transcriber):
    _, run = transcriber
    listener = jl.load(run)
    n = 6
    whole = np.concatenate(VALIDATION.audio[2 : 3 * n : 3])  # of three tones each, without a pause at their ends
    assert len(whole) > 2 * listener.fitted.longest
    want = jl.data.said_in(VALIDATION.targets[2 : 3 * n : 3], SYMBOLS)
    assert listener.predict(whole).transcript == " ".join(want)


@pytest.mark.parametrize("ending", [".onnx", ".stablehlo", "streaming"])
def test_the_exported_file_gives_probabilities_step_by_step(transcriber, ending, tmp_path):
    pytest.importorskip("flatbuffers" if ending == ".stablehlo" else "onnxruntime")
    _, run = transcriber
    listener, streaming = jl.load(run), ending == "streaming"
    path = tmp_path / f"tones{'.onnx' if streaming else ending}"
    clips = [VALIDATION.audio[0], VALIDATION.audio[1][:2000]]
    done = listener.export(path, clips=clips, streaming=streaming)
    assert done.difference < 1e-5
    if ending == ".onnx":
        from jaxlisten.deploy.onnx import run_onnx, session_of

        about = session_of(path.read_bytes()).get_modelmeta().custom_metadata_map
        assert json.loads(about["classes"]) == ["", *SYMBOLS]
        assert (about["answers"], about["blank"]) == ("steps", "0")
        got = run_onnx(path.read_bytes(), VALIDATION.audio[0][None])[0]
        np.testing.assert_allclose(got, listener.probabilities(VALIDATION.audio[0]), atol=1e-5)
        with pytest.raises(jl.InputError, match="8-bit weights are checked on one answer a clip"):
            listener.export(path, int8=True)


def test_the_commands_evaluate_predict_and_listen(transcriber, tmp_path, capsys):
    _, run = transcriber
    said = jl.data.said_in(VALIDATION.targets, SYMBOLS)[:3]
    for i, clip in enumerate(VALIDATION.audio[:3]):
        soundfile.write(tmp_path / f"{i}.wav", clip, SR, subtype="FLOAT")
    rows = [f"{i}.wav,{text}" for i, text in enumerate(said)]
    (tmp_path / "said.csv").write_text("\n".join(["path,transcript", *rows]))
    capsys.readouterr()
    assert main(["evaluate", str(run), str(tmp_path / "said.csv"), "--json"]) == 0
    first = jl.evaluate(jl.load(run), VALIDATION.subset([0, 1, 2]))
    assert json.loads(capsys.readouterr().out)["label_error_rate"] == pytest.approx(first.label_error_rate)
    said = jl.data.said_in(first.predictions, SYMBOLS)
    assert main(["predict", str(run), str(tmp_path / "2.wav"), "--json"]) == 0
    line = json.loads(capsys.readouterr().out)
    assert (line["transcript"], line["symbols"]) == (said[2], said[2].split())
    assert main(["predict", str(run), str(tmp_path / "0.wav"), "--csv"]) == 0
    assert capsys.readouterr().out.splitlines() == ["path,transcript,error", f"{tmp_path / '0.wav'},{said[0]},"]
    assert main(["listen", str(run), str(tmp_path / "2.wav"), "--json"]) == 0
    heard = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["symbol"] for one in heard] == said[2].split()
    (tmp_path / "other.csv").write_text("path,transcript\n0.wav,high middle\n")
    assert main(["evaluate", str(run), str(tmp_path / "other.csv")]) == 2
    assert "has the symbol 'middle'" in capsys.readouterr().err
    assert main(["listen", str(run), str(tmp_path / "2.wav"), "--threshold", "0.5"]) == 2
    assert main(["train", str(tmp_path / "said.csv"), "--out", str(tmp_path / "run"), "--model", "gru"]) == 2
    assert "gru does not go with transcripts; expected one of ctc, attention" in capsys.readouterr().err


@pytest.mark.wide
def test_a_decoder_learns_to_write_and_is_stored(tmp_path):
    fitted = fit(WRITER, epochs=30, task="dictation", run_dir=tmp_path / "run", report=False)
    report = jl.evaluate(fitted, VALIDATION)
    assert report.label_error_rate < 0.3
    listener = jl.load(tmp_path / "run")
    want = jl.data.said_in(report.predictions, SYMBOLS)
    assert [one.transcript for _, one in listener.predict_many(VALIDATION.audio[:5])] == want[:5]
    assert jl.evaluate(fitted, VALIDATION, beam=3).label_error_rate < 0.35
    for refused in (lambda: listener.predict(VALIDATION.audio[0], beam=3), lambda: Hearing(fitted)):
        with pytest.raises(jl.InputError, match="writes"):
            refused()
    with pytest.raises(jl.InputError, match="more than twice as long"):
        listener.predict(np.concatenate(VALIDATION.audio[:3]))
    with pytest.raises(jl.InputError, match="these write each symbol by themselves"):
        jl.ensemble([fitted])


def test_transcripts_that_are_too_long_are_told_of_before_training():
    long = jl.data.arrays(TRAIN.audio[:2], [transcript_of("low " * 30), transcript_of("high")], sr=SR, classes=SYMBOLS)
    with pytest.warns(jl.ListenWarning, match="1 of 2 transcripts are too long for their sound, .* takes 59 frames"):
        prepared(CTC, long)
    longer = [transcript_of("low " * 40), transcript_of("low high " * 30)]
    with pytest.raises(jl.InputError, match="2 of 2 transcripts are too long .*; build it with fewer strides"):
        prepared(CTC, jl.data.arrays(TRAIN.audio[:2], longer, sr=SR, classes=SYMBOLS))
    with pytest.raises(jl.InputError, match="has 30 symbols, and the model writes 4 at most; build it with longest=30"):
        prepared(WRITER, long, task="dictation")


def prepared(model, train, **settings):
    usual = {"optimizer": None, "task": None, "epochs": 1, "batch_size": 8, "augment": None, "average": None}
    return prepare(model, [train], [None], **(usual | {"patience": None} | settings))


def test_a_model_with_another_number_of_symbols_is_refused():
    more = jl.data.arrays(TRAIN.audio[:2], [transcript_of("a b"), transcript_of("c")], sr=SR)
    with pytest.raises(jl.InputError, match=r"gives 3 logits, the data has 3 symbols \(and 1 more for the blank"):
        jl.fit(CTC, more, key=jax.random.key(0), progress=False)


def test_the_recipe_cuts_no_symbol_off():
    batch = jl.data.collate(TRAIN, np.arange(8), 3840, 8)
    slow = jl.augment.Speed(0.5, 0.6, whole=True)(jax.random.key(0), batch)
    assert (np.asarray(slow.x.length) >= 3838).all()  # and not twice as long, with the end cut off
    for task in ("transcription", "dictation"):
        parts = default_augment(jl.tasks.find(task)).parts
        assert any(getattr(part, "whole", False) for part in parts)
    assert default_task(jl.tasks.find("dictation")).label_smoothing == 0.1
