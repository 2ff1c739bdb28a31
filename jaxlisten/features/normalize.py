"""Bringing vectors to length 1."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from jaxlisten.features.inputs import require
from jaxlisten.ops import largest, safe_power
from jaxlisten.types import Array


def normalize(S: Array, *, norm: float | None, axis: int) -> Array:
    """Divide by a norm along an axis. A vector shorter than the least normal number of its dtype stays as it is.

    Args:
        S: any shape, float32 or float64.
        norm: the exponent p of the norm ``(sum of |S| ** p) ** (1 / p)``, above 0; infinity: the largest value;
            None: `S` stays as it is.
        axis: along which a vector runs.

    Returns:
        The shape and dtype of `S`.

    Raises:
        InputError: `norm` is not above 0.

    Reference:
        `librosa.util.normalize`.
    """
    if norm is None:
        return S
    require(norm > 0, "normalize", "norm above 0, infinity or None", norm)
    magnitude = jnp.moveaxis(jnp.abs(S), axis, -1)
    if norm == np.inf:
        length = largest(magnitude)
    else:
        length = safe_power(safe_power(magnitude, norm).sum(axis=-1, keepdims=True), 1 / norm)
    length = jnp.where(length < jnp.finfo(S.dtype).tiny, 1.0, length)
    return S / jnp.moveaxis(length, -1, axis)
