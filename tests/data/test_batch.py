"""Buckets, plans and batches: the least padding, every clip once, absent items that are nothing."""

from __future__ import annotations

import itertools
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxlisten.data import arrays, bucket_lengths, collate, plan
from jaxlisten.errors import InputError


def padded_size(lengths, buckets) -> int:
    return sum(min(bucket for bucket in buckets if bucket >= length) for length in lengths)


@given(st.lists(st.integers(0, 60), min_size=1, max_size=12), st.integers(1, 4), st.integers(1, 7))
@settings(max_examples=150, deadline=None)
def test_buckets_are_the_best_of_their_number_and_each_saves_a_fifth(lengths, buckets, multiple):
    chosen = bucket_lengths(lengths, buckets=buckets, multiple=multiple)
    candidates = sorted({max(multiple, -(-length // multiple) * multiple) for length in lengths})
    choices = [
        (*shorter, candidates[-1])
        for k in range(min(buckets, len(candidates)))
        for shorter in combinations(candidates[:-1], k)
    ]
    best = [
        min(padded_size([max(1, n) for n in lengths], choice) for choice in choices if len(choice) == k)
        for k in range(1, max(map(len, choices)) + 1)
    ]
    assert chosen in choices
    assert padded_size(lengths, chosen) == best[len(chosen) - 1]
    assert all(more <= 0.8 * fewer for fewer, more in itertools.pairwise(best[: len(chosen)]))
    assert len(chosen) == len(best) or best[len(chosen)] > 0.8 * best[len(chosen) - 1]


def test_many_lengths_are_served_nearly_as_well_as_by_all_candidates():
    lengths = np.random.default_rng(0).lognormal(8, 0.4, 5000).astype(int)
    chosen = bucket_lengths(lengths, buckets=2, multiple=1)
    assert chosen[-1] == lengths.max()
    best = min(
        padded_size(lengths, (middle, lengths.max())) for middle in np.quantile(lengths, np.arange(0.5, 1, 0.01))
    )
    assert padded_size(lengths, chosen) <= 1.02 * best


def test_clips_that_are_alike_get_one_bucket():
    assert bucket_lengths([16_000] * 99 + [15_900], multiple=16) == (16_000,)
    assert bucket_lengths([7], multiple=8) == (8,)
    assert bucket_lengths([0, 0], multiple=8) == (8,)


@pytest.mark.parametrize("options", [{"lengths": []}, {"buckets": 0}, {"multiple": 0}])
def test_buckets_of_nothing_are_refused(options):
    with pytest.raises(InputError, match="bucket_lengths: expected one clip"):
        bucket_lengths(**{"lengths": [5], **options})


@pytest.mark.parametrize("seed", [None, 0])
def test_a_plan_holds_every_clip_once_in_its_shortest_bucket(seed):
    lengths = np.random.default_rng(1).integers(0, 101, 203)
    rng = None if seed is None else np.random.default_rng(seed)
    batches = plan(lengths, 16, (30, 60, 100), rng=rng)
    assert sorted(np.concatenate([clips for _, clips in batches])) == list(range(203))
    for length, clips in batches:
        assert 1 <= len(clips) <= 16
        assert all(lengths[clips] <= length)
        assert all(lengths[clips] > {30: -1, 60: 30, 100: 60}[length])
    for bucket in (30, 60, 100):
        sizes = [len(clips) for length, clips in batches if length == bucket]
        assert len(sizes) == -(-sum(sizes) // 16)
        assert max(sizes) - min(sizes) <= 1


def test_a_plan_is_in_order_without_and_shuffled_with_a_generator():
    lengths = np.arange(100)
    in_order = np.concatenate([clips for _, clips in plan(lengths, 8, (50, 100))])
    assert in_order.tolist() == list(range(100))
    shuffled, again, other = (plan(lengths, 8, (50, 100), rng=np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert [length for length, _ in shuffled] != sorted(length for length, _ in shuffled)
    assert [clips.tolist() for _, clips in shuffled] == [clips.tolist() for _, clips in again]
    assert [clips.tolist() for _, clips in shuffled] != [clips.tolist() for _, clips in other]


def test_a_plan_that_cannot_be_is_refused():
    with pytest.raises(InputError, match="longest clip of 9"):
        plan([3, 9], 4, (8,))
    with pytest.raises(InputError, match="batch_size=0"):
        plan([3], 0, (8,))


def test_a_batch_holds_its_clips_and_nothing_else():
    clips = [np.full(n, n, np.float32) for n in (1, 3, 2)]
    batch = collate(arrays(clips, [0, 1, 2], sr=8000), np.array([2, 1]), 4, 3)
    np.testing.assert_array_equal(batch.x.values, [[2, 2, 0, 0], [3, 3, 3, 0], [0, 0, 0, 0]])
    np.testing.assert_array_equal(batch.x.length, [2, 3, 0])
    np.testing.assert_array_equal(batch.y, [2, 1, 0])
    np.testing.assert_array_equal(batch.weight, [1, 1, 0])
    assert [a.dtype for a in (batch.x.values, batch.x.length, batch.y, batch.weight)] == [
        np.float32,
        np.int32,
        np.int32,
        np.float32,
    ]


@pytest.mark.parametrize(
    ("y", "dtype", "expected"),
    [
        ([["b"], ["a", "b"]], np.int8, [[1, 1], [0, 1], [0, 0]]),
        ([0.5, 1.5], np.float32, [1.5, 0.5, 0]),
        ([[0.5, 1], [1.5, 2]], np.float32, [[1.5, 2], [0.5, 1], [0, 0]]),
    ],
)
def test_a_batch_has_labels_and_numbers_in_their_dtype_and_zeros_for_absent_items(y, dtype, expected):
    batch = collate(arrays(np.ones((2, 4)), y, sr=8000), [1, 0], 4, 3)
    assert batch.y.dtype == dtype
    np.testing.assert_array_equal(batch.y, expected)
    np.testing.assert_array_equal(batch.weight, [1, 1, 0])


def test_an_empty_batch_is_all_absent():
    batch = collate(arrays(np.ones((1, 4)), [0], sr=8000), [], 4, 2)
    assert not any(np.any(a) for a in (batch.x.values, batch.x.length, batch.y, batch.weight))


def test_a_batch_that_does_not_fit_is_refused():
    data = arrays(np.ones((3, 4)), [0, 1, 2], sr=8000)
    with pytest.raises(InputError, match="got 3 clips"):
        collate(data, [0, 1, 2], 4, 2)
    with pytest.raises(InputError, match="longest of 4"):
        collate(data, [0], 3, 2)
