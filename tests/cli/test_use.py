"""``jaxlisten evaluate``, ``export`` and ``doctor``."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

import jaxlisten as jl
from tests.cli.conftest import CLASSES, contents, write_sounds


def test_evaluate_prints_one_object(command, trained, sounds):
    done = command("evaluate", trained, sounds, "--json")
    assert done.code == 0
    report = done.json
    assert report.keys() >= {"n", "accuracy", "balanced_accuracy", "macro_f1", "classes", "confusion", "per_class"}
    assert report["n"] == np.sum(report["confusion"]) == 12
    assert report["accuracy"] == np.trace(report["confusion"]) / 12
    assert report["per_class"].keys() == {"high", "low"}


def test_evaluate_warns_of_clips_that_were_trained_on(command, trained, sounds, tmp_path):
    done = command("evaluate", trained, sounds, "--json")
    trained_on = done.json["trained_on"]
    first = trained_on["paths"][0]
    assert done.err.startswith(
        f"warning: evaluate: {trained_on['clips']} of 12 clips were trained on, such as '{first}': "
    )
    assert trained_on["clips"] + done.json["chosen_by"]["clips"] == 12
    # Under another name and in another form it is still the same sound; with other samples it is another one.
    for name in CLASSES:
        (tmp_path / "new" / name).mkdir(parents=True)
    samples, sr = soundfile.read(first)
    label = Path(first).parent.name
    soundfile.write(tmp_path / "new" / label / "copy.flac", samples, sr)
    soundfile.write(tmp_path / "new" / label / "other.wav", -samples, sr)
    done = command("evaluate", trained, tmp_path / "new", "--json")
    assert "1 of 2 clips were trained on, such as" in done.err
    assert done.json["trained_on"]["paths"] == [str(tmp_path / "new" / label / "copy.flac")]


@pytest.mark.wide
def test_evaluate_does_not_warn_of_another_split_of_the_same_data(command, sounds, tmp_path):
    splits = ["train", "train", "train", "validation", "test", "test"]
    rows = "".join(f"{sounds}/{name}/{i}.wav,{name},{split}\n" for name in CLASSES for i, split in enumerate(splits))
    (tmp_path / "list.csv").write_text("path,label,split\n" + rows)
    assert command("train", tmp_path / "list.csv", "--out", tmp_path / "run", "--epochs", "1").code == 0
    done = command("evaluate", tmp_path / "run", tmp_path / "list.csv", "--split", "test", "--json")
    assert (done.code, done.err, done.json["n"]) == (0, "", 4)
    assert (
        "6 of 6 clips were trained on"
        in command("evaluate", tmp_path / "run", tmp_path / "list.csv", "--split", "train").err
    )


def test_evaluate_prints_a_table_without_json(command, trained, sounds):
    done = command("evaluate", trained, sounds)
    assert "12 clips" in done.out
    assert "precision" in done.out


def test_notes_about_bad_clips_stay_out_of_the_json(command, trained, sounds, tmp_path):
    data = shutil.copytree(sounds, tmp_path / "sounds")
    (data / "low" / "bad.wav").touch()
    done = command("evaluate", trained, data, "--json")
    assert done.json["n"] == 12
    assert "bad.wav' is empty" in done.err


def test_evaluate_knows_some_of_the_classes_in_another_order(command, trained, sounds, tmp_path):
    (tmp_path / "list.csv").write_text(f"path,label\n{sounds}/low/0.wav,low\n{sounds}/low/1.wav,low\n")
    report = command("evaluate", trained, tmp_path / "list.csv", "--json").json
    assert report["classes"] == ["high", "low"]
    assert sum(report["confusion"][0]) == 0
    assert sum(report["confusion"][1]) == 2


def test_evaluate_takes_one_split(command, refused, trained, sounds, tmp_path):
    rows = "".join(f"{sounds}/low/{i}.wav,low,{split}\n" for i, split in enumerate(["train", "test", "test"]))
    (tmp_path / "list.csv").write_text("path,label,split\n" + rows)
    assert command("evaluate", trained, tmp_path / "list.csv", "--split", "test", "--json").json["n"] == 2
    message = refused("evaluate", trained, tmp_path / "list.csv", "--split", "dev")
    assert "has no clips of the split 'dev' but test, train; leave --split out" in message
    assert "no splits at all" in refused("evaluate", trained, sounds, "--split", "test")


def test_evaluate_refuses_an_unknown_class(refused, trained, tmp_path):
    message = refused("evaluate", trained, write_sounds(tmp_path / "sounds", ("high", "rare")), "--json")
    assert "has the label 'rare', which is not one of the 2 classes 'high', 'low'" in message


def test_evaluate_writes_a_page(command, refused, trained, sounds, tmp_path):
    page = tmp_path / "out put.html"
    assert command("evaluate", trained, sounds, "--report", page).code == 0
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert "ends in .html" in refused("evaluate", trained, sounds, "--report", tmp_path / "page.pdf")
    assert "there is no folder" in refused("evaluate", trained, sounds, "--report", tmp_path / "none" / "page.html")
    (tmp_path / "folder.html").mkdir()
    assert "can't save" in refused("evaluate", trained, sounds, "--report", tmp_path / "folder.html")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.html", "out put.html"]


def test_what_is_no_run_folder_is_refused(refused, sounds, tmp_path):
    sound = sounds / "low" / "0.wav"
    for words in (["evaluate", "RUN", sounds], ["predict", "RUN", sound], ["export", "RUN", tmp_path / "model.onnx"]):
        for folder, reason in [(tmp_path / "none", "there is no such run folder"), (sounds, "has no config.json")]:
            assert reason in refused(*(folder if word == "RUN" else word for word in words))


def test_damaged_run_folder_is_refused(refused, run, sounds):
    (run / "weights.safetensors").write_bytes((run / "weights.safetensors").read_bytes()[:-100])
    before = contents(run)
    message = refused("predict", run, sounds / "low" / "0.wav", "--json")
    assert f"{run / 'weights.safetensors'} is damaged" in message
    assert "restore it, or train the run again" in message
    assert contents(run) == before


@pytest.mark.parametrize("ending", [".onnx", ".stablehlo"])
def test_export_writes_one_checked_file(ending, command, trained, sounds, tmp_path, monkeypatch):
    pytest.importorskip("onnx" if ending == ".onnx" else "flatbuffers")
    monkeypatch.chdir(sounds)
    clip = sounds / "low" / "0.wav"
    done = command("export", trained, tmp_path / f"model{ending}")
    assert done.code == 0
    assert "on 2 recordings" in done.out
    assert command("export", trained, tmp_path / f"model{ending}", "--clips", clip, clip, clip).out.count("on 3 rec")
    assert [path.name for path in tmp_path.iterdir()] == [f"model{ending}"]


@pytest.mark.wide
def test_export_forgives_examples_that_are_gone_or_elsewhere(command, run, tmp_path, monkeypatch):
    pytest.importorskip("flatbuffers")
    config = json.loads((run / "config.json").read_text())
    (tmp_path / "link.wav").symlink_to(config["examples"][0])
    monkeypatch.chdir(tmp_path)
    outside = [config["examples"][0], "link.wav", "../a.wav", "a\0"]  # a run folder is no guide to the rest of the disk
    for examples in (["gone.wav", 5, None], outside, 5, {"a": 1}):
        config = json.loads((run / "config.json").read_text())
        (run / "config.json").write_text(json.dumps(config | {"examples": examples}))
        assert "clips of noise" in command("export", run, tmp_path / "model.stablehlo").out


def test_export_refuses_what_it_can_not_write(refused, trained, sounds, tmp_path):
    (tmp_path / "empty.wav").touch()
    before = contents(tmp_path)
    assert "ends in .onnx or .stablehlo" in refused("export", trained, tmp_path / "model.pb")
    assert "does not exist" in refused("export", trained, tmp_path / "none" / "model.onnx")
    assert "is empty" in refused("export", trained, tmp_path / "model.onnx", "--clips", tmp_path / "empty.wav")
    assert contents(tmp_path) == before


def test_export_scores_the_file_and_says_what_a_clip_costs(command, trained, sounds, tmp_path):
    pytest.importorskip("onnx")
    done = command("export", trained, tmp_path / "model.onnx", "--int8", "--data", sounds)
    found, costs = done.out.splitlines()
    assert "with float32 weights); its answers differ" in found
    accuracy = f"{command('evaluate', trained, sounds, '--json').json['accuracy']:.1%}"
    assert "on 12 recordings, 12 of which get the same answer" in found
    assert f"; accuracy {accuracy} of the run, {accuracy} of the file" in found
    fitted = jl.load(trained).fitted
    ours = jl.summary(fitted.model, (fitted.longest,))
    assert f"{ours.parameters:,} parameters, {ours.multiply_adds:,} multiply-adds" in costs
    assert f"at most {ours.activations:,} activations" in costs
    tiny = costs.split("MLPerf Tiny's keyword spotting, 1 s: ")[1]
    assert "parameters" in tiny
    assert "activations (66,560 bytes as float32)" in tiny  # two maps of 26 x 5 x 64


@pytest.mark.wide
def test_export_writes_a_stream(command, trained, sounds, tmp_path, monkeypatch):
    pytest.importorskip("onnx")
    monkeypatch.chdir(sounds)
    done = command("export", trained, tmp_path / "model.onnx", "--streaming")
    assert done.code == 0
    assert "on 2 recordings" in done.out
    assert "a chunk is a multiple of" in done.out
    assert "the carry begins as zeros" in done.out


@pytest.mark.wide
def test_export_refuses_data_that_it_can_not_score(refused, trained, sounds, tmp_path):
    path = tmp_path / "model.onnx"
    assert "give --data too" in refused("export", trained, path, "--split", "test")
    assert "--clips or --data, got both" in refused("export", trained, path, "--data", sounds, "--clips", "a.wav")
    assert "no splits at all" in refused("export", trained, path, "--data", sounds, "--split", "test")
    assert ".stablehlo has no streaming form" in refused("export", trained, tmp_path / "m.stablehlo", "--streaming")
    assert contents(tmp_path) == {}


def test_doctor_names_versions_devices_and_extras(command):
    done = command("doctor")
    assert done.code == 0
    assert all(word in done.out for word in ("jaxlisten", "jax ", "cpu:0", "extra export"))


def test_the_installed_command_ends_as_documented(tmp_path):
    words = [sys.executable, "-m", "jaxlisten", "predict", str(tmp_path / "none"), "a.wav", "--json"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (2, "")
    assert (
        done.stderr == f"jaxlisten: {tmp_path / 'none'}: there is no such run folder; make one with `jaxlisten train`\n"
    )
