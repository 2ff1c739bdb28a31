"""``--task contours``: from a table of numbers over time to a row for each moment."""

import csv
import json

import numpy as np
import pytest

from tests.cli.conftest import SR, tone, write

# What the tests of training, scoring and reports hold, by the command.
pytestmark = pytest.mark.wide


@pytest.fixture(scope="module")
def ratings(tmp_path_factory):
    """A table of six recordings of 1.2 s that get louder and softer, and how loud they are."""
    root = tmp_path_factory.mktemp("ratings")
    rows = [("path", "time", "target", "split")]
    for i in range(6):
        times, levels = np.array([0, 0.5, 1.0]), np.roll([-30.0, -20.0, -10.0], i)
        at = np.arange(round(1.2 * SR)) / SR
        write(root / f"{i}.wav", tone(300 + 40 * i, 1.2) * 10 ** (np.interp(at, times, levels) / 20))
        split = ("train", "train", "train", "train", "validation", "test")[i]
        rows += [(f"{i}.wav", f"{t:g}", f"{level:g}", split) for t, level in zip(times, levels, strict=True)]
        rows.append((f"{i}.wav", "1.1", "", split))
    with (root / "t.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return root / "t.csv"


def test_it_trains_scores_and_predicts(command, ratings, tmp_path):
    out, words = tmp_path / "run", ("--task", "contours", "--model", "linear", "--loss", "concordance", "--epochs", "8")
    done = command("train", ratings, "--out", out, *words)
    assert "1 number over time" in done.err
    config = json.loads((out / "config.json").read_text())
    assert (config["task"], config["command"]["loss"]) == ("frame_regression_concordance", "concordance")
    assert "LogMel" in json.dumps(config["model"])
    assert "AutoGain" not in json.dumps(config["model"]), "a number may be a level"
    report = command("evaluate", out, ratings, "--split", "test", "--json", "--report", tmp_path / "r.html").json
    assert report["n"] == 1
    assert report["seconds"] == pytest.approx(1.0, abs=0.05)
    assert {"mae", "r2", "concordance"} <= report.keys()
    assert "Over time" in (tmp_path / "r.html").read_text()

    wav = ratings.parent / "5.wav"
    said = command("predict", out, wav, "--json").json
    assert set(said["contour"][0]) == {"time", "target"}
    lines = command("predict", out, wav).out.splitlines()
    assert len(lines) == len(said["contour"])
    assert f"{said['contour'][1]['time']:.2f} s  target {said['contour'][1]['target']:.4g}" in lines[1]
    rows = list(csv.DictReader(command("predict", out, wav, "--csv").out.splitlines()))
    assert list(rows[0]) == ["path", "time", "error", "target"]
    assert [float(row["target"]) for row in rows] == [row["target"] for row in said["contour"]]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--task", "contours", "--model", "cnn"), "expected one of crnn, linear with --task contours"),
        (
            ("--task", "contours", "--folds", "3"),
            "--task contours trains one listener by one recipe; leave out --folds",
        ),
        (("--task", "events", "--loss", "concordance"), "--loss goes with numbers"),
    ],
)
def test_what_does_not_go_with_contours_is_refused(refused, ratings, tmp_path, words, message):
    assert message in refused("train", ratings, "--out", tmp_path / "run", *words)


def test_a_target_that_is_no_number_is_refused(refused, ratings, tmp_path):
    bad = tmp_path / "bad.csv"
    bad.write_text(f"path,time,target\n{ratings.parent / '0.wav'},0,1\n{ratings.parent / '0.wav'},1,loud\n")
    said = refused("train", bad, "--task", "contours", "--out", tmp_path / "run")
    assert "row 3: the cell 'target' has 'loud'" in said
