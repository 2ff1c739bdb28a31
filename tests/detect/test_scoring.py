"""Counting: what was found, what was missed, and how many false alarms an hour that may be."""

import numpy as np
import pytest
from scipy import stats

from jaxlisten import InputError
from jaxlisten.data import Event
from jaxlisten.detect import Detection, Detector, Heard, Recording, Score, choose, matched, score, tradeoff

CLASSES = ("_unknown_", "dog", "cat")
DOG, CAT = Event("dog", 1.0, 2.0), Event("cat", 4.0, 5.0)


def said(label, time):
    return Detection(label, 0.9, time, time)


def recording(*peaks, seconds=3600.0, events=(DOG, CAT)):
    """Return a recording with rows every 0.1 s and peaks ``(time, class, probability)``."""
    rows = np.zeros((round(seconds * 10), 3))
    for time, label, probability in peaks:
        rows[round(time * 10), CLASSES.index(label)] = probability
    return Recording("r", seconds, Heard(np.arange(len(rows)) / 10, rows), 0.1, 0.0, tuple(events))


FINDER = Detector(CLASSES, (0.5,) * 3, smooth=0.0, refractory=0.0)


@pytest.mark.parametrize(("time", "finds"), [(0.9, False), (1.0, True), (2.5, True), (2.6, False)])
def test_a_detection_counts_from_the_beginning_of_a_sound_until_half_a_second_behind_its_end(time, finds):
    assert (matched([said("dog", time)], [DOG]) != [None]) == finds


def test_each_detection_finds_one_sound_and_each_sound_is_found_once():
    twice = [Event("dog", 1.0, 2.0), Event("dog", 2.1, 3.0)]
    assert matched([said("dog", 1.5), said("dog", 2.2)], twice) == [said("dog", 1.5), said("dog", 2.2)]
    assert matched([said("dog", 2.2)], twice) == [said("dog", 2.2), None]
    assert matched([said("cat", 1.5)], twice) == [None, None]


def test_what_is_found_missed_and_made_up_is_counted():
    heard = recording((1.5, "dog", 0.9), (1.7, "dog", 0.9), (4.5, "dog", 0.9), (9.0, "cat", 0.6), seconds=7200.0)
    made = score([heard, recording(events=())], FINDER)
    assert made == Score(events=2, found=1, false_alarms=3, hours=3.0)
    assert made.miss_rate == 0.5
    assert made.false_alarms_per_hour == 1.0


def test_what_is_not_to_be_found_is_no_miss():
    made = score([recording((2.5, "dog", 0.9), events=[Event("_unknown_", 2.0, 3.0)])], FINDER)
    assert (made.events, made.false_alarms) == (0, 1)
    assert np.isnan(made.miss_rate)


@pytest.mark.parametrize(("alarms", "hours"), [(0, 1.0), (0, 10.0), (3, 0.5), (40, 2.0)])
def test_the_bound_is_the_rate_at_which_so_few_alarms_have_a_chance_of_five_percent(alarms, hours):
    bound = Score(0, 0, alarms, hours).false_alarms_bound
    assert stats.poisson.cdf(alarms, bound * hours) == pytest.approx(0.05)


def test_the_smallest_threshold_that_is_good_enough_is_chosen():
    heard = recording((1.5, "dog", 0.9), (4.5, "cat", 0.75), (50, "dog", 0.6), (90, "cat", 0.7), seconds=3600)
    chosen, made = choose([heard], FINDER, false_alarms_per_hour=1.0)
    assert (made.found, made.false_alarms) == (2, 1)
    assert 0.6 < chosen.thresholds[0] <= 0.7
    chosen, made = choose([heard], FINDER, false_alarms_per_hour=0)
    assert (made.found, made.false_alarms) == (2, 0)
    assert 0.7 < chosen.thresholds[0] <= 0.75


def test_where_no_threshold_is_good_enough_it_is_the_highest():
    chosen, made = choose([recording(*[(10.0 * k, "dog", 1.0) for k in range(1, 9)])], FINDER)
    assert made.false_alarms == 8
    assert chosen.thresholds[0] > 0.99


def test_the_tradeoff_runs_from_many_alarms_to_many_misses():
    rng = np.random.default_rng(0)
    peaks = [(10.0 * k, "dog", p) for k, p in enumerate(rng.uniform(0, 0.8, 300), 2)]
    curve = tradeoff([recording(*peaks, (1.5, "dog", 0.7), (4.5, "cat", 0.9))], FINDER)
    thresholds = [threshold for threshold, _ in curve]
    assert thresholds == sorted(thresholds)
    alarms = [made.false_alarms for _, made in curve]
    assert alarms == sorted(alarms, reverse=True)
    assert alarms[0] > 200 > alarms[-1] == 0
    assert (curve[0][1].found, curve[-1][1].found) == (2, 0)


def test_nothing_heard_is_refused():
    with pytest.raises(InputError, match="expected one recording or more"):
        score([], FINDER)
