"""Machines with planted faults, and the parts of a data set that anomaly detection needs."""

from __future__ import annotations

import numpy as np
import pytest

from jaxlisten import data
from jaxlisten.errors import InputError


def test_machines_are_the_same_for_a_seed_and_faults_are_for_testing_only():
    clips = data.machines(40)
    again = data.machines(60).subset(range(40))
    assert [a.tobytes() for a in clips.audio] == [b.tobytes() for b in again.audio]
    assert clips.audio[0].tobytes() != data.machines(40, seed=1).audio[0].tobytes()
    faulty = clips.targets != clips.classes.index("normal")
    splits = np.array(clips.splits)
    assert set(splits[faulty]) == {"test"}
    assert 0 < faulty.sum() < (splits == "test").sum()
    assert len(clips.classes) == 7
    assert max(np.abs(clip).max() for clip in clips.audio) < 1
    with pytest.raises(InputError, match="n >= 20"):
        data.machines(3)


def test_faults_can_be_measured():
    clips = data.machines(80)
    names, audio = np.array(clips.classes)[clips.targets], np.stack(clips.audio)
    hiss = np.abs(np.fft.rfft(audio))[:, 12_000:].mean(axis=1) / audio.std(axis=1)  # from 6 kHz on
    loudness = np.square(audio.reshape(len(audio), -1, 800)).mean(axis=2)
    sway = loudness.std(axis=1) / loudness.mean(axis=1)
    for measured, fault in ((hiss, "rattle"), (sway, "swaying")):
        assert np.median(measured[names == fault]) > np.quantile(measured[names == "normal"], 0.9)


def test_normal_clips_alone_train_and_all_others_are_tested():
    clips = data.synthetic(72)
    train, val, test = data.normal_partition(
        data.Dataset(clips.audio, clips.targets, clips.classes, clips.sr, clips.paths), ["tone"]
    )
    assert (train.kind, val.kind, test.kind) == ("none", "none", "class")
    tone = clips.classes.index("tone")
    assert (len(train) + len(val), (test.targets == tone).sum()) == (10, 2)
    assert (test.targets != tone).sum() == 60
    assert not set(train.paths) & set(test.paths)


def test_named_splits_are_kept():
    clips = data.machines(20)
    train, val, test = data.normal_partition(clips, ["normal"])
    assert [len(part) for part in (train, val, test)] == [12, 2, 6]


def test_without_labels_all_is_normal_and_wrong_classes_are_refused():
    clips = data.synthetic(36)
    train, val, test = data.normal_partition(
        data.unlabelled(data.Dataset(clips.audio, clips.targets, clips.classes, clips.sr, clips.paths))
    )
    assert (len(train) + len(val), test) == (36, None)
    for normal, message in ((["dog"], "got 'dog'"), ([], "got none")):
        with pytest.raises(InputError, match=message):
            data.normal_partition(clips, normal)
    few = clips.subset(range(6))
    with pytest.raises(InputError, match="three or more normal clips, got 1"):
        data.normal_partition(few, [few.classes[few.targets[0]]])
    with pytest.raises(InputError, match="a class for each clip"):
        data.normal_partition(data.arrays(np.ones((2, 9)), [1.0, 2.0], sr=8000), ["x"])
