"""The default recipe: one for every data set."""

from __future__ import annotations

import functools
from typing import Any

import jax
import numpy as np
import optax

from jaxlisten.augment import Augmentation, Chain, Noise, Speed
from jaxlisten.data.targets import OF_WHOLE_CLIPS, number_rows
from jaxlisten.nn import Layer, OnStreams, Rescaling
from jaxlisten.tasks import Task, classification, dictation
from jaxlisten.train.step import Settings


def default_epochs(steps_per_epoch: int, task: Task, model: Layer | None = None) -> int:
    """Choose how many passes a run makes, at least 10 and at most 100: with more clips fewer passes, and more steps.

    Args:
        steps_per_epoch: steps of a pass.
        task: with one target a clip 28 passes of 72 steps are made (2,300 clips), and 52 of 9; otherwise a third more.
        model: one that hears streams (`jaxlisten.OnStreams`) has targets all along, whatever the task.
    """
    whole = task.kind in OF_WHOLE_CLIPS and not isinstance(model, OnStreams)
    return max(10, min(100, round((28 if whole else 37) * (72 / max(1, steps_per_epoch)) ** 0.3)))


@functools.cache
def default_optimizer(steps: int, *, peak: float = 3e-3, weight_decay: float = 1e-2) -> optax.GradientTransformation:
    """AdamW over one cycle: the rate rises for a fifth of the steps and then falls to almost nothing.

    Args:
        steps: of the whole run.
        peak: the highest learning rate.
        weight_decay: of matrices and kernels; biases and scales are left alone.

    Reference:
        Loshchilov and Hutter 2019; Smith and Topin 2019 (one cycle).
    """
    schedule = optax.warmup_cosine_decay_schedule(
        peak / 25, peak, warmup_steps=max(1, steps // 5), decay_steps=max(2, steps), end_value=peak / 1000
    )
    return _clipped_adamw(schedule, weight_decay)


_FINE = 100_000
_UNIT = optax.warmup_cosine_decay_schedule(1 / 25, 1.0, warmup_steps=_FINE // 5, decay_steps=_FINE, end_value=1 / 1000)
"""The one cycle of `default_optimizer` with a peak of 1, over many more steps than any run takes."""


def optimizer_of(settings: Settings) -> optax.GradientTransformation:
    """Return the optimizer of `default_optimizer` made of numbers that may be traced, for `jaxlisten.fit_many`.

    One compiled step then does for runs of any length and rate. It rises for a fifth of the steps exactly, where
    `default_optimizer` takes whole steps.

    Args:
        settings: ``steps`` of the whole run, ``learning_rate`` at the peak, and ``weight_decay``.
    """

    def schedule(count: Any) -> Any:
        return settings["learning_rate"] * _UNIT(count * (_FINE / settings["steps"]))

    return _clipped_adamw(schedule, settings["weight_decay"])


def _clipped_adamw(schedule: optax.Schedule, weight_decay: Any) -> optax.GradientTransformation:
    decayed = functools.partial(jax.tree.map, lambda a: a.ndim > 1)
    return optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(schedule, weight_decay=weight_decay, mask=decayed))


def default_task(task: Task) -> Task:
    """Return the task with what the recipe adds for training: label smoothing, where there is one class at a time."""
    if task.taught:
        return dictation(label_smoothing=0.1)
    return classification(label_smoothing=0.1) if task.kind == "class" else task


def default_units(targets: np.ndarray) -> Rescaling:
    """Choose the units of a model that learns numbers: what is learned has mean 0 and deviation 1, each on its own.

    Args:
        targets: the numbers of the training's clips, ``[n]``, ``[n, k]``, or over time ``[n, most, k, 2]``.

    Returns:
        The last layer of the model, which gives the numbers in their own units.
    """
    numbers = number_rows(np.asarray(targets)).astype(np.float64)
    spread = numbers.std(axis=0)
    return Rescaling(
        scale=tuple(np.where(spread > 0, spread, 1.0).tolist()), offset=tuple(numbers.mean(axis=0).tolist())
    )


def default_augment(task: Task) -> Augmentation | None:
    """Choose what is varied in training: speed, and with it the pitch, and noise. Numbers may mean either: nothing.

    The models of `jaxlisten.models` mask parts of the spectrum besides.
    """
    return None if task.kind in ("numbers", "contours") else Chain((Speed(whole=task.kind == "transcripts"), Noise()))
