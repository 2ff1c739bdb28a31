"""Recurrent layers."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from jaxlisten import ops
from jaxlisten.nn.layer import channels_of, layer, positive, same_channels
from jaxlisten.nn.time import Stepwise, silenced
from jaxlisten.types import Array, Chunk, Params, State


@layer
class LSTM(Stepwise):
    """Long short-term memory: ``[*batch, time, channel]`` to the output of every step, ``[*batch, time, units]``.

    Follow it with ``GlobalPool("last")`` for the last valid step. The weights hold the gates in the order i, f, g, o
    along their last axis.

    Args:
        units: size of the memory and of the output.

    Reference:
        `jaxlisten.ops.lstm`. W starts as Glorot and Bengio 2010, U orthogonal, b as 0 but for the forget gate's, which
        is 1 (Jozefowicz et al. 2015).
    """

    units: int

    def __post_init__(self) -> None:
        positive(self, "units")

    def init(self, key: Array, x: Any) -> tuple[Params, State]:
        kernel_key, recurrent_key = jax.random.split(key)
        shape = (channels_of(self, x, least_ndim=2), 4 * self.units)
        square = (self.units, self.units)
        gates = [jax.nn.initializers.orthogonal()(k, square, jnp.float32) for k in jax.random.split(recurrent_key, 4)]
        params = {
            "kernel": jax.nn.initializers.glorot_uniform()(kernel_key, shape, jnp.float32),
            "recurrent": jnp.concatenate(gates, axis=1),
            "bias": jnp.zeros(4 * self.units).at[self.units : 2 * self.units].set(1.0),
        }
        return params, {}

    def forward(
        self, params: Params, state: State, x: Array, valid: Array | None, *, key: Array | None, train: bool
    ) -> tuple[Array, State]:
        return self._run(params, self._rest(x), x, valid)[1], state

    def start(self, params: Params, state: State, x: Chunk) -> Any:
        return self._rest(x.values)

    def step(self, params: Params, state: State, carry: Any, chunk: Chunk) -> tuple[Any, Chunk]:
        carry, y = self._run(params, carry, silenced(chunk.values, chunk.valid), chunk.valid)
        return carry, Chunk(y, chunk.valid)

    def _rest(self, x: Array) -> tuple[Array, Array]:
        zeros = jnp.zeros((*x.shape[:-2], self.units), x.dtype)
        return zeros, zeros

    def _run(self, params: Params, carry: Any, x: Array, valid: Array | None) -> tuple[Any, Array]:
        channels_of(self, x, least_ndim=2)
        same_channels(self, x, params["kernel"].shape[0])
        kernel, recurrent, bias = (params[name].astype(x.dtype) for name in ("kernel", "recurrent", "bias"))
        return ops.lstm(x, kernel, recurrent, bias, carry, valid)
