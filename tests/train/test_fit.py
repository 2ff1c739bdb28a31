"""`fit`: reproducible, resumable, and it brings back the best weights."""

import csv
import importlib
import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxlisten as jl
from jaxlisten import runs
from jaxlisten.errors import StorageError
from jaxlisten.train import checkpoint, default_optimizer, feed, saver
from tests.train.small import (
    CLASSES,
    KEY,
    MODEL,
    SR,
    TRAIN,
    VALIDATION,
    assert_same_bits,
    features,
    figures,
    fit,
    sines,
)

STEPS = 9
"""Of the three epochs that `fit` of this file runs."""

loop = importlib.import_module("jaxlisten.train.fit")  # jaxlisten.train.fit is the function
OTHER = jl.serial(MODEL.layers[0], jl.models.cnn1d(3, channels=(9,)))
OPTIMIZER = default_optimizer(STEPS)
HEAD = jl.serial(jl.GlobalPool("mean"), jl.Dense(2))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    run = tmp_path_factory.mktemp("runs") / "whole"
    return fit(run_dir=run), run


def test_same_key_gives_the_same_bits(whole):
    fitted, _ = whole
    again = fit()
    assert_same_bits((fitted.params, fitted.state), (again.params, again.state))
    assert figures(fitted.history) == figures(again.history)


def test_another_key_gives_another_run(whole):
    assert figures(fit(key=jax.random.key(4)).history) != figures(whole[0].history)


def stopped(monkeypatch, owner, name: str, calls: int, begin) -> None:
    """Stop a training as Ctrl-C does, at a call of a function."""
    function, left = getattr(owner, name), iter(range(calls - 1))

    def call(*given, **named):
        if next(left, None) is None:
            raise KeyboardInterrupt
        return function(*given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, call)
        with pytest.raises(KeyboardInterrupt):
            begin()


@pytest.mark.parametrize(
    ("owner", "name", "calls", "epochs"),
    [
        (feed, "_step", 2, 0),
        (feed, "_step", 5, 1),
        (runs, "write_config", 1, None),
        (runs, "write_weights", 1, None),
        (runs, "write_metrics", 2, 0),
        (runs, "write_weights", 3, 1),
        (saver.Saver, "keep", 2, 1),
    ],
)
def test_run_that_is_stopped_anywhere_and_resumed_equals_the_whole_one(
    owner, name, calls, epochs, whole, tmp_path, monkeypatch
):
    fitted, run = whole
    stopped(monkeypatch, owner, name, calls, lambda: fit(run_dir=tmp_path / "run"))
    if epochs is not None:  # what was killed is a listener, with the history that belongs to its weights
        kept = jl.load(tmp_path / "run").fitted
        assert figures(kept.history) == figures(fitted.history)[:epochs]
    again = fit(run_dir=tmp_path / "run", resume=True)
    assert_same_bits((fitted.params, fitted.state), (again.params, again.state))
    assert figures(fitted.history) == figures(again.history)
    assert (tmp_path / "run" / "weights.safetensors").read_bytes() == (run / "weights.safetensors").read_bytes()
    rows, others = (
        list(csv.DictReader((at / "metrics.csv").read_text().splitlines())) for at in (tmp_path / "run", run)
    )
    assert figures(rows) == figures(others)
    last, whole_last = (checkpoint.restore(at, memory()) for at in (tmp_path / "run", run))
    assert_same_bits(checkpoint.snapshot(last).arrays, checkpoint.snapshot(whole_last).arrays)


def memory():
    now = jl.init_train_state(MODEL, OPTIMIZER, KEY, np.zeros((8, 2000), np.float32))
    return checkpoint.Memory(now, jax.device_get((now.params, now.state)), [], KEY)


def test_finished_run_is_resumed_without_a_step(whole, tmp_path):
    fitted, run = whole
    again = fit(run_dir=shutil.copytree(run, tmp_path / "run"), resume=True)
    assert_same_bits(fitted.params, again.params)
    assert again.history == fitted.history


def test_resuming_where_nothing_is_begins(whole, tmp_path):
    assert figures(fit(run_dir=tmp_path / "new", resume=True).history) == figures(whole[0].history)


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"key": jax.random.key(4)}, "seed"),
        ({"batch_size": 12}, "batch size"),
        ({"train": sines(seed=5)}, "set of clips"),
        ({"model": OTHER}, "model"),
    ],
)
def test_run_is_resumed_with_the_same_only(settings, what, whole, tmp_path):
    run = shutil.copytree(whole[1], tmp_path / "run")
    before = {path: path.read_bytes() for path in run.rglob("*.*") if path.is_file()}
    with pytest.raises(jl.InputError, match=f"was begun with another {what}; resume it with the same"):
        fit(run_dir=run, resume=True, **settings)
    assert {path: path.read_bytes() for path in run.rglob("*.*") if path.is_file()} == before


def test_run_goes_on_from_the_checkpoint_before_a_damaged_one(whole, tmp_path, capsys):
    fitted, run = whole[0], shutil.copytree(whole[1], tmp_path / "run")
    last = run / "checkpoints" / "3"
    (last / "history.json").write_text("[]")
    again = fit(run_dir=run, resume=True)
    assert f"note: the checkpoint {last} is damaged" in capsys.readouterr().err
    assert_same_bits((fitted.params, fitted.state), (again.params, again.state))
    assert figures(fitted.history) == figures(again.history)


def test_checkpoint_of_another_optimizer_is_refused(whole, tmp_path):
    run = shutil.copytree(whole[1], tmp_path / "run")
    with pytest.raises(jl.InputError, match="belongs to a run with another model or optimizer"):
        fit(run_dir=run, resume=True, optimizer=optax.sgd(0.1))


def test_full_disk_ends_a_run_that_goes_on_when_there_is_room(whole, tmp_path, small_disk):
    fitted, _ = whole
    with small_disk(4000), pytest.raises(StorageError, match="can't save .*: File too large; what was there before"):
        fit(run_dir=tmp_path / "run")
    again = fit(run_dir=tmp_path / "run", resume=True)
    assert_same_bits((fitted.params, fitted.state), (again.params, again.state))


def test_best_epoch_comes_back_and_not_the_last(monkeypatch):
    """Accuracy is dictated: the second epoch is the best."""
    seen, accuracies = [], iter([0.3, 0.9, 0.6])

    def judge(*_):
        def score(now):
            seen.append(jax.device_get((now.params, now.state)))
            return {"val_loss": 1.0, "val_accuracy": next(accuracies)}

        return score

    monkeypatch.setattr(loop, "make_judge", judge)
    fitted = fit()
    assert fitted.best_epoch == 2
    assert_same_bits((fitted.params, fitted.state), seen[1])


def test_without_validation_the_last_epoch_comes_back():
    fitted = fit(validation=None)
    assert fitted.best_epoch == 3
    assert fitted.history[0].keys() == {"epoch", "train_loss", "seconds", "clips_per_second"}


@pytest.mark.parametrize(
    ("rows", "best"),
    [
        ([], None),
        ([(0.5, 1.0), (0.7, 2.0), (0.6, 0.1)], 2),
        ([(0.7, 2.0), (0.7, 1.0), (0.7, 1.0)], 2),
    ],
)
def test_among_equals_the_least_loss_wins_and_then_the_first(rows, best):
    history = [{"epoch": i + 1.0, "val_accuracy": a, "val_loss": b} for i, (a, b) in enumerate(rows)]
    assert runs.best_epoch(jl.tasks.find("classification"), history) == best


def test_patience_ends_a_run_that_gets_no_better(monkeypatch, tmp_path):
    monkeypatch.setattr(loop, "make_judge", lambda *_: lambda now: {"val_loss": 1.0, "val_accuracy": 0.5})
    settings = {"epochs": 20, "patience": 2, "optimizer": default_optimizer(STEPS)}
    assert len(fit(run_dir=tmp_path / "run", **settings).history) == 3
    assert len(fit(run_dir=tmp_path / "run", resume=True, **settings).history) == 3


def test_diverging_run_stops_at_its_step_and_keeps_good_weights(tmp_path, capsys):
    optimizer = optax.sgd(lambda step: jnp.where(step < 4, 1e-2, 1e38))
    with pytest.raises(jl.TrainingError, match=r"not finite at step \d+ \(epoch 2\); the weights of the best") as error:
        fit(run_dir=tmp_path / "run", optimizer=optimizer)
    assert len(error.value.fitted.history) == 1
    kept = jl.load(tmp_path / "run")
    assert len(kept.fitted.history) == 1
    assert jl.evaluate(kept, VALIDATION).accuracy == pytest.approx(kept.fitted.history[0]["val_accuracy"])


def test_validation_that_is_not_finite_stops_the_run(tmp_path):
    loud = np.full((3, 2000), 3e38, np.float32)
    validation = jl.data.arrays(loud, list(CLASSES), sr=SR, classes=CLASSES)
    with pytest.raises(jl.TrainingError, match="the validation loss is not finite after epoch 1"):
        fit(validation=validation, run_dir=tmp_path / "run")
    assert jl.evaluate(jl.load(tmp_path / "run"), VALIDATION).n == 9


def test_batches_of_features_are_learned(tmp_path):
    fitted = jl.fit(HEAD, features(), key=KEY, epochs=40, optimizer=optax.adam(0.1), progress=False, run_dir=tmp_path)
    assert fitted.history[-1]["train_loss"] < 0.2
    assert (fitted.classes, fitted.sr, fitted.item) == (("0", "1"), 0, (10, 4))
    listener = jl.load(tmp_path)
    assert_same_bits(listener.fitted.params, fitted.params)
    with pytest.raises(jl.InputError, match="trained on features, not on sound"):
        listener.predict("a.wav")


def test_batch_with_nan_is_named():
    batches = features(3)
    batches[1] = batches[1]._replace(x=np.full((8, 10, 4), np.nan, np.float32))
    with pytest.raises(jl.TrainingError, match=r"at step 2 \(epoch 1\)"):
        jl.fit(HEAD, batches, key=KEY, epochs=2, optimizer=optax.adam(0.1), progress=False)


def test_batches_of_sound_with_clips_to_choose_by(tmp_path):
    batches = [jl.data.collate(TRAIN, np.arange(i, i + 8), 2048, 8) for i in (0, 8, 16)]
    fitted = fit(train=batches, run_dir=tmp_path / "run")
    assert (fitted.classes, fitted.sr) == (CLASSES, SR)
    assert (tmp_path / "run" / "report.html").is_file()


@pytest.mark.parametrize("batches", [[], iter(features()), (batch for batch in features())])
def test_batches_that_can_not_be_repeated_are_refused(batches):
    with pytest.raises(jl.InputError, match="iterated over once an epoch, such as a list"):
        jl.fit(HEAD, batches, key=KEY, progress=False)


def test_model_that_can_not_be_stored_says_so_before_the_first_step(tmp_path, capsys):
    model = jl.serial(jl.lift(jnp.tanh), MODEL)
    fitted = fit(model, run_dir=tmp_path / "run", progress=True, epochs=1)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("note: ")
    assert "can only be loaded with jl.load(run, model=model)" in lines[0]
    assert [i for i, line in enumerate(lines) if line.startswith("epoch 1/1")] == [len(lines) - 1]
    with pytest.raises(jl.InputError, match=r"give it: jl.load\(run, model=model\)"):
        jl.load(tmp_path / "run")
    loaded = jl.load(tmp_path / "run", model=model)
    assert_same_bits(loaded.fitted.params, fitted.params)
    with pytest.raises(jl.InputError, match="the model expects"):
        jl.load(tmp_path / "run", model=OTHER)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "epochs, batch_size and patience of at least 1, got 0, 8 and None"),
        ({"batch_size": 0}, "of at least 1, got 3, 0"),
        ({"patience": 0}, "of at least 1, got 3, 8 and 0"),
        ({"train": TRAIN.subset([])}, "at least one training clip, got none"),
        ({"validation": VALIDATION.subset([])}, "at least one validation clip, got none"),
        ({"train": TRAIN.subset(TRAIN.targets == 1)}, "at least two classes, got only 'low'"),
        ({"validation": sines(9, classes=CLASSES[::-1])}, "validation has the classes"),
        ({"model": jl.serial(jl.models.log_mel(16_000), MODEL.layers[1])}, "expects 16000 Hz, the data has 8000 Hz"),
        ({"model": jl.serial(MODEL.layers[0], jl.models.cnn1d(2))}, "gives 2 logits, the data has 3 classes"),
        ({"task": "guessing"}, "unknown task 'guessing'"),
    ],
)
def test_what_does_not_fit_together_is_refused(settings, message, tmp_path):
    with pytest.raises(jl.InputError, match=message):
        fit(run_dir=tmp_path / "run", **settings)
    assert not (tmp_path / "run").exists()


def test_nothing_is_written_without_a_run_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fit(epochs=1)
    assert not list(tmp_path.iterdir())


def test_progress_is_a_line_an_epoch_on_standard_error(capsys):
    fit(progress=True)
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == ""
    assert lines[0].startswith("compiled the training step for one length of clips in ")
    assert [line.split("  ")[0] for line in lines[1:]] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]
    assert "accuracy" in lines[1]


def test_report_of_the_run_is_that_of_its_validation(whole):
    fitted, run = whole
    report = json.loads((run / "report.json").read_text())
    assert report["accuracy"] == pytest.approx(max(row["val_accuracy"] for row in fitted.history))
    assert report["best_epoch"] == fitted.best_epoch


def test_callbacks_see_each_epoch_and_may_end_the_run():
    seen = []

    def watch(row, now):
        seen.append((row["epoch"], int(now.step)))
        return row["epoch"] == 2

    fitted = fit(epochs=5, callbacks=[watch, lambda row, now: None])
    assert seen == [(1, 3), (2, 6)]
    assert len(fitted.history) == 2


@pytest.mark.wide
def test_a_run_with_augmentation_and_an_average_goes_on_exactly(tmp_path):
    settings = {"augment": jl.augment.Chain((jl.augment.Speed(), jl.augment.Noise())), "average": 0.9, "epochs": 3}
    whole = fit(**settings)
    seen = []

    def look_and_stop(row, now):  # who reads the table sees each epoch when it is told
        seen.append((tmp_path / "run" / "metrics.csv").read_text().splitlines()[1:])
        return True

    fit(**settings, run_dir=tmp_path / "run", callbacks=[look_and_stop])
    assert [[row.split(",")[0] for row in rows] for rows in seen] == [["1"]]
    again = fit(**settings, run_dir=tmp_path / "run", resume=True)
    assert_same_bits(again.params, whole.params)
    assert figures(again.history) == figures(whole.history)
