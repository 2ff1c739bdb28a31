"""The report: hand-worked figures, and files that are whole or absent."""

import json
import os
import re

import numpy as np
import pytest

from jaxlisten.errors import InputError
from jaxlisten.evaluate.page import render
from jaxlisten.evaluate.report import WORST, Mistake, Report

CLASSES = ("cat", "dog", "owl")
TARGETS = np.array([0, 0, 1, 1, 2])
PROBABILITIES = np.array([[0.8, 0.1, 0.1], [0.3, 0.6, 0.1], [0.2, 0.7, 0.1], [0.9, 0.1, 0.0], [0.1, 0.2, 0.7]])
PATHS = ("a.wav", "b.wav", "c.wav", "d.wav", "e.wav")
HISTORY = (
    {"epoch": 1, "seconds": 0.5, "train_loss": 1.0, "val_loss": 1.1, "val_accuracy": 0.0},
    {"epoch": 2, "seconds": 0.5, "train_loss": 0.5, "val_loss": 0.9, "val_accuracy": 0.75},
    {"epoch": 3, "seconds": 0.5, "train_loss": 0.4, "val_loss": float("nan"), "val_accuracy": 0.75},
)


def make(**fields):
    return Report(**{"classes": CLASSES, "targets": TARGETS, "probabilities": PROBABILITIES, "paths": PATHS, **fields})


def with_classes(names):
    n = len(names)
    paths = tuple(f"{k}.wav" for k in range(n))
    return make(classes=names, targets=np.arange(n), probabilities=np.roll(np.eye(n), 1, axis=1), paths=paths)


def test_figures_are_those_worked_out_by_hand():
    report = make()
    assert report.n == 5
    assert report.predictions.tolist() == [0, 1, 1, 0, 2]
    assert report.confusion.tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 1]]
    assert report.accuracy == pytest.approx(3 / 5)
    assert report.balanced_accuracy == pytest.approx((1 / 2 + 1 / 2 + 1) / 3)
    assert report.macro_f1 == pytest.approx((1 / 2 + 1 / 2 + 1) / 3)
    assert report.accuracy_interval == pytest.approx((0.2307, 0.8824), abs=1e-4)
    assert report.per_class["owl"] == {"precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 1}


def test_mistakes_come_with_the_most_confident_first():
    worst, other = make().mistakes
    assert worst == Mistake("d.wav", "dog", "cat", float(np.float32(0.9)), index=3)
    assert other == Mistake("b.wav", "cat", "dog", float(np.float32(0.6)), index=1)


def test_averages_of_one_class_a_clip():
    report = make(targets=np.array([0, 0, 1, 1, 1]))
    assert report.macro_precision == pytest.approx((1 / 2 + 1 / 2 + 0) / 3)
    assert report.macro_recall == pytest.approx((1 / 2 + 1 / 3 + 0) / 3)
    assert report.micro_f1 == report.accuracy == pytest.approx(2 / 5)


def test_curves_are_drawn_of_the_classes_that_can_be_told_apart():
    from sklearn.metrics import average_precision_score, roc_auc_score

    report = make()
    assert report.auc == pytest.approx(roc_auc_score(TARGETS, PROBABILITIES, multi_class="ovr"))
    assert report.average_precision == pytest.approx(average_precision_score(TARGETS, PROBABILITIES))
    assert list(report.roc) == list(report.precision_recall) == list(CLASSES)
    assert report.roc["owl"].area == 1
    some = make(targets=np.array([0, 0, 1, 1, 1]))
    assert list(some.roc) == ["cat", "dog"]
    assert some.auc == pytest.approx((report.roc["cat"].area + some.roc["dog"].area) / 2)
    one = make(targets=np.zeros(5, int))
    assert one.roc == one.precision_recall == {}
    assert one.to_dict()["auc"] is None


def test_a_threshold_is_chosen_for_a_class():
    """Of the clips that are no cats, one is taken for a cat with 90 %."""
    point = make().threshold("cat", false_alarm_rate=0.0)
    assert (point.threshold, point.hit_rate) == (np.inf, 0)
    point = make().threshold("cat", false_alarm_rate=0.4)
    assert (point.threshold, point.hit_rate, point.false_alarm_rate) == (pytest.approx(0.3), 1, pytest.approx(1 / 3))
    with pytest.raises(InputError, match="no class 'cow'; there is cat, dog, owl"):
        make().threshold("cow", false_alarm_rate=0.1)


def test_calibration_is_that_of_the_metrics():
    from jaxlisten import metrics

    found = make().calibration
    assert found.ece == metrics.expected_calibration_error(TARGETS, make().probabilities)
    assert found.temperature == pytest.approx(metrics.fit_temperature(TARGETS, np.log(PROBABILITIES + 1e-38)), rel=1e-3)
    assert found.count.sum() == 5
    assert found.confidence.shape == found.accuracy.shape == (15,)
    sure = make(probabilities=np.eye(3)[TARGETS]).calibration
    assert (sure.ece, sure.temperature < 0.02) == (0, True)


def test_groups_are_scored_by_themselves():
    found = make(groups=("b", "a", "b", "a", "b")).by_group
    assert list(found) == ["a", "b"]
    assert (found["a"]["n"], found["a"]["accuracy"], found["b"]["accuracy"]) == (2, 0, 1)
    assert 0.4 < found["b"]["low"] < found["b"]["high"] == 1
    assert make().by_group == {}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"groups": ("a", "b")}, "expected 5 groups, one for each path, got 2"),
        ({"paths": PATHS[:4]}, "4 paths"),
        ({"targets": TARGETS[:4]}, "targets"),
        ({"classes": ("cat", "dog")}, "2 classes"),
        ({"classes": ("cat", "dog", "cat")}, "named once"),
        ({"targets": TARGETS + 1}, "targets from 0 to 2"),
        ({"targets": TARGETS.astype(float)}, "integers"),
        ({"probabilities": np.full((5, 3), np.nan)}, "finite"),
        ({"targets": TARGETS[:0], "probabilities": PROBABILITIES[:0], "paths": ()}, "at least one clip"),
    ],
)
def test_what_does_not_belong_together_is_refused(fields, message):
    with pytest.raises(InputError, match=message):
        make(**fields)


def test_to_dict_survives_strict_json_unchanged():
    about = {"part": "test", "shape": (2, 3), "lr": np.float32(0.5), "sizes": np.arange(2), "loss": float("inf")}
    report = make(history=HISTORY, about=about, title="三つの音")
    figures = report.to_dict()
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
    required = {"n", "accuracy", "balanced_accuracy", "macro_f1", "classes", "confusion", "per_class"}
    assert required | {"accuracy_interval"} <= figures.keys()
    assert figures["about"] == {"part": "test", "shape": [2, 3], "lr": 0.5, "sizes": [0, 1], "loss": None}
    assert figures["history"][2]["val_loss"] is None


def test_to_dict_lists_the_worst_mistakes_only():
    assert len(with_classes([str(k) for k in range(WORST + 1)]).to_dict()["mistakes"]) == WORST


def test_text_shows_the_figures_and_every_class():
    lines = str(make(title="Pets")).splitlines()
    assert lines[0] == "Pets"
    assert "60.0%" in lines[1]
    assert "23.1% to 88.2%" in lines[1]
    assert "5 clips" in lines[1]
    assert [line.split()[0] for line in lines[3:]] == ["class", *CLASSES]
    assert lines[-1].split() == ["owl", "1.000", "1.000", "1.000", "1"]


def test_text_aligns_characters_of_double_width():
    rows = str(with_classes(["鳥", "bird"])).splitlines()[-2:]
    assert rows[0].index("0.000") + 1 == rows[1].index("0.000")


def test_saved_files_hold_the_report(tmp_path):
    report = make(history=HISTORY)
    report.save(tmp_path / "report.json")
    report.save(str(tmp_path / "report.HTML"))
    assert json.loads((tmp_path / "report.json").read_text("utf-8")) == report.to_dict()
    assert (tmp_path / "report.HTML").read_text("utf-8") == render(report)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.HTML", "report.json"]


@pytest.mark.parametrize("name", ["report.json", "report.html"])
def test_a_file_name_that_is_no_utf_8_can_be_saved(tmp_path, name):
    path = os.fsdecode(b"\xff.wav")
    make(paths=("a", "b", "c", path, "e")).save(tmp_path / name)
    text = (tmp_path / name).read_text("utf-8")
    assert "\\udcff.wav" in text
    assert name.endswith("html") or json.loads(text)["mistakes"][0]["path"] == path


@pytest.mark.parametrize("name", ["report.pdf", "report", "missing/report.html"])
def test_a_bad_path_is_refused(tmp_path, name):
    with pytest.raises(InputError, match=re.escape(name)):
        make().save(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_file_that_cannot_be_written_is_refused_and_leaves_nothing(tmp_path):
    (tmp_path / "report.json").mkdir()
    with pytest.raises(InputError, match="can't save"):
        make().save(tmp_path / "report.json")
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_an_interrupted_save_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "report.json"
    make(title="old").save(path)
    before = path.read_bytes()

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        make(title="new").save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
