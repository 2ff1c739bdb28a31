"""Making answers independent of how loud a recording is."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from jaxlisten import ops
from jaxlisten.errors import refuse
from jaxlisten.nn.layer import channels_of, layer
from jaxlisten.nn.time import Stepwise, silenced
from jaxlisten.types import Array, Chunk, Params, State

_QUIET = -1e4
"""Decibels below everything: the peak before there was a sound."""


@layer
class AutoGain(Stepwise):
    """Automatic gain control in decibels: ``[*batch, time, channel]``, levels in dB, to 0 at the peak and below.

    Each step is measured against the highest level of any channel so far, which is let go of slowly, and what lies far
    below it is cut off, background noise with it::

        p[t] = max(max_c x[t, c], p[t - 1] - release_db),      y[t, c] = max(x[t, c] - p[t], -range_db)

    A recording that is louder or softer as a whole gives the same answer. It sees no future and streams without delay.

    Args:
        range_db: how far below the peak levels are still told apart, above 0.
        release_db: how much the peak falls in a step, from 0 upwards; 0.1 dB every 10 ms is 10 dB in a second.
    """

    range_db: float = 40.0
    release_db: float = 0.1

    def __post_init__(self) -> None:
        if self.range_db <= 0 or self.release_db < 0:
            refuse(self, "range_db above 0 and release_db of 0 or more", f"{self.range_db} and {self.release_db}")

    def init(self, key: Array, x: Any) -> tuple[Params, State]:
        channels_of(self, x, least_ndim=2)
        return {}, {}

    def forward(
        self, params: Params, state: State, x: Array, valid: Array | None, *, key: Array | None, train: bool
    ) -> tuple[Array, State]:
        channels_of(self, x, least_ndim=2)
        return self._run(self._quiet(x), x, valid)[1], state

    def start(self, params: Params, state: State, x: Chunk) -> Any:
        return self._quiet(x.values)

    def step(self, params: Params, state: State, carry: Any, chunk: Chunk) -> tuple[Any, Chunk]:
        carry, y = self._run(carry, silenced(chunk.values, chunk.valid), chunk.valid)
        return carry, Chunk(y, chunk.valid)

    def _quiet(self, x: Array) -> Array:
        return jnp.full(x.shape[:-2], _QUIET, jnp.float64 if x.dtype == jnp.float64 else jnp.float32)

    def _run(self, carry: Array, x: Array, valid: Array | None) -> tuple[Array, Array]:
        levels = ops.widened(x)
        loudest = levels.max(-1)
        if valid is not None:
            loudest = jnp.where(valid, loudest, jnp.asarray(_QUIET, loudest.dtype))
        peak = ops.running_peak(loudest, self.release_db, carry)
        return peak[..., -1], jnp.maximum(levels - peak[..., None], -self.range_db).astype(x.dtype)
