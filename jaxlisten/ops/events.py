"""Events as what holds at each step."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxlisten.types import Array


def frame_targets(events: Array, steps: int, classes: int, period: float) -> jax.Array:
    """Tell at which steps each class is there.

    Step i stands for the time from ``i * period`` to ``(i + 1) * period``. An event holds at the steps whose middle is
    in it, and one that is shorter than a step at the step that is nearest to its beginning.

    Args:
        events: ``[*batch, m, 3]``: start and end in seconds, and the index of the class; a class below 0 is no event.
        steps: how many there are.
        classes: how many there are.
        period: seconds from one step to the next.

    Returns:
        Float32 ``[*batch, steps, classes]``, 0 or 1.

    Example:
        >>> frame_targets(jnp.array([[0.5, 1.5, 1]]), 4, 2, 0.5)[:, 1].tolist()
        [0.0, 1.0, 1.0, 0.0]
    """
    events = jnp.asarray(events, jnp.float32)
    first, last = (jnp.round(events[..., k] / period) for k in (0, 1))
    step = jnp.arange(steps, dtype=jnp.float32)[:, None]
    there = (step >= first[..., None, :]) & (step < jnp.maximum(last, first + 1)[..., None, :])
    label = jax.nn.one_hot(events[..., 2].astype(jnp.int32), classes)  # of a class below 0 it is all zero
    return (there.astype(jnp.float32) @ label > 0).astype(jnp.float32)
