"""What the losses share: how items count, and what belongs together."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxlisten.errors import InputError
from jaxlisten.types import Array


def mean(loss: jax.Array, weight: jax.Array) -> jax.Array:
    total = weight.sum()
    return (weight * loss).sum() / jnp.where(total == 0, 1.0, total)


def weights(weight: Array | None, outputs: jax.Array) -> jax.Array:
    """Return the weights of items, in the dtype of the outputs."""
    return jnp.ones(outputs.shape[:1], outputs.dtype) if weight is None else jnp.asarray(weight, outputs.dtype)


def check_pairs(function: str, expected: str, outputs: jax.Array, targets: jax.Array, weight: jax.Array) -> None:
    if outputs.ndim != 2 or targets.shape != outputs.shape or weight.shape != outputs.shape[:1]:
        raise InputError(
            f"{function}: expected {expected}, targets of the same shape and weight [batch], got {outputs.shape}, "
            f"{targets.shape} and {weight.shape}"
        )


def check_smoothing(function: str, label_smoothing: float) -> None:
    if not 0 <= label_smoothing < 1:
        raise InputError(f"{function}: expected label_smoothing from 0 to below 1, got {label_smoothing}")
