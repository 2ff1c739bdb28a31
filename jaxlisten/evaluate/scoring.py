"""Running a model over every clip of a data set."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxlisten import tasks
from jaxlisten.data import Dataset, batches, bucket_lengths, unlabelled
from jaxlisten.data.transcripts import END
from jaxlisten.errors import InputError, ListenWarning
from jaxlisten.evaluate.anomaly import evaluate_anomalies
from jaxlisten.evaluate.contours import evaluate_contours
from jaxlisten.evaluate.contrast import evaluate_contrast
from jaxlisten.evaluate.embedding import embed
from jaxlisten.evaluate.events import evaluate_events
from jaxlisten.evaluate.filters import learned_filters
from jaxlisten.evaluate.labels import LabelReport
from jaxlisten.evaluate.maps import Method, embedding_map
from jaxlisten.evaluate.numbers import NumberReport
from jaxlisten.evaluate.report import Report
from jaxlisten.evaluate.transcripts import TranscriptReport, check_beam, searched
from jaxlisten.heard import known
from jaxlisten.nn import Layer, summary
from jaxlisten.runs import Fitted, versions
from jaxlisten.tasks import Task
from jaxlisten.types import Array, Batch, Padded, Params, State

REPORTS: dict[str, type[Report] | type[LabelReport] | type[NumberReport] | type[TranscriptReport]] = {
    "class": Report,
    "labels": LabelReport,
    "numbers": NumberReport,
    "transcripts": TranscriptReport,
}
"""The report on each kind of target."""


class Scores(NamedTuple):
    """What a model says about some items.

    Attributes:
        probabilities: ``[n, classes]``, what the task's link makes of the logits; where they are to be numbers, the
            numbers; of transcripts their symbols, ``[n, most]`` with -1 behind the end of each. Of a model that answers
            at every step a `Padded` of a batch, and of all items a tuple of ``[steps, classes]``.
        loss: mean loss over the items that are present, a scalar.
        weight: sum of the items' weights, a scalar.
    """

    probabilities: Array
    loss: Array
    weight: Array


EvalStep = Callable[[Params, State, Batch], Scores]


def make_eval_step(model: Layer, task: Task | str = "classification") -> EvalStep:
    """Return the jitted function ``(params, state, batch) -> Scores``.

    The model is vmapped over the items, so nothing in a batch can change what is said about a clip. Steps made for
    equal models share one compilation a shape.
    """
    return functools.partial(_eval_step, model, tasks.find(task) if isinstance(task, str) else task, 1)


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _eval_step(model: Layer, task: Task, beam: int, params: Params, state: State, batch: Batch) -> Scores:
    logits = jax.vmap(lambda x: model.apply(params, state, x)[0])(batch.x)
    answered, posed = logits, task.posed(jax.random.key(0), batch)
    if task.taught or task.pretext is not None:
        answered = jax.vmap(lambda x, y: model.apply(params, state, task.given(x, y))[0])(posed.x, posed.y)
    answers = task.answers(logits) if beam == 1 else searched(model, task, beam, params, state, batch.x, logits)
    return Scores(answers, task.loss(answered, posed.y, batch.weight), jnp.sum(batch.weight))


def score(step: EvalStep, params: Params, state: State, batches: Iterable[tuple[np.ndarray, Batch]]) -> Scores:
    """Score batches and put the answers in the order of the clips.

    Args:
        step: from `make_eval_step`.
        params, state: of the model.
        batches: of each, the places of its present items in the order that is wanted, and the batch; present items
            come first in a batch.

    Returns:
        NumPy arrays over all items; absent items count nowhere.
    """
    # Everything is dispatched before anything is read, so that the device never waits for the host.
    pending = [(indices, step(params, state, batch)) for indices, batch in batches]
    places = np.concatenate([indices for indices, _ in pending])
    results = [jax.device_get(result) for _, result in pending]
    found = [
        _present(result.probabilities, len(indices)) for (indices, _), result in zip(pending, results, strict=True)
    ]
    if not isinstance(found[0], list):
        found = widened(found)
    weights = np.array([result.weight for result in results], np.float64)
    losses = np.array([result.loss for result in results], np.float64)
    return Scores(_in_order(places, found), (losses * weights).sum() / max(weights.sum(), 1.0), weights.sum())


def _present(said: Any, n: int) -> Any:
    """Return what is said of the first `n` items of a batch, without the padding."""
    if not isinstance(said, Padded):
        return said[:n]
    return [steps[:length] for steps, length in zip(said.values[:n], said.length[:n].tolist(), strict=True)]


def _in_order(places: np.ndarray, found: list[Any]) -> Any:
    """Join what is said of the items of all batches, in the order of their places."""
    if isinstance(found[0], list):
        each = [steps for batch in found for steps in batch]
        return tuple(each[i] for i in np.argsort(places))
    probabilities = np.empty((len(places), *found[0].shape[1:]), found[0].dtype)
    probabilities[places] = np.concatenate(found)
    return probabilities


def widened(answers: list[np.ndarray]) -> list[np.ndarray]:
    """Give answers one width: those to shorter clips have room for fewer symbols."""
    widths = [one.shape[-1] for one in answers]
    if len(set(widths)) < 2:
        return answers
    rest = [[(0, 0)] * (one.ndim - 1) + [(0, max(widths) - one.shape[-1])] for one in answers]
    return [np.pad(one, width, constant_values=-1) for one, width in zip(answers, rest, strict=True)]


def evaluate(
    fitted: Fitted,
    data: Dataset,
    *,
    batch_size: int = 64,
    title: str = "",
    about: Any = None,
    by: Literal["group", "fold"] = "group",
    beam: int = 1,
    map: Method | None = None,
) -> Any:
    """Score every clip of a data set.

    Args:
        fitted: a trained listener, from `jaxlisten.fit` or `jaxlisten.load`.
        data: clips at the listener's sample rate, with some or all of its classes or labels, or all its numbers.
        batch_size: clips a step; it changes the speed only.
        title: heading of the report.
        about: what to say about the data in the report, a dict; how the listener was trained is added to it.
        by: whether ``by_group`` of the report tells of the data's groups (such as speakers) or of its folds.
        beam: of transcripts, how many sequences the search for the most probable one keeps; 1: the most probable
            symbol is taken at each step.
        map: draw a map of the clips into the report, by their embeddings (`jaxlisten.embed`, of an autoencoder by its
            description of each): "pca" or "tsne"; see `jaxlisten.embedding_map`.

    Returns:
        A `Report` for one class a clip, a `LabelReport` for several labels, a `NumberReport` for numbers, a
        `ContourReport` for numbers over time and an `EventReport` for events in time, which hear recordings whole,
        whatever their length, a `TranscriptReport` for transcripts, an `AnomalyReport` of a listener that knows what is
        normal (`jaxlisten.calibrate`), a `ContrastReport` of a run that has learned by contrast. Clips that the
        listener was trained on are named in its ``trained_on``, and a `ListenWarning` tells of them; those that its
        best epoch was chosen by, in ``chosen_by``.

    Raises:
        InputError: the sample rates differ, the targets are of another kind than the listener's, a class is unknown to
            it, or there are no clips.
    """
    fitted = getattr(fitted, "fitted", fitted)
    if fitted.task.name == "contrast":
        data = unlabelled(data)  # what is known of them is not asked for
    _check(fitted, data)
    check_beam("evaluate", fitted.task, beam)
    if by not in ("group", "fold"):
        raise InputError(f"evaluate: expected by 'group' or 'fold', got {by!r}")
    trained, chosen = _known(fitted, data)
    fields = {
        "history": fitted.history,
        "best_epoch": fitted.best_epoch,
        "title": title,
        "about": {**(about or {}), **_made(fitted)},
        "groups": data.groups if by == "group" else data.folds,
        "data": data,
        "model": str(summary(fitted.model, fitted.item)),
        "filters": learned_filters(fitted),
        "trained_on": trained,
        "chosen_by": chosen,
        "places": None if map is None else embedding_map(_embedded(fitted, data), map),
    }
    if fitted.task.name == "contrast":
        return evaluate_contrast(fitted, **fields)
    if fitted.task.kind == "none":
        return evaluate_anomalies(fitted, data, **fields)
    if data.kind == "events":
        return evaluate_events(fitted, data, **fields)
    if data.kind == "contours":
        return evaluate_contours(fitted, data, **fields)
    step = functools.partial(_eval_step, fitted.model, fitted.task, beam)
    scores = score(step, fitted.params, fitted.state, batches(data, batch_size, bucket_lengths(data.lengths)))
    return REPORTS[fitted.task.kind](
        fitted.classes, _in_places(data, fitted.classes), scores.probabilities, data.paths, **fields
    )


def _made(fitted: Fitted) -> dict[str, dict[str, Any]]:
    """Say how a listener was trained, and with what, as far as it is known: groups of the report's settings."""
    about = {key: value if isinstance(value, dict) else {} for key, value in fitted.about.items()}
    own = ("data", "epochs", "batch_size", "seed", "fingerprint")  # they are said elsewhere, or below
    asked = {
        key: value for key, value in about.get("command", {}).items() if key not in own and value not in (None, False)
    }
    clips = {"clips": about["data"]["clips"]} if "clips" in about.get("data", {}) else {}
    seed = {"seed": fitted.about["seed"]} if "seed" in fitted.about else {}
    made = {
        "training": clips | about.get("training", {}) | seed | asked,
        "versions": about.get("versions") or versions(),
    }
    return made if made["training"] else {}


def _embedded(fitted: Fitted, data: Dataset) -> np.ndarray:
    """Return the rows that a map is drawn by."""
    if fitted.task.kind != "none":
        return embed(fitted, data)
    return embed(fitted, data, until="description")[:, 1:]


def _known(fitted: Fitted, data: Dataset) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Name the clips that a listener was trained on, with a warning, and those that it was chosen by."""
    if fitted.heard is None:
        return (), ()
    trained, chosen = (known(data, digests) for digests in fitted.heard)
    if trained:
        warnings.warn(
            f"evaluate: {len(trained):,} of {len(data):,} clips were trained on, such as '{trained[0]}': of clips that "
            "the listener does not know it is right less often",
            ListenWarning,
            stacklevel=3,
        )
    return trained, chosen


def _check(fitted: Fitted, data: Dataset) -> None:
    """Refuse data that a listener can't be scored on."""
    if not len(data):
        raise InputError("evaluate: expected at least one clip, got none")
    if data.sr != fitted.sr:
        raise InputError(
            f"evaluate: expected clips at {fitted.sr} Hz, as the model was trained, got {data.sr} Hz; "
            f"read them with sr={fitted.sr}"
        )
    if fitted.task.kind == "none":
        return
    unknown = [name for name in data.classes if name not in fitted.classes]
    if unknown:
        raise InputError(
            f"evaluate: the listener does not know the class {unknown[0]!r}; it knows {', '.join(fitted.classes)}"
        )
    if data.kind != fitted.task.kind:
        raise InputError(
            f"evaluate: the listener has learnt {fitted.task.target}, but the data has targets of the kind "
            f"{data.kind!r}, {data.targets.dtype} {list(data.targets.shape)}"
        )
    missing = [name for name in fitted.classes if name not in data.classes]
    if data.kind in ("numbers", "contours") and missing:
        raise InputError(f"evaluate: expected the numbers {', '.join(fitted.classes)}; the data lacks {missing[0]!r}")


def _in_places(data: Dataset, classes: tuple[str, ...]) -> np.ndarray:
    """Bring the targets into the order of the listener's classes. A label that the data doesn't name holds nowhere."""
    known = np.array([classes.index(name) for name in data.classes])
    if data.kind == "class":
        return known[data.targets]
    if data.kind == "transcripts":
        return np.append(known, END)[data.targets]
    placed = np.zeros((len(data), len(classes)), data.targets.dtype)
    placed[:, known] = data.targets.reshape(len(data), len(known))
    return placed
