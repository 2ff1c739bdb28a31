"""Making answers independent of how loud a recording is."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from jaxlisten import ops
from jaxlisten.errors import refuse
from jaxlisten.nn.layer import channels_of, layer
from jaxlisten.nn.time import Reach, Windowed, check_window, reach_of
from jaxlisten.types import Array, Params, State


@layer
class AutoGain(Windowed):
    """Automatic gain control in decibels: ``[*batch, time, channel]``, levels in dB, to 0 at the peak and below.

    Each step is measured against the highest level of any channel in a window around it, and what lies far below that
    is cut off, digital silence with it::

        p[t] = max(x[s, c] for s in the window of t, for all c),      y[t, c] = max(x[t, c] - p[t], -range_db)

    A recording that is louder or softer as a whole gives the same answer.

    Args:
        window: steps that count.
        lookahead: how many of them lie in the future of the step. None: half of them, which centres the window, so that
            what comes before a sound is measured against the sound; 0: causal. The streaming form is late by that many
            steps.
        range_db: how far below the peak levels are still told apart, above 0.
    """

    window: int
    lookahead: int | None = None
    range_db: float = 60.0

    def __post_init__(self) -> None:
        check_window(self)
        if self.range_db <= 0:
            refuse(self, "range_db above 0", str(self.range_db))

    def reach(self) -> Reach:
        return reach_of(self)

    def init(self, key: Array, x: Any) -> tuple[Params, State]:
        channels_of(self, x, least_ndim=2)
        return {}, {}

    def forward(
        self, params: Params, state: State, x: Array, valid: Array, *, key: Array | None, train: bool
    ) -> tuple[Array, State]:
        left, right, _ = self.reach()
        levels = ops.widened(x)
        loudest = jnp.where(valid, levels.max(-1), -jnp.inf)
        peak = ops.sliding_max(loudest, self.window)[..., None]
        now = levels[..., left : x.shape[-2] - right, :]
        # Beyond the ends, where no step of the window is valid, there is no peak: those outputs don't count.
        y = jnp.maximum(now - jnp.where(peak == -jnp.inf, 0.0, peak), -self.range_db)
        return y.astype(x.dtype), state
