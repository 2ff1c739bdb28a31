"""A task: a kind of target and what follows from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from jaxlisten.errors import InputError
from jaxlisten.ops import frame_targets, frame_values
from jaxlisten.ops.ctc import ctc_said, ctc_searched
from jaxlisten.types import Array, Batch, Padded, Pair, Prompted

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
        special: how many logits come before those of the classes: the blank, or the end, of transcripts.
        decoder: ``logits -> symbols``, what answers a batch where the link of its logits is no answer yet.
        taught: whether the model is given the targets in training, and for the loss, to say each from those before it.
        pretext: ``(key, batch) -> batch``, what makes something to learn of clips without labels: it changes x,
            and may set y to another form of the same clips. Equal settings are equal values. None: the model finds
            what it learns from in x itself.
        paired: whether the model is given the y of `pretext` too, in a `jaxlisten.types.Pair`.
    """

    name: str
    kind: Literal["class", "labels", "numbers", "contours", "events", "transcripts", "none"]
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
    special: int = 0
    decoder: Callable[[Any], jax.Array] | None = None
    taught: bool = False
    pretext: Callable[[Array, Batch], Batch] | None = None
    paired: bool = True

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
        """What the outputs of a model stand for: "classes", "labels", "numbers", "symbols" or "features"."""
        named = {"class": "classes", "contours": "numbers", "events": "classes", "transcripts": "symbols"}
        named |= {"none": "features"}
        return named.get(self.kind, self.kind)

    @property
    def in_time(self) -> bool:
        """Whether the answers are one every so many seconds: of events, and of numbers over time."""
        return self.kind in ("contours", "events")

    def answers(self, logits: Any) -> Any:
        """Make of logits what a report is about: predictions, or of transcripts their symbols.

        Args:
            logits: what the model returns for a batch.

        Returns:
            ``[batch, classes]``; of a model that answers at every step, a `Padded` of them; of transcripts int32
            ``[batch, most]``, -1 behind the end of each.
        """
        if self.decoder is not None:
            return self.decoder(logits)
        return Padded(self.link(logits.values), logits.length) if isinstance(logits, Padded) else self.link(logits)

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

    def posed(self, key: Array, batch: Batch) -> Batch:
        """Return the batch that is learned from: with its targets, or with what `pretext` sets in their place."""
        return batch if self.pretext is None else self.pretext(key, batch)

    def given(self, x: Any, y: Any) -> Any:
        """Return what the model takes in training, and for the loss: the input, with the targets where it needs them.

        Those are the transcripts that it is taught, or the other form of the clips that `pretext` has made.
        """
        if self.pretext is not None and self.paired:
            return Pair(x, y)
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
                count, events ``[batch, most, 3]``, or contours ``[batch, most, k, 2]``.
            weight: ``[batch]``; 0 marks an absent item, None means that every item counts 1.
            train: whether it is to be trained on, with `label_smoothing` and the weights of the classes. Losses that
                are reported have none, so that runs with different settings can be compared.

        Returns:
            A float32 scalar.

        Raises:
            InputError: the shapes or dtypes don't belong together.
        """
        if self.in_time:
            logits, y = self._framed(logits, y)
        if isinstance(logits, Padded) and self.kind not in ("transcripts", "none"):
            logits, y, weight = _steps(logits, y, weight)
        if not train:
            return self.objective(logits, y, weight)
        settings: dict[str, Any] = {"label_smoothing": self.label_smoothing} if self.label_smoothing else {}
        for name in ("class_weight", "positive_weight"):
            if (weights := getattr(self, name)) is not None:
                settings[name] = np.array(weights, np.float32)
        return self.objective(logits, y, weight, **settings)

    def _framed(self, logits: Any, y: Array) -> tuple[Padded, Array]:
        """Turn targets in time into what they are at every step, ``[batch, steps, classes]``."""
        if not isinstance(logits, Padded):
            logits = Padded(logits, jnp.full(logits.shape[:1], logits.shape[1]))
        events, shape, last = self.kind == "events", jnp.shape(y), tuple(logits.values.shape)[-1:]
        fits = shape[2:] == ((3,) if events else (*last, 2)) and len(shape) == (3 if events else 4)
        if logits.values.ndim != 3 or not fits or shape[0] != logits.values.shape[0]:
            wanted = "events [batch, most, 3]" if events else "contours [batch, most, classes, 2]"
            raise InputError(
                f"{self.name}: expected logits [batch, steps, classes] and {wanted}, got "
                f"{tuple(logits.values.shape)} and {shape}; is the model one for clips? jl.models.event_crnn answers "
                "at every step"
            )
        if self.period is None:
            raise InputError(
                f"{self.name}: expected to know how many seconds a step is; give its period=, as jaxlisten.nn.period "
                "finds it"
            )
        _, steps, classes = logits.values.shape
        if events:
            return logits, frame_targets(y, steps, classes, self.period)
        return logits, frame_values(y, steps, self.period)


def with_period(task: Task, period: float) -> Task:
    """Return the task for a model with so many seconds from one step to the next; one that says them keeps them."""
    judge: Any = task.judge  # of a task in time, a dataclass that needs the period as well
    return task if task.period is not None else replace(task, period=period, judge=replace(judge, period=period))


def unjudged(said: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    """Return no figures: of clips without labels nothing could be right or wrong, and the loss says it all."""
    return {}


def _steps(logits: Padded, y: Array, weight: Array | None) -> tuple[Array, Array, Array]:
    """Make an item of every step that counts."""
    values, y = logits.values, jnp.asarray(y)
    if y.shape not in (values.shape[:2], values.shape):
        raise InputError(f"loss: expected targets {values.shape[:2]} for logits {values.shape}, got {y.shape}")
    counts = jnp.arange(y.shape[1]) < logits.length[:, None]
    if y.ndim == 2:
        counts, y = counts & (y >= 0), jnp.maximum(y, 0)
    elif jnp.issubdtype(y.dtype, jnp.floating):  # what is not known, as between two points of a contour, is NaN
        counts = counts & ~jnp.isnan(y).any(axis=-1)
    weights = counts.astype(jnp.float32)
    if weight is not None:
        weights = weights * jnp.asarray(weight, jnp.float32)[:, None]
    return values.reshape(-1, values.shape[-1]), y.reshape(-1, *y.shape[2:]), weights.reshape(-1)


def _weights(task: str, name: str, weights: Any) -> tuple[float, ...]:
    array = np.asarray(weights, np.float64)
    if array.ndim != 1 or not np.isfinite(array).all() or (array < 0).any() or not array.any():
        raise InputError(f"{task}: expected {name} [classes] from 0 upwards, and not all 0, got {weights}")
    return tuple(array.tolist())
