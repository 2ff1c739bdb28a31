"""The report on numbers over time."""

import json

import numpy as np
import pytest

import jaxlisten as jl
from jaxlisten.errors import InputError

RNG = np.random.default_rng(0)
TRUTHS = tuple(np.cumsum(RNG.normal(size=(n, 2)), axis=0) * [1, 100] for n in (40, 30, 900))
TRUTHS[1][5:12] = np.nan
SAID = tuple(truth + error * RNG.normal(size=truth.shape) for truth, error in zip(TRUTHS, (1, 5, 0.1), strict=True))
SAID[1][5:12] = 7.0
PATHS = ("a.wav", "b.wav", "c.wav")


def make(**fields):
    fields = {"classes": ("pitch", "level"), "truths": TRUTHS, "predictions": SAID, "paths": PATHS} | fields
    return jl.ContourReport(**{"period": 0.1} | fields)


def lin(t, p):
    return 2 * np.cov(t, p, bias=True)[0, 1] / (t.var() + p.var() + (t.mean() - p.mean()) ** 2)


def test_figures_are_those_of_the_steps_that_are_known():
    report = make(groups=("x", "y", "x"))
    known = np.isfinite(np.concatenate(TRUTHS)[:, 0])
    truth, said = np.concatenate(TRUTHS)[known], np.concatenate(SAID)[known]
    assert report.per_class["pitch"]["mae"] == pytest.approx(np.abs(truth - said)[:, 0].mean())
    assert report.per_class["level"]["concordance"] == pytest.approx(lin(truth[:, 1], said[:, 1]))
    assert report.seconds == pytest.approx(0.1 * known.sum())
    assert report.by_group["y"]["n"] == 1
    assert report.by_group["y"]["mae"] == pytest.approx(np.abs(TRUTHS[1] - SAID[1])[~np.isnan(TRUTHS[1][:, 0])].mean())
    assert [one.path for one in report.recordings] == ["b.wav", "a.wav", "c.wav"]


def test_text_and_files_hold_the_figures(tmp_path):
    report = make(title="Ratings")
    assert [line.split()[0] for line in str(report).splitlines()[3:]] == ["number", "pitch", "level"]
    for name in ("report.json", "report.html"):
        report.save(tmp_path / name)
    stored = json.loads((tmp_path / "report.json").read_text())
    assert stored == report.to_dict()
    assert stored["recordings"][0]["path"] == "b.wav"
    page = (tmp_path / "report.html").read_text()
    assert "Over time" in page
    assert "s of it" in page, "a part of the long one is shown"


def test_pictures_have_what_is_known():
    line, said = jl.plot.contour(TRUTHS[1][:, 0], SAID[1][:, 0], period=0.1, start=2.0, name="pitch").lines
    assert line.get_xdata()[0] == pytest.approx(2.05)
    assert np.isnan(line.get_ydata()[5:12]).all()
    np.testing.assert_array_equal(said.get_ydata(), SAID[1][:, 0])
    dots = jl.plot.numbers(make(), "level").collections[0].get_offsets()
    assert len(dots) == 963
    with pytest.raises(InputError, match="equally many"):
        jl.plot.contour([1.0, 2.0], [1.0], period=0.1)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"truths": TRUTHS[:2]}, "of 3 recordings, equally long"),
        ({"truths": (*TRUTHS[:2], TRUTHS[2][:5])}, "equally long"),
        ({"classes": ("pitch",)}, r"\[steps, 1\]"),
        ({"truths": tuple(np.full_like(t, np.nan) for t in TRUTHS)}, "known at one step or more"),
        ({"predictions": tuple(np.full_like(t, np.inf) for t in TRUTHS)}, "finite"),
    ],
)
def test_what_does_not_belong_together_is_refused(fields, message):
    with pytest.raises(InputError, match=message):
        make(**fields)
