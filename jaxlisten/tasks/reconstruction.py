"""The tasks of autoencoders, which learn from clips alone: to put together again what went through a narrow code."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp

from jaxlisten.augment import Augmentation, Noise
from jaxlisten.errors import InputError
from jaxlisten.losses.common import mean, weights
from jaxlisten.tasks.task import Task, unjudged
from jaxlisten.types import Array, Batch


def reconstruction() -> Task:
    """Make the task of reconstruction: clips without labels, and a model that says how badly it puts each together.

    The model gives ``[batch, k]``, of which the first number is the error of a clip, as that of
    `jaxlisten.models.reconstruction`; the mean of the errors is the loss. The best epoch is the one with
    the least ``val_loss``.

    Example:
        >>> float(reconstruction().loss(jnp.array([[1.0], [2.0]]), jnp.zeros((2, 0))))
        1.5
    """
    return Task(
        name="reconstruction",
        kind="none",
        target="clips without labels",
        objective=mean_error,
        activation="identity",
        judge=unjudged,
        metric="val_loss",
        maximize=False,
    )


def denoising(noise: Augmentation | None = None) -> Task:
    """Make the task of denoising: the model is given clips with noise, and has to put them together without it.

    In training, and for the loss of validation clips, the model gets a `jaxlisten.Pair` of the noisy and the clean
    clips, and gives errors as in `reconstruction`.

    Args:
        noise: what is done to the clips, from `jaxlisten.augment`; it must not move them in time. None: white noise of
            -5 to 15 dB below every clip.

    Example:
        >>> denoising() == denoising()
        True
    """
    chosen = Noise(snr_db=(-5.0, 15.0), share=1.0) if noise is None else noise
    return replace(reconstruction(), name="denoising", pretext=_Corrupted(chosen))


@dataclass(frozen=True)
class _Corrupted:
    """Clips with something done to them, and as they were."""

    how: Augmentation

    def __call__(self, key: Array, batch: Batch) -> Batch:
        return self.how(key, batch)._replace(y=batch.x)


def mean_error(errors: Array, y: Any, weight: Array | None = None) -> jax.Array:
    """Compute the weighted mean of the first number that a model says of each item, ``[batch, k]``; `y` has no part.

    Raises:
        InputError: the model says something else.
    """
    errors = jnp.asarray(errors, jnp.float32)
    if errors.ndim != 2:
        raise InputError(
            f"reconstruction: expected numbers [batch, k] from the model, the error first, got {errors.shape}; is it "
            "one such as jl.models.reconstruction?"
        )
    w = weights(weight, errors)
    # Masking the errors, and not only the mean, keeps the NaN of an absent item out of the gradient.
    return mean(jnp.where(w > 0, errors[:, 0], 0.0), w)
