"""Kinds of target: which array is which, and what the names of clips become."""

from __future__ import annotations

import numpy as np
import pytest

from jaxlisten.data.targets import encode, kind_of
from jaxlisten.errors import InputError


@pytest.mark.parametrize(
    ("targets", "kind"),
    [
        (np.zeros(3, np.int32), "class"),
        (np.zeros(3, np.uint8), "class"),
        (np.zeros((3, 2), np.int8), "labels"),
        (np.zeros((3, 2), bool), "labels"),
        (np.zeros(3, np.float32), "numbers"),
        (np.zeros((3, 2), np.float64), "numbers"),
        (np.zeros((0, 2), np.int8), "labels"),
    ],
)
def test_dtype_and_axes_tell_the_kind(targets, kind):
    assert kind_of(targets) == kind


@pytest.mark.parametrize("targets", [np.zeros(3, bool), np.zeros((3, 2, 1), np.int8), np.array(["a"]), np.array(1.0)])
def test_other_arrays_are_no_targets(targets):
    with pytest.raises(InputError, match="expected integers"):
        kind_of(targets)


@pytest.mark.parametrize(
    ("targets", "names", "array"),
    [
        (["b", "a", "b"], ("a", "b"), [1, 0, 1]),
        ([frozenset("ba"), frozenset()], ("a", "b"), [[1, 1], [0, 0]]),
        ([(1.0,), (2.5,)], ("target",), [1, 2.5]),
        ([(1.0, 2.0)], ("target 0", "target 1"), [[1, 2]]),
    ],
)
def test_each_kind_is_one_array_with_names(targets, names, array):
    found, encoded = encode(targets, None, "here")
    assert (found, encoded.tolist()) == (names, array)
    assert kind_of(encoded) == {str: "class", frozenset: "labels", tuple: "numbers"}[type(targets[0])]


def test_clips_with_more_or_fewer_numbers_are_refused():
    with pytest.raises(InputError, match="'here' gives clips from 1 to 2 numbers"):
        encode([(1.0,), (1.0, 2.0)], None, "here")
