"""Tasks: what kind of target a model learns, and with it the loss, the link and the figure that picks the best weights.

A run folder stores the name of its task only. `find` looks it up in `TASKS`, so a new task is one more entry there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxlisten.errors import InputError
from jaxlisten.losses import cross_entropy
from jaxlisten.types import Array


@dataclass(frozen=True)
class Task:
    """A kind of target and what follows from it. Hashable, and equal settings are equal tasks: static under `jax.jit`.

    Attributes:
        name: the key in `TASKS`.
        target: the kind of target in words, for messages.
        objective: ``(logits, y, weight) -> scalar``, the weighted mean loss of a batch. A task that can be smoothed
            has an objective that also takes ``label_smoothing=``.
        link: ``logits -> prediction``, such as the softmax, in float32.
        metric: the column of the history that picks the best weights.
        maximize: whether more of `metric` is better.
        label_smoothing: from 0 to below 1; for training only.
    """

    name: str
    target: str
    objective: Callable[..., jax.Array]
    link: Callable[[Array], jax.Array]
    metric: str
    maximize: bool
    label_smoothing: float = 0.0

    def __post_init__(self):
        if not 0 <= self.label_smoothing < 1:
            raise InputError(f"{self.name}: expected label_smoothing from 0 to below 1, got {self.label_smoothing}")

    def loss(self, logits: Any, y: Any, weight: Array | None = None, *, train: bool = False) -> jax.Array:
        """Compute the loss of a batch.

        Args:
            logits: what the model returns, ``[batch, ...]``.
            y: the targets, ``[batch, ...]``.
            weight: ``[batch]``; 0 marks an absent item, None means that every item counts 1.
            train: whether it is to be trained on, with `label_smoothing`. Losses that are reported have none, so
                that runs with different smoothing can be compared.

        Returns:
            A float32 scalar.

        Raises:
            InputError: the shapes or dtypes don't belong together.
        """
        if train and self.label_smoothing:
            return self.objective(logits, y, weight, label_smoothing=self.label_smoothing)
        return self.objective(logits, y, weight)


def classification(*, label_smoothing: float = 0.0) -> Task:
    """Make the task of one class per clip: integer targets ``[n]``, logits ``[batch, classes]``.

    Args:
        label_smoothing: the share of each target that is spread evenly over all classes in training, from 0 to below 1.

    Raises:
        InputError: `label_smoothing` is out of range.

    Example:
        >>> classification(label_smoothing=0.1) == classification(label_smoothing=0.1)
        True
    """
    return Task(
        name="classification",
        target="one class per clip",
        objective=cross_entropy,
        link=_softmax,
        metric="val_accuracy",
        maximize=True,
        label_smoothing=label_smoothing,
    )


def _softmax(logits: Array) -> jax.Array:
    return jax.nn.softmax(jnp.asarray(logits, jnp.float32), axis=-1)


TASKS: dict[str, Task] = {task.name: task for task in (classification(),)}
"""Every task by its name."""


def find(name: str) -> Task:
    """Look a task up by its name.

    Raises:
        InputError: there is no task of that name.
    """
    if name not in TASKS:
        raise InputError(f"unknown task {name!r}; there is {', '.join(sorted(TASKS))}")
    return TASKS[name]


def infer(targets: Any) -> Task:
    """Choose the task that fits the kind of targets.

    Args:
        targets: the targets of a data set, ``[n, ...]``.

    Returns:
        `classification` for ``[n]`` integers from 0 upwards, class indices.

    Raises:
        InputError: no task fits; the message says what is supported.
    """
    array = np.asarray(targets)
    if array.ndim == 1 and np.issubdtype(array.dtype, np.integer) and (array.size == 0 or array.min() >= 0):
        return TASKS["classification"]
    raise InputError(
        f"no task fits targets of {array.dtype} {array.shape}: expected class indices, integers [n] from 0 upwards "
        f"({TASKS['classification'].target})"
    )
