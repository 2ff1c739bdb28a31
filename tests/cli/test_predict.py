"""``jaxlisten predict``: files and folders, whole and in windows, as lines, JSON and CSV."""

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest

import jaxlisten as jl
from jaxlisten.cli.main import main
from tests.cli.conftest import tone, write


def test_predict_answers_as_the_library(command, trained, sounds):
    path = sounds / "high" / "0.wav"
    line = command("predict", trained, path, "--json").json
    said = jl.load(trained).predict(path)
    assert line == {
        "path": str(path),
        "label": said.label,
        "probability": said.probability,
        "top": [{"label": label, "probability": probability} for label, probability in said.top],
    }


def test_predict_hears_the_others_where_a_file_is_bad(command, trained, sounds, tmp_path):
    (tmp_path / "empty.wav").touch()
    write(tmp_path / "nan.wav", np.full(800, np.nan, np.float32), subtype="FLOAT")
    (tmp_path / "folder").mkdir()
    sound = sounds / "low" / "0.wav"
    files = [tmp_path / "empty.wav", sound, tmp_path / "gone.wav", tmp_path / "folder", tmp_path / "nan.wav"]
    done = command("predict", trained, *files, "--json", "--top", 1)
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert (done.code, done.err) == (2, "")
    assert [line["path"] for line in lines] == list(map(str, files))
    assert [set(line) - {"path"} for line in lines].count({"error"}) == 4
    assert len(lines[1]["top"]) == 1
    done = command("predict", trained, *files)
    assert done.code == 2
    assert len(done.out.splitlines()) == 1
    assert len(done.err.splitlines()) == 4


def test_predict_hears_odd_formats_and_long_files(command, trained, tmp_path):
    files = [
        write(tmp_path / "8 channels.wav", np.tile(tone(300)[:, None], 8)),
        write(tmp_path / "8 bit.wav", tone(300), subtype="PCM_U8"),
        write(tmp_path / "192 kHz.wav", tone(300, sr=192_000), 192_000),
        write(tmp_path / "long.wav", tone(300, 3)),
        write(tmp_path / "one sample.wav", tone(300)[:1]),
    ]
    done = command("predict", trained, *files, "--json")
    assert done.code == 0
    assert len(done.out.splitlines()) == 5


def test_top_is_at_least_one(refused, trained, sounds):
    assert refused("predict", trained, sounds / "low" / "0.wav", "--top", 0).startswith("--top: expected at least 1")


def said_in(encoding: str, monkeypatch, *words: object) -> bytes:
    """Return what a command writes to a terminal with an encoding."""
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", out)
        assert main([os.fsdecode(word) if isinstance(word, bytes) else str(word) for word in words]) == 0
    return out.buffer.getvalue()


def test_output_survives_an_encoding_without_the_letters(run, sounds, monkeypatch):
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps(config | {"classes": ["犬", "кот"]}))
    words = ["predict", run, sounds / "low" / "0.wav"]
    assert json.loads(said_in("ascii", monkeypatch, *words, "--json"))["label"] in ("犬", "кот")
    for form in ([], ["--csv"]):
        assert rb"\u72ac" in said_in("ascii", monkeypatch, *words, *form)
        assert "犬".encode() in said_in("utf-8", monkeypatch, *words, *form)


def rows(done) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(done.out)))


def test_folder_stands_for_the_sound_files_in_it(command, trained, sounds, tmp_path):
    data = shutil.copytree(sounds, tmp_path / "data")
    shutil.copy(sounds / "low" / "0.wav", data / ".hidden.wav")
    (data / "README").write_text("sounds")
    (data / "list.csv").write_text("path,label")
    (data / "low" / "up").symlink_to(data, target_is_directory=True)
    files = sorted(str(path) for path in data.glob("*/*.wav"))
    assert len(files) == 12
    done = command("predict", trained, data, files[0], files[0], "--json")
    assert (done.code, done.err) == (0, "")
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert [line["path"] for line in lines] == [*files, files[0], files[0]]
    assert lines[0] == lines[-1]


def test_folders_without_sound_are_named_and_the_others_heard(command, trained, sounds, tmp_path):
    (tmp_path / "empty" / "deep").mkdir(parents=True)
    (tmp_path / "empty" / "notes.txt").write_text("nothing")
    done = command("predict", trained, tmp_path / "empty", sounds / "low", tmp_path / "none")
    assert done.code == 2
    assert len(done.out.splitlines()) == 6
    assert done.err.splitlines() == [
        f"jaxlisten: there are no sound files in the folder '{tmp_path / 'empty'}'; name one that has some",
        f"jaxlisten: there is no file '{tmp_path / 'none'}'; check the name and the folder that it is relative to",
    ]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may read everything")
def test_folder_without_permission_is_named(command, trained, sounds, tmp_path):
    data = shutil.copytree(sounds, tmp_path / "data")
    (data / "low").chmod(0)
    done = command("predict", trained, data)
    (data / "low").chmod(0o700)
    assert done.code == 2
    assert len(done.out.splitlines()) == 6
    assert "low' can't be read (Permission denied); change its permissions" in done.err


def test_table_has_a_row_a_file(command, trained, sounds, tmp_path):
    (tmp_path / 'a, "b".wav').touch()
    done = command("predict", trained, sounds / "high", tmp_path / 'a, "b".wav', "--csv")
    assert (done.code, done.err) == (2, "")
    assert done.out.splitlines()[0] == "path,label,probability,error,label_2,probability_2"
    found = rows(done)
    assert [row["path"] for row in found] == [
        *(str(sounds / "high" / f"{i}.wav") for i in range(6)),
        f'{tmp_path}/a, "b".wav',
    ]
    said = jl.load(trained).predict(sounds / "high" / "0.wav")
    assert (found[0]["label"], found[0]["label_2"]) == tuple(name for name, _ in said.top)
    assert float(found[0]["probability"]) == pytest.approx(said.probability, abs=1e-6)
    assert "is empty (0 bytes)" in found[-1]["error"]
    assert found[-1]["label"] == found[-1]["label_2"] == ""
    assert command("predict", trained, sounds / "low", "--csv", "--top", 1).out.startswith(
        "path,label,probability,error\n"
    )


def test_table_and_objects_exclude_each_other(command, trained, sounds):
    done = command("predict", trained, sounds, "--csv", "--json")
    assert done.code == 2
    assert "not allowed with" in done.err


@pytest.mark.parametrize("form", ["--csv", "--json", None])
def test_windows_of_a_long_file_have_their_times(form, command, trained, sounds, tmp_path):
    long = write(tmp_path / "long.wav", np.concatenate([tone(1800, 1), tone(300, 1)]))
    short, bad = sounds / "low" / "0.wav", tmp_path / "bad.wav"
    bad.touch()
    done = command("predict", trained, long, bad, short, "--windows", *filter(None, [form]))
    wanted = list(jl.load(trained).windows(long))
    assert done.code == 2
    spans = [(window.start, window.end) for window in wanted] + [(0, 0.25)]
    assert spans[:2] == [(0, 0.25), (0.125, 0.375)]
    assert spans[-2] == (1.75, 2.0)
    if form is None:
        assert done.out.splitlines()[1].startswith(f"{long}  0.12 to 0.38 s  {wanted[1].said.label} ")
        assert len(done.out.splitlines()) == len(spans)
        assert "bad.wav' is empty" in done.err
        return
    lines = rows(done) if form == "--csv" else [json.loads(line) for line in done.out.splitlines()]
    assert [line["path"] for line in lines] == [str(long)] * len(wanted) + [str(bad), str(short)]
    heard = [line for line in lines if not line.get("error")]
    assert [(float(line["start"]), float(line["end"])) for line in heard] == spans
    assert [line["label"] for line in heard[:-1]] == [window.said.label for window in wanted]


@pytest.mark.parametrize("task", ["tagging", "regression"])
def test_labels_and_numbers_have_columns_of_their_own(task, command, run, sounds):
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps(config | {"task": task}))
    done = command("predict", run, sounds / "low" / "0.wav", "--csv")
    said = jl.load(run).predict(sounds / "low" / "0.wav")
    (row,) = rows(done)
    if task == "tagging":
        assert done.out.startswith("path,label,probability,error,labels,label_2,probability_2\n")
        assert (row["label"], row["labels"]) == (said.label, ";".join(said.labels))
    else:
        assert done.out.startswith("path,label,probability,error,high,low\n")
        assert row["label"] == row["probability"] == ""
        assert [float(row[name]) for name, _ in said.numbers] == [value for _, value in said.numbers]


@pytest.mark.skipif(sys.platform != "linux", reason="names are any bytes on Linux only")
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_names_that_are_no_text_survive(encoding, trained, sounds, tmp_path, monkeypatch):
    name = os.fsencode(tmp_path) + b"/caf\xe9.wav"
    shutil.copy(sounds / "low" / "0.wav", name)
    for form in ([], ["--csv"], ["--json"]):
        last = said_in(encoding, monkeypatch, "predict", trained, name, *form).splitlines()[-1]
        assert os.fsencode(json.loads(last)["path"]) == name if form == ["--json"] else last.startswith(name)


def test_run_on_features_is_refused_at_once(refused, run, sounds):
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps(config | {"sr": 0}))
    for form in ("--csv", "--windows", "--json"):
        assert "was trained on features, not on sound" in refused("predict", run, sounds, form)


@pytest.mark.wide
@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_results_come_while_it_runs_and_it_ends_quietly(trained, sounds):
    """Each line is there when it is known; a reader that leaves, and Ctrl-C, end it without a traceback."""
    words = [sys.executable, "-m", "jaxlisten", "predict", trained, *[sounds] * 1000]
    for interrupted in (False, True):
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline().startswith(f"{sounds}/high/0.wav  ")
            if interrupted:
                process.send_signal(signal.SIGINT)
                out, err = process.communicate(timeout=120)
                assert len(out.splitlines()) < 12_000 - 1
            else:
                process.stdout.close()
                err = process.stderr.read()
        assert (process.returncode, err) == (1, "jaxlisten: interrupted\n" if interrupted else "")
