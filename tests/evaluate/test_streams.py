"""Reports on streams: every figure follows from what was heard and what was there."""

import dataclasses
import math

import numpy as np
import pytest
import soundfile

import jaxlisten as jl
from jaxlisten.data import Event
from jaxlisten.detect import Detector, Heard, Recording
from tests.deploy.speech import CLASSES, SR, speech, trained

NAMES = ("dog", "<cat>")
EVENTS = (Event("dog", 1.0, 2.0), Event("<cat>", 4.0, 5.0), Event("dog", 8.0, 9.0), Event("_unknown_", 20.0, 21.0))


def recording(*peaks, name="street & co.wav", events=EVENTS):
    rows = np.zeros((18_000, 3))
    for time, k, probability in peaks:
        rows[round(time * 10), k] = probability
    return Recording(name, 1800.0, Heard(np.arange(len(rows)) / 10, rows), 0.1, 0.2, tuple(events))


def report(*recordings, **fields) -> jl.StreamReport:
    finder = Detector(("_unknown_", *NAMES), (0.5,) * 3, smooth=0.0, refractory=0.0)
    return jl.StreamReport(NAMES, tuple(r.name for r in recordings), recordings, finder, **fields)


MADE = report(
    recording((1.5, 1, 0.9), (2.2, 1, 0.6), (8.5, 2, 0.8), (20.5, 1, 0.7)),
    recording((600, 2, 0.95), name="b.wav", events=()),
    title="street",
)


def test_figures_are_those_of_the_detections():
    assert (MADE.score.events, MADE.score.found, MADE.score.false_alarms) == (3, 1, 4)
    assert MADE.score.hours == 1.0
    assert MADE.per_class == {
        "dog": {"events": 2, "found": 1, "false_alarms": 2, "miss_rate": 0.5},
        "<cat>": {"events": 1, "found": 0, "false_alarms": 2, "miss_rate": 1.0},
    }
    assert MADE.confusions == 3, "the fourth was heard where nothing was"
    assert MADE.latencies == [pytest.approx(1.5 + 0.2 - 2.0)]
    assert "1 of 3 sounds found (33.3%), 4.00 false alarms an hour" in MADE.headline


def test_false_alarms_tell_what_was_there_the_most_confident_first():
    told = [(alarm.path, alarm.label, alarm.time, alarm.event) for alarm in MADE.false_alarms]
    assert told == [
        ("b.wav", "<cat>", 600.0, ""),
        ("street & co.wav", "<cat>", 8.5, "dog"),
        ("street & co.wav", "dog", 20.5, "_unknown_"),
        ("street & co.wav", "dog", 2.2, "dog"),
    ]


def test_json_has_every_figure_and_nothing_that_is_no_number(tmp_path):
    said = MADE.to_dict()
    assert said["false_alarms_per_hour"] == 4.0
    assert said["miss_rate"] == pytest.approx(2 / 3)
    assert len(said["tradeoff"]) == len(MADE.tradeoff)
    assert said["detector"]["thresholds"]["dog"] == 0.5
    MADE.save(tmp_path / "a.json")
    empty = report(recording(events=()))
    assert math.isnan(empty.score.miss_rate)
    assert empty.to_dict()["miss_rate"] is None


def test_the_page_tells_it_and_escapes_what_is_not_ours(tmp_path):
    MADE.save(tmp_path / "a.html")
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "&lt;cat&gt;" in page
    assert "<cat>" not in page
    assert "street &amp; co.wav" in page
    assert "It found <b>33.3" in page
    assert "2 recordings" in page


def test_a_page_without_anything_to_find_and_one_without_alarms():
    assert "There was nothing to find" in _page(report(recording(events=())))
    assert 'id="false-alarms"' not in _page(report(recording((1.5, 1, 0.9))))


def _page(made):
    from jaxlisten.evaluate.page import render

    return render(made)


def test_the_picture_has_the_detector_on_its_curve():
    ax = jl.plot.tradeoff(MADE)
    curve, dot = (line.get_xydata() for line in ax.lines)
    assert dot.tolist() == [[4.0, pytest.approx(200 / 3)]]
    assert len(curve) == len(MADE.tradeoff)
    with pytest.raises(jl.InputError, match="nothing was to be found"):
        jl.plot.tradeoff(report(recording(events=())))


@pytest.fixture(scope="module")
def fitted():
    model, params, state = trained("cnn1d")
    return jl.Fitted(model, params, state, jl.tasks.find("classification"), CLASSES, SR, (1000,))


def test_files_are_heard_and_counted(fitted, tmp_path):
    soundfile.write(tmp_path / "a.wav", np.concatenate(speech()), SR)
    path = tmp_path / "a.wav"
    made = jl.evaluate_stream(fitted, {path: [Event("one", 0.1, 0.4), Event("_x_", 0, 1)]}, threshold=0.4, smooth=0)
    again = dataclasses.replace(made, tolerance=100.0)
    assert made.paths == (str(path),)
    assert made.score.events == 1
    assert made.score.found + made.score.false_alarms == again.score.found + again.score.false_alarms > 0
    with pytest.raises(jl.InputError, match="the listener does not know dog, only one, três, zwei"):
        jl.evaluate_stream(fitted, {path: [Event("dog", 0, 1)]})
    with pytest.raises(jl.InputError, match="there is no file"):
        jl.evaluate_stream(fitted, {tmp_path / "none.wav": []})
