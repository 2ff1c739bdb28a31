"""What feeds a run: batches to train on, and the judgement of an epoch on the validation clips."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from jaxlisten.data import Dataset, bucket_lengths, collate, plan
from jaxlisten.evaluate import Scores, make_eval_step, score
from jaxlisten.evaluate.scoring import in_order
from jaxlisten.nn import Layer
from jaxlisten.tasks import Task
from jaxlisten.train.step import TrainState
from jaxlisten.types import Array, Batch


@dataclass(frozen=True)
class Pass:
    """The batches of one pass over a data set, each made when it is asked for."""

    data: Dataset
    order: list[tuple[int, np.ndarray]]
    batch_size: int

    def __len__(self) -> int:
        return len(self.order)

    def __iter__(self) -> Iterator[Batch]:
        return (collate(self.data, indices, length, self.batch_size) for length, indices in self.order)

    def absent(self) -> list[Batch]:
        """Return a batch of absent items in each shape that occurs."""
        return [collate(self.data, [], length, self.batch_size) for length in sorted({n for n, _ in self.order})]


def make_judge(
    model: Layer, task: Task, train: Any, validation: Dataset | None, batch_size: int
) -> Callable[..., dict]:
    """Return the function that scores a train state on the validation clips."""
    if validation is None:
        return lambda now: {}
    step = make_eval_step(model, task)
    lengths = _lengths(train, validation)

    def judge(now: TrainState) -> dict[str, float]:
        scores: Scores = score(step, *now.weights, in_order(validation, batch_size, lengths))
        figures = task.judge(np.asarray(scores.probabilities), validation.targets)
        return {"val_loss": float(scores.loss)} | {f"val_{name}": value for name, value in figures.items()}

    return judge


def _lengths(train: Any, validation: Dataset | None) -> tuple[int, ...]:
    """Choose the lengths that clips are padded to, the same for training and validation."""
    parts = [part.lengths for part in (train, validation) if isinstance(part, Dataset)]
    return bucket_lengths(np.concatenate(parts))


def make_source(
    train: Any, validation: Dataset | None, batch_size: int, key: Array
) -> Callable[[int], Iterable[Batch]]:
    """Return a function from the number of an epoch to its batches; the same number gives the same batches."""
    if not isinstance(train, Dataset):
        return lambda epoch: train
    lengths, words = _lengths(train, validation), np.asarray(jax.random.key_data(key)).ravel().tolist()

    def shuffled(epoch: int) -> Pass:
        rng = np.random.default_rng([*words, epoch])
        return Pass(train, plan(train.lengths, batch_size, lengths, rng=rng), batch_size)

    return shuffled
