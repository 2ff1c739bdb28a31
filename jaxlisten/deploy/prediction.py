"""What a listener says of recordings."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxlisten.data.transcripts import text_of
from jaxlisten.deploy.pieces import Piece
from jaxlisten.deploy.transcribing import spelled
from jaxlisten.detect import FoundEvent, anomaly_rule
from jaxlisten.errors import InputError
from jaxlisten.nn import Layer
from jaxlisten.runs import Fitted
from jaxlisten.tasks import HOLDS, Task
from jaxlisten.types import Array, Params, State


class Prediction(NamedTuple):
    """What a listener says about one recording.

    Attributes:
        label: the most probable class or label; "" where it says numbers.
        probability: of that class or label, from 0 to 1; NaN where it says numbers.
        top: every class or label with its probability, the most probable first; empty where it says numbers.
        labels: where a recording may have several labels or none, those that it has: of a probability of 1/2 or more.
            Otherwise the one class, or nothing where it says numbers.
        numbers: each number by its name; empty where it says classes or labels.
        events: where it says what is heard when, what was found, in the order of time. `label` and `top` are then by
            the highest probability at any step, and `labels` those of the events.
        transcript: what is said, where it has learnt transcripts; all else is then as of numbers.
        symbols: of the transcript, one by one.
        contour: where it says numbers over time, a row for each step: the time of its middle in seconds, and the
            numbers in the order of `numbers`, which are then their means.
        novelty: where it knows what is normal, how strange the recording is. The label is then "normal", or
            "anomalous" from the threshold upwards; the rest is as of numbers.
        threshold: of the novelty.
    """

    label: str
    probability: float
    top: tuple[tuple[str, float], ...]
    labels: tuple[str, ...] = ()
    numbers: tuple[tuple[str, float], ...] = ()
    events: tuple[FoundEvent, ...] = ()
    transcript: str = ""
    symbols: tuple[str, ...] = ()
    contour: tuple[tuple[float, ...], ...] = ()
    novelty: float = math.nan
    threshold: float = math.nan


class Window(NamedTuple):
    """What a listener says about one window of a recording.

    Attributes:
        start: where it begins, in seconds.
        end: where it ends, in seconds.
        said: about the sound between them.
    """

    start: float
    end: float
    said: Prediction


def check_answers(fitted: Fitted) -> None:
    """Refuse a run that says nothing of a clip, because it has learned from clips without labels alone.

    Raises:
        InputError: it is one.
    """
    if fitted.task.name == "contrast":
        raise InputError(
            "this run has learned no classes, only to tell clips apart; make a listener of it with jl.transfer, or "
            "jaxlisten train DATA --from RUN"
        )
    if fitted.task.kind == "none":
        anomaly_rule(fitted.about)


def prediction(said: np.ndarray, fitted: Fitted, beam: int = 1) -> Prediction:
    """Put scores ``[classes]``, or those of each step, into words."""
    if fitted.task.kind == "transcripts":
        symbols = spelled(said[~np.isnan(said).any(axis=1)], fitted.classes, fitted.task, beam)
        return Prediction("", math.nan, (), transcript=text_of(symbols, fitted.classes), symbols=symbols)
    if fitted.task.kind in ("numbers", "contours"):
        return Prediction("", math.nan, (), numbers=tuple(zip(fitted.classes, said.tolist(), strict=True)))
    if fitted.task.kind == "none":
        novelty, (threshold, _) = float(said[1]), anomaly_rule(fitted.about)
        label = "anomalous" if novelty >= threshold else "normal"
        return Prediction(label, math.nan, (), novelty=novelty, threshold=threshold)
    top = tuple((fitted.classes[i], float(said[i])) for i in np.argsort(-said, kind="stable"))
    several = fitted.task.kind == "labels"
    labels = tuple(name for name, probability in top if probability >= HOLDS) if several else (top[0][0],)
    return Prediction(*top[0], top, labels)


@functools.partial(jax.jit, static_argnums=(0, 1))
def probabilities(model: Layer, task: Task, params: Params, state: State, x: Any) -> Array:
    """Return what a model says of a batch, ``[batch, classes]``."""
    return task.link(model.apply(params, state, x)[0])


def means(heard: Iterable[tuple[Piece, np.ndarray]]) -> Iterator[Any]:
    """Yield for each recording the mean of what is said about its pieces, ``[classes]``, or its error."""
    total, n = np.zeros(()), 0
    for piece, scores in heard:
        if piece.error is None:
            total, n = total + scores, n + 1
        if piece.last:
            yield piece.error or (total / n).astype(np.float32)
            total, n = np.zeros(()), 0
