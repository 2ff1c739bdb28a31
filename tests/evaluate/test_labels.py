"""The report on several labels a clip: figures worked out by hand, and files."""

import json

import numpy as np
import pytest

from jaxlisten.errors import InputError
from jaxlisten.evaluate import LabelMistake, LabelReport

CLASSES = ("dog", "owl", "rain")
TARGETS = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 0], [0, 1, 0]], np.int8)
PROBABILITIES = np.array([[0.9, 0.2, 0.1], [0.4, 0.8, 0.6], [0.1, 0.3, 0.2], [0.2, 0.5, 0.1]])
PATHS = ("a.wav", "b.wav", "c.wav", "d.wav")


def make(**fields):
    fields = {"classes": CLASSES, "targets": TARGETS, "probabilities": PROBABILITIES, "paths": PATHS} | fields
    return LabelReport(**fields)


def test_figures_are_those_worked_out_by_hand():
    report = make()
    assert report.n == 4
    assert report.predictions.tolist() == [[1, 0, 0], [0, 1, 1], [0, 0, 0], [0, 1, 0]]
    assert report.exact_match == 3 / 4
    assert report.micro_f1 == pytest.approx(2 * 3 / (4 + 4))
    assert report.macro_f1 == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert report.average_precision == report.auc == 1
    assert list(report.roc) == list(report.precision_recall) == ["dog", "owl"]


def test_each_label_has_its_figures_and_its_best_threshold():
    dog, rain = (make().per_class[name] for name in ("dog", "rain"))
    assert (dog["precision"], dog["recall"], dog["support"], dog["auc"]) == (1, 1 / 2, 2, 1)
    assert (dog["best_threshold"], dog["best_f1"]) == (pytest.approx(0.4), 1)
    assert (rain["f1"], rain["support"]) == (0, 0)
    assert np.isnan([rain["auc"], rain["average_precision"], rain["best_threshold"]]).all()


def test_mistakes_are_labels_of_clips_the_most_confident_first():
    worst, other = make(probabilities=np.where(PROBABILITIES == 0.6, 0.75, PROBABILITIES)).mistakes
    assert worst == LabelMistake("b.wav", "rain", False, 0.75, 1)
    assert other == LabelMistake("b.wav", "dog", True, float(np.float32(0.4)), 1)
    assert make(probabilities=TARGETS).mistakes == []


def test_a_threshold_is_chosen_for_a_label():
    point = make().threshold("rain", false_alarm_rate=0.25)
    assert (point.threshold, point.false_alarm_rate) == (pytest.approx(0.6), 1 / 4)
    assert np.isnan(point.hit_rate)


def test_calibration_takes_every_label_of_every_clip():
    found = make().calibration
    assert found.count.sum() == 12
    assert 0 < found.ece < 1
    sure = make(probabilities=TARGETS.astype(float)).calibration
    assert (sure.ece, sure.temperature < 0.02) == (0, True)


def test_groups_are_scored_by_themselves():
    found = make(groups=("x", "x", "y", "y")).by_group
    assert (found["x"]["n"], found["x"]["accuracy"], found["y"]["accuracy"]) == (2, 1 / 2, 1)
    assert (found["x"]["micro_f1"], found["y"]["micro_f1"]) == (pytest.approx(4 / 6), 1)


def test_text_and_files_hold_the_figures(tmp_path):
    report = make(title="Sounds", groups=("x", "x", "y", "y"), history=({"epoch": 1, "val_loss": 0.5, "val_map": 0.7},))
    lines = str(report).splitlines()
    assert "all labels right in 75.0% of 4 clips" in lines[1]
    assert [line.split()[0] for line in lines[3:]] == ["label", *CLASSES]
    for name in ("report.json", "report.html"):
        report.save(tmp_path / name)
    stored = json.loads((tmp_path / "report.json").read_text())
    assert stored == report.to_dict()
    assert stored["per_class"]["rain"]["auc"] is None
    assert (stored["n"], stored["classes"], stored["exact_match"]) == (4, list(CLASSES), 0.75)
    page = (tmp_path / "report.html").read_text()
    assert "rain" in page
    assert "b.wav" in page


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"targets": TARGETS[:, 0]}, r"need targets and probabilities \(4, 3\), got \(4,\)"),
        ({"targets": 2 * TARGETS}, "0 and 1"),
        ({"probabilities": np.full((4, 3), np.nan)}, "finite"),
        ({"classes": ("dog", "dog", "owl")}, "named once"),
        ({"targets": TARGETS[:0], "probabilities": PROBABILITIES[:0], "paths": ()}, "at least one clip"),
    ],
)
def test_what_does_not_belong_together_is_refused(fields, message):
    with pytest.raises(InputError, match=message):
        make(**fields)
