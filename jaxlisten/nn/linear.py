"""The affine layer."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from jaxlisten.nn.layer import channels_of, layer, positive, same_channels
from jaxlisten.nn.time import Stepwise
from jaxlisten.types import Array, Params, State

_glorot_uniform = jax.nn.initializers.glorot_uniform()


@layer
class Dense(Stepwise):
    """Affine map of the last axis: ``y = x W + b``, ``[*batch, channel]`` to ``[*batch, units]``.

    Args:
        units: size of the output.
        bias: whether b is there.

    Reference:
        `flax.nnx.Linear`. W starts as Glorot and Bengio 2010 (uniform), b as 0.
    """

    units: int
    bias: bool = True

    def __post_init__(self) -> None:
        positive(self, "units")

    def init(self, key: Array, x: Any) -> tuple[Params, State]:
        params = {"kernel": _glorot_uniform(key, (channels_of(self, x), self.units), jnp.float32)}
        return params | ({"bias": jnp.zeros(self.units)} if self.bias else {}), {}

    def forward(
        self, params: Params, state: State, x: Array, valid: Array | None, *, key: Array | None, train: bool
    ) -> tuple[Array, State]:
        same_channels(self, x, params["kernel"].shape[0])
        y = x @ params["kernel"].astype(x.dtype)
        return (y + params["bias"].astype(x.dtype) if self.bias else y), state
