"""``--task contrast``, and ``--from``: from clips without labels to a listener."""

import json
import shutil

import numpy as np
import pytest

import jaxlisten as jl
from jaxlisten import models
from jaxlisten.cli.main import main
from tests.cli.conftest import SR, tone, write

# What the tests of training, scoring and reports hold, by the command.
pytestmark = pytest.mark.wide


@pytest.fixture(scope="module")
def flat(sounds, tmp_path_factory):
    """The clips of `sounds` in one folder, without a word on what they are."""
    root = tmp_path_factory.mktemp("flat")
    for k, path in enumerate(sorted(sounds.rglob("*.wav"))):
        shutil.copy(path, root / f"{k}.wav")
    return root


@pytest.fixture(scope="module")
def pretrained(flat, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "pretrained"
    words = ["train", str(flat), "--task", "contrast", "--epochs", "1"]
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(models.MODELS, "cnn", models.mlp)  # the default, in a form that is compiled quickly
        assert main([*words, "--front-end", "mfcc", "--out", str(out)]) == 0
    return out


def test_clips_without_labels_are_learned_from_and_scored(command, flat, pretrained, sounds):
    config = json.loads((pretrained / "config.json").read_text())
    assert (config["task"], config["classes"], config["command"]["task"]) == ("contrast", [], "contrast")
    report = json.loads((pretrained / "report.json").read_text())
    assert report["about"]["part"] == "validation"
    assert 0 <= report["found"] <= report["among_five"] <= 1
    page = (pretrained / "report.html").read_text()
    assert "guessing would for" in page
    assert "Training" in page
    done = command("evaluate", pretrained, sounds, "--json")
    assert done.json["n"] == 12
    assert done.json["chance"] == pytest.approx(1 / 12)
    assert "were trained on" in done.err


def test_what_is_exported_are_the_numbers_that_pieces_are_compared_by(command, pretrained, sounds, tmp_path):
    onnx = pytest.importorskip("onnx", reason="pip install 'jaxlisten[export]' brings it")
    done = command("export", pretrained, tmp_path / "pre.onnx", "--data", sounds)
    assert done.code == 0, done.err
    stored = {entry.key: entry.value for entry in onnx.load(tmp_path / "pre.onnx").metadata_props}
    assert json.loads(stored["classes"]) == [f"embedding {i}" for i in range(64)]


def test_a_listener_begins_with_it_frozen_or_not(command, pretrained, sounds, tmp_path):
    words = ("train", sounds, "--from", pretrained, "--epochs", "1")
    probe, fine, again = (tmp_path / name for name in ("probe", "fine", "again"))
    done = command(*words, "--freeze", "--out", probe)
    assert done.code == 0, done.err
    source, found = jl.load(pretrained).fitted, jl.load(probe).fitted
    assert list(found.params) == ["logits"]
    assert found.classes == ("high", "low")
    kept = found.state["dense0"]["params"]["dense"]["kernel"]
    np.testing.assert_array_equal(kept, source.params["dense0"]["dense"]["kernel"])
    assert set(source.heard.train) <= set(found.heard.train)
    assert command(*words, "--out", fine).code == 0
    trained = jl.load(fine).fitted
    assert not np.array_equal(trained.params["dense0"]["dense"]["kernel"], kept)
    assert command("predict", fine, sounds / "low" / "0.wav").code == 0
    # The run knows what it began with, and is given again.
    assert command("train", "--config", fine, "--out", again).code == 0
    np.testing.assert_array_equal(jl.load(again).fitted.params["logits"]["kernel"], trained.params["logits"]["kernel"])


@pytest.mark.wide
def test_another_rate_is_read_at_that_of_the_run_and_numbers_have_their_units(command, pretrained, tmp_path):
    rows = ["path,target"]
    for k in range(8):
        write(tmp_path / f"{k}.wav", tone(300 + 100 * k, sr=2 * SR), 2 * SR)
        rows.append(f"{k}.wav,{1000 * k}")
    table = tmp_path / "pitch.csv"
    table.write_text("\n".join(rows) + "\n")
    assert command("train", table, "--from", pretrained, "--out", tmp_path / "run", "--epochs", "1").code == 0
    fitted = jl.load(tmp_path / "run").fitted
    assert fitted.sr == SR
    assert fitted.model.names[-2:] == ("logits", "units")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--freeze",), "--freeze goes with --from"),
        (("--from", "nowhere"), "there is no such run folder"),
        (("--from", "{sounds}"), "it is no run folder"),
        (("--from", "{run}", "--model", "cnn"), "brings the model of its run; leave out --model"),
        (("--from", "{run}", "--front-end", "mfcc"), "leave out --front-end"),
        (("--from", "{run}", "--folds", "3"), "--from does not go with --folds"),
        (("--from", "{run}", "--task", "contrast"), "--from does not go with --task"),
        (("--task", "contrast", "--folds", "3"), "leave out --folds"),
        (("--task", "contrast", "--model", "ctc"), "--model: expected one of resnet"),
    ],
)
def test_what_does_not_go_together_is_refused(refused, pretrained, sounds, tmp_path, words, message):
    words = [word.format(run=pretrained, sounds=sounds) for word in words]
    assert message in refused("train", sounds, "--out", tmp_path / "run", *words)


def test_data_and_runs_that_are_too_little_are_refused(refused, pretrained, sounds, tmp_path):
    write(tmp_path / "few" / "1.wav")
    message = refused("train", tmp_path / "few", "--task", "contrast", "--out", tmp_path / "run")
    assert "1 usable clip" in message
    assert "at least four clips" in message
    assert "has learned no classes" in refused("predict", pretrained, sounds / "low" / "0.wav", code=2)
