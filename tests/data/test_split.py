"""Splits: nothing lost, no group in two parts, the same mix of classes in each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxlisten.data import Dataset, arrays, folds, load, partition, split
from jaxlisten.errors import InputError, ListenWarning


def labelled(targets, groups=None, splits=None) -> Dataset:
    """A data set whose clips hold their own number."""
    targets = np.asarray(targets, np.int32)
    return Dataset(
        audio=tuple(np.full(1, i, np.float32) for i in range(len(targets))),
        targets=targets,
        classes=tuple(f"c{i}" for i in range(int(targets.max()) + 1)),
        sr=8000,
        paths=tuple(map(str, range(len(targets)))),
        groups=None if groups is None else tuple(map(str, groups)),
        splits=splits,
    )


def per_class(part: Dataset) -> list[int]:
    return np.bincount(part.targets, minlength=len(part.classes)).tolist()


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_parts_are_a_partition_by_whole_groups_and_none_is_empty(data):
    clips = data.draw(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 11)), min_size=3, max_size=60))
    shares = data.draw(st.sampled_from([(0.8, 0.1, 0.1), (0.5, 0.5), (1.0,), (0.98, 0.01, 0.01), (0.0, 0.3, 0.7)]))
    whole = labelled([target for target, _ in clips], [group for _, group in clips])
    parts_wanted = sum(share > 0 for share in shares)
    if len(set(whole.groups)) < parts_wanted:
        with pytest.raises(InputError, match="by='clip'"):
            split(whole, shares)
        return
    parts = split(whole, shares, seed=data.draw(st.integers(0, 5)))
    assert sorted(int(path) for part in parts for path in part.paths) == list(range(len(whole)))
    assert sum(len(set(part.groups)) for part in parts) == len(set(whole.groups))
    assert [len(part) > 0 for part in parts] == [share > 0 for share in shares]
    assert all(part.paths == tuple(sorted(part.paths, key=int)) for part in parts)


def test_single_clips_are_stratified_exactly():
    parts = split(labelled(np.arange(1000) % 10), (0.8, 0.1, 0.1))
    assert [per_class(part) for part in parts] == [[80] * 10, [10] * 10, [10] * 10]


def test_a_rare_class_is_shared_out_beside_a_frequent_one():
    parts = split(labelled([0] * 950 + [1] * 50), (0.8, 0.1, 0.1))
    assert np.abs(np.array([per_class(part) for part in parts]) - [[760, 40], [95, 5], [95, 5]]).max() <= 1


@pytest.mark.parametrize("seed", range(10))
def test_a_class_with_one_clip_goes_to_the_first_part(seed):
    first, *_ = split(labelled([0] * 20 + [1] * 20 + [2]), (0.2, 0.4, 0.4), seed=seed)
    assert per_class(first)[2] == 1


def test_many_classes_of_three_clips_still_fill_every_part():
    sizes = [len(part) for part in split(labelled(np.arange(150) % 50), (0.8, 0.1, 0.1))]
    assert min(sizes) >= 8
    assert sizes[0] >= 105


@pytest.mark.parametrize("seed", range(5))
def test_six_equal_speakers_are_cut_four_one_one(seed):
    speakers = np.repeat(np.arange(6), 50)
    parts = split(labelled(np.arange(300) % 10, speakers), (0.8, 0.1, 0.1), seed=seed)
    assert [len(set(part.groups)) for part in parts] == [4, 1, 1]


def test_uneven_groups_come_close_to_the_fractions():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(100), rng.integers(1, 40, 100))
    whole = labelled(rng.integers(0, 5, len(groups)), groups)
    for share, part in zip((0.7, 0.15, 0.15), split(whole, (0.7, 0.15, 0.15)), strict=True):
        assert len(part) / len(whole) == pytest.approx(share, abs=0.01)
        np.testing.assert_allclose(per_class(part), share * np.array(per_class(whole)), atol=0.02 * len(whole) / 5)


def test_by_clip_ignores_groups():
    whole = labelled(np.zeros(100, int), np.zeros(100, int))
    assert [len(part) for part in split(whole, (0.5, 0.5), by="clip")] == [50, 50]


@pytest.mark.parametrize("shares", [(0.8, 0.1, 0.1), (0.25,) * 4])
def test_each_label_is_shared_out_and_so_are_clips_without_one(shares):
    rng = np.random.default_rng(0)
    labels = (rng.random((400, 8)) < np.geomspace(0.02, 0.4, 8)).astype(np.int8)
    data = replace(labelled(range(8)).subset(np.arange(400) % 8), targets=labels)
    for share, part in zip(shares, split(data, shares), strict=True):
        assert len(part) == pytest.approx(share * 400, abs=2)
        np.testing.assert_allclose(part.counts, share * labels.sum(0), atol=2.5)
        without = [np.sum(~each.targets.any(axis=1)) for each in (part, data)]
        assert without[0] == pytest.approx(share * without[1], abs=2.5)


def test_numbers_are_cut_by_size_and_group():
    loudness = np.linspace(0, 1, 100, dtype=np.float32)
    data = replace(labelled([0] * 100, np.arange(100) // 4), targets=loudness, classes=("loudness",))
    parts = split(data, (0.8, 0.2))
    assert [len(part) for part in parts] == [80, 20]
    assert not set(parts[0].groups) & set(parts[1].groups)


def sounds_of(numbers, groups=None) -> Dataset:
    """A data set of two classes whose clips are equal where their numbers are."""
    clips = [np.array([number, -1], np.float32) for number in numbers]
    return arrays(clips, np.arange(len(numbers)) % 2, sr=8000, groups=groups)


@pytest.mark.parametrize("by", ["group", "clip"])
@pytest.mark.parametrize("seed", range(3))
def test_copies_of_a_sound_never_cross(by, seed):
    numbers = np.random.default_rng(seed).integers(0, 30, 60)
    parts = split(sounds_of(numbers), (0.5, 0.25, 0.25), by=by, seed=seed)
    sounds = [{clip.tobytes() for clip in part.audio} for part in parts]
    assert sum(map(len, sounds)) == len(set().union(*sounds)) == len(set(numbers))


def test_a_class_of_copies_is_shared_out_all_the_same():
    # Class 0 is one sound 10 times, class 1 has 10 sounds.
    data = sounds_of([i * (i % 2) for i in range(20)])
    with pytest.warns(ListenWarning, match="'clip 0', 'clip 2', 'clip 4' and 7 more are one sound, the only one of"):
        assert [per_class(part) for part in split(data, (0.8, 0.2))] == [[8, 8], [2, 2]]
    with pytest.warns(ListenWarning):
        assert all(min(per_class(parts.test)) > 0 for parts in folds(data, 5))


def test_a_class_of_two_sounds_is_missing_in_a_part_rather_than_in_two():
    data = sounds_of([i if i % 2 else 2 * (i % 4) for i in range(24)])  # class 0: the sounds 0 and 4, six times each
    for parts in (split(data, (0.5, 0.25, 0.25)), [fold.test for fold in folds(data, 5)]):
        assert sorted(per_class(part)[0] for part in parts)[-2:] == [6, 6]


def test_named_splits_and_folds_that_tear_copies_apart_are_kept_with_a_warning():
    data = sounds_of([0, 1, 0, 3, 4, 5, 6, 7])
    named = replace(data, splits=("train", "train", "test", "test", "validation", "train", "train", "train"))
    with pytest.warns(ListenWarning, match=r"1 sound is .*splits: 'clip 0' \(train\) = 'clip 2' \(test\); .*keep them"):
        parts = partition(named)
    assert [len(part) for part in parts if part is not None] == [5, 1, 2]
    with pytest.warns(ListenWarning, match=r"of the folds: 'clip 0' \(1\) = 'clip 2' \(3\);"):
        folds(replace(data, folds=tuple("12312312")))


def test_named_splits_that_tear_groups_apart_are_kept_with_a_warning():
    named = labelled([0, 1] * 4, list("aabbccdd"), ("train",) * 5 + ("test",) * 3)
    with pytest.warns(ListenWarning, match=r"1 group is .*splits: 'c', such as '4' \(train\) and '5' \(test\)"):
        partition(named)


def test_a_copy_ties_the_groups_that_it_is_in():
    # The sound 0 is in the groups a and b, the sound 1 in b and c; d and e are on their own.
    data = sounds_of([0, 5, 0, 1, 1, 6, 7, 8, 9, 10], list("aabbccddee"))
    for seed in range(5):
        parts = split(data, (0.6, 0.2, 0.2), seed=seed)
        assert sorted("".join(sorted(set(part.groups))) for part in parts) == ["abc", "d", "e"]
    with pytest.raises(InputError, match="for each of 4 parts, got 3"):
        split(data, (0.25,) * 4)


def test_equal_seeds_give_equal_parts_and_others_do_not():
    whole = labelled(np.arange(200) % 4)
    paths = [[part.paths for part in split(whole, seed=seed)] for seed in (1, 1, 2)]
    assert paths[0] == paths[1]
    assert paths[0] != paths[2]


@pytest.mark.parametrize("fractions", [(0.8, 0.1), (1.2, -0.2), (), (np.nan, 1.0)])
def test_wrong_fractions_are_refused(fractions):
    with pytest.raises(InputError, match="add up to 1"):
        split(labelled([0, 1, 0, 1]), fractions)


def test_what_cannot_be_cut_is_refused():
    with pytest.raises(InputError, match="for each of 3 parts, got 2; take fewer parts"):
        split(labelled([0, 1]))
    with pytest.raises(InputError, match="by='group' or by='clip'"):
        split(labelled([0, 1]), (0.5, 0.5), by="speaker")  # pyright: ignore[reportArgumentType]


def test_a_partition_keeps_the_splits_that_are_named():
    named = ("train",) * 4 + ("validation",) * 2 + ("test",) * 3
    parts = partition(labelled([0, 1] * 4 + [0], splits=named))
    assert [len(part) for part in parts if part is not None] == [4, 2, 3]


def test_a_partition_takes_validation_out_of_the_training_clips():
    named = ("train",) * 100 + ("test",) * 20
    parts = partition(labelled(np.arange(120) % 2, splits=named), validation=0.2)
    assert (len(parts.train), len(parts.validation)) == (80, 20)
    assert parts.test is not None
    assert parts.test.paths == tuple(map(str, range(100, 120)))


def test_a_partition_without_splits_has_no_test():
    parts = partition(labelled(np.arange(100) % 2, np.arange(100) // 5))
    assert (len(parts.train), len(parts.validation), parts.test) == (85, 15, None)
    assert not set(parts.train.groups or ()) & set(parts.validation.groups or ())


def test_a_partition_that_cannot_be_made_is_refused():
    with pytest.raises(InputError, match="'train'"):
        partition(labelled([0, 1], splits=("test", "test")))
    with pytest.raises(InputError, match="between 0 and 1"):
        partition(labelled([0, 1]), validation=0)


@pytest.mark.parametrize("k", [3, 5])
def test_every_clip_is_tested_on_once_validated_on_once_and_otherwise_trained_on(k):
    whole = labelled(np.arange(120) % 4, np.arange(120) // 3, splits=("train",) * 120)
    partitions = folds(whole, k, seed=1)
    assert len(partitions) == k
    for parts in partitions:
        assert sorted(int(path) for part in parts for path in part.paths) == list(range(120))
        assert len({group for part in parts for group in set(part.groups)}) == sum(len(set(p.groups)) for p in parts)
        assert [part.splits for part in parts] == [None] * 3
        assert np.ptp(per_class(parts.test)) <= 2
    for name in ("test", "validation"):
        paths = [path for parts in partitions for path in getattr(parts, name).paths]
        assert sorted(map(int, paths)) == list(range(120))
    assert [parts.validation.paths for parts in partitions] == [
        parts.test.paths for parts in (*partitions[1:], partitions[0])
    ]


def test_folds_that_are_named_are_kept_in_the_order_of_their_numbers():
    named = replace(labelled(np.zeros(6, int), [0, 0, 1, 1, 2, 2]), folds=("10", "10", "2", "2", "1", "1"))
    assert [parts.test.folds for parts in folds(named)] == [("1",) * 2, ("2",) * 2, ("10",) * 2]
    assert [len(parts.test) for parts in folds(replace(named, groups=None), 6)] == [1] * 6


def test_folds_that_cannot_be_made_are_refused():
    whole = labelled(np.zeros(8, int), [0, 0, 1, 1, 2, 2, 3, 3])
    for k in (0, 2):
        with pytest.raises(InputError, match=f"3 folds or more.*got {k}"):
            folds(whole, k)
    with pytest.raises(InputError, match="folds: expected a group or more for each of 5 parts, got 4"):
        folds(whole)
    with pytest.raises(InputError, match="folds: expected by="):
        folds(whole, 3, by="speaker")  # pyright: ignore[reportArgumentType]
    torn = replace(whole, folds=tuple("12312312"))
    with pytest.raises(InputError, match="the group '0' is in the folds"):
        folds(torn)
    assert len(folds(torn, by="clip")) == 3
    with pytest.raises(InputError, match="3 folds or more.*got 2"):
        folds(replace(whole, folds=("1",) * 4 + ("2",) * 4))


def test_validation_asks_what_the_named_test_asks(recordings):
    # The official test clips are of the speakers of the training clips, so validation clips are too.
    data = load(recordings / "fsdd")
    with pytest.warns(ListenWarning, match="6 groups are in more than one of the splits: 'george'"):
        train, validation, test = partition(data)
    assert set(train.groups) == set(validation.groups) == set(test.groups)
    assert len(train) + len(validation) + len(test) == len(data)
    # With a speaker held out for the test, another one is held out for validation.
    unheard = replace(data, splits=tuple("test" if group == "theo" else "train" for group in data.groups))
    train, validation, test = partition(unheard)
    assert not set(train.groups) & set(validation.groups)
    assert set(test.groups) == {"theo"}


def test_a_share_is_held_out_for_the_test_where_no_clips_are_named_for_it():
    parts = partition(labelled(np.arange(120) % 2, np.arange(120) // 5), test=0.25)
    assert sum(map(len, parts)) == 120
    assert len(parts.test) == 30
    groups = [set(part.groups) for part in parts]
    assert not any(groups[a] & groups[b] for a, b in ((0, 1), (0, 2), (1, 2)))
    named = labelled(np.arange(120) % 2, splits=("train",) * 90 + ("test",) * 30)
    assert partition(named, test=0.5).test.paths == named.paths[90:]
    assert partition(labelled(np.arange(120) % 2)).test is None
    with pytest.raises(InputError, match="share for the test from 0 to below 1, got 1"):
        partition(named, test=1)
