"""Edit distances, held to their recursive definition, and the errors that they are made of."""

import functools

import numpy as np
import pytest

from jaxlisten import metrics

NOISE = np.random.default_rng(1)


def by_definition(a: tuple, b: tuple) -> int:
    @functools.cache
    def distance(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        if a[i - 1] == b[j - 1]:
            return distance(i - 1, j - 1)
        return 1 + min(distance(i - 1, j), distance(i, j - 1), distance(i - 1, j - 1))

    return distance(len(a), len(b))


def ragged(n: int, most: int) -> tuple[np.ndarray, list[tuple[int, ...]]]:
    lengths = NOISE.integers(0, most, n, endpoint=True)
    rows = np.where(np.arange(most) < lengths[:, None], NOISE.integers(0, 4, (n, most)), -1)
    return rows, [tuple(row[:k].tolist()) for row, k in zip(rows, lengths, strict=True)]


def test_distances_are_those_of_the_definition():
    truth, truths = ragged(60, 7)
    said, saids = ragged(60, 9)
    want = [by_definition(a, b) for a, b in zip(truths, saids, strict=True)]
    assert metrics.edit_distances(truth, said).tolist() == want
    assert metrics.edit_distances(said, truth).tolist() == want
    assert not metrics.edit_distances(truth, np.pad(truth, ((0, 0), (0, 3)), constant_values=-1)).any()
    np.testing.assert_allclose(metrics.label_error_rate(truth, said), sum(want) / sum(map(len, truths)))


def test_an_alignment_has_as_many_errors_as_the_distance_and_both_sequences_in_order():
    _, truths = ragged(40, 8)
    _, saids = ragged(40, 8)
    for truth, said in zip(truths, saids, strict=True):
        pairs = metrics.aligned_pairs(truth, said)
        assert tuple(a for a, _ in pairs if a is not None) == truth
        assert tuple(b for _, b in pairs if b is not None) == said
        counts = metrics.edits(pairs)
        assert counts.errors == by_definition(truth, said)
        assert counts.symbols == len(truth)


def test_the_kinds_of_errors_are_those_worked_out_by_hand():
    pairs = metrics.aligned_pairs(["one", "two", "three", "four"], ["one", "too", "three", "three"])
    assert pairs == [("one", "one"), ("two", "too"), ("three", "three"), ("four", "three")]
    assert metrics.edits(pairs) == (2, 0, 0, 4)
    assert metrics.edits(metrics.aligned_pairs("ab", "aab")) == (0, 0, 1, 2)
    assert metrics.edits(metrics.aligned_pairs("aab", "ab")) == (0, 1, 0, 3)
    assert metrics.edits(metrics.aligned_pairs("", "ab")).insertions == 2
    total = metrics.total_edits([metrics.Edits(1, 2, 3, 10), metrics.Edits(0, 0, 1, 4)])
    assert (total, total.rate) == ((1, 2, 4, 14), 0.5)


def test_rates_of_nothing_are_not_known():
    assert np.isnan(metrics.label_error_rate([[-1]], [[1]]))
    assert np.isnan(metrics.total_edits([]).rate)


def test_sequences_of_other_clips_are_refused():
    with pytest.raises(ValueError, match=r"expected truth \[n, longest\] and said \[n, any\], got \[1, 2\] and \[3\]"):
        metrics.edit_distances([[1, 2]], [1, 2, 3])
