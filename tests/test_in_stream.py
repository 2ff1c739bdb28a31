"""`InStream`: clips lie in a stream where its targets say, and nothing is asked where nothing is sure."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxlisten as jl
from jaxlisten.augment import InStream, Recordings
from jaxlisten.augment.stream import IGNORED
from jaxlisten.types import Batch, Padded

SR, STEP = 1000, 20
LENGTHS = np.array([400, 700, 250, 0], np.int32)
HUM = Recordings([0.01 * np.random.default_rng(1).standard_normal(9000).astype(np.float32)])
MAKE = InStream(HUM, 3000, STEP, 3000 // STEP + 1, SR, nothing=9, snr_db=(60.0, 60.0))


def batch(junk=0.0) -> Batch:
    """Return clips of a level of their own, so that a stream shows which clip is where."""
    x = np.where(np.arange(700) < LENGTHS[:, None], np.array([[1.0], [2.0], [4.0], [8.0]]), junk).astype(np.float32)
    return Batch(Padded(jnp.array(x), jnp.array(LENGTHS)), jnp.array([0, 1, 2, 3]), jnp.array([1.0, 1.0, 1.0, 0.0]))


def made(seed=0, make=MAKE, of=None) -> Batch:
    return jax.jit(make)(jax.random.key(seed), of or batch())


@pytest.mark.parametrize("seed", range(8))
def test_a_clip_is_heard_before_its_targets_name_it(seed):
    out = made(seed)
    assert out.x.values.shape == (4, 3000)
    assert out.y.shape == (4, 151)
    loud = np.abs(np.asarray(out.x.values)) > 0.5
    for i, (n, y) in enumerate(zip(LENGTHS[:3], np.asarray(out.y), strict=False)):
        named = np.flatnonzero(y == i) * STEP
        if len(named) == 0:  # the stream ended too early for it
            continue
        end = np.flatnonzero(loud[i])[-1] + 1
        assert named[0] >= end - 0.08 * SR - 2, "almost all of it has been heard"
        assert named[-1] <= end + 0.36 * SR, "with its ramp"
        assert np.diff(named).max(initial=STEP) == STEP, "once"
        begin = end - n
        early = (np.arange(151) * STEP > begin + n // 2) & (np.arange(151) * STEP < named[0])
        assert set(y[early]) <= {IGNORED}, "of half a clip nothing is asked"


def test_every_class_is_taught_and_so_is_nothing():
    taught = {int(label) for seed in range(8) for label in np.unique(np.asarray(made(seed).y)[:3])}
    assert taught == {0, 1, 2, 9, IGNORED}


def test_the_clip_before_is_often_in_the_stream_too():
    first = [{0, 1, 2} & set(np.unique(np.asarray(made(seed).y)[1]).tolist()) for seed in range(12)]
    assert sum(0 in labels for labels in first) in range(5, 12), "three streams in four"


def test_an_absent_clip_gives_an_absent_stream_and_junk_changes_nothing():
    clean, junk = made(), made(of=batch(np.nan))
    assert clean.x.length.tolist() == [3000, 3000, 3000, 0]
    np.testing.assert_array_equal(clean.x.values, junk.x.values)
    assert not np.asarray(clean.x.values)[3].any()


def test_background_lies_behind_all_of_it():
    loud = InStream(HUM, 3000, STEP, 151, SR, nothing=9, snr_db=(0.0, 0.0))
    quiet = np.asarray(made(make=loud).x.values)[:3]
    assert (np.abs(quiet).reshape(3, 10, 300).mean(-1) > 0.1).all(axis=1).sum() >= 2, "nine streams in ten"


@pytest.mark.parametrize("y", [jnp.zeros((4, 3)), jnp.zeros(4)])
def test_other_targets_are_refused(y):
    with pytest.raises(jl.InputError, match=r"expected class indices y \[batch\]"):
        MAKE(jax.random.key(0), batch()._replace(y=y))


@pytest.mark.parametrize("name", ["samples", "step", "steps", "sr"])
def test_settings_out_of_range_are_refused(name):
    settings = {"samples": 9, "step": 1, "steps": 9, "sr": 9} | {name: 0}
    with pytest.raises(jl.InputError, match=f"expected {name} of 1 or more, got 0"):
        InStream(HUM, nothing=0, **settings)


@pytest.mark.wide
def test_steps_that_do_not_count_change_neither_loss_nor_gradient():
    """The loss over steps is that of the steps that count, as single items."""
    rng = np.random.default_rng(0)
    logits = rng.standard_normal((2, 5, 3)).astype(np.float32)
    y, length, weight = np.array([[0, -1, 2, 1, 1], [2, 2, -1, 0, 0]]), np.array([4, 5]), np.array([1.0, 0.5])
    task = jl.tasks.classification(label_smoothing=0.1)
    counts = [(0, 0), (0, 2), (0, 3), (1, 0), (1, 1), (1, 3), (1, 4)]
    rows = np.array([logits[place] for place in counts])
    wanted = task.loss(rows, np.array([y[p] for p in counts]), np.array([weight[p[0]] for p in counts]), train=True)

    def loss(logits):
        return task.loss(Padded(logits, length), y, weight, train=True)

    assert loss(jnp.array(logits)) == pytest.approx(float(wanted), rel=1e-6)
    logits[0, 1] = logits[0, 4] = np.nan
    gradient = np.asarray(jax.grad(loss)(jnp.array(logits)))
    assert np.isfinite(gradient).all()
    assert sorted(zip(*np.nonzero(np.abs(gradient).sum(-1)), strict=True)) == counts
    with pytest.raises(jl.InputError, match=r"expected targets \(2, 5\)"):
        task.loss(Padded(logits, length), y[:, :4])
