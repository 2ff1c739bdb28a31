"""Balancing: weights equal scikit-learn's, and repeated clips never cross into another part."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from jaxlisten.data import arrays, class_weights, resample
from jaxlisten.errors import InputError


def clips_of(targets, classes=("a", "b", "c", "d"), **options):
    """A data set whose clips hold their own number."""
    return arrays(
        [np.full(2, i, np.float32) for i in range(len(targets))], targets, sr=8000, classes=classes, **options
    )


def test_weights_equal_those_of_scikit_learn_and_are_one_on_average():
    targets = np.random.default_rng(0).choice(4, 200, p=(0.5, 0.3, 0.15, 0.05))
    weights = class_weights(clips_of(targets))
    assert weights.dtype == np.float32
    np.testing.assert_allclose(weights, compute_class_weight("balanced", classes=np.arange(4), y=targets), rtol=1e-6)
    assert weights[targets].mean() == pytest.approx(1, rel=1e-6)


def test_a_class_without_clips_weighs_nothing_and_changes_nothing():
    weights = class_weights(clips_of([0, 2, 2]))
    np.testing.assert_allclose(weights, [1.5, 0, 0.75, 0])


def test_every_class_gets_as_many_clips_as_the_largest_and_none_is_left_out():
    data = clips_of([0] * 7 + [1] * 3 + [3])
    more = resample(data)
    assert more.counts.tolist() == [7, 7, 0, 7]
    times = Counter(more.paths)
    assert set(times) == set(data.paths)
    assert sorted(times[path] for path in data.paths[7:10]) == [2, 2, 3]
    for path, clip, target in zip(more.paths, more.audio, more.targets, strict=True):
        i = data.paths.index(path)
        assert clip is data.audio[i]
        assert target == data.targets[i]


def test_equal_seeds_repeat_equal_clips_and_others_do_not():
    data = clips_of([0] * 50 + [1] * 30)
    one, again, other = (Counter(resample(data, seed=seed).paths) for seed in (0, 0, 1))
    assert one == again
    assert one != other


def test_only_training_clips_are_repeated_where_splits_are_named():
    splits = ("train",) * 5 + ("test",) * 2 + ("train", "validation", "test")
    data = replace(clips_of([0] * 7 + [1] * 3, classes=("a", "b")), splits=splits)
    more = resample(data)
    assert more.part("train").counts.tolist() == [5, 5]
    for name in ("validation", "test"):
        assert more.part(name).paths == data.part(name).paths


@pytest.mark.parametrize("balance", [class_weights, resample])
def test_what_has_no_classes_cannot_be_balanced(balance):
    with pytest.raises(InputError, match="one class each, got targets of the kind 'labels'"):
        balance(clips_of([["a"], []]))
    with pytest.raises(InputError, match="got no clips"):
        balance(clips_of([0, 1]).subset([]))
