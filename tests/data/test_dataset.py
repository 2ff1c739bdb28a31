"""The container: views of it, its fingerprint and its summary."""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import replace

import numpy as np
import pytest

from jaxlisten.data import Dataset, Skipped
from jaxlisten.data.dataset import same_sound
from jaxlisten.errors import InputError


def example() -> Dataset:
    rng = np.random.default_rng(0)
    return Dataset(
        audio=tuple(rng.standard_normal(n).astype(np.float32) for n in (8000, 4000, 2000, 6000)),
        targets=np.array([0, 1, 1, 0], np.int32),
        classes=("cat", "dog", "owl"),
        sr=8000,
        paths=("a", "b", "c", "d"),
        groups=("g", "g", "h", "i"),
        splits=("train", "test", "train", "train"),
        folds=("1", "2", "1", "3"),
        skipped=(Skipped("e", "'e' is empty"),),
    )


LABELS = np.array([[1, 0, 1], [0, 0, 0], [0, 1, 0], [0, 1, 1]], np.int8)
NUMBERS = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9], [-1, 0, 1]], np.float32)
KINDS = {"class": example().targets, "labels": LABELS, "numbers": NUMBERS}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_target_is_kept_by_subsets_and_told_by_name(kind):
    data = replace(example(), targets=KINDS[kind])
    part = data.subset([2, 0])
    assert data.kind == part.kind == data.subset([]).kind == data.summary()["kind"] == kind
    np.testing.assert_array_equal(part.targets, KINDS[kind][[2, 0]])
    assert part.targets.dtype == KINDS[kind].dtype
    assert json.loads(json.dumps(data.subset([]).summary()))["clips"] == 0
    assert f"3 {'classes' if kind == 'class' else kind}" in repr(data)
    assert data.fingerprint() == data.subset([3, 1, 0, 2]).fingerprint()


@pytest.mark.parametrize("kind", ["labels", "numbers"])
def test_the_fingerprint_goes_by_names_and_not_by_columns(kind):
    data = replace(example(), targets=KINDS[kind])
    turned = replace(data, targets=KINDS[kind][:, [2, 0, 1]], classes=("owl", "cat", "dog"))
    assert turned.fingerprint() == data.fingerprint()
    others = [
        replace(data, classes=("owl", "cat", "dog")),
        replace(data, targets=1 - KINDS[kind]),
        example(),
        replace(example(), targets=LABELS.astype(np.float32)),
    ]
    assert len({data.fingerprint(), *(other.fingerprint() for other in others)}) == 1 + len(others)


def test_clips_are_counted_by_class_and_by_label():
    assert example().counts.tolist() == [2, 2, 0]
    data = replace(example(), targets=LABELS)
    assert data.counts.tolist() == [1, 2, 2]
    assert data.summary()["clips_per_class"] == {"cat": 1, "dog": 2, "owl": 2}
    numbers = replace(example(), targets=NUMBERS).summary()
    assert numbers["numbers"]["dog"] == {"min": 0, "median": 3.5, "max": 8}
    assert "clips_per_class" not in numbers


def test_clips_of_the_same_sound_are_found_but_for_silence():
    clip, zeros = np.array([0.1, 0, 0.2], np.float32), np.zeros(2, np.float32)
    late, padded = np.concatenate([zeros, clip]), np.concatenate([clip, zeros])
    audio = (clip, zeros, clip[:1], clip.copy(), zeros, clip[::-1], clip[:0], late, padded)
    data = Dataset(audio, np.zeros(9, np.int32), ("a",), 8000, tuple("abcdefghi"))
    assert same_sound(data.digests()).tolist() == [0, 1, 2, 0, 4, 5, 6, 0, 0]
    # The bytes of the three samples, hashed by hand.
    known = hashlib.sha1(struct.pack("<3f", 0.1, 0, 0.2)).digest()[:8]
    assert data.digests()[[0, 1]].tolist() == [int.from_bytes(known, "little"), 0]


def test_it_prints_in_one_line():
    assert repr(replace(example(), audio=(np.zeros(480_000, np.float32),) * 4)) == (
        "Dataset(4 clips, 3 classes, 8000 Hz, 4.0 min)"
    )


def test_a_subset_takes_all_fields_along():
    part = example().subset([2, 0])
    assert (part.paths, part.groups, part.splits) == (("c", "a"), ("h", "g"), ("train", "train"))
    assert part.folds == ("1", "1")
    assert part.targets.tolist() == [1, 0]
    assert part.targets.dtype == np.int32
    assert part.lengths.tolist() == [2000, 8000]
    assert (part.classes, part.sr, part.skipped) == (example().classes, 8000, ())


def test_a_subset_by_booleans_equals_one_by_integers():
    assert example().subset(np.array([True, False, False, True])).paths == example().subset([0, 3]).paths


def test_an_empty_subset_is_legal():
    nothing = example().subset([])
    assert len(nothing) == 0
    assert nothing.summary()["seconds"] == {"total": 0, "min": 0, "median": 0, "max": 0}


def test_a_part_is_the_clips_of_that_split():
    assert example().part("train").paths == ("a", "c", "d")
    assert example().part("test").paths == ("b",)


def test_a_part_that_nobody_named_is_refused():
    with pytest.raises(InputError, match="'validation'; the data has test, train"):
        example().part("validation")
    with pytest.raises(InputError, match="no splits at all"):
        replace(example(), splits=None).part("train")


def test_the_fingerprint_ignores_order_paths_and_unused_classes():
    data = example()
    assert data.fingerprint() == data.subset([3, 1, 0, 2]).fingerprint()
    assert data.fingerprint() == replace(data, paths=("w", "x", "y", "z"), groups=None).fingerprint()
    assert data.fingerprint() == replace(data, classes=("cat", "dog")).fingerprint()


def test_the_fingerprint_changes_with_samples_labels_rate_and_number():
    data = example()
    louder = tuple(clip * np.float32(1.001) for clip in data.audio)
    others = [
        replace(data, audio=louder),
        replace(data, targets=1 - data.targets),
        replace(data, classes=("cat", "fox", "owl")),
        replace(data, sr=16_000),
        data.subset([0, 1, 2]),
        data.subset([0, 1, 2, 3, 3]),
    ]
    assert len({data.fingerprint(), *(other.fingerprint() for other in others)}) == 1 + len(others)


def test_the_summary_is_json_with_the_right_numbers():
    summary = json.loads(json.dumps(example().summary()))
    assert summary.pop("fingerprint") == example().fingerprint()
    assert summary == {
        "kind": "class",
        "clips": 4,
        "classes": ["cat", "dog", "owl"],
        "clips_per_class": {"cat": 2, "dog": 2, "owl": 0},
        "sr": 8000,
        "seconds": {"total": 2.5, "min": 0.25, "median": 0.625, "max": 1.0},
        "skipped": 1,
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"paths": ("a",)}, "expected 4 paths"),
        ({"groups": ("a",) * 5}, "expected 4 groups"),
        ({"folds": ("1",) * 3}, "expected 4 folds"),
        ({"targets": np.eye(4, dtype=np.int8)}, "a name for each of 4 columns"),
        ({"targets": 2 * np.ones((4, 3), np.int8)}, "0 or 1 for every label"),
        ({"targets": np.full((4, 3), np.nan, np.float32)}, "finite numbers"),
        ({"targets": np.zeros((4, 3, 1), np.float32)}, r"got float32 \[4, 3, 1\]"),
        ({"targets": np.array([0, 1, 2, 3], np.int32)}, "from 0 to 2"),
        ({"targets": np.array([0, 1, 2, -1], np.int32)}, "from 0 to 2"),
    ],
)
def test_fields_that_do_not_fit_together_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        replace(example(), **change)
