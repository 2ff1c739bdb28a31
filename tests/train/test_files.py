"""Training on clips that stay in their files: the weights that memory gives, and no clip lost to an interruption."""

import importlib
import shutil

import numpy as np
import optax
import pytest
import soundfile

import jaxlisten as jl
from jaxlisten.train import feed, run
from tests.train.small import CLASSES, KEY, MODEL, SR, assert_same_bits, figures, fit, sines

loop = importlib.import_module("jaxlisten.train.fit")  # jaxlisten.train.fit is the function
OPTIMIZER = optax.adam(1e-2)  # one, so that the step is compiled once
SPLIT = ("train",) * 24 + ("validation",) * 9


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """33 clips of two lengths, and a table with their splits."""
    folder, data = tmp_path_factory.mktemp("sounds"), sines(33)
    rows = ["path,label,split"]
    for i, (clip, target, part) in enumerate(zip(data.audio, data.targets, SPLIT, strict=True)):
        soundfile.write(folder / f"{i}.wav", clip[: 1000 if i % 4 == 0 else 2000], SR)
        rows.append(f"{i}.wav,{CLASSES[target]},{part}")
    (folder / "clips.csv").write_text("\n".join(rows))
    return folder


def parts(root, *, from_files=True):
    return jl.data.partition(jl.data.csv(root / "clips.csv", from_files=from_files))[:2]


def train(clips, **settings):
    return fit(MODEL, *clips, batch_size=4, optimizer=OPTIMIZER, **{"epochs": 2} | settings)


@pytest.fixture(scope="module")
def whole(root):
    return train(parts(root, from_files=False))


def assert_same_run(fitted, other):
    assert_same_bits((fitted.params, fitted.state), (other.params, other.state))
    assert figures(fitted.history) == figures(other.history)


@pytest.fixture
def short_legs(monkeypatch):
    monkeypatch.setattr(feed, "_LEG", 2)


def test_files_and_memory_give_the_same_bits(root, whole):
    assert_same_run(train(parts(root)), whole)


@pytest.mark.parametrize("then_from_files", [True, False])
def test_a_run_stopped_within_an_epoch_is_resumed_at_its_step(
    then_from_files, root, whole, tmp_path, short_legs, monkeypatch
):
    stored = []

    class Stopped(run.Run):
        def store_within(self):
            super().store_within()
            stored.append((self.epoch, self.memory.begun.steps))
            if stored[-1] == (1, 4):
                raise KeyboardInterrupt

    monkeypatch.setattr(run, "_STORE_EVERY", -1.0)
    monkeypatch.setattr(loop, "Run", Stopped)
    with pytest.raises(KeyboardInterrupt):
        train(parts(root), run_dir=tmp_path / "run")
    monkeypatch.setattr(loop, "Run", run.Run)
    taken, step = [], feed._step_on_batch
    monkeypatch.setattr(feed, "_step_on_batch", lambda *args: taken.append(1) or step(*args))
    again = train(parts(root, from_files=then_from_files), run_dir=tmp_path / "run", resume=True)
    assert_same_run(again, whole)
    assert stored == [(0, 2), (0, 4), (0, 6), (1, 2), (1, 4)]
    assert len(taken) == (2 if then_from_files else 0)


def test_within_an_epoch_a_run_is_stored_only_every_few_minutes(root, tmp_path, short_legs, monkeypatch):
    stored = []
    monkeypatch.setattr(run.Saver, "keep", lambda self, memory: stored.append(memory.begun.steps))
    train(parts(root), run_dir=tmp_path / "run", epochs=1)
    assert stored == [0]


@pytest.mark.parametrize("gone", [5, 30], ids=["train", "validation"])
def test_a_file_that_vanishes_is_named_and_the_run_goes_on_when_it_is_back(gone, root, whole, tmp_path):
    folder = shutil.copytree(root, tmp_path / "sounds")
    lost = folder / f"{gone}.wav"
    content, lose = lost.read_bytes(), lambda row, now: lost.unlink()
    with pytest.raises(jl.TrainingError, match=r"stopped in epoch 2 after \d steps of it: there is no file") as error:
        train(parts(folder), run_dir=tmp_path / "run", callbacks=[lose])
    assert str(lost) in str(error.value)
    assert str(error.value).endswith("Resumed after that, the run goes on from there")
    lost.write_bytes(content)
    assert_same_run(train(parts(folder), run_dir=tmp_path / "run", resume=True), whole)


def test_many_runs_from_files_are_the_single_ones(root):
    folds = jl.data.folds(jl.data.csv(root / "clips.csv", from_files=True), 3)[:2]
    trains, validations = ([getattr(fold, part) for fold in folds] for part in ("train", "validation"))
    settings = {"key": KEY, "epochs": 1, "optimizer": OPTIMIZER, "batch_size": 4, "progress": False}
    many = jl.fit_many(MODEL, trains, validations, **settings)
    for one, *clips in zip(many, trains, validations, strict=True):
        assert_same_run(one, train(clips, epochs=1))


def test_batches_of_the_user_are_wound_forward(short_legs, monkeypatch, tmp_path):
    data = sines()
    batches = [jl.data.collate(data, np.arange(i, i + 4), 2048, 4) for i in range(0, 24, 4)]
    settings = {"train": batches, "validation": None, "optimizer": OPTIMIZER, "epochs": 1}
    whole = fit(**settings)

    def stop(self):
        store(self)
        raise KeyboardInterrupt

    store = run.Run.store_within
    monkeypatch.setattr(run, "_STORE_EVERY", -1.0)
    monkeypatch.setattr(run.Run, "store_within", stop)
    with pytest.raises(KeyboardInterrupt):
        fit(run_dir=tmp_path / "run", **settings)
    monkeypatch.setattr(run.Run, "store_within", store)
    assert_same_run(fit(run_dir=tmp_path / "run", resume=True, **settings), whole)
