"""``jaxlisten train`` and ``jaxlisten demo``: what they write, and what they say about every kind of bad input."""

import dataclasses
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import jaxlisten as jl
from jaxlisten import models
from jaxlisten.cli import again
from jaxlisten.cli import main as cli
from jaxlisten.data import synthetic
from tests.cli.conftest import CLASSES, DEFAULT, contents, tone, write, write_sounds


def zipped(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("sound", b"\0" * 1000)


def truncated(path: Path) -> None:
    write(path)
    path.write_bytes(path.read_bytes()[:1500])


BAD_FILES = {
    "is empty (0 bytes)": Path.touch,
    "is cut short": truncated,
    "is not a sound file": lambda path: path.write_text("hello"),
    "is not a sound file that can be decoded": zipped,
    "holds no samples": lambda path: write(path, np.zeros(0, np.float32)),
    "NaN or infinite": lambda path: write(path, np.full(800, np.nan, np.float32), subtype="FLOAT"),
}


@pytest.fixture
def copied(sounds: Path, tmp_path: Path) -> Path:
    return shutil.copytree(sounds, tmp_path / "sounds")


def test_train_writes_a_whole_run_folder(trained):
    files = {path.name for path in trained.iterdir()}
    wanted = {"config.json", "weights.safetensors", "clips.safetensors", "metrics.csv", "report.html", "report.json"}
    wanted |= {"checkpoints"}
    assert files == wanted
    report = json.loads((trained / "report.json").read_text())
    assert report["about"]["part"] == "validation"
    config = json.loads((trained / "config.json").read_text())
    made = report["about"]["training"]
    assert (made["clips"], made["model"]) == (config["data"]["clips"], config["command"]["model"])
    assert {key: made[key] for key in ("epochs", "batch_size", "seed")} == config["training"] | {"seed": 0}
    assert report["about"]["versions"] == config["versions"]
    assert len((trained / "metrics.csv").read_text().splitlines()) == 3


def test_config_holds_every_setting_of_every_layer(trained):
    def check(layer, tree):
        assert tree["layer"] == type(layer).__name__
        assert tree.keys() - {"layer"} == {field.name for field in dataclasses.fields(layer)}
        for name in tree.keys() - {"layer"}:
            values, trees = getattr(layer, name), tree[name]
            for value, stored in zip(values, trees, strict=True) if isinstance(values, tuple) else [(values, trees)]:
                if isinstance(value, jl.Layer):
                    check(value, stored)
                else:
                    assert stored == value

    tree = json.loads((trained / "config.json").read_text())["model"]
    check(jl.load(trained).fitted.model, tree)


def test_config_says_what_was_trained_on_what(trained):
    config = json.loads((trained / "config.json").read_text())
    assert config["format"] == 1
    assert config["classes"] == list(CLASSES)
    assert config["data"]["clips"] == 10
    assert len(config["data"]["fingerprint"]) == 64
    assert config["versions"].keys() >= {"jaxlisten", "jax", "numpy"}
    assert (config["seed"], config["sr"], config["item"]) == (0, 8000, [2000])


@pytest.mark.parametrize("reason", BAD_FILES)
def test_bad_clip_is_named_and_left_out(reason, command, copied, tmp_path):
    bad = copied / "high" / "bad.wav"
    BAD_FILES[reason](bad)
    before = contents(copied)
    done = command("train", copied, "--out", tmp_path / "run", "--epochs", 2)
    assert done.code == 0
    assert done.err.startswith("skipped 1 clip that can't be used:\n")
    assert str(bad) in done.err.splitlines()[1]
    assert reason in done.err.splitlines()[1]
    assert contents(copied) == before


def test_folder_of_bad_clips_is_refused(refused, tmp_path):
    for name in CLASSES:
        (tmp_path / "sounds" / name).mkdir(parents=True)
        (tmp_path / "sounds" / name / "bad.wav").touch()
    message = refused("train", tmp_path / "sounds", "--out", tmp_path / "run")
    assert "none of 2 clips can be read" in message
    assert "bad.wav' is empty (0 bytes)" in message


def test_odd_formats_are_read(command, copied, tmp_path):
    write(copied / "low" / "8 channels.wav", np.tile(tone(300, seed=6)[:, None], 8))
    write(copied / "low" / "8 bit.wav", tone(300), subtype="PCM_U8")
    write(copied / "low" / "192 kHz.wav", tone(300, sr=192_000), 192_000)
    done = command("train", copied, "--out", tmp_path / "run", "--epochs", 2)
    assert done.code == 0
    assert "skipped" not in done.err
    assert "12 for train, 3 for validation" in done.err


def test_names_with_spaces_and_other_letters(command, tmp_path):
    data = write_sounds(tmp_path / "meine Töne", ("犬 の声", "кот"))
    out = tmp_path / "пробный прогон ✓"
    assert command("train", data, "--out", out, "--epochs", 2).code == 0
    assert command("evaluate", out, data, "--json").json["classes"] == ["кот", "犬 の声"]
    assert command("predict", out, data / "кот" / "0.wav", "--json").json["label"] in ("кот", "犬 の声")


@pytest.mark.wide
@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no names that are not text")
def test_names_that_are_no_text(command, tmp_path):
    data = write_sounds(tmp_path / "sounds", ("a", "b"))
    (data / "b").rename(data / os.fsdecode(b"b\xff"))
    assert command("train", data, "--out", tmp_path / "run", "--epochs", 2).code == 0
    assert command("evaluate", tmp_path / "run", data, "--json").json["classes"] == ["a", "b\udcff"]
    assert command("evaluate", tmp_path / "run", data).code == 0


def test_one_class_is_refused(refused, tmp_path):
    message = refused("train", write_sounds(tmp_path / "one", ("dog",)), "--out", tmp_path / "run")
    assert "one class only, 'dog'; add clips" in message


def test_a_clip_a_class_is_refused(refused, tmp_path):
    message = refused("train", write_sounds(tmp_path / "few", ("cat", "dog"), each=1), "--out", tmp_path / "run")
    assert "one class only for training, 'cat'; add clips, two or more of each" in message


@pytest.mark.wide
def test_class_with_one_clip_is_trained_on(command, copied, tmp_path):
    write(copied / "rare" / "1.wav")
    done = command("train", copied, "--out", tmp_path / "run", "--epochs", 2)
    assert done.code == 0
    assert done.err.startswith("3 classes at 8000 Hz, clips: 11 for train, 2 for validation")


def test_table_without_a_column_is_refused(refused, tmp_path):
    (tmp_path / "list.csv").write_text("path,name\na.wav,dog\n")
    message = refused("train", tmp_path / "list.csv", "--out", tmp_path / "run")
    assert "list.csv' has no column 'label' (found: 'path', 'name')" in message


def test_rows_whose_files_are_missing_are_named_and_left_out(command, refused, sounds, tmp_path):
    rows = [f"{sounds / name / f'{i}.wav'},{name}\n" for name in CLASSES for i in range(7)]
    (tmp_path / "list.csv").write_text("path,label\n" + "".join(rows))
    done = command("train", tmp_path / "list.csv", "--out", tmp_path / "run", "--epochs", 2)
    assert done.code == 0
    assert done.err.startswith("skipped 2 clips that can't be used:\n  row 8: there is no file")
    (tmp_path / "gone.csv").write_text("path,label\na.wav,cat\nb.wav,dog\n")
    message = refused("train", tmp_path / "gone.csv", "--out", tmp_path / "run2")
    assert "none of 2 clips can be read: row 2: there is no file" in message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model", "transformer"], "--model: expected one of resnet, cnn, cnn1d, "),
        (["--front-end", "magic"], "--front-end: expected one of log_mel"),
        (["--epochs", "0"], "--epochs: expected at least 1, got 0"),
        (["--epochs", "-3"], "--epochs: expected at least 1, got -3"),
        (["--batch-size", "0"], "--batch-size: expected at least 1, got 0"),
        (["--weight-decay", "-1"], "--weight-decay: expected at least 0, got -1"),
        (["--learning-rate", "nan"], "--learning-rate: expected a number above 0, got nan"),
        (["--test", "1"], "--test: expected a share from 0 to below 1, got 1"),
        (["--seed", "-1"], "--seed: expected a number from 0 to 4294967295, got -1"),
        (["--seed", str(2**64)], "--seed: expected a number from 0"),
        (["--group-by", "("], "the group pattern '(' is not a regular expression"),
        (["--group-by", "speaker"], "'high/0.wav' does not match the group pattern 'speaker'"),
    ],
)
def test_wrong_option_is_refused(options, message, refused, sounds, tmp_path):
    assert refused("train", sounds, "--out", tmp_path / "run", *options).startswith(message)


@pytest.mark.parametrize("words", [[], ["fly"], ["train"], ["train", "x", "--out", "y", "--epochs", "many"]])
def test_wrong_words_are_refused_with_the_usage(words, command):
    done = command(*words)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("usage: jaxlisten")


def test_missing_data_is_refused(refused, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "there is no folder" in refused("train", tmp_path / "none", "--out", tmp_path / "run")
    assert "holds no sound files" in refused("train", tmp_path / "empty", "--out", tmp_path / "run2")
    (tmp_path / "a.wav").touch()
    assert "is neither a .csv file nor a folder" in refused("train", tmp_path / "a.wav", "--out", tmp_path / "run3")


def test_nothing_that_was_there_is_lost(refused, sounds, run, tmp_path):
    (tmp_path / "file").write_text("mine")
    before = contents(tmp_path)
    assert "exists and is not empty; give another folder" in refused("train", sounds, "--out", run)
    assert "is a file; give the run another folder" in refused("train", sounds, "--out", tmp_path / "file")
    assert "Not a directory; give another folder" in refused("train", sounds, "--out", tmp_path / "file" / "run")
    assert "nothing to resume" in refused("train", sounds, "--out", sounds, "--resume")
    assert "is not empty" in refused("demo", "--out", run)
    assert contents(tmp_path) == before


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no /proc")
def test_folder_that_can_not_be_made_is_refused(refused, sounds):
    assert refused("train", sounds, "--out", "/proc/x").startswith("can't write to /proc/x: ")


def test_resumed_run_goes_on(command, sounds, run):
    first = (run / "metrics.csv").read_text()
    done = command("train", sounds, "--out", run, "--resume", "--epochs", 3)
    assert done.code == 0
    assert "epoch 3/3" in done.err
    assert "epoch 2/3" not in done.err
    assert (run / "metrics.csv").read_text().startswith(first)


def test_run_is_resumed_with_the_same_only(refused, sounds, run, tmp_path):
    more = shutil.copytree(sounds, tmp_path / "more")
    write(more / "low" / "more.wav", tone(333))
    before = contents(run)
    for options, what in [
        ([sounds, "--model", "lstm"], "another model"),
        ([sounds, "--seed", 1], "another seed"),
        ([more], "another set of clips"),
    ]:
        message = refused("train", "--out", run, "--resume", "--epochs", 3, *options)
        assert f"{run} was begun with {what}" in message
    assert contents(run) == before


def test_loss_that_is_not_finite_ends_the_run_at_its_step(command, copied, tmp_path, monkeypatch):
    monkeypatch.setattr("jaxlisten.data.audio.LOUDEST", np.inf)
    write(copied / "high" / "huge.wav", np.full(2000, 3e38, np.float32), subtype="FLOAT")
    done = command("train", copied, "--out", tmp_path / "run", "--epochs", 2)
    assert done.code == 1
    assert "not finite at step 1 (epoch 1)" in done.err or "validation loss is not finite" in done.err
    assert "Traceback" not in done.err
    assert np.isfinite(jl.load(tmp_path / "run").predict(tone(300)).probability)


@pytest.mark.wide
def test_demo_needs_nothing(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("jaxlisten.data.synthetic", lambda: synthetic(36))
    monkeypatch.setitem(again._OPTIONS, "model", DEFAULT)
    monkeypatch.setitem(models.MODELS, DEFAULT[1], functools.partial(models.cnn, filters=(2,), channels=(8,)))
    done = command("demo")
    assert (done.code, done.out) == (0, "jaxlisten-demo\n")
    assert "next: jaxlisten train DATA" in done.err
    assert (tmp_path / "jaxlisten-demo" / "report.html").is_file()


def test_unforeseen_error_is_one_line_too(monkeypatch, capsys):
    def fail():
        raise ZeroDivisionError("first line\nsecond line")

    monkeypatch.delenv("JAXLISTEN_TRACEBACK", raising=False)
    monkeypatch.setattr("jaxlisten.cli.doctor.doctor", fail)
    assert cli.main(["doctor"]) == 1
    assert capsys.readouterr().err == (
        "jaxlisten: ZeroDivisionError: first line. Set JAXLISTEN_TRACEBACK=1 to see where it comes from\n"
    )
    monkeypatch.setenv("JAXLISTEN_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        cli.main(["doctor"])


@pytest.mark.wide
@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent in another way there")
def test_terminated_run_says_how_to_go_on_and_does(command, sounds, tmp_path):
    out = tmp_path / "run"
    words = ["train", str(sounds), "--out", str(out), "--epochs", "100000", "--model", "linear"]
    process = subprocess.Popen(
        [sys.executable, "-m", "jaxlisten", *words], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stderr is not None
        assert process.stdout is not None
        for line in process.stderr:
            if line.startswith("epoch "):
                break
        process.send_signal(signal.SIGTERM)
        rest, printed = process.stderr.read(), process.stdout.read()
    said = [line for line in rest.splitlines() if not line.startswith("epoch ")]
    assert process.returncode == 1
    assert printed == ""
    assert said == [f"jaxlisten: {INTERRUPTED.format(out)}"]
    assert not [name for name in contents(out) if name.rpartition("/")[2].startswith(".")], "no half-written file stays"
    done = len((out / "metrics.csv").read_text().splitlines()) - 1
    assert done == max(int(path.name) for path in (out / "checkpoints").iterdir()), "the last epoch is stored"
    assert command("evaluate", out, sounds, "--json").json["n"] == 12
    assert command("train", sounds, "--out", out, "--resume", "--epochs", done + 2).code == 0
    assert len((out / "metrics.csv").read_text().splitlines()) == done + 3


INTERRUPTED = "interrupted; {} keeps every finished epoch: go on with the same command and --resume"


@pytest.mark.parametrize(
    ("where", "name"),
    [
        ("jaxlisten.data.load", "SIGTERM"),
        ("jaxlisten.train.run.Run.add", "SIGINT"),
        ("jaxlisten.cli.scored.evaluate", "SIGTERM"),
    ],
)
def test_interrupted_anywhere_a_run_says_how_to_go_on_and_does(
    where, name, refused, command, sounds, trained, tmp_path, monkeypatch
):
    words = ["train", sounds, "--out", tmp_path / "run", "--epochs", 2]
    with monkeypatch.context() as patch:
        patch.setattr(where, lambda *_, **__: signal.raise_signal(signal.Signals[name]))
        assert refused(*words, code=1) == INTERRUPTED.format(tmp_path / "run")
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    assert command(*words, "--resume").code == 0
    weights = [(run / "weights.safetensors").read_bytes() for run in (tmp_path / "run", trained)]
    assert weights[0] == weights[1]


def test_full_disk_is_no_wrong_usage(refused, command, sounds, tmp_path, small_disk):
    words = ["train", sounds, "--out", tmp_path / "run", "--epochs", 2]
    with small_disk(3000):
        message = refused(*words, code=1)
    assert "File too large; what was there before is as it was, make room and try again" in message
    assert command(*words, "--resume").code == 0


@pytest.mark.wide
def test_a_table_of_labels_is_learnt_as_such(command, sounds, tmp_path):
    files = [sounds / name / f"{i}.wav" for i in range(6) for name in CLASSES]
    labels = ["high", "low", "high;low", ""]
    rows = "".join(f"{file},{labels[i % 4]}\n" for i, file in enumerate(files))
    (tmp_path / "list.csv").write_text(f"path,labels\n{rows}")
    done = command("train", tmp_path / "list.csv", "--out", tmp_path / "run", "--epochs", 1)
    assert (done.code, done.err.startswith("2 labels at 8000 Hz")) == (0, True), done.err
    assert "mean average precision" in done.err
    assert "exact_match" in command("evaluate", tmp_path / "run", tmp_path / "list.csv", "--json").json


@pytest.mark.wide
def test_numbers_far_from_unit_size_are_learnt(command, sounds, tmp_path):
    hz = {"high": 2000, "low": 300, "middle": 800}
    rows = "".join(f"{path},{hz[path.parent.name]}\n" for path in sorted(sounds.glob("*/*.wav")))
    (tmp_path / "list.csv").write_text(f"path,target\n{rows}")
    done = command("train", tmp_path / "list.csv", "--out", tmp_path / "run", "--epochs", 30)
    assert done.code == 0, done.err
    assert command("evaluate", tmp_path / "run", tmp_path / "list.csv", "--json").json["r2"] > 0.8


@pytest.mark.wide
def test_splits_that_tear_copies_apart_are_trained_with_a_warning_that_names_them(command, sounds, tmp_path):
    copy = str(shutil.copy(sounds / "low" / "0.wav", tmp_path / "copy.wav"))
    splits = ["train", "train", "train", "validation", "test", "test"]
    rows = [f"{sounds}/{name}/{i}.wav,{name},{split}" for name in CLASSES for i, split in enumerate(splits)]
    (tmp_path / "list.csv").write_text("\n".join(["path,label,split", *rows, f"{copy},low,test"]))
    done = command(
        "train", tmp_path / "list.csv", "--out", tmp_path / "run", "--epochs", "1", "--model", "linear", "--tensorboard"
    )
    assert done.code == 0
    told = [line for line in done.err.splitlines() if line.startswith("warning: ")]
    assert told[0].startswith(
        f"warning: 1 sound is in more than one of the splits: '{sounds}/low/0.wav' (train) = '{copy}' (test); "
    )
    assert told[1].startswith(f"warning: evaluate: 1 of 5 clips were trained on, such as '{copy}'")
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert report["trained_on"] == {"clips": 1, "paths": [copy]}
    assert report["health"]["leak"]["copies"] == 1
    assert "A random split would have had" in (tmp_path / "run" / "report.html").read_text()
    (events,) = (tmp_path / "run" / "tensorboard").iterdir()
    assert b"validation/confusion" in events.read_bytes()


def test_tensorboard_watches_one_run(refused, sounds, tmp_path):
    assert "leave out --folds" in refused("train", sounds, "--out", tmp_path / "a", "--tensorboard", "--seeds", "2")


def test_clips_that_stay_in_files_give_the_same_run(command, sounds, trained, tmp_path):
    done = command("train", sounds, "--out", tmp_path / "run", "--epochs", 2, "--from-files")
    assert done.code == 0
    assert "12 clips stay in their files, and are read as they are needed" in done.err
    assert (tmp_path / "run" / "weights.safetensors").read_bytes() == (trained / "weights.safetensors").read_bytes()
    ours, theirs = (json.loads((run / "config.json").read_text())["data"] for run in (tmp_path / "run", trained))
    assert ours == theirs


def test_a_detectors_clips_do_not_stay_in_files(refused, sounds, tmp_path):
    message = refused("train", sounds, "--out", tmp_path / "run", "--streaming", "--from-files")
    assert "--from-files does not go with --streaming" in message
    assert not (tmp_path / "run").exists()
