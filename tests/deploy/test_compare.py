"""Comparing answers, worked out by hand."""

import math

import numpy as np
import pytest

from jaxlisten.deploy.compare import Compared, Judged, compare
from jaxlisten.types import Chunk, Padded

OURS = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]])
THEIRS = np.array([[0.8, 0.2], [0.4, 0.6], [0.2, 0.8]])


def at_each_sample(batch, extra=0.0):
    """Answer with each sample and its half."""
    values = np.stack([batch.values, batch.values / 2], axis=-1) + extra
    return Chunk(values, np.arange(batch.values.shape[1]) < batch.length[:, None])


def test_every_clip_is_compared_at_every_valid_step_whatever_its_batch():
    clips = [np.full(n, n, np.float32) for n in (*range(1, 40), 0, 400)]
    found = compare(clips, at_each_sample, lambda batch: at_each_sample(batch, 0.25))
    assert found.difference == 0.25
    np.testing.assert_array_equal(found.ours[:, 0], [*range(1, 40), 0, 400])  # an absent clip has no answer
    np.testing.assert_array_equal(found.theirs[:, 1], [*(n / 2 + 0.25 for n in range(1, 40)), 0, 200.25])


def test_answers_at_other_steps_are_not_the_same():
    late = lambda batch: Chunk(at_each_sample(batch).values, ~at_each_sample(batch).valid)  # noqa: E731
    assert math.isnan(compare([np.ones(3, np.float32)], at_each_sample, late).difference)


@pytest.mark.parametrize(("link", "changed"), [("softmax", 1), ("sigmoid", 1), ("identity", 2)])
def test_changed_answers_are_counted(link, changed):
    assert Compared(0.2, OURS, THEIRS).changed(link) == changed
    assert Compared(0.0, OURS, OURS).changed(link) == 0


@pytest.mark.parametrize(
    ("link", "targets", "name", "after"),
    [
        ("softmax", np.array([0, 0, 1], np.int32), "accuracy", 2 / 3),
        ("sigmoid", np.array([[1, 0], [1, 0], [0, 1]], np.int8), "map", 1.0),
        # of each number, 1 - (0.1^2 + 0.2^2) / (the sum of squares around its mean: 0.74 / 3)
        ("identity", OURS.astype(np.float32), "r2", 1 - 0.05 / (0.74 / 3)),
    ],
)
def test_both_are_judged_by_the_task_of_the_link(link, targets, name, after):
    score = Compared(0.2, OURS, THEIRS).score(link, targets)
    assert score == (name, pytest.approx(1.0), pytest.approx(after, abs=1e-6))


def test_a_score_reads_well():
    assert str(Judged("accuracy", 0.955, 0.95)) == "accuracy 95.50% before, 95.00% after"


def test_the_first_clip_of_a_batch_is_also_answered_alone_and_without_padding():
    seen = []

    def alone(batch):
        seen.append(batch.values.shape)
        return at_each_sample(batch, 0.5)

    clips = [np.ones(7, np.float32), np.ones(4, np.float32)]
    assert compare(clips, at_each_sample, at_each_sample, alone).difference == 0.5
    assert sorted(seen) == [(1, 4), (1, 7)]
    shorter = lambda batch: at_each_sample(Padded(batch.values[:, 1:], batch.length - 1))  # noqa: E731
    assert math.isnan(compare(clips, at_each_sample, at_each_sample, shorter).difference)
