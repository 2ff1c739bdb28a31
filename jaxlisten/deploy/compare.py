"""How far a file's answers are from the model's, clip by clip."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from jaxlisten import tasks
from jaxlisten.data import bucket_lengths, plan
from jaxlisten.tasks import HOLDS
from jaxlisten.types import Chunk, Padded

Answering = Callable[[Padded], Chunk]
"""What answers a batch of clips ``[batch, time]``: ``[batch, steps, classes]``, and which of the steps count."""

_TOGETHER = 32
"""Clips in a batch."""

_SAME_NUMBER = 0.01
"""As a share of the largest one, how far a number may move and still be the same."""


class Judged(NamedTuple):
    """What answers are worth.

    Attributes:
        name: "accuracy", "map" (mean average precision) or "r2"; all are at most 1.
        before: of the model's answers.
        after: of the file's.
    """

    name: str
    before: float
    after: float

    def __str__(self) -> str:
        return f"{self.name} {self.before:.2%} before, {self.after:.2%} after"


class Compared(NamedTuple):
    """The answers of a model and of a file to the same clips.

    Attributes:
        difference: the largest difference between any two of their answers; NaN where they answer at other steps.
        ours, theirs: the last answer to each clip, ``[n, classes]``; 0 where there is none.
    """

    difference: float
    ours: np.ndarray
    theirs: np.ndarray

    def changed(self, link: str) -> int:
        """Count the clips with another answer: class, set of labels, or number by more than a hundredth."""
        if link == "softmax":
            return int((self.ours.argmax(-1) != self.theirs.argmax(-1)).sum())
        if link == "sigmoid":
            return int(((self.ours >= HOLDS) != (self.theirs >= HOLDS)).any(-1).sum())
        far = np.abs(self.ours - self.theirs) > _SAME_NUMBER * np.abs(self.ours).max(axis=0)
        return int(far.any(-1).sum())

    def score(self, link: str, targets: np.ndarray) -> Judged:
        """Judge both by what is true of the clips, given as the targets of a `Dataset` with the same classes."""
        task = next(task for task in tasks.TASKS.values() if task.activation == link)
        name = {"class": "accuracy", "labels": "map", "numbers": "r2"}[task.kind]
        return Judged(name, *(float(task.judge(answers, targets)[name]) for answers in (self.ours, self.theirs)))


def compare(
    clips: Sequence[np.ndarray], ours: Answering, theirs: Answering, alone: Answering | None = None
) -> Compared:
    """Let both answer every clip, in padded batches.

    Args:
        clips: recordings ``[time]`` of any lengths.
        ours, theirs: what answers a batch.
        alone: another way to ask the same as `theirs`: of each batch it gets the first clip, without any padding.
    """
    lengths = np.array([len(clip) for clip in clips])
    rows, worst = min(_TOGETHER, len(clips)), 0.0
    found = list[tuple[np.ndarray, np.ndarray, np.ndarray]]()
    for length, indices in plan(lengths, rows, bucket_lengths(lengths, multiple=1)):
        batch = _padded([clips[i] for i in indices], rows, max(1, length))
        want, got = ours(batch), theirs(batch)
        valid = np.asarray(want.valid)
        same = np.array_equal(valid, got.valid)
        values = [np.where(valid[..., None], answers.values, 0.0) for answers in (want, got)] if same else None
        worst = np.maximum(worst, np.abs(values[0] - values[1]).max() if values else np.nan)
        if alone is not None and batch.length[0]:
            worst = np.maximum(worst, _difference_alone(want, batch, alone))
        found.append((indices, _last(want)[: len(indices)], _last(got)[: len(indices)]))
    order = np.argsort(np.concatenate([indices for indices, _, _ in found]))
    return Compared(float(worst), *(np.concatenate([part[side] for part in found])[order] for side in (1, 2)))


def _padded(clips: Sequence[np.ndarray], rows: int, time: int) -> Padded:
    """Put clips in a batch of `rows`, the last ones absent."""
    values, length = np.zeros((rows, time), np.float32), np.zeros(rows, np.int32)
    for i, clip in enumerate(clips):
        values[i, : len(clip)] = clip
        length[i] = len(clip)
    return Padded(values, length)


def _difference_alone(want: Chunk, batch: Padded, alone: Answering) -> float:
    """Compare the first clip of a batch with what is said of it alone."""
    got = alone(Padded(batch.values[:1, : batch.length[0]], batch.length[:1]))
    one, other = (np.asarray(answers.values)[0][np.asarray(answers.valid)[0]] for answers in (want, got))
    return float(np.abs(one - other).max()) if one.shape == other.shape else np.nan


def _last(answers: Chunk) -> np.ndarray:
    valid = np.asarray(answers.valid)
    last = valid.shape[1] - 1 - valid[:, ::-1].argmax(axis=1)
    return np.where(valid.any(axis=1, keepdims=True), np.asarray(answers.values)[np.arange(len(valid)), last], 0.0)
