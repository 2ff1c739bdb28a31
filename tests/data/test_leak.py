"""The leak of a random split: what is counted is torn, what is measured is what plain cross-validation measures."""

from __future__ import annotations

import importlib
import json

import numpy as np
import pytest

from jaxlisten.data import Dataset, Leak, Measured, arrays, leak
from jaxlisten.data.leak import _measured, _pooled, _right
from jaxlisten.metrics import wilson_interval

SR = 8000


def voices(speakers: int = 8, each: int = 10) -> Dataset:
    """Noise with a tone: low is class a and high class b, but every speaker has a pitch of their own beside it."""
    rng, clips, labels, groups = np.random.default_rng(0), [], [], []
    t = np.arange(SR // 10) / SR
    for speaker in range(speakers):
        pitch = rng.uniform(300, 3000, 2)
        for i in range(each):
            tone = np.sin(2 * np.pi * pitch[i % 2] * rng.uniform(0.98, 1.02) * t)
            clips.append((0.3 * tone + 0.05 * rng.standard_normal(len(t))).astype(np.float32))
            labels.append("ab"[i % 2])
            groups.append(str(speaker))
    return arrays(clips, labels, sr=SR, groups=groups)


def test_a_random_split_promises_what_new_speakers_do_not_get():
    found = leak(voices())
    assert found is not None
    assert (found.groups, found.torn_groups, found.copies, found.torn_copies, found.clips) == (8, 8, 0, 0, 80)
    assert found.random.accuracy > 0.95
    assert found.grouped.accuracy < 0.75
    assert found.random.accuracy > found.grouped.high
    assert found == leak(voices())
    said, torn = str(found), "a random split would have torn apart 8 of 8 groups"
    assert said.startswith(f"{torn}; with it a quick classifier is right on 97.5% (")
    assert said.endswith("of clips of groups that it has not heard: only the second can be believed")


def test_copies_are_counted_and_kept_on_one_side():
    clips = voices()
    copied = arrays([*clips.audio, *clips.audio[:30]], [*clips.targets, *clips.targets[:30]], sr=SR)
    found = leak(copied)
    assert found is not None
    assert (found.groups, found.copies, found.clips) == (0, 30, 110)
    assert 15 < found.torn_copies < 30  # four in five of pairs over five folds
    assert found.random.accuracy >= found.grouped.accuracy
    assert "of 30 sounds that are there more than once; " in str(found)
    assert "of clips that it has no copy of" in str(found)


def test_without_groups_and_copies_or_with_one_group_only_there_is_nothing_to_measure():
    clips = voices(2)
    assert leak(arrays(clips.audio, clips.targets, sr=SR)) is None
    assert leak(arrays(clips.audio, clips.targets, sr=SR, groups=["one"] * len(clips))) is None
    assert leak(clips.subset([])) is None


def test_of_numbers_and_labels_only_what_is_torn_is_told():
    clips = voices(3)
    for targets in (np.linspace(0, 1, len(clips)), [["x"]] * len(clips)):
        found = leak(arrays(clips.audio, targets, sr=SR, groups=clips.groups))
        assert found == Leak(3, 3, 0, 0, 30, None, None)
        assert str(found) == "a random split would have torn apart 3 of 3 groups"
        assert json.loads(json.dumps(found.to_dict()))["random"] is None


def test_the_folds_are_those_of_a_machine_that_has_not_heard_them():
    clips = voices(4)
    fold = np.arange(40) // 10  # a speaker each
    x = _pooled(clips)
    x = (x - x.mean(0)) / (x.std(0) + 1e-6)
    right = np.zeros(len(clips), bool)
    for part in range(4):
        out = fold == part
        distances = ((x[:, None] - x) ** 2).sum(-1)
        kernel = 1 + np.exp(-distances / (2 * x.shape[1]))
        y = 2.0 * np.eye(2)[clips.targets] - 1
        alpha = np.linalg.solve(kernel[np.ix_(~out, ~out)] + 0.05 * np.eye((~out).sum()), y[~out])
        right[out] = (kernel[np.ix_(out, ~out)] @ alpha).argmax(1) == clips.targets[out]
    np.testing.assert_array_equal(_right(clips, fold)[0], right)
    assert 0 < right.sum() < len(right)


def test_an_interval_is_that_of_the_groups():
    # Two groups of two clips, one all right and one half: 3/4, standard error sqrt(2 (1/2^2 + 1/2^2)) / 4 = 1/4.
    right, unit = np.array([True, True, True, False]), np.array([0, 0, 5, 5])
    found = _measured(right, unit)
    assert found == Measured(0.75, 0.0, 1.0)  # t of one degree of freedom is 12.7
    many = _measured(np.tile(right, 50), np.repeat(np.arange(100), 2))
    # Groups of two that are right in both or in one spread less than clips do: then it is the interval of the clips.
    assert many == _measured(np.tile(right, 50)) == Measured(0.75, *wilson_interval(150, 200))
    # A hundred groups whose two clips are right or wrong together are as good as a hundred clips.
    tied = _measured(np.repeat(np.arange(100) % 4 < 3, 2), np.repeat(np.arange(100), 2))
    half = 1.984 * np.sqrt(0.75 * 0.25 / 99)
    assert (tied.low, tied.high) == pytest.approx((0.75 - half, 0.75 + half), abs=1e-4)


def test_of_many_clips_whole_groups_are_taken(monkeypatch):
    monkeypatch.setattr(importlib.import_module("jaxlisten.data.leak"), "_CLIPS", 40)
    clips = voices(12, 10)
    found = leak(clips)
    assert found is not None
    assert (found.clips, found.groups, found.torn_groups) == (40, 12, 12)
