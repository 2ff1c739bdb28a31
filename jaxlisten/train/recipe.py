"""The default recipe: one for every data set."""

from __future__ import annotations

import functools

import jax
import numpy as np
import optax

from jaxlisten.augment import Augmentation, Chain, Noise, Speed
from jaxlisten.data.targets import number_rows
from jaxlisten.nn import Rescaling
from jaxlisten.tasks import Task, classification, dictation


def default_epochs(steps_per_epoch: int) -> int:
    """Choose how many passes a run makes: about 3,000 steps, but at least 10 and at most 100 passes."""
    return max(10, min(100, round(3000 / max(1, steps_per_epoch))))


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
