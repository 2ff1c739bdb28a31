"""Anomalies: figures worked out by hand, what calibration leaves behind, maps, and the page with its one script."""

from __future__ import annotations

import base64
import hashlib
import re

import jax
import matplotlib
import numpy as np
import pytest

import jaxlisten as jl
from jaxlisten.evaluate.page import render
from jaxlisten.evaluate.page.maps import SHOWN_CLIPS

matplotlib.use("Agg")

CLASSES = ("hum", "idle", "rattle")
TARGETS = np.array([0, 0, 1, 2, 2, 2])
SCORES = np.array([[0.1, 0.9], [0.2, 1.1], [0.3, 3.0], [0.05, 8.0], [0.4, 4.0], [0.5, 1.0]])
PATHS = tuple(f"{i}.wav" for i in range(6))


def report(**fields):
    return jl.AnomalyReport(CLASSES, TARGETS, SCORES, PATHS, ("hum", "idle"), 2.0, **fields)


def test_figures_are_those_worked_out_by_hand():
    one = report()
    assert one.anomalous.tolist() == [False] * 3 + [True] * 3
    assert one.auc == pytest.approx(7 / 9)  # of nine pairs 8 and 4 win three each, 1.0 wins one
    assert one.error_auc == pytest.approx(6 / 9)
    assert (one.found, one.false_alarms) == (pytest.approx(2 / 3), pytest.approx(1 / 3))
    assert [(m.path, m.normal) for m in one.mistakes] == [("5.wav", False), ("2.wav", True)]
    assert one.per_class["rattle"] == {
        "support": 3,
        "novelty": 4.0,
        "alarms": pytest.approx(2 / 3),
        "auc": pytest.approx(7 / 9),
    }
    assert one.to_dict()["per_class"]["idle"]["auc"] is None


def test_without_anomalies_there_is_no_area_but_a_page():
    one = jl.AnomalyReport(("hum",), [0, 0], [[0.1, 1.0], [0.1, 3.0]], ("a", "b"), ("hum",), 2.0)
    assert np.isnan(one.auc)
    assert one.headline == "1 of 2 clips above the threshold 2"
    assert one.to_dict()["auc"] is None
    assert "–" in render(one)


def test_wrong_fields_are_refused():
    with pytest.raises(jl.InputError, match=r"scores \[2, 2\]"):
        jl.AnomalyReport(("a",), [0, 0], [[1.0], [2.0]], ("x", "y"), ("a",), 1.0)
    with pytest.raises(jl.InputError, match="targets from 0 to 0"):
        jl.AnomalyReport(("a",), [0, 1], [[1.0, 1.0], [2.0, 1.0]], ("x", "y"), ("a",), 1.0)


@pytest.fixture(scope="module")
def calibrated():
    """A listener of low hums, with the clips that it was trained on and chosen by."""
    rng, t = np.random.default_rng(0), np.arange(4000) / 8000
    hums = [0.3 * np.sin(2 * np.pi * (200 + 3 * i) * t) + 0.02 * rng.standard_normal(4000) for i in range(12)]
    clips = jl.data.arrays(np.array(hums, np.float32), np.zeros((12, 0), np.int8), sr=8000)
    train, val = clips.subset(range(9)), clips.subset(range(9, 12))
    model = jl.models.reconstruction(8000, n_mels=20, frames=3, units=(16,), code=2)
    with jax.numpy_dtype_promotion("standard"):  # optax mixes dtypes
        fitted = jl.fit(
            model, train, val, task="reconstruction", epochs=2, batch_size=9, key=jax.random.key(0), progress=False
        )
    return jl.calibrate(fitted, train, val, normal=["hum"]), train, val


def test_calibrated_normal_clips_have_a_novelty_of_about_one_and_the_threshold_is_a_quantile(calibrated):
    fitted, train, val = calibrated
    rows = jl.embed(fitted, train, until="description")[:, 1:]
    usual = fitted.state["novelty"]
    np.testing.assert_allclose(usual["mean"], rows.mean(axis=0), rtol=1e-5)
    wanted = (np.square(rows - rows.mean(axis=0)) / (rows.var(axis=0) + 0.02)).mean(axis=1)
    with pytest.warns(jl.ListenWarning, match="trained on"):
        heard = jl.evaluate(fitted, train)
    np.testing.assert_allclose(heard.novelty, wanted, rtol=1e-3)
    assert fitted.about["anomaly"]["normal"] == ["hum"]
    assert fitted.about["anomaly"]["threshold"] == pytest.approx(
        np.quantile(jl.evaluate(fitted, val).novelty, 0.95), rel=1e-5
    )


def test_what_is_strange_is_found_alone_and_in_a_report(calibrated):
    fitted, _, val = calibrated
    noise = 0.3 * np.random.default_rng(1).standard_normal(4000).astype(np.float32)
    test = jl.data.arrays([*val.audio, noise], ["hum"] * 3 + ["hiss"], sr=8000)
    one = jl.evaluate(fitted, test, map="pca")
    assert (one.auc, one.places.shape) == (1.0, (4, 2))
    said = jl.Listener(fitted).predict(noise)
    assert said.label == "anomalous"
    assert said.novelty == pytest.approx(one.novelty[3], rel=1e-3)


def test_only_calibrated_autoencoders_say_what_is_normal(calibrated):
    fitted, train, val = calibrated
    bare = jl.Fitted(fitted.model, fitted.params, fitted.state, fitted.task, (), 8000, (4000,))
    with pytest.raises(jl.InputError, match="not told what is normal"):
        jl.Listener(bare).predict(val.audio[0])
    with pytest.raises(jl.InputError, match="ends in a Novelty"):
        jl.calibrate(jl.Fitted(jl.ReLU(), {}, {}, fitted.task, (), 8000, (4000,)), train, val)
    with pytest.raises(jl.InputError, match="quantile between 0 and 1"):
        jl.calibrate(fitted, train, val, quantile=1.0)
    for stored in ("no", {"threshold": "high", "normal": ["hum"]}, {"threshold": 1.0, "normal": []}):
        with pytest.raises(jl.InputError, match="damaged"):
            jl.detect.anomaly_rule({"anomaly": stored})


def test_the_map_of_principal_components_is_that_of_a_covariance():
    x = np.random.default_rng(0).standard_normal((20, 5)) @ np.diag([5, 3, 1, 1, 1])
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    values, vectors = np.linalg.eigh(np.cov(z.T))
    wanted = z @ vectors[:, ::-1][:, :2]
    places = jl.embedding_map(x)
    np.testing.assert_allclose(np.abs(places), np.abs(wanted), rtol=1e-4, atol=1e-4)
    assert (places.max(axis=0) >= -places.min(axis=0)).all()
    np.testing.assert_allclose(places.var(axis=0, ddof=1), values[::-1][:2], rtol=1e-4)
    with pytest.raises(jl.InputError, match="'pca' or 'tsne'"):
        jl.embedding_map(x, "umap")
    with pytest.raises(jl.InputError, match="finite rows"):
        jl.embedding_map([[np.nan, 1.0]])


@pytest.mark.slow
def test_neighbours_stay_together_in_tsne():
    pytest.importorskip("sklearn", reason="pip install 'jaxlisten[compare]' brings it")
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.standard_normal((15, 8)), rng.standard_normal((15, 8)) + 12])
    places = jl.embedding_map(rows, "tsne")
    near, far = (
        np.linalg.norm(places[:15] - places[:15].mean(0), axis=1),
        np.linalg.norm(places[15:] - places[:15].mean(0), axis=1),
    )
    assert near.max() < far.min()


def test_every_point_of_the_map_plays_its_own_clip_by_the_one_script_that_the_policy_allows():
    data = jl.data.arrays(np.random.default_rng(0).uniform(-0.1, 0.1, (6, 800)), [CLASSES[k] for k in TARGETS], sr=8000)
    page = render(report(data=data, places=np.arange(12.0).reshape(6, 2)))
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page
    points = re.findall(r'<circle [^>]*data-clip="(\d+)"[^>]*aria-label="([^"]*)"', page)
    assert points == [(str(k), f"{'anomalous' if k > 2 else 'normal'} {k}.wav") for k in range(6)]
    sounds = re.findall(r'<audio id="sound-(\d+)" preload="none" src="data:audio/([a-z]+);base64,', page)
    assert [k for k, _ in sounds] == [k for k, _ in points]
    assert len(re.findall('tabindex="0"', page)) == 1, "one stop for the tabulator, the rest by arrow keys"
    bare = render(report(data=data))
    assert "script" not in bare


def test_a_map_of_many_clips_shows_some_of_them():
    n = SHOWN_CLIPS + 5
    data = jl.data.arrays(np.full((n, 80), 0.1, np.float32), ["hum"] * n, sr=8000)
    places = np.random.default_rng(0).standard_normal((n, 2))
    one = jl.AnomalyReport(("hum",), np.zeros(n), np.ones((n, 2)), data.paths, ("hum",), 2.0, data=data, places=places)
    page = render(one)
    assert page.count("<circle") == SHOWN_CLIPS
    assert f"{SHOWN_CLIPS} of {n} clips" in page


def test_pictures_name_what_they_show():
    assert jl.plot.novelties(report()).get_xlabel() == "novelty"
    assert jl.plot.anomaly_roc(report()).get_title() == "ROC"
    axes = jl.plot.embedding_map(np.zeros((8, 2)), list("aabbccde"))
    assert [entry.get_text() for entry in axes.get_legend().get_texts()] == ["a", "b", "c", "d", "e"]
    with pytest.raises(jl.InputError, match=r"places \[n, 2\]"):
        jl.plot.embedding_map(np.zeros((3, 2)), ["a"])
