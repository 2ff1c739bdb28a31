"""`jaxlisten train --streaming`, `scene`, `listen` and `evaluate --stream`: from clips to counted detections."""

import functools
import io
import json
import shutil
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from jaxlisten import data, models, runs
from jaxlisten.cli.main import main
from tests.train.small import SR, sines

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    """Write the three classes of short sines and some background."""
    root = tmp_path_factory.mktemp("sounds")
    for name, clips in (("clips", sines(36)), ("others", sines(12, seed=7))):
        for i, (clip, target) in enumerate(zip(clips.audio, clips.targets, strict=True)):
            path = root / name / clips.classes[target] / f"{i}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, clip, SR)
    (root / "rain").mkdir()
    for i in range(3):
        soundfile.write(root / "rain" / f"{i}.wav", 0.05 * RNG.standard_normal(SR * 6), SR)
    return root


def train(sounds, out, *options):
    """Train a detector, small scenes in place of hours."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(models.MODELS, "cnn1d", functools.partial(models.cnn1d, channels=(16, 16)))
        patched.setattr("jaxlisten.cli.streaming._SCENES", 2)
        patched.setattr("jaxlisten.cli.streaming._SECONDS", 40)
        words = ["--model", "cnn1d", "--front-end", "log_mel", "--streaming", "--background", str(sounds / "rain")]
        assert main(["train", str(sounds / "clips"), "--out", str(out), *words, *options]) == 0
    return out


@pytest.fixture(scope="module")
def run(sounds, tmp_path_factory):
    return train(sounds, tmp_path_factory.mktemp("runs") / "detector", "--epochs", "40")


@pytest.fixture(scope="module")
def scene(sounds, tmp_path_factory):
    out = tmp_path_factory.mktemp("scenes") / "test"
    words = ["--background", str(sounds / "rain"), "--out", str(out), "--minutes", "0.8"]
    words += ["--snr", "10", "20", "--gap", "1", "5"]
    assert main(["scene", str(sounds / "others"), *words]) == 0
    return out


def heard(capsys, *words):
    code = main(["listen", *map(str, words)])
    out, err = capsys.readouterr()
    return code, out.splitlines(), err


def test_a_detector_is_trained_with_a_threshold_of_its_own(run, sounds):
    fitted = runs.read(run)
    # It has learnt from what was cut out of the clips, and is known to have heard the clips.
    clips = data.load(sounds / "clips", sr=fitted.sr)
    assert sorted(np.concatenate(fitted.heard)) == sorted(clips.digests())
    assert fitted.classes == ("high", "low", "middle", "_background_")
    assert set(fitted.about["detector"]) == {"thresholds", "smooth", "refractory"}
    assert fitted.longest < 0.4 * SR
    assert "Detection error trade-off" in (run / "stream.html").read_text(encoding="utf-8")


@pytest.mark.wide
def test_seeds_are_one_detector_with_one_threshold(sounds, scene, tmp_path, capsys):
    out = train(sounds, tmp_path / "both", "--epochs", "2", "--seeds", "2")
    fitted, clips = runs.read(out), data.load(sounds / "clips", sr=SR)
    assert set(fitted.params) == {"run0", "run1"}
    assert set(fitted.about["detector"]) == {"thresholds", "smooth", "refractory"}
    for folder in (out, out / "run0", out / "run1"):
        assert sorted(np.concatenate(runs.read(folder).heard)) == sorted(clips.digests())
    code, _, err = heard(capsys, out, scene / "scene0.flac")
    assert code == 0
    assert "exact streaming" in err


def test_a_scene_is_recordings_and_the_table_of_what_is_in_them(scene):
    ((path, events),) = data.events(scene / "events.csv").items()
    assert soundfile.info(path).duration == pytest.approx(48)
    assert len(events) > 8
    assert {event.label for event in events} <= {"high", "low", "middle"}


def test_a_file_is_listened_to(run, scene, capsys):
    code, lines, err = heard(capsys, run, scene / "scene0.flac", "--threshold", "0.4", "--json")
    assert code == 0
    assert "exact streaming, over the last 0." in err
    found = [json.loads(line) for line in lines]
    assert {tuple(one) for one in found} == {("label", "probability", "time", "heard")}
    times = [one["time"] for one in found]
    assert times == sorted(times)
    (events,) = data.events(scene / "events.csv").values()
    right = [any(e.label == f["label"] and e.start <= f["time"] <= e.end + 0.5 for e in events) for f in found]
    assert sum(right) >= 0.5 * len(events)
    code, lines, _ = heard(capsys, run, scene / "scene0.flac", "--threshold", "0.4")
    assert len(lines) == len(found)
    assert lines[0].startswith("0:00:0")


def test_a_pipe_gives_what_the_file_gives(run, scene, capsys, monkeypatch):
    _, wanted, _ = heard(capsys, run, scene / "scene0.flac", "--threshold", "0.4", "--json")
    samples, _ = soundfile.read(scene / "scene0.flac", dtype="int16")
    stereo = np.stack([samples, samples], axis=1)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(stereo.tobytes()), isatty=lambda: False))
    code, got, err = heard(capsys, run, "-", "--channels", "2", "--rate", SR, "--threshold", "0.4", "--json")
    assert code == 0, err
    assert [json.loads(line)["time"] for line in got] == [json.loads(line)["time"] for line in wanted]


def test_detections_are_counted(run, scene, capsys, tmp_path):
    page = tmp_path / "page.html"
    words = ["--stream", "--threshold", "0.4", "--json", "--report", str(page)]
    assert main(["evaluate", str(run), str(scene / "events.csv"), *words]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["found"] >= 0.5 * said["events"] > 0
    assert said["false_alarms_per_hour"] <= said["false_alarms_per_hour_bound"]
    assert sum(row["found"] for row in said["per_class"].values()) == said["found"]
    assert sum(row["false_alarms"] for row in said["per_class"].values()) == said["false_alarms"]
    text = page.read_text(encoding="utf-8")
    assert "false alarms" in text
    assert "http://" not in text.replace("http://www.w3.org", "")


def test_a_threshold_is_chosen_and_kept(run, scene, capsys, tmp_path):
    copy = shutil.copytree(run, tmp_path / "run")
    assert main(["evaluate", str(copy), str(scene / "events.csv"), "--stream", "--choose", "100", "--json"]) == 0
    out, err = capsys.readouterr()
    said = json.loads(out)
    kept = runs.read(copy).about["detector"]
    assert kept == said["detector"]
    assert "kept in" in err
    _, lines, _ = heard(capsys, copy, scene / "scene0.flac")
    assert len(lines) == said["found"] + said["false_alarms"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["listen", "RUN"], "expected a FILE, - for raw samples on standard input, or --microphone"),
        (["listen", "RUN", "no.wav"], "there is no file 'no.wav'"),
        (["listen", "RUN", "SCENES"], "is a folder where a sound file is expected"),
        (["listen", "RUN", "a.wav", "--microphone"], "got both"),
        (["listen", "RUN", "FILE", "--threshold", "x"], "expected a number or CLASS=NUMBER, got 'x'"),
        (["listen", "RUN", "FILE", "--threshold", "dog=0.5"], "there is no class 'dog'"),
        (["listen", "RUN", "FILE", "--threshold", "0.5", "--threshold", "low=0.6"], "but not both"),
        (["listen", "RUN", "FILE", "--smooth", "-1"], "smooth: expected a number of 0 or more"),
        (["listen", "RUN", "FILE", "--window", "0"], "a window above 0 seconds"),
        (["evaluate", "RUN", "EVENTS", "--choose", "1"], "add --stream"),
        (["evaluate", "RUN", "EVENTS", "--stream", "--split", "test"], "--split names clips"),
        (["evaluate", "RUN", "EVENTS", "--stream", "--choose", "-1"], "expected a number of false alarms an hour"),
        (["train", "CLIPS", "--out", "NEW", "--streaming", "--folds", "3"], "leave out --folds"),
        (["train", "CLIPS", "--out", "NEW", "--background", "RAIN"], "--background goes with --streaming"),
        (["train", "CLIPS", "--out", "NEW", "--streaming", "--background", "no"], "there is no folder 'no'"),
        (["scene", "CLIPS", "--background", "RAIN", "--out", "SCENES"], "exists and is not empty"),
        (["scene", "CLIPS", "--background", "RAIN", "--out", "NEW", "--minutes", "0"], "a number above 0, got 0"),
    ],
)
def test_wrong_usage_is_one_sentence_and_code_2(words, said, run, scene, sounds, capsys, tmp_path):
    places = {
        "RUN": run,
        "SCENES": scene,
        "FILE": scene / "scene0.flac",
        "EVENTS": scene / "events.csv",
        "CLIPS": sounds / "clips",
        "RAIN": sounds / "rain",
        "NEW": tmp_path / "new",
    }
    assert main([str(places.get(word, word)) for word in words]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err
