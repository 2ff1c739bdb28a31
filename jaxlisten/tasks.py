"""Tasks: what kind of target a model learns, and with it the loss, the link, the figures and the best epoch.

A run folder stores the name of its task only. `find` looks it up in `TASKS`, so a new task is one more entry there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from jaxlisten import metrics
from jaxlisten.errors import InputError
from jaxlisten.losses import binary_cross_entropy, cross_entropy, ctc, mean_squared_error, next_symbol
from jaxlisten.ops.ctc import ctc_said, ctc_searched, written
from jaxlisten.types import Array, Padded, Prompted

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
        special: how many logits come before those of the classes: the blank, or the end, of transcripts.
        decoder: ``logits -> symbols``, what answers a batch where the link of its logits is no answer yet.
        taught: whether the model is given the targets in training, and for the loss, to say each from those before it.
    """

    name: str
    kind: Literal["class", "labels", "numbers", "transcripts"]
    target: str
    objective: Callable[..., jax.Array]
    activation: str
    judge: Callable[[np.ndarray, np.ndarray], Mapping[str, float]]
    metric: str
    maximize: bool
    label_smoothing: float = 0.0
    class_weight: tuple[float, ...] | None = None
    positive_weight: tuple[float, ...] | None = None
    special: int = 0
    decoder: Callable[[Any], jax.Array] | None = None
    taught: bool = False

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
        """What the outputs of a model stand for: "classes", "labels", "numbers" or "symbols"."""
        return {"class": "classes", "transcripts": "symbols"}.get(self.kind, self.kind)

    def answers(self, logits: Any) -> jax.Array:
        """Make of logits what a report is about: predictions, or of transcripts their symbols.

        Args:
            logits: what the model returns for a batch.

        Returns:
            ``[batch, classes]``; of transcripts int32 ``[batch, most]``, -1 behind the end of each.
        """
        return self.link(logits) if self.decoder is None else self.decoder(logits)

    def searched(self, logits: Any, beams: int) -> jax.Array:
        """Make of logits of CTC the transcripts that are most probable over all paths, by beam search.

        Args:
            logits: what the model returns for a batch.
            beams: how many sequences are kept at each frame.

        Returns:
            int32 ``[batch, frames]``, -1 behind the end of each.

        Raises:
            InputError: the logits are of another task.
        """
        if self.decoder is not ctc_said:
            raise InputError(f"{self.name}: only the logits of transcription, by CTC, can be searched")
        return ctc_searched(logits, beams)

    def given(self, x: Any, y: Any) -> Any:
        """Return what the model takes in training, and for the loss: the input, with the targets where it is taught."""
        return Prompted(x, y) if self.taught else x

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
                count.
            weight: ``[batch]``; 0 marks an absent item, None means that every item counts 1.
            train: whether it is to be trained on, with `label_smoothing` and the weights of the classes. Losses that
                are reported have none, so that runs with different settings can be compared.

        Returns:
            A float32 scalar.

        Raises:
            InputError: the shapes or dtypes don't belong together.
        """
        if isinstance(logits, Padded) and self.kind != "transcripts":
            logits, y, weight = _steps(logits, y, weight)
        if not train:
            return self.objective(logits, y, weight)
        settings: dict[str, Any] = {"label_smoothing": self.label_smoothing} if self.label_smoothing else {}
        for name in ("class_weight", "positive_weight"):
            if (weights := getattr(self, name)) is not None:
                settings[name] = np.array(weights, np.float32)
        return self.objective(logits, y, weight, **settings)


def _steps(logits: Padded, y: Array, weight: Array | None) -> tuple[Array, Array, Array]:
    """Make an item of every step that counts."""
    values, y = logits.values, jnp.asarray(y)
    if y.shape != values.shape[:2]:
        raise InputError(f"loss: expected targets {values.shape[:2]} for logits {values.shape}, got {y.shape}")
    counts = (jnp.arange(y.shape[1]) < logits.length[:, None]) & (y >= 0)
    weights = counts.astype(jnp.float32)
    if weight is not None:
        weights = weights * jnp.asarray(weight, jnp.float32)[:, None]
    return values.reshape(-1, values.shape[-1]), jnp.maximum(y, 0).reshape(-1), weights.reshape(-1)


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
    best: where yours are far from it, divide them first, such as a pitch in Hz by 1000.

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


def transcription() -> Task:
    """Make the task of transcripts by connectionist temporal classification (CTC): what is said, and not when.

    The model gives logits ``[batch, frames, 1 + symbols]``, the blank first, as `jaxlisten.models.ctc` does; targets
    are ``Padded(int32 [batch, longest], int32 [batch])``. The best epoch is the one with the lowest label error rate of
    greedy decoding, ``val_ler``.

    Example:
        >>> transcription().metric, transcription().maximize
        ('val_ler', False)
    """
    return Task(
        name="transcription",
        kind="transcripts",
        target="a transcript per clip",
        objective=ctc,
        activation="softmax",
        judge=_label_error_rate,
        metric="val_ler",
        maximize=False,
        special=1,
        decoder=ctc_said,
    )


def dictation(*, label_smoothing: float = 0.0) -> Task:
    """Make the task of transcripts by a model that writes them symbol by symbol, as `jaxlisten.models.attention` does.

    The model gives logits ``[batch, steps, 1 + symbols]``, the end first. In training it is given the true symbols
    before each (teacher forcing, `jaxlisten.types.Prompted`); otherwise those that it has written itself. The best
    epoch is the one with the lowest label error rate, ``val_ler``.

    Args:
        label_smoothing: as in `classification`, at each step.

    Example:
        >>> dictation(label_smoothing=0.1).taught
        True
    """
    return Task(
        name="dictation",
        kind="transcripts",
        target="a transcript per clip",
        objective=next_symbol,
        activation="softmax",
        judge=_label_error_rate,
        metric="val_ler",
        maximize=False,
        label_smoothing=label_smoothing,
        special=1,
        decoder=written,
        taught=True,
    )


def _label_error_rate(said: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    return {"ler": metrics.label_error_rate(targets, said)}


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


TASKS: dict[str, Task] = {
    task.name: task for task in (classification(), tagging(), regression(), transcription(), dictation())
}
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
        booleans, 0 or 1; `regression` for ``[n]`` or ``[n, k]`` floating-point numbers; `transcription` for int16
        ``[n, longest]``, or a `Padded` of integers.

    Raises:
        InputError: no task fits; the message says what is supported.
    """
    if isinstance(targets, Padded):
        return TASKS["transcription"]
    array = np.asarray(targets)
    if array.ndim == 2 and array.dtype == np.int16:
        return TASKS["transcription"]
    whole = np.issubdtype(array.dtype, np.integer)
    if array.ndim == 1 and whole and (array.size == 0 or array.min() >= 0):
        return TASKS["classification"]
    if array.ndim == 2 and (whole or array.dtype == bool) and np.isin(array, (0, 1)).all():
        return TASKS["tagging"]
    if array.ndim in (1, 2) and np.issubdtype(array.dtype, np.floating):
        return TASKS["regression"]
    raise InputError(
        f"no task fits targets of {array.dtype} {array.shape}: expected class indices, integers [n] from 0 upwards "
        f"({TASKS['classification'].target}), integers [n, classes] of 0 and 1 ({TASKS['tagging'].target}), "
        "floating-point numbers [n] or [n, k], or transcripts, int16 [n, longest] or a Padded of integers"
    )
