"""What a training is, decided before its first step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Sized
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from jaxlisten import devices, tasks
from jaxlisten.augment import Augmentation
from jaxlisten.data import Dataset, bucket_lengths, plan
from jaxlisten.errors import InputError
from jaxlisten.nn import Layer, period
from jaxlisten.nn.layer import spec
from jaxlisten.tasks import Task
from jaxlisten.train.checks import check, check_sample_rate, check_task, warn_of_long_transcripts
from jaxlisten.train.recipe import default_epochs, default_optimizer
from jaxlisten.train.step import Optimizer, Settings, TrainState, Update, init_train_state
from jaxlisten.types import Array, Batch, Padded, Params, State


@dataclass(frozen=True)
class Job:
    """A training without what makes one run differ from another: its key and its settings.

    Attributes:
        lengths: samples that clips are padded to; empty where the batches are the user's.
        sample: the shape of a batch's input.
        others: as `jaxlisten.fit` takes them, with the defaults filled in.
    """

    model: Layer
    train: Dataset | Iterable[Batch]
    validation: Dataset | None
    task: Task
    optimizer: Optimizer
    epochs: int
    batch_size: int
    augment: Augmentation | None
    average: float | None
    patience: int | None
    lengths: tuple[int, ...]
    sample: Any

    @property
    def update(self) -> Update:
        """The step of training."""
        return Update(self.model, self.optimizer, self.task, self.augment, devices.mesh())

    def begin(self, key: Array, settings: Settings | None, init: tuple[Params, State] | None = None) -> TrainState:
        """Return the state before the first step."""
        return init_train_state(
            self.model, self.optimizer, key, self.sample, average=self.average, settings=settings, init=init
        )


def prepare(
    model: Layer,
    trains: Sequence[Dataset | Iterable[Batch]],
    validations: Sequence[Dataset | None],
    *,
    optimizer: Optimizer | None,
    task: Task | str | None,
    epochs: int | None,
    batch_size: int,
    augment: Augmentation | None,
    average: float | None,
    patience: int | None,
) -> list[Job]:
    """Check what `fit` is given, and fill in the defaults.

    Several runs on different clips have the shapes, the number of epochs and the schedule in common: they follow the
    one that takes most steps.
    """
    for train, validation in zip(trains, validations, strict=True):
        check(train, validation, epochs, batch_size, patience)
        check_sample_rate(model, train, validation)
    if not isinstance(task, Task):
        task = tasks.find(task) if task is not None else tasks.infer(_targets(trains[0]))
    for train, validation in zip(trains, validations, strict=True):
        check_task(task, train, validation, batch_size)
        warn_of_long_transcripts(model, task, (train, validation))
    if task.in_time and task.period is None:
        task = tasks.with_period(task, _period(model, trains[0], validations[0]))
    lengths, steps = _lengths(trains, validations), steps_an_epoch(trains, validations, batch_size)
    epochs = epochs or default_epochs(steps, task, model)
    optimizer = optimizer or default_optimizer(epochs * steps)
    return [
        Job(
            model=model,
            train=train,
            validation=validation,
            task=task,
            optimizer=optimizer,
            epochs=epochs,
            batch_size=batch_size,
            augment=augment,
            average=average,
            patience=patience,
            lengths=lengths,
            sample=_sample(train, batch_size, lengths),
        )
        for train, validation in zip(trains, validations, strict=True)
    ]


def steps_an_epoch(
    trains: Sequence[Dataset | Iterable[Batch]], validations: Sequence[Dataset | None], batch_size: int = 32
) -> int:
    """Count the steps of an epoch of the run that takes most of them, as `prepare` does."""
    return max(_steps(train, batch_size, _lengths(trains, validations)) for train in trains)


def _lengths(trains: Sequence[Any], validations: Sequence[Any]) -> tuple[int, ...]:
    sounds = [part for part in (*trains, *validations) if isinstance(part, Dataset)]
    return bucket_lengths(np.concatenate([part.lengths for part in sounds])) if sounds else ()


def _period(model: Layer, *parts: Any) -> float:
    """Return the seconds of a step of the model on these clips."""
    rates = [part.sr for part in parts if isinstance(part, Dataset)]
    if not rates:
        raise InputError("fit: expected the period of a step with batches of targets in time; give the task period=")
    return period(model, rates[0])


def _steps(train: Any, batch_size: int, lengths: tuple[int, ...]) -> int:
    if isinstance(train, Dataset):
        return len(plan(train.lengths, batch_size, lengths))
    return len(train) if isinstance(train, Sized) else sum(1 for _ in train)


def _sample(train: Any, batch_size: int, lengths: tuple[int, ...]) -> Any:
    if not isinstance(train, Dataset):
        return spec(next(iter(train)).x)
    values = jax.ShapeDtypeStruct((batch_size, lengths[-1]), np.float32)
    return Padded(values, jax.ShapeDtypeStruct((batch_size,), np.int32))


def _targets(train: Any) -> Any:
    return train.targets if isinstance(train, Dataset) else next(iter(train)).y
