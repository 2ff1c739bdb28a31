"""Regularisation by noise."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxlisten.errors import refuse
from jaxlisten.nn.layer import layer
from jaxlisten.nn.time import Stepwise
from jaxlisten.types import Array, Params, State


@layer
class Dropout(Stepwise):
    """With ``train=True``, set values to zero with probability `rate` and scale the others by ``1 / (1 - rate)``.

    Args:
        rate: from 0 to below 1.

    Reference:
        Srivastava et al. 2014.
    """

    rate: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.rate < 1:
            refuse(self, "0 <= rate < 1", str(self.rate))

    def forward(
        self, params: Params, state: State, x: Array, valid: Array | None, *, key: Array | None, train: bool
    ) -> tuple[Array, State]:
        if not train or self.rate == 0:
            return x, state
        if key is None:
            refuse(self, "a key for train=True", "key=None", "pass key=jax.random.key(...)")
        keep = jax.random.bernoulli(key, 1 - self.rate, x.shape)
        return jnp.where(keep, x / (1 - self.rate), 0).astype(x.dtype), state
