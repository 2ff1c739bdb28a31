"""Tasks: what kind of target a model learns, and with it the loss, the link, the figures and the best epoch.

A run folder stores the name of its task only. `find` looks it up in `TASKS`, so a new task is one more entry there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from jaxlisten import metrics
from jaxlisten.errors import InputError
from jaxlisten.losses import binary_cross_entropy, cross_entropy, mean_squared_error
from jaxlisten.ops import frame_targets
from jaxlisten.types import Array, Padded

LINKS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "softmax": jax.nn.softmax,
    "sigmoid": jax.nn.sigmoid,
    "identity": lambda logits: logits,
}
"""What makes a prediction ``[..., classes]`` of logits of the same shape, by name."""


HOLDS = 0.5
"""The probability from which a label counts as found, where nothing else is said."""


@dataclass(frozen=True)
class Task:
    """A kind of target and what follows from it. Hashable, and equal settings are equal tasks: static under `jax.jit`.

    Attributes:
        name: the key in `TASKS`.
        kind: of the targets, as `Dataset.kind` tells it.
        target: the kind of target in words, for messages.
        objective: ``(logits, y, weight) -> scalar``, the weighted mean loss of a batch. It also takes those of
            ``label_smoothing=``, ``class_weight=`` and ``positive_weight=`` that are set.
        activation: the key in `LINKS` of what makes a prediction of logits.
        judge: ``(predictions, targets) -> figures`` on NumPy arrays over all clips. The history has them as ``val_``
            and the name.
        metric: the column of the history that picks the best weights.
        maximize: whether more of `metric` is better.
        label_smoothing: from 0 to below 1; for training only.
        class_weight: ``[classes]`` numbers, how much each class counts; for training only. None: all the same.
        positive_weight: ``[classes]`` numbers, how much a label that holds counts; for training only. None: 1.
        period: of a model that answers at every step, seconds from one to the next. None: `jaxlisten.fit` finds it.
    """

    name: str
    kind: Literal["class", "labels", "numbers", "events"]
    target: str
    objective: Callable[..., jax.Array]
    activation: str
    judge: Callable[[Any, np.ndarray], Mapping[str, float]]
    metric: str
    maximize: bool
    label_smoothing: float = 0.0
    class_weight: tuple[float, ...] | None = None
    positive_weight: tuple[float, ...] | None = None
    period: float | None = None

    def __post_init__(self) -> None:
        if self.activation not in LINKS:
            raise InputError(f"{self.name}: expected an activation of {', '.join(LINKS)}, got {self.activation!r}")
        if not 0 <= self.label_smoothing < 1:
            raise InputError(f"{self.name}: expected label_smoothing from 0 to below 1, got {self.label_smoothing}")
        for name in ("class_weight", "positive_weight"):
            if (weights := getattr(self, name)) is not None:
                object.__setattr__(self, name, _weights(self.name, name, weights))

    @property
    def things(self) -> str:
        """What the outputs of a model stand for: "classes", "labels" or "numbers"."""
        return "classes" if self.kind in ("class", "events") else self.kind

    def link(self, logits: Array) -> jax.Array:
        """Make predictions of logits, in float32: probabilities, or for numbers the numbers themselves.

        Args:
            logits: what the model returns, ``[..., classes]``.
        """
        return LINKS[self.activation](jnp.asarray(logits, jnp.float32))

    def loss(self, logits: Any, y: Any, weight: Array | None = None, *, train: bool = False) -> jax.Array:
        """Compute the loss of a batch.

        Args:
            logits: what the model returns, ``[batch, ...]``; or a `Padded` of ``[batch, steps, ...]``.
            y: the targets, ``[batch, ...]``; for steps, class indices ``[batch, steps]``, below 0 where a step doesn't
                count, or events ``[batch, most, 3]``.
            weight: ``[batch]``; 0 marks an absent item, None means that every item counts 1.
            train: whether it is to be trained on, with `label_smoothing` and the weights of the classes. Losses that
                are reported have none, so that runs with different settings can be compared.

        Returns:
            A float32 scalar.

        Raises:
            InputError: the shapes or dtypes don't belong together.
        """
        if self.kind == "events":
            logits, y = self._framed(logits, y)
        if isinstance(logits, Padded):
            logits, y, weight = _steps(logits, y, weight)
        if not train:
            return self.objective(logits, y, weight)
        settings: dict[str, Any] = {"label_smoothing": self.label_smoothing} if self.label_smoothing else {}
        for name in ("class_weight", "positive_weight"):
            if (weights := getattr(self, name)) is not None:
                settings[name] = np.array(weights, np.float32)
        return self.objective(logits, y, weight, **settings)

    def _framed(self, logits: Any, y: Array) -> tuple[Padded, Array]:
        """Turn events into what holds at every step, ``[batch, steps, classes]``."""
        if not isinstance(logits, Padded):
            logits = Padded(logits, jnp.full(logits.shape[:1], logits.shape[1]))
        shape = jnp.shape(y)
        if logits.values.ndim != 3 or len(shape) != 3 or shape[2] != 3 or shape[0] != logits.values.shape[0]:
            raise InputError(
                f"{self.name}: expected logits [batch, steps, classes] and events [batch, most, 3], got "
                f"{tuple(logits.values.shape)} and {shape}; is the model one for clips? jl.models.event_crnn answers "
                "at every step"
            )
        if self.period is None:
            raise InputError(
                f"{self.name}: expected to know how many seconds a step is; give event_detection(period=...), as "
                "jaxlisten.nn.period finds it"
            )
        _, steps, classes = logits.values.shape
        return logits, frame_targets(y, steps, classes, self.period)


def _steps(logits: Padded, y: Array, weight: Array | None) -> tuple[Array, Array, Array]:
    """Make an item of every step that counts."""
    values, y = logits.values, jnp.asarray(y)
    if y.shape not in (values.shape[:2], values.shape):
        raise InputError(f"loss: expected targets {values.shape[:2]} for logits {values.shape}, got {y.shape}")
    counts = jnp.arange(y.shape[1]) < logits.length[:, None]
    counts = counts & (y >= 0) if y.ndim == 2 else counts
    weights = counts.astype(jnp.float32)
    if weight is not None:
        weights = weights * jnp.asarray(weight, jnp.float32)[:, None]
    return values.reshape(-1, values.shape[-1]), jnp.maximum(y, 0).reshape(-1, *y.shape[2:]), weights.reshape(-1)


def classification(*, label_smoothing: float = 0.0, class_weight: Any = None) -> Task:
    """Make the task of one class per clip: integer targets ``[n]``, logits ``[batch, classes]``.

    The best epoch is the one with the highest accuracy, ``val_accuracy``.

    Args:
        label_smoothing: the share of each target that is spread evenly over all classes in training, from 0 to below 1.
        class_weight: ``[classes]``, from 0 upwards, how much each class counts in training, such as
            `jaxlisten.data.class_weights`; None: all the same.

    Raises:
        InputError: a setting is out of range.

    Example:
        >>> classification(label_smoothing=0.1) == classification(label_smoothing=0.1)
        True
    """
    return Task(
        name="classification",
        kind="class",
        target="one class per clip",
        objective=cross_entropy,
        activation="softmax",
        judge=_accuracy,
        metric="val_accuracy",
        maximize=True,
        label_smoothing=label_smoothing,
        class_weight=class_weight,
    )


def tagging(*, label_smoothing: float = 0.0, class_weight: Any = None, positive_weight: Any = None) -> Task:
    """Make the task of several labels per clip: targets ``[n, classes]`` of 0 and 1, logits ``[batch, classes]``.

    The best epoch is the one with the highest mean average precision over the labels, ``val_map``.

    Args:
        label_smoothing: how far each target is drawn towards 1/2 in training, from 0 to below 1.
        class_weight: ``[classes]``, from 0 upwards, how much each label counts in training; None: all the same.
        positive_weight: ``[classes]``, from 0 upwards, how much a label that holds counts in training against one that
            doesn't; None: the same. See `jaxlisten.losses.binary_cross_entropy`.

    Raises:
        InputError: a setting is out of range.

    Example:
        >>> tagging(positive_weight=[1, 5]).positive_weight
        (1.0, 5.0)
    """
    return Task(
        name="tagging",
        kind="labels",
        target="several labels per clip",
        objective=binary_cross_entropy,
        activation="sigmoid",
        judge=_mean_average_precision,
        metric="val_map",
        maximize=True,
        label_smoothing=label_smoothing,
        class_weight=class_weight,
        positive_weight=positive_weight,
    )


def regression() -> Task:
    """Make the task of numbers: floating-point targets ``[n]`` or ``[n, k]``, outputs ``[batch, k]``.

    The best epoch is the one with the least mean squared error, ``val_loss``. Numbers of about unit size are learnt
    best: where yours are far from it, such as pitch in Hz, end the model with a `jaxlisten.Rescaling`, as
    `jaxlisten.train.default_units` makes it of the targets and ``jaxlisten train`` does.

    Example:
        >>> float(regression().loss(jnp.array([[1.0]]), jnp.array([3.0])))
        4.0
    """
    return Task(
        name="regression",
        kind="numbers",
        target="numbers",
        objective=mean_squared_error,
        activation="identity",
        judge=_errors,
        metric="val_loss",
        maximize=False,
    )


def event_detection(
    *,
    label_smoothing: float = 0.0,
    class_weight: Any = None,
    positive_weight: Any = None,
    period: float | None = None,
) -> Task:
    """Make the task of finding events in time: targets ``[n, most, 3]``, logits ``[batch, steps, classes]``.

    The loss is the binary cross-entropy of every class at every step, against what holds there
    (`jaxlisten.ops.frame_targets`). The best epoch is the one with the highest F1 of events, ``val_event_f1``:
    beginning and end in time (`jaxlisten.metrics.event_based`), with a threshold of 1/2 and the median
    filters of `jaxlisten.metrics.usual_medians`.

    Args:
        label_smoothing, class_weight, positive_weight: as for `tagging`, at every step.
        period: seconds from one step to the next; None: `jaxlisten.fit` takes that of the model
            (`jaxlisten.nn.period`).

    Raises:
        InputError: a setting is out of range.

    Example:
        >>> task = event_detection(period=0.5)
        >>> logits, events = jnp.array([[[-9.0], [9.0], [9.0], [-9.0]]]), jnp.array([[[0.5, 1.5, 0]]])
        >>> bool(task.loss(logits, events) < 1e-3)
        True
    """
    if period is not None and not 0 < period < np.inf:
        raise InputError(f"event_detection: expected a period above 0 seconds, got {period}")
    return Task(
        name="event_detection",
        kind="events",
        target="events in time",
        objective=binary_cross_entropy,
        activation="sigmoid",
        judge=_EventFigures(period),
        metric="val_event_f1",
        maximize=True,
        label_smoothing=label_smoothing,
        class_weight=class_weight,
        positive_weight=positive_weight,
        period=period,
    )


def with_period(task: Task, period: float) -> Task:
    """Return the task for a model with so many seconds from one step to the next; one that says them keeps them."""
    return task if task.period is not None else replace(task, period=period, judge=_EventFigures(period))


@dataclass(frozen=True)
class _EventFigures:
    """The figures of events; equal periods are equal values."""

    period: float | None

    def __call__(self, probabilities: Sequence[np.ndarray], targets: np.ndarray) -> dict[str, float]:
        if self.period is None:
            raise InputError("event_detection: expected to know how many seconds a step is; give period=")
        truths, classes = [target[target[:, 2] >= 0] for target in targets], probabilities[0].shape[1]
        medians = metrics.usual_medians(truths, classes)
        found = [metrics.found_events(np.nan_to_num(p), self.period, medians=medians) for p in probabilities]
        both, segments = metrics.event_based(truths, found, classes), metrics.segment_based(truths, found, classes)
        return {"event_f1": both.f1, "segment_f1": segments.f1}


def _accuracy(probabilities: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    return {"accuracy": float((probabilities.argmax(axis=-1) == targets).mean())}


def _mean_average_precision(probabilities: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    # Numbers that are not finite are told by the loss; a figure must not stop the run in its place.
    return {"map": float(metrics.average_precision(targets, np.nan_to_num(probabilities)))}


def _errors(predictions: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    figures = metrics.per_number(targets, np.nan_to_num(predictions))
    return {"mae": float(figures.mae.mean()), "r2": metrics.mean_known(figures.r2)}


def _weights(task: str, name: str, weights: Any) -> tuple[float, ...]:
    array = np.asarray(weights, np.float64)
    if array.ndim != 1 or not np.isfinite(array).all() or (array < 0).any() or not array.any():
        raise InputError(f"{task}: expected {name} [classes] from 0 upwards, and not all 0, got {weights}")
    return tuple(array.tolist())


TASKS: dict[str, Task] = {task.name: task for task in (classification(), tagging(), regression(), event_detection())}
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
        `classification` for ``[n]`` integers from 0 upwards, class indices; `tagging` for ``[n, classes]`` integers or
        booleans, 0 or 1; `regression` for ``[n]`` or ``[n, k]`` floating-point numbers; `event_detection` for
        ``[n, most, 3]`` floating-point numbers.

    Raises:
        InputError: no task fits; the message says what is supported.
    """
    array = np.asarray(targets)
    whole = np.issubdtype(array.dtype, np.integer)
    if array.ndim == 1 and whole and (array.size == 0 or array.min() >= 0):
        return TASKS["classification"]
    if array.ndim == 2 and (whole or array.dtype == bool) and np.isin(array, (0, 1)).all():
        return TASKS["tagging"]
    if array.ndim in (1, 2) and np.issubdtype(array.dtype, np.floating):
        return TASKS["regression"]
    if array.ndim == 3 and array.shape[2] == 3 and np.issubdtype(array.dtype, np.floating):
        return TASKS["event_detection"]
    raise InputError(
        f"no task fits targets of {array.dtype} {array.shape}: expected class indices, integers [n] from 0 upwards "
        f"({TASKS['classification'].target}), integers [n, classes] of 0 and 1 ({TASKS['tagging'].target}) or "
        "floating-point numbers [n] or [n, k], or events [n, most, 3]"
    )
