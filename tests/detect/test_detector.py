"""Detections: each sound once, when it is heard."""

import numpy as np
import pytest

from jaxlisten import InputError
from jaxlisten.detect import Detector, Heard, detector

CLASSES = ("_background_", "dog", "cat")
PLAIN = Detector(CLASSES, (0.5, 0.5, 0.5), smooth=0.0, refractory=0.0)


def run(made: Detector, rows, *, period=0.1, pieces=1, delay=0.0):
    rows = np.array(rows, float)
    if rows.ndim == 1:
        rows = np.stack([1 - rows, rows, 0 * rows], axis=1)
    heard = Heard(np.arange(len(rows)) * period, rows)
    deciding, found = made.begin(period, delay), []
    for k in np.array_split(np.arange(len(rows)), pieces):
        found += deciding.feed(Heard(heard.times[k], heard.probabilities[k]))
    return found


def test_a_sound_is_found_once_when_it_reaches_its_threshold():
    (found,) = run(PLAIN, [0, 0.4, 0.7, 0.9, 0.8, 0.3, 0], delay=0.25)
    assert found.label == "dog"
    assert found.time == pytest.approx(0.2)
    assert found.heard == pytest.approx(0.45)
    assert found.probability == pytest.approx(0.7)


def test_it_is_found_again_only_after_it_has_fallen_below_half_of_the_threshold():
    assert len(run(PLAIN, [0.9, 0.3, 0.9])) == 1
    assert len(run(PLAIN, [0.9, 0.2, 0.9])) == 2


def test_after_a_detection_there_is_a_rest():
    made = Detector(CLASSES, (0.5,) * 3, smooth=0.0, refractory=0.35)
    assert [round(found.time, 1) for found in run(made, [0.9, 0, 0.9, 0, 0.9, 0])] == [0.0, 0.4]


def test_probabilities_are_averaged_over_the_last_rows_and_count_as_none_before_the_stream():
    made = Detector(CLASSES, (0.5,) * 3, smooth=0.3, refractory=0.0)
    assert run(made, [0.9, 0.5, 0.0, 0.0]) == []
    (found,) = run(made, [0.9, 0.5, 0.2, 0.0])
    assert found.time == pytest.approx(0.2)
    assert found.probability == pytest.approx((0.9 + 0.5 + 0.2) / 3)


@pytest.mark.parametrize("pieces", [2, 5, 40])
def test_pieces_make_no_difference(pieces):
    rows = np.random.default_rng(0).dirichlet((0.3, 0.2, 0.2), 400)
    made = Detector(CLASSES, (0.5, 0.6, 0.4), smooth=0.2, refractory=0.3)
    assert len(run(made, rows)) > 20
    assert run(made, rows) == run(made, rows, pieces=pieces)


def test_no_rows_find_nothing():
    deciding = Detector(CLASSES, (0.5,) * 3).begin(0.1)
    assert deciding.feed(Heard(np.zeros(0), np.zeros((0, 3)))) == []


def test_one_sound_has_one_class():
    """While any class is still heard, what follows belongs to the same sound."""
    rows = [(0, 0.9, 0.1), (0, 0.3, 0.7), (0, 0.1, 0.9), (0.9, 0.1, 0), (0, 0.1, 0.9)]
    assert [found.label for found in run(PLAIN, rows)] == ["dog", "cat"]
    assert [round(found.time, 1) for found in run(PLAIN, rows)] == [0.0, 0.4]


def test_of_two_classes_at_once_the_one_further_above_its_threshold_is_found():
    made = Detector(CLASSES, (0.5, 0.3, 0.4), smooth=0.0, refractory=0.0)
    assert [found.label for found in run(made, [(0, 0.48, 0.52)])] == ["dog"]


def test_several_labels_are_found_at_once():
    made = Detector(CLASSES, (0.5,) * 3, smooth=0.0, refractory=0.0, exclusive=False)
    assert [found.label for found in run(made, [(0, 0.9, 0.1), (0, 0.9, 0.9)])] == ["dog", "cat"]


def test_what_is_not_to_be_found_is_never_found():
    assert run(PLAIN, [(1.0, 0, 0)] * 5) == []


def test_settings_come_from_the_user_then_from_the_run_then_from_the_default():
    stored = {"thresholds": {"dog": 0.6}, "smooth": 0.5, "refractory": 2}
    assert detector(CLASSES).thresholds == (0.8, 0.8, 0.8)
    assert detector(CLASSES, stored=stored).thresholds == (0.8, 0.6, 0.8)
    made = detector(CLASSES, stored=stored, threshold={"cat": 0.9}, smooth=0.1)
    assert made == Detector(CLASSES, (0.8, 0.6, 0.9), smooth=0.1, refractory=2.0)
    assert detector(CLASSES, stored=stored, threshold=0.7).thresholds == (0.7,) * 3
    again = detector(CLASSES, stored=made.to_dict())
    assert again == made


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"threshold": {"cow": 0.5}}, "there is no class 'cow'; the listener knows _background_, dog, cat"),
        ({"threshold": "high"}, "threshold: expected a number of 0 or more, got 'high'"),
        ({"threshold": 0.0}, "expected thresholds above 0"),
        ({"smooth": -1}, "smooth: expected a number of 0 or more, got -1"),
        ({"refractory": float("nan")}, "refractory: expected a number"),
        ({"stored": {"thresholds": {"cow": 0.5}}}, "there is no class 'cow'"),
        ({"stored": {"smooth": "x"}}, "smooth: expected a number"),
    ],
)
def test_wrong_settings_are_refused(settings, said):
    with pytest.raises(InputError, match=said):
        detector(CLASSES, **settings)
