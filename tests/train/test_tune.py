"""Successive halving: what is trained how long, what is chosen, what is written, and how it goes on."""

import csv
import dataclasses
import json
import re

import jax
import numpy as np
import pytest
from matplotlib.figure import Figure

import jaxlisten as jl
from jaxlisten.errors import InputError
from jaxlisten.evaluate.tuning import ranked
from jaxlisten.train.space import Configuration
from jaxlisten.train.tune import rungs
from tests.evaluate.test_page import Page
from tests.train.small import assert_same_bits, sines

TRAIN, VALIDATION, TEST = sines(24), sines(12, seed=1), sines(9, seed=2)
SPACE = jl.Space(model=["linear"], front_end=["mfcc"], n_mels=[20], batch_size=[8, 16], learning_rate=[1e-2, 1e-1])
ASKED = {"configurations": 5, "factor": 2, "epochs": 4, "space": SPACE, "progress": False}


@pytest.fixture(scope="module", autouse=True)
def small_and_as_users_run_it():
    """A default recipe that is compiled quickly; and the dtype promotion that everybody has."""
    with pytest.MonkeyPatch.context() as patch, jax.numpy_dtype_promotion("standard"):  # optax mixes dtypes
        patch.setattr(Configuration.__new__, "__defaults__", ("linear", "mfcc", 20, 16, 3e-3, 1e-2))
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tuned") / "<b>"


@pytest.fixture(scope="module")
def found(folder):
    return jl.tune(TRAIN, VALIDATION, TEST, run_dir=folder, title="<b>", about={"data": "x"}, **ASKED)


@pytest.mark.parametrize(
    ("configurations", "factor", "epochs", "counts", "budgets"),
    [
        (27, 3, 42, [27, 9, 3, 1], [2, 5, 14, 42]),
        (9, 3, 100, [9, 3, 1], [11, 33, 100]),
        (27, 3, 4, [27, 9], [1, 4]),
        (5, 2, 4, [5, 3, 2], [1, 2, 4]),
        (8, 2, 1, [8], [1]),
    ],
)
def test_one_in_factor_goes_on_for_factor_times_as_long(configurations, factor, epochs, counts, budgets):
    assert rungs(configurations, factor, epochs) == (counts, budgets)


def test_the_best_of_each_rung_go_on_and_the_default_with_them(found):
    assert found.budgets == (1, 2, 4)
    going = set(range(5))
    for rung, count in enumerate((3, 2, None)):
        mine = [trial for trial in found.trials if trial.rung == rung]
        assert {trial.number for trial in mine} == going
        best = sorted(mine, key=lambda trial: (-trial.figure, trial.loss))
        going = {0, *(trial.number for trial in best[:count])}
        if count is None:
            assert found.chosen == best[0].number
    assert found.trials[0].settings == Configuration()._asdict()


def test_what_failed_comes_last_and_among_equals_the_lower_loss_first():
    one = jl.Trial(number=0, rung=0, epochs=1, settings={}, figure=0.5, loss=1.0, seconds=1.0)
    better, failed = (dataclasses.replace(one, number=k, loss=x) for k, x in ((1, 0.5), (2, float("nan"))))
    failed = dataclasses.replace(failed, figure=float("nan"))
    assert [trial.number for trial in ranked([failed, one, better], maximize=True)] == [1, 0, 2]
    assert [trial.number for trial in ranked([failed, one, better], maximize=False)] == [1, 0, 2]


def test_the_chosen_one_is_what_fit_gives_with_its_settings_and_is_scored_on_the_test_clips(found, folder):
    settings = Configuration(**found.settings)
    steps = 4 * (24 // settings.batch_size + (24 % settings.batch_size > 0))
    expected = jl.fit(
        settings.build(TRAIN),
        TRAIN,
        VALIDATION,
        key=jax.random.key(0),
        optimizer=jl.train.default_optimizer(steps, peak=settings.learning_rate, weight_decay=settings.weight_decay),
        task=jl.train.default_task(jl.tasks.find("classification")),
        augment=jl.train.default_augment(jl.tasks.find("classification")),
        epochs=4,
        batch_size=settings.batch_size,
        progress=False,
    )
    assert_same_bits(found.fitted.params, expected.params)
    assert_same_bits(jl.load(folder).fitted.params, expected.params)
    assert found.report.accuracy == jl.evaluate(expected, TEST).accuracy
    assert found.default_report.n == len(TEST)
    assert found.part == "test"


def test_every_training_is_in_the_table_and_in_the_figures(found, folder):
    rows = list(csv.DictReader((folder / "tune.csv").read_text().splitlines()))
    assert [(int(row["number"]), int(row["rung"]), int(row["epochs"])) for row in rows] == [
        (trial.number, trial.rung, trial.epochs) for trial in found.trials
    ]
    assert [float(row["learning_rate"]) for row in rows] == [t.settings["learning_rate"] for t in found.trials]
    figures = json.loads((folder / "tune.json").read_text())
    assert figures["chosen"] == found.chosen
    assert figures["scores"]["chosen"]["accuracy"] == found.report.accuracy
    lines = str(found).splitlines()
    assert len(lines) == 1 + 5 + 2
    assert "1 epochs" not in lines[0]
    assert "(chosen" in lines[1]


def test_the_page_is_well_formed_loads_nothing_and_escapes_what_is_not_ours(folder, found):
    text = (folder / "tune.html").read_text()
    page = Page(text)
    assert re.findall(r'<section id="([^"]*)"', text) == [
        "what-was-tried",
        "configurations",
        "method",
        "settings",
        "model",
    ]
    assert "<b></b>" not in text
    assert "<h1><bdi>&lt;b&gt;" in text
    assert "script" not in page.tags
    assert not re.search(r'(?:src|href)="(?!#|data:)', text)


def test_each_configuration_is_a_line_through_its_settings(found):
    ax = jl.plot.parallel_coordinates(found, ax=Figure().add_subplot())
    lines = [line for line in ax.lines if len(line.get_xdata()) == len(found.settings) + 1]
    assert len(lines) == 5
    rates = sorted((line.get_ydata()[4], trial.settings["learning_rate"]) for line, trial in _by_rate(lines, found))
    heights = np.array(rates)[:, 0]
    logs = np.log(np.array(rates)[:, 1])
    np.testing.assert_allclose(heights, (logs - logs.min()) / (logs.max() - logs.min()), atol=1e-6)
    with pytest.raises(InputError, match=r"expected a jaxlisten\.Tuning, got int"):
        jl.plot.parallel_coordinates(3)


def _by_rate(lines, found):
    """Pair lines with configurations, by their places on the axis of the learning rate."""
    lines = sorted(lines, key=lambda line: line.get_ydata()[4])
    return zip(lines, sorted(found.last, key=lambda trial: trial.settings["learning_rate"]), strict=True)


@pytest.mark.wide
def test_a_search_that_was_stopped_goes_on_to_the_same_end(found, folder, tmp_path):
    run, state = tmp_path / "run", json.loads((folder / "tune.json").read_text())
    run.mkdir()
    stopped = {"asked": state["asked"], "trials": [row for row in state["trials"] if row["rung"] == 0]}
    (run / "tune.json").write_text(json.dumps(stopped))
    again = jl.tune(TRAIN, VALIDATION, TEST, run_dir=run, resume=True, **ASKED)
    assert [trial.figure for trial in again.trials] == [trial.figure for trial in found.trials]
    assert_same_bits(again.fitted.params, found.fitted.params)
    with pytest.raises(InputError, match="was begun with other configurations and seed; resume it with the same"):
        jl.tune(TRAIN, VALIDATION, TEST, run_dir=run, resume=True, seed=1, **ASKED)
    with pytest.raises(InputError, match="was begun with other clips"):
        jl.tune(TRAIN, TEST, run_dir=run, resume=True, **ASKED)
    (run / "tune.json").write_text('{"asked": {}, "trials": [3]}')
    with pytest.raises(InputError, match="is damaged"):
        jl.tune(TRAIN, VALIDATION, run_dir=run, resume=True, **ASKED)
    (run / "tune.json").unlink()
    with pytest.raises(InputError, match="holds no search"):
        jl.tune(TRAIN, VALIDATION, run_dir=run, resume=True, **ASKED)
    with pytest.raises(InputError, match="not empty"):
        jl.tune(TRAIN, VALIDATION, run_dir=run, **ASKED)


def test_without_test_clips_the_page_says_that_those_of_validation_flatter(found, tmp_path):
    flattered = dataclasses.replace(found, part="validation")
    flattered.save(tmp_path / "t.html")
    assert "what is said of them is too good" in (tmp_path / "t.html").read_text()


def test_what_can_not_be_tuned_is_refused():
    spoken = jl.data.connected(jl.data.synthetic(36), 6, seed=0)
    with pytest.raises(InputError, match="classes|one class a clip, labels or numbers"):
        jl.tune(spoken, spoken)
    for wrong in ({"configurations": 1}, {"factor": 1}, {"epochs": 0}):
        with pytest.raises(InputError, match="configurations and factor of at least 2, and epochs of at least 1"):
            jl.tune(TRAIN, VALIDATION, **wrong)


@pytest.mark.wide
def test_of_numbers_the_smallest_error_is_chosen(tmp_path):
    hz = np.random.default_rng(0).uniform(300, 2000, 24)
    audio = np.float32(0.3 * np.sin(2 * np.pi * hz[:, None] * np.arange(800) / 8000))
    parts = [jl.data.arrays(audio[k::2], hz[k::2], sr=8000) for k in range(2)]
    found = jl.tune(*parts, **{**ASKED, "configurations": 2, "epochs": 1})
    assert not found.maximize
    assert found.last[0].number == found.chosen
    assert found.last[0].figure <= found.last[1].figure
    assert (found.part, found.report.mae) == ("validation", jl.evaluate(found.fitted, parts[1]).mae)
    found.save(tmp_path / "t.html")
    assert "Mean error, chosen" in (tmp_path / "t.html").read_text()
