"""Learning by contrast from clips alone: what is learned from, what is validated, and the report on it."""

import json

import jax
import numpy as np
import optax
import pytest

import jaxlisten as jl
from jaxlisten.losses import nt_xent
from tests.train.small import FRONT, TRAIN, VALIDATION, fit

CLIPS, HELD_OUT = jl.data.unlabelled(TRAIN), jl.data.unlabelled(VALIDATION)
MODEL = jl.serial(FRONT, norm=jl.BatchNorm(), pool=jl.GlobalPool(), logits=jl.Dense(4))


@pytest.fixture(scope="module")
def fitted():
    return fit(MODEL, CLIPS, HELD_OUT, task="contrast", epochs=8, optimizer=optax.adam(0.02))


def pieces(fitted, batch_size):
    """Return what a model makes of two pieces of each validation clip, one by one, as batches of a size cut them."""
    run = jax.jit(lambda x: fitted.model.apply(fitted.params, fitted.state, x)[0])
    z = []
    for indices, batch in jl.data.batches(HELD_OUT, batch_size, jl.data.bucket_lengths(HELD_OUT.lengths)):
        x = jl.tasks.contrast().posed(jax.random.key(0), batch).x
        values, length = np.asarray(x.values), np.asarray(x.length)
        z += [[run(jl.Padded(values[i, k], length[i, k])) for k in (0, 1)] for i in range(len(indices))]
    return np.array(z, np.float64)


@pytest.mark.wide
def test_the_validation_loss_is_that_of_pieces_heard_one_by_one(fitted):
    z = pieces(fitted, 8)
    row = fitted.history[fitted.best_epoch - 1]
    # Nine clips in batches of eight at most are shared out evenly: five and four.
    parts = [(nt_xent(part.astype(np.float32)), len(part)) for part in (z[:5], z[5:])]
    np.testing.assert_allclose(row["val_loss"], sum(loss * n for loss, n in parts) / len(z), rtol=1e-4)
    assert fitted.history[-1]["train_loss"] < fitted.history[0]["train_loss"] - 0.2
    assert fitted.classes == ()


def test_the_report_counts_the_pieces_that_are_nearer_than_the_other_one(fitted, tmp_path):
    z = pieces(fitted, len(HELD_OUT))
    z /= np.linalg.norm(z, axis=2, keepdims=True)
    expected = [sum(a @ z[i, 0] >= z[i, 1] @ z[i, 0] for j, a in enumerate(z[:, 1]) if j != i) for i in range(len(z))]
    report = jl.evaluate(fitted, VALIDATION)
    np.testing.assert_array_equal(report.targets, expected)
    assert report.found == np.mean(np.array(expected) == 0)
    assert report.chance == 1 / 9
    report.save(tmp_path / "report.json")
    stored = json.loads((tmp_path / "report.json").read_text())
    assert (stored["n"], stored["found"]) == (9, report.found)
    report.save(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "guessing would for 11.1" in page
    assert "<svg" in page


def test_what_a_report_says_of_a_few_clips_by_hand():
    report = jl.ContrastReport((), np.array([0, 7, 0, 4]), ("a", "b", "c", "d"))
    assert (report.found, report.among_five, report.chance) == (0.5, 0.75, 0.25)
    assert report.worst_table() == [["clip", "nearer pieces"], ["b", "7"], ["d", "4"]]
    low, high = report.found_interval
    assert low < 0.5 < high
    assert f"{low:.1%} to {high:.1%}; by chance 25.0%" in report.headline


def test_what_is_left_of_it_is_what_lies_below_the_last_layer(fitted):
    assert jl.embed(fitted, HELD_OUT).shape == (9, 16)
    start = jl.transfer(fitted, 3, freeze=("norm",))
    probe = fit(start.model, init=start, epochs=1)
    np.testing.assert_allclose(jl.embed(probe, VALIDATION), jl.embed(fitted, VALIDATION), rtol=1e-6)


def test_what_cannot_be_learned_from_is_refused(fitted):
    with pytest.raises(jl.InputError, match="temperature above 0, got 0"):
        jl.tasks.contrast(temperature=0)
    with pytest.raises(jl.InputError, match=r"two forms of each item, \[batch, 2, features\]"):
        fit(jl.serial(FRONT, jl.Dense(4)), CLIPS, None, task="contrast", epochs=1, progress=True)
    for one in ({"train": CLIPS.subset([0])}, {"train": CLIPS, "batch_size": 1}):
        with pytest.raises(jl.InputError, match="contrast needs two clips or more in a batch"):
            fit(MODEL, validation=None, task="contrast", **one)
    listener = jl.Listener(fitted)
    for ask in (listener.predict, listener.listen):
        with pytest.raises(jl.InputError, match="has learned no classes"):
            ask(VALIDATION.audio[0])
