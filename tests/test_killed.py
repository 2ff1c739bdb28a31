"""Training that is killed at random moments goes on and ends as if nothing had been: `benchmarks.killed`."""

import pytest

from benchmarks.killed import WAYS, Tally, torment


def test_a_killed_run_is_not_lost_and_ends_with_the_same_bits(tmp_path):
    tally = torment(tmp_path, 2, {"fit": 8})
    assert tally == Tally(tally.kills, tally.runs, lost=0, differing=0)
    assert tally.kills >= 2


@pytest.mark.slow
def test_runs_killed_many_times_in_every_way(tmp_path):
    tally = torment(tmp_path, 30, WAYS, seed=1)
    assert tally == Tally(tally.kills, tally.runs, lost=0, differing=0)
