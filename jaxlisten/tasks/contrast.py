"""The task of contrast, which learns from clips alone: which two pieces are of one clip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from jaxlisten.augment import Views
from jaxlisten.errors import InputError
from jaxlisten.losses import nt_xent
from jaxlisten.tasks.task import Task, unjudged
from jaxlisten.types import Array


def contrast(*, temperature: float = 0.2, views: Views | None = None) -> Task:
    """Make the task of contrast: clips without labels, and a model that tells clips apart however they are changed.

    In training, and for the loss of validation clips, two pieces are cut out of each clip and changed, each on its own.
    What the model makes of a piece, ``[features]``, is to be nearest to what it makes of the other piece of the same
    clip, among all of the batch (`jaxlisten.losses.nt_xent`). The best epoch is the one with the least ``val_loss``.
    What is worth keeping is what lies below the last dense layer: see `jaxlisten.transfer` and `jaxlisten.embed`.

    Args:
        temperature: above 0.
        views: how pieces are cut and changed; None: `jaxlisten.augment.Views` as it comes.

    Raises:
        InputError: the temperature is out of range.

    Example:
        >>> contrast() == contrast(temperature=0.2)
        True
    """
    if not 0 < temperature < np.inf:
        raise InputError(f"contrast: expected a temperature above 0, got {temperature}")
    return Task(
        name="contrast",
        kind="none",
        target="clips without labels",
        objective=_Contrast(temperature),
        activation="identity",
        judge=unjudged,
        metric="val_loss",
        maximize=False,
        pretext=Views() if views is None else views,
        paired=False,
    )


@dataclass(frozen=True)
class _Contrast:
    """The loss of pairs; equal temperatures are equal values."""

    temperature: float

    def __call__(self, z: Array, y: Any, weight: Array | None = None) -> jax.Array:
        return nt_xent(z, weight, temperature=self.temperature)
