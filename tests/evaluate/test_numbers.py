"""The report on numbers: figures worked out by hand, and files."""

import json

import numpy as np
import pytest

from jaxlisten.errors import InputError
from jaxlisten.evaluate import Miss, NumberReport

CLASSES = ("age", "pitch")
TARGETS = np.array([[20, 0.1], [40, 0.3], [60, 0.2]])
PREDICTIONS = np.array([[25, 0.1], [40, 0.3], [50, 0.3]])
PATHS = ("a.wav", "b.wav", "c.wav")


def make(**fields):
    fields = {"classes": CLASSES, "targets": TARGETS, "predictions": PREDICTIONS, "paths": PATHS} | fields
    return NumberReport(**fields)


def test_figures_are_those_worked_out_by_hand():
    report = make()
    assert report.per_class["age"]["mae"] == 5
    assert report.per_class["age"]["rmse"] == pytest.approx((125 / 3) ** 0.5)
    assert report.per_class["age"]["r2"] == pytest.approx(1 - 125 / 800)
    assert report.mae == pytest.approx((5 + 0.1 / 3) / 2)
    assert report.r2 == pytest.approx(1 - (125 / 800 + 0.01 / 0.02) / 2)
    assert 0 < report.concordance < report.pearson < 1


def test_the_worst_errors_come_first_in_units_of_their_spread():
    first, second, third, *_ = make().worst
    assert first == Miss("c.wav", "pitch", 0.2, 0.3, 2)
    assert second == Miss("c.wav", "age", 60, 50, 2)
    assert third.path == "a.wav"
    assert len(make().worst) == 6


def test_groups_are_scored_by_themselves():
    found = make(groups=("x", "y", "x")).by_group
    assert found["x"] == {"n": 2, "mae": pytest.approx((7.5 + 0.05) / 2), "rmse": pytest.approx(3.988, rel=1e-3)}
    assert found["y"] == {"n": 1, "mae": 0, "rmse": 0}


def test_one_number_needs_no_axis():
    report = NumberReport(("age",), TARGETS[:, 0], PREDICTIONS[:, :1], PATHS)
    assert report.targets.shape == report.predictions.shape == (3, 1)


def test_text_and_files_hold_the_figures(tmp_path):
    report = make(title="Voices", history=({"epoch": 1, "val_loss": 0.5, "val_mae": 0.7, "val_r2": 0.1},))
    lines = str(report).splitlines()
    assert lines[1].endswith("3 clips")
    assert [line.split()[0] for line in lines[3:]] == ["number", *CLASSES]
    for name in ("report.json", "report.html"):
        report.save(tmp_path / name)
    stored = json.loads((tmp_path / "report.json").read_text())
    assert stored == report.to_dict()
    assert stored["worst"][0]["path"] == "c.wav"
    assert "pitch" in (tmp_path / "report.html").read_text()


def test_what_is_not_defined_is_null_in_a_file():
    report = NumberReport(("age",), np.array([3.0]), np.array([4.0]), ("a.wav",))
    assert report.to_dict()["r2"] is None
    assert report.to_dict()["mae"] == 1


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"targets": TARGETS[:, :1]}, r"3 paths and 2 names need targets and predictions \(3, 2\), got \(3, 1\)"),
        ({"predictions": np.full((3, 2), np.inf)}, "finite"),
        ({"classes": ("age", "age")}, "named once"),
        ({"targets": TARGETS[:0], "predictions": PREDICTIONS[:0], "paths": ()}, "at least one clip"),
    ],
)
def test_what_does_not_belong_together_is_refused(fields, message):
    with pytest.raises(InputError, match=message):
        make(**fields)
