"""Training that is killed at random moments goes on and ends as if nothing had been: `benchmarks.killed`."""

import random

import jax
import pytest

from benchmarks.killed import WAYS, Tally, end, live, torment, train
from jaxlisten.train import saver


def test_a_killed_run_goes_on_and_ends_with_the_same_bits(tmp_path, monkeypatch):
    monkeypatch.setenv("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")  # as in this process
    monkeypatch.setattr(saver, "_PAUSE", saver._PAUSE)  # `train` sets it
    whole, run, rng = tmp_path / "whole", tmp_path / "run", random.Random(0)
    with jax.numpy_dtype_promotion("standard"):
        train("fit", 20, whole)
        for _ in range(2):
            assert live("fit", 20, run, rng) in (None, 0)
        train("fit", 20, run)
    assert end(run) == end(whole)


@pytest.mark.slow
def test_runs_killed_many_times_in_every_way(tmp_path):
    tally = torment(tmp_path, 30, WAYS, seed=1)
    assert tally == Tally(tally.kills, tally.runs, lost=0, differing=0)
