"""Numbers over time as they are at each step."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp

from jaxlisten.types import Array


@functools.partial(jax.jit, static_argnames=("steps", "period"))
def frame_values(contours: Array, steps: int, period: float) -> jax.Array:
    """Tell the numbers at each step, on the line between the points to either side.

    Step i stands for the time from ``i * period`` to ``(i + 1) * period``, and has the numbers of its middle.

    Args:
        contours: ``[*batch, m, k, 2]``: time in seconds and value of each point, in the order of time; the last point
            may be repeated. A value that is not known is NaN.
        steps: how many there are.
        period: seconds from one step to the next.

    Returns:
        Float32 ``[*batch, steps, k]``; NaN before the first point, behind the last one, and between two points one of
        which is not known.

    Example:
        >>> line = jnp.array([[[0.0, 1.0]], [[1.0, 3.0]]])
        >>> frame_values(line, 3, 0.5)[:, 0].tolist()
        [1.5, 2.5, nan]
    """
    contours = jnp.asarray(contours, jnp.float32)
    middle = (jnp.arange(steps, dtype=jnp.float32) + 0.5) * period

    def one(times: Array, values: Array) -> Array:
        after = jnp.clip(jnp.searchsorted(times, middle, side="right"), 1, len(times) - 1)
        left, right = times[after - 1], times[after]
        share = (middle - left) / jnp.where(right > left, right - left, 1.0)
        between = values[after - 1] + share * (values[after] - values[after - 1])
        return jnp.where((middle >= times[0]) & (middle <= times[-1]), between, jnp.nan)

    rows = jnp.moveaxis(contours, -2, -3).reshape(-1, *contours.shape[-3::2])  # [batch * k, m, 2]
    found = jax.vmap(one)(rows[..., 0], rows[..., 1])
    return jnp.moveaxis(found.reshape(*contours.shape[:-3], contours.shape[-2], steps), -1, -2)
