"""``--task events``: from a table of what is heard when to lines with times."""

import csv
import json

import numpy as np
import pytest

from jaxlisten.cli.main import main
from tests.cli.conftest import SR, tone, write

# What the tests of training, scoring and reports hold, by the command.
pytestmark = pytest.mark.wide


@pytest.fixture(scope="module")
def street(tmp_path_factory):
    """A table of eight recordings of 1.5 s with a low and a high tone in each."""
    root = tmp_path_factory.mktemp("street")
    rows = [("path", "label", "start", "end", "split")]
    for i in range(8):
        sound = 0.01 * np.random.default_rng(i).standard_normal(round(1.5 * SR)).astype(np.float32)
        for hz, name, start in ((300, "low", 0.2 + 0.05 * i), (1800, "high", 0.4)):
            at = round(start * SR)
            sound[at : at + SR // 2] += tone(hz, 0.5)
            rows.append((f"{i}.wav", name, f"{at / SR:.4f}", f"{at / SR + 0.5:.4f}", "test" if i > 6 else "train"))
        write(root / f"{i}.wav", sound)
    with (root / "events.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return root / "events.csv"


@pytest.fixture(scope="module")
def run(street, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "events"
    words = [
        "train",
        street,
        "--task",
        "events",
        "--model",
        "linear",
        "--front-end",
        "mfcc",
        "--out",
        out,
        "--epochs",
        "12",
    ]
    assert main([str(word) for word in words]) == 0
    return out


def test_it_trains_scores_and_predicts(command, street, run):
    config = json.loads((run / "config.json").read_text())
    assert (config["task"], config["command"]["task"], config["classes"]) == (
        "event_detection",
        "events",
        ["high", "low"],
    )
    assert json.loads((run / "report.json").read_text())["about"]["part"] == "test"
    done = command("evaluate", run, street, "--split", "test", "--json")
    assert done.json["event_based"]["truth"] == 2
    assert done.json["event_f1"] >= 0.4
    whole = command("evaluate", run, street)
    assert "6 of 8 clips were trained on" in whole.err, "recordings are known, though windows of them were heard"
    wav = street.parent / "7.wav"
    said = command("predict", run, wav, "--json").json
    assert {"label", "start", "end", "probability"} == set(said["events"][0])
    lines = command("predict", run, wav).out.splitlines()
    assert len(lines) == len(said["events"])
    assert (
        f"{said['events'][0]['start']:.2f} to {said['events'][0]['end']:.2f} s  {said['events'][0]['label']}"
        in lines[0]
    )
    rows = list(csv.DictReader(command("predict", run, wav, "--csv").out.splitlines()))
    assert [(row["label"], float(row["start"])) for row in rows] == [(e["label"], e["start"]) for e in said["events"]]


def test_silence_has_no_events(command, run, tmp_path):
    quiet = write(tmp_path / "quiet.wav", 1e-4 * np.random.default_rng(0).standard_normal(SR))
    assert command("predict", run, quiet).out.count("\n") >= 1
    assert isinstance(command("predict", run, quiet, "--json").json["events"], list)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--task", "notes"), "--task: expected one of events, contours"),
        (("--task", "events", "--model", "cnn"), "expected one of crnn, linear"),
        (("--task", "events", "--front-end", "raw"), "expected one of log_mel"),
        (("--task", "events", "--folds", "3"), "leave out --folds"),
    ],
)
def test_what_does_not_go_with_events_is_refused(refused, street, tmp_path, words, message):
    assert message in refused("train", street, "--out", tmp_path / "run", *words)


def test_data_that_is_not_of_events_is_refused(refused, street, sounds, run, tmp_path):
    assert "says what a clip is but not when" in refused("train", sounds, "--task", "events", "--out", tmp_path / "a")
    assert "says what a clip is but not when" in refused("evaluate", run, sounds)
    one = tmp_path / "one.csv"
    one.write_text(f"path,label,start,end\n{street.parent / '1.wav'},low,0,1\n")
    assert "lists one recording" in refused("train", one, "--task", "events", "--out", tmp_path / "b")
    assert "finds events" in refused("predict", run, street.parent / "1.wav", "--windows")
