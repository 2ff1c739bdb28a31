"""Numbers over time from training to use: the pitch of melodies, and how loud they are."""

import json

import jax
import numpy as np
import optax
import pytest

import jaxlisten as jl
from jaxlisten import detect, metrics
from jaxlisten.data import Contour, arrays, windows

SR, PERIOD = 4000, 0.02
FRONT = jl.LogMel(sr=SR, n_fft=256, hop_length=80, n_mels=16)


def swelling(n, seconds, seed):
    """Make noise whose level in decibels goes up and down along lines; nothing is known in its last tenth."""
    rng, audio, contours = np.random.default_rng(seed), [], []
    for _ in range(n):
        times = np.linspace(0, 0.9 * seconds, 5)
        levels = rng.uniform(-40, -10, 5)
        gain = 10 ** (np.interp(np.arange(round(seconds * SR)) / SR, times, levels) / 20)
        audio.append((gain * rng.standard_normal(len(gain))).astype(np.float32))
        contours.append(Contour(times, levels))
    return arrays(audio, contours, sr=SR, classes=("level",))


TRAIN, VALIDATION, LONG = swelling(24, 1.0, 0), swelling(8, 1.0, 1), swelling(3, 4.3, 2)
MODEL = jl.serial(FRONT, jl.Normalize(), jl.Conv1D(8, 5), jl.ReLU(), jl.Dense(1), jl.train.default_units(TRAIN.targets))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "level"
    fitted = jl.fit(
        MODEL,
        TRAIN,
        VALIDATION,
        key=jax.random.key(0),
        task=jl.tasks.frame_regression(loss="concordance"),
        optimizer=optax.adam(5e-3),
        epochs=25,
        batch_size=8,
        run_dir=folder,
        progress=False,
    )
    return fitted, folder


def test_units_are_those_of_what_is_known():
    units = jl.train.default_units(TRAIN.targets)
    levels = np.concatenate([target[:, 0, 1] for target in TRAIN.targets])
    assert units.offset[0] == pytest.approx(levels.mean(), rel=1e-5)
    assert units.scale[0] == pytest.approx(levels.std(), rel=1e-5)


@pytest.mark.wide
def test_it_learns_levels_and_is_measured_on_whole_recordings(run):
    fitted, folder = run
    assert (fitted.task.name, fitted.task.period) == ("frame_regression_concordance", PERIOD)
    assert fitted.history[fitted.best_epoch - 1]["val_concordance"] > 0.8
    report = jl.evaluate(fitted, LONG)
    assert isinstance(report, jl.ContourReport)
    assert report.concordance > 0.8
    assert report.seconds == pytest.approx(3 * 0.9 * 4.3, abs=0.1)
    stored = json.loads((folder / "report.json").read_text())
    assert stored["concordance"] > 0.8
    again = jl.load(folder)
    assert again.fitted.best_epoch == fitted.best_epoch
    assert jl.evaluate(again, LONG).to_dict()["mae"] == pytest.approx(report.mae, rel=1e-4)


def test_the_figures_are_those_of_the_steps_that_count(run):
    fitted, _ = run
    report = jl.evaluate(fitted, LONG)
    said = list(detect.frames(fitted, [[clip] for clip in LONG.audio]))
    truth, answers = [], []
    for target, steps in zip(LONG.targets, said, strict=True):
        middle = (np.arange(len(steps)) + 0.5) * PERIOD
        known = middle <= target[-1, 0, 0]
        truth.append(np.interp(middle, target[:, 0, 0], target[:, 0, 1])[known])
        answers.append(steps[known, 0])
    expected = metrics.per_number(np.concatenate(truth), np.concatenate(answers))
    assert report.concordance == pytest.approx(expected.concordance[0], rel=1e-4)
    assert report.mae == pytest.approx(expected.mae[0], rel=1e-3)
    assert report.recordings[0].mae >= report.recordings[-1].mae


def test_the_listener_says_a_row_for_each_step(run):
    listener = jl.load(run[1])
    said = listener.predict(LONG.audio[0])
    rows = np.array(said.contour)
    assert rows.shape == (MODEL.out_length(len(LONG.audio[0])), 2)
    np.testing.assert_allclose(rows[:, 0], (np.arange(len(rows)) + 0.5) * PERIOD, atol=1e-6)
    assert dict(said.numbers)["level"] == pytest.approx(rows[:, 1].mean(), rel=1e-4)
    with pytest.raises(jl.InputError, match="numbers over time"):
        listener.windows(LONG.audio[0])
    with pytest.raises(jl.InputError, match="says numbers"):
        listener.listen([LONG.audio[0]])


def test_what_does_not_belong_together_is_refused():
    clips = jl.serial(FRONT, jl.GlobalPool("mean"), jl.Dense(1))
    with pytest.raises(jl.InputError, match="answers once a clip"):
        jl.fit(clips, TRAIN, key=jax.random.key(0), epochs=1, progress=False)
    same = arrays(TRAIN.audio[:2], [Contour([0, 1], [3, 3])] * 2, sr=SR)
    with pytest.raises(jl.InputError, match="whose numbers vary"):
        jl.fit(MODEL, same, key=jax.random.key(0), epochs=1, progress=False)
    with pytest.raises(jl.InputError, match="a loss of squared, concordance"):
        jl.tasks.frame_regression(loss="huber")
    with pytest.raises(jl.InputError, match="two items or more"):
        jl.losses.concordance(np.ones(1), np.ones(1))


def test_windows_that_tell_nothing_are_harmless():
    """The last windows have no number that is known."""
    cut = windows(swelling(2, 2.0, 5), 0.15, hop=0.15)
    assert np.isnan(np.concatenate(jl.tasks.values_at(cut.targets, [5] * len(cut), PERIOD))).any()
    fitted = jl.fit(MODEL, cut, key=jax.random.key(0), epochs=1, batch_size=4, progress=False)
    assert np.isfinite(fitted.history[0]["train_loss"])
