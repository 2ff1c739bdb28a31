"""The tasks of autoencoders, which learn from clips alone: to put together again what went through a narrow code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxlisten.augment import Augmentation, Noise
from jaxlisten.errors import InputError
from jaxlisten.tasks.task import Task
from jaxlisten.types import Array, Batch


def reconstruction() -> Task:
    """Make the task of reconstruction: clips without labels, and a model that says how badly it puts each together.

    The model gives errors ``[batch, 1]``, as one that ends in a `jaxlisten.Reconstruction` and a pool does, and their
    mean is the loss. The best epoch is the one with the least ``val_loss``.

    Example:
        >>> float(reconstruction().loss(np.array([[1.0], [2.0]]), np.zeros((2, 0))))
        1.5
    """
    return Task(
        name="reconstruction",
        kind="none",
        target="clips without labels",
        objective=mean_error,
        activation="identity",
        judge=_nothing,
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
    return Task(
        name="denoising",
        kind="none",
        target="clips without labels",
        objective=mean_error,
        activation="identity",
        judge=_nothing,
        metric="val_loss",
        maximize=False,
        pretext=_Corrupted(chosen),
    )


@dataclass(frozen=True)
class _Corrupted:
    """Clips with something done to them, and as they were."""

    how: Augmentation

    def __call__(self, key: Array, batch: Batch) -> Batch:
        return self.how(key, batch)._replace(y=batch.x)


def mean_error(errors: Array, y: Any, weight: Array | None = None) -> jax.Array:
    """Compute the weighted mean of what a model says of each item, ``[batch, 1]``; `y` is not looked at.

    Raises:
        InputError: the errors are not one number an item.
    """
    errors = jnp.asarray(errors, jnp.float32)
    if errors.ndim != 2 or errors.shape[1] != 1:
        raise InputError(
            f"reconstruction: expected errors [batch, 1] from the model, got {errors.shape}; does it end in a "
            "Reconstruction and a pool?"
        )
    w = jnp.ones(len(errors), jnp.float32) if weight is None else jnp.asarray(weight, jnp.float32)
    # Masking the errors, and not only the mean, keeps the NaN of an absent item out of the gradient.
    total = (w * jnp.where(w > 0, errors[:, 0], 0.0)).sum()
    return total / jnp.maximum(w.sum(), 1e-9)


def _nothing(said: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    """There is nothing that could be right or wrong: the loss says it all."""
    return {}
