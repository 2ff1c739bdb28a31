"""`fit_many`: the same runs one after another and in one program, and each the same as alone."""

import importlib

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxlisten as jl
from jaxlisten.train import default_optimizer, feed, store
from jaxlisten.train.run import Run
from tests.train.small import KEY, MODEL, TRAIN, VALIDATION, assert_same_bits, figures, fit, leaves, sines

KEYS = jax.random.split(KEY, 3)
SGD = optax.sgd(0.03)
"""Its steps differ by rounding where gradients do; Adam's differ by more where a gradient is next to nothing."""

OPTIMIZER = default_optimizer(9)


def by_rate(settings):
    return optax.sgd(settings["lr"])


def many(train=TRAIN, validation=VALIDATION, **settings):
    return jl.fit_many(
        MODEL, train, validation, **{"key": KEYS, "epochs": 3, "batch_size": 8, "progress": False} | settings
    )


def joined(*parts: jl.data.Dataset) -> jl.data.Dataset:
    audio = [clip for part in parts for clip in part.audio]
    names = [part.classes[target] for part in parts for target in part.targets]
    return jl.data.arrays(audio, names, sr=parts[0].sr, classes=parts[0].classes)


def assert_alike(first: jl.Fitted, second: jl.Fitted) -> None:
    for a, b in leaves((first.params, first.state), (second.params, second.state)):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)
    for a, b in zip(figures(first.history), figures(second.history), strict=True):
        assert a == pytest.approx(b, rel=1e-4, abs=1e-4)


def test_one_after_another_each_run_is_that_of_fit():
    for key, run in zip(KEYS, many(together=False), strict=True):
        alone = fit(key=key)
        assert_same_bits((alone.params, alone.state), (run.params, run.state))
        assert figures(alone.history) == figures(run.history)


@pytest.mark.parametrize("accelerator", [False, True])
def test_together_each_run_is_that_of_fit(accelerator, monkeypatch):
    runs = [fit(key=key, optimizer=SGD, average=0.9) for key in KEYS]
    if accelerator:  # steps in compiled loops
        monkeypatch.setattr(feed, "steps_are_called", lambda: False)
        monkeypatch.setattr(feed, "_AT_ONCE", 2)  # three steps: a part is filled up with an absent batch
    for alone, run in zip(runs, many(together=True, optimizer=SGD, average=0.9), strict=True):
        assert_alike(alone, run)


@pytest.mark.wide
def test_compiled_passes_are_those_of_steps(monkeypatch, tmp_path):
    clips = joined(sines(21, samples=2000), sines(13, seed=1, samples=700))
    called = fit(train=clips, optimizer=SGD)
    monkeypatch.setattr(feed, "steps_are_called", lambda: False)
    assert_alike(called, fit(train=clips, optimizer=SGD, progress=True, run_dir=tmp_path / "run"))
    assert len(jl.load(tmp_path / "run").fitted.history) == 3


@pytest.mark.wide
@pytest.mark.parametrize(("together", "accelerator"), [(False, False), (True, False), (True, True)])
def test_folds_of_unequal_size_and_length(together, accelerator, monkeypatch):
    """Clips of two lengths, and folds whose numbers of steps differ."""
    if accelerator:
        monkeypatch.setattr(feed, "steps_are_called", lambda: False)
    clips = joined(sines(21, samples=2000), sines(13, seed=1, samples=700))
    folds = [np.arange(len(clips)) % 3 == i for i in range(3)]
    folds[0][:6] = True
    trains, validations = [clips.subset(~fold) for fold in folds], [clips.subset(fold) for fold in folds]
    runs = many(trains, validations, key=KEY, optimizer=SGD, together=together)
    for run, train, validation in zip(runs, trains, validations, strict=True):
        scores = jl.evaluate(run, validation)
        assert scores.n == len(validation)
        assert scores.accuracy == pytest.approx(max(row["val_accuracy"] for row in run.history))
        assert run.about["data"]["clips"] == len(train)


@pytest.mark.wide
@pytest.mark.parametrize("together", [False, True])
def test_settings_reach_the_optimizer(together):
    rates = [0.03, 0.0]
    moved, still = many(key=KEY, settings={"lr": rates}, optimizer=lambda h: optax.sgd(h["lr"]), together=together)
    assert_alike(fit(optimizer=SGD), moved)
    first = jl.init_train_state(MODEL, SGD, KEY, jl.Padded(jnp.zeros((8, 2048)), jnp.zeros(8, jnp.int32)))
    assert_same_bits(jax.device_get(first.params), still.params)
    assert [run.about["training"]["settings"]["lr"] for run in (moved, still)] == pytest.approx(rates)


@pytest.mark.parametrize("together", [False, True])
def test_run_that_diverges_leaves_the_others_alone(together, capsys):
    settings = {"optimizer": lambda h: optax.sgd(h["lr"]), "together": together, "key": KEY}
    good, bad = many(settings={"lr": [0.03, 1e38]}, **settings)
    assert_alike(fit(optimizer=SGD), good)
    assert len(bad.history) < 3
    assert "run 1 has ended early: " in capsys.readouterr().err
    with pytest.raises(jl.TrainingError, match="not finite"):
        many(settings={"lr": [1e38, 1e38]}, **settings)


@pytest.mark.parametrize("together", [False, True])
def test_patience_is_each_runs_own(together):
    rates = [0.03, 0.0]
    optimizer = lambda h: optax.sgd(h["lr"])  # noqa: E731
    moved, still = many(key=KEY, settings={"lr": rates}, optimizer=optimizer, together=together, epochs=12, patience=2)
    assert len(still.history) == still.best_epoch + 2 < 12
    assert len(moved.history) != len(still.history)


@pytest.mark.wide
@pytest.mark.parametrize("together", [pytest.param(False, marks=pytest.mark.slow), True])
def test_runs_that_are_stopped_between_their_writes_end_with_the_bits_of_whole_ones(together, tmp_path, monkeypatch):
    settings = {"together": together, "optimizer": OPTIMIZER}
    whole = many(run_dir=tmp_path / "whole", **settings)
    assert [jl.load(tmp_path / "whole" / f"run{i}").fitted.history for i in range(3)] == [run.history for run in whole]
    assert (tmp_path / "whole" / "run2" / "report.html").is_file()
    add = Run.add
    for stop in (2, 5):  # the first run is an epoch ahead; the second one is

        def add_until(run, *given, left=iter(range(stop - 1))):  # noqa: B008
            if next(left, None) is None:
                raise KeyboardInterrupt
            add(run, *given)

        monkeypatch.setattr(Run, "add", add_until)
        with pytest.raises(KeyboardInterrupt):
            many(run_dir=tmp_path / "run", resume=True, **settings)
    monkeypatch.setattr(Run, "add", add)
    again = many(run_dir=tmp_path / "run", resume=True, **settings)
    for i, (one, other) in enumerate(zip(whole, again, strict=True)):
        assert_same_bits((one.params, one.state), (other.params, other.state))
        assert figures(one.history) == figures(other.history)
        files = [tmp_path / name / f"run{i}" / "weights.safetensors" for name in ("whole", "run")]
        assert files[0].read_bytes() == files[1].read_bytes()
    assert len(many(epochs=4, run_dir=tmp_path / "run", resume=True, optimizer=OPTIMIZER)[0].history) == 4


@pytest.mark.wide
def test_runs_that_ended_early_stay_so_when_the_others_go_on(tmp_path):
    """Going on, the others have the same program around them."""
    settings = {"key": KEY, "settings": {"lr": [0.03, 0.0]}, "optimizer": by_rate, "together": True, "patience": 2}
    whole = many(epochs=12, **settings)
    first, last = sorted(len(run.history) for run in whole)
    assert first < last
    many(epochs=last - 1, run_dir=tmp_path / "run", **settings)
    again = many(epochs=12, run_dir=tmp_path / "run", resume=True, **settings)
    assert [len(run.history) for run in again] == [len(run.history) for run in whole]
    for one, other in zip(whole, again, strict=True):
        assert_same_bits((one.params, one.state), (other.params, other.state))


def test_what_runs_share_is_on_the_device_once():
    parts = [TRAIN.subset(np.arange(24) % 3 != i) for i in range(3)]
    clips, members = jl.data.union(parts)
    assert len(clips) == 24
    for part, mine in zip(parts, members, strict=True):
        assert all(clips.audio[i] is clip for i, clip in zip(mine, part.audio, strict=True))
        assert clips.targets[mine].tolist() == part.targets.tolist()


def test_runs_on_unequal_folds_share_one_compilation():
    folds = [np.arange(24) < n for n in (15, 16, 18)]
    before = feed._step._cache_size()
    many([TRAIN.subset(fold) for fold in folds], key=KEY, optimizer=optax.sgd(0.01), together=False)
    assert feed._step._cache_size() == before + 1


def test_clips_without_room_on_the_device_are_sent_batch_by_batch(monkeypatch):
    kept = fit(optimizer=SGD)
    for module in (feed, importlib.import_module("jaxlisten.train.many")):
        monkeypatch.setattr(module, "fits", lambda *_: False)
    sent = fit(optimizer=SGD)
    assert_alike(kept, sent)
    assert_alike(kept, many(key=jnp.stack([KEY, KEY]), optimizer=SGD)[1])
    with pytest.raises(jl.InputError, match="on clips that they have room for"):
        many(together=True)


def test_store_gives_what_collate_gives():
    clips = joined(sines(7, samples=2000), sines(5, seed=1, samples=700))
    kept = store.put(clips, (768, 2048))
    plan = kept.plan(np.arange(12), 4, np.random.default_rng(0))
    expected = jl.data.plan(clips.lengths, 4, (768, 2048), rng=np.random.default_rng(0))
    for shelf, rows, (length, chosen) in zip(plan.shelf, plan.clips, expected, strict=True):
        assert_same_bits(store.take(kept.shelves[shelf], rows), jl.data.collate(clips, chosen, length, 4))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"key": KEY}, "got one of everything; for a single run there is jaxlisten.fit"),
        ({"train": [TRAIN, TRAIN]}, "got 2 of train, 3 of key"),
        ({"settings": {"lr": [[1.0]]}}, r"a number for each run in every setting, \[runs\], got shapes"),
        ({"settings": {"lr": [1.0, 2.0, 3.0]}}, "an optimizer that takes the settings"),
        ({"settings": {"lr": [1.0, 2.0, 3.0]}, "optimizer": SGD}, "expected a function from settings to an optimizer"),
        ({"optimizer": lambda h: SGD}, "expected an optimizer of optax, got function"),
        ({"train": [], "validation": None}, "got 0 of train"),
    ],
)
def test_what_is_no_number_of_runs_is_refused(settings, message):
    with pytest.raises(jl.InputError, match=message):
        many(**settings)
