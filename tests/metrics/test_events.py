"""Events in time: against sed_eval's numbers, and against every possible matching."""

import itertools
import math

import numpy as np
import pytest

from jaxlisten import InputError
from jaxlisten.metrics import event_based, event_pairs, found_events, segment_based, usual_medians

TRUTHS = [
    [(0.5, 1.5, 0), (0.6, 1.2, 1), (2.0, 2.3, 0), (2.35, 2.9, 0), (4.0, 9.0, 2), (6.0, 6.1, 1)],
    [(0.0, 0.4, 1), (1.0, 3.0, 2), (1.1, 1.3, 0)],
    [(3.2, 3.9, 1)],
]
FOUNDS = [
    [
        *[(0.55, 1.9, 0), (0.45, 1.3, 2), (2.15, 2.6, 0), (2.19, 2.4, 0)],
        *[(3.85, 6.9, 2), (6.15, 6.2, 0), (8.0, 8.5, 1)],
    ],
    [(0.1, 0.7, 1), (1.05, 2.1, 2), (1.25, 1.35, 0), (1.3, 1.35, 0)],
    [],
]
# What sed_eval 0.2.1 (with dcase_util 0.2.20) says of these: F, precision and recall, error rate, its substitutions,
# deletions and insertions, and F and error rate of each class.
SED_EVAL = {
    "both": (10 / 21, 5 / 11, 0.5, 0.9, (2, 3, 4), (0.6, 0.0, 0.8), (1.0, 1.5, 0.5)),
    "a fifth": (4 / 21, 2 / 11, 0.2, 1.5, (2, 6, 7), (0.4, 0.0, 0.0), (1.5, 1.5, 2.5)),
    "onset": (2 / 3, 7 / 11, 0.7, 0.5, (2, 1, 2), (0.8, 1 / 3, 0.8), (0.5, 1.0, 0.5)),
    "segment": (20 / 31, 2 / 3, 0.625, 0.4375, (4, 2, 1), (8 / 9, 2 / 7, 2 / 3), (0.25, 1.0, 5 / 7)),
}


@pytest.mark.parametrize("name", SED_EVAL)
def test_figures_are_those_of_sed_eval(name):
    if name == "segment":
        counts = segment_based(TRUTHS, FOUNDS, 3)
    else:
        counts = event_based(TRUTHS, FOUNDS, 3, offset_share={"both": 0.5, "a fifth": 0.2, "onset": None}[name])
    f1, precision, recall, error_rate, errors, f1s, error_rates = SED_EVAL[name]
    got = (counts.f1, counts.precision, counts.recall, counts.error_rate)
    assert got == pytest.approx((f1, precision, recall, error_rate))
    assert (counts.substitutions, counts.deletions, counts.insertions) == errors
    assert counts.per_class_f1 == pytest.approx(f1s)
    assert counts.per_class_error_rate == pytest.approx(error_rates)


def drawn(rng, n, classes):
    start = rng.uniform(0, 3, n)
    return np.column_stack([start, start + rng.uniform(0.05, 1.5, n), rng.integers(0, classes, n)])


def most_pairs(truth, found, share):
    """Try every way to give each true event a found one."""

    def near(t, f):
        end = share is None or abs(t[1] - f[1]) <= max(0.2, share * (t[1] - t[0]))
        return t[2] == f[2] and abs(t[0] - f[0]) <= 0.2 and end

    chances = [[None, *(j for j, f in enumerate(found) if near(t, f))] for t in truth]
    ways = ([j for j in way if j is not None] for way in itertools.product(*chances))
    return max((len(way) for way in ways if len(set(way)) == len(way)), default=0)


@pytest.mark.parametrize("share", [0.5, None])
def test_there_are_as_many_pairs_as_there_can_be(share):
    rng = np.random.default_rng(0)
    for _ in range(60):
        truth, found = drawn(rng, 6, 2), drawn(rng, 7, 2)
        counts = event_based([truth], [found], 2, offset_share=share)
        assert counts.hits.sum() == most_pairs(truth, found, share)
        assert counts.substitutions + counts.deletions + counts.hits.sum() == 6
        assert counts.substitutions + counts.insertions + counts.hits.sum() == 7


def test_a_greedy_choice_does_not_cost_a_pair():
    truth, found = [(1.0, 2.0, 0), (1.3, 2.3, 0)], [(1.15, 2.1, 0), (0.85, 2.0, 0)]
    assert event_based([truth], [found], 1).f1 == 1.0
    assert event_pairs(truth, sorted(found)) == {0: 0, 1: 1}


def test_segments_are_those_of_a_plain_count():
    rng = np.random.default_rng(1)
    truth, found = drawn(rng, 9, 3), drawn(rng, 8, 3)
    ref, sys = np.zeros((2, 50, 3), int)
    for roll, events in ((ref, truth), (sys, found)):
        for step, (start, end, k) in itertools.product(range(50), events):
            roll[step, int(k)] |= start < (step + 1) * 0.1 and end > step * 0.1
    errors = np.maximum(ref.sum(1), sys.sum(1)) - (ref & sys).sum(1)  # substitutions, deletions and insertions
    counts = segment_based([truth], [found], 3, seconds=0.1)
    assert counts.error_rate == pytest.approx(errors.sum() / ref.sum())
    assert counts.f1 == pytest.approx(2 * (ref & sys).sum() / (ref.sum() + sys.sum()))


def test_where_nothing_is_or_nothing_is_found():
    nothing = event_based([[], []], [[], []], 2)
    assert (nothing.f1, nothing.substitutions) == (0.0, 0)
    assert math.isnan(nothing.error_rate)
    assert math.isnan(nothing.macro_f1)
    missed = event_based([[(0, 1, 0)]], [[]], 2)
    assert (missed.f1, missed.error_rate, missed.macro_f1) == (0.0, 1.0, 0.0)
    assert segment_based([[]], [[(0, 1.5, 1)]], 2).insertions == 2


def median_by_sorting(active, width):
    padded = np.pad(active.astype(int), width // 2)
    return np.array([sorted(padded[i : i + width])[width // 2] for i in range(len(active))], bool)


@pytest.mark.parametrize("steps", [1, 3, 5, 9])
def test_found_events_are_the_runs_behind_a_median_filter(steps):
    p = np.random.default_rng(2).random((200, 2))
    found = found_events(p, 0.5, thresholds=(0.5, 0.7), medians=0.5 * steps)
    for k, least in enumerate((0.5, 0.7)):
        held = median_by_sorting(p[:, k] >= least, steps)
        roll = np.zeros(200, bool)
        for start, end, label, probability in found:
            if label == k:
                span = slice(round(start / 0.5), round(end / 0.5))
                roll[span] = True
                assert probability == pytest.approx(p[span, k].mean())
                assert not held[span.stop : span.stop + 1].any(), "it goes as far as it can"
        np.testing.assert_array_equal(roll, held)
    assert (np.diff(found[:, 0]) >= 0).all()


def test_the_usual_filter_is_half_of_a_short_event():
    truths = [[(0, 0.1, 0), (1, 1.3, 0), (2, 2.2, 0)], [(0, 5, 1)]]
    assert usual_medians(truths, 3).tolist() == pytest.approx([0.1, 0.2, 0.2])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: event_based([[]], [[], []], 1), "1 recordings, got those of 2"),
        (lambda: event_based([[(0, 1)]], [[]], 1), "expected events"),
        (lambda: event_based([[(0, 1, 2)]], [[]], 2), "classes from 0 to 1"),
        (lambda: segment_based([[]], [[]], 1, seconds=0), "more than 0 seconds"),
        (lambda: found_events([0.5], 0.1), "steps, classes"),
    ],
)
def test_what_is_no_event_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
