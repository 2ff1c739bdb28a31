"""Melodies by rule, and what tells whether one obeys it."""

import math

import numpy as np
import pytest

from jaxlisten.data import HOLD, MELODY_BITS, MELODY_STEPS, REST, melodies, melody_rules
from jaxlisten.errors import InputError

MADE = melodies(3000)
NAMES = ("in_key", "sequence", "cadence", "all")


def obeyed(melody):
    return [bool(rule[0]) for rule in melody_rules(np.array([melody]))]


def test_what_is_made_obeys_the_rule_and_equal_seeds_give_equal_melodies():
    assert MADE.shape == (3000, MELODY_STEPS)
    assert all(rule.all() for rule in melody_rules(MADE))
    np.testing.assert_array_equal(melodies(20), MADE[:20])
    assert (melodies(20, seed=1) != MADE[:20]).any()


def test_the_entropy_is_that_of_the_choices():
    """Of the first notes of bar 2, given the key, three are as likely; each cadence has a quarter; and so on."""
    rhythms = np.array([tuple(row[:8] == HOLD) for row in MADE])
    _, counts = np.unique(rhythms, axis=0, return_counts=True)
    moves = np.array([np.sum(row[:8] != HOLD) - 1 for row in MADE])
    shift = np.unique(MADE[:, 8] - MADE[:, 0], return_counts=True)[1]
    last = np.unique(MADE[:, [24, 26]] - MADE[:, [0]], axis=0, return_counts=True)[1]
    measured = entropy(counts) + 2 * moves.mean() + entropy(shift) + entropy(last) + 1 + math.log2(6) / 2
    assert len(counts) == 6
    assert measured == pytest.approx(MELODY_BITS, abs=0.05)


def entropy(counts):
    shares = counts / counts.sum()
    return -(shares * np.log2(shares)).sum()


def test_each_rule_is_told_apart():
    good = [60, HOLD, 62, HOLD, 64, HOLD, 62, HOLD, 62, HOLD, 64, HOLD, 65, HOLD, 64, HOLD]
    good += [64, HOLD, 65, HOLD, 67, HOLD, 65, HOLD, 64, HOLD, 62, HOLD, 60, HOLD, HOLD, HOLD]
    assert obeyed(good) == [True] * 4
    assert obeyed([*good[:18], 66, *good[19:]]) == [False, True, True, False]
    assert obeyed([*good[:12], 67, *good[13:]]) == [True, False, True, False]
    assert obeyed([*good[:28], 62, *good[29:]]) == [True, True, False, False]
    assert obeyed([*good[:18], 69, *good[19:]]) == [True, True, True, False], "bar 3 is neither of its two kinds"
    assert obeyed([REST, *good[1:]]) == [False] * 4
    assert obeyed([HOLD] * 32) == [False] * 4


def test_wrong_settings_are_refused():
    with pytest.raises(InputError, match="n of 1 or more"):
        melodies(0)
    with pytest.raises(InputError, match=r"integers \[n, 32\], got int64 \[1, 3\]"):
        melody_rules(np.array([[60, 62, 64]]))
