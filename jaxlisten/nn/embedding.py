"""From whole numbers to vectors."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from jaxlisten.errors import refuse
from jaxlisten.nn.layer import layer, positive
from jaxlisten.nn.time import Stepwise, silenced, valid_steps
from jaxlisten.types import Array, Padded, Params, State


@layer
class Embedding(Stepwise):
    """Look up a trained vector for each token: integers ``[*batch, time]`` to ``[*batch, time, size]``.

    A token outside ``0 .. n - 1`` is refused where its value is known (a NumPy array, or a JAX array outside of `jit`),
    gives NaN where it is not, and stops the runtime of an exported model. What stands in padding may be any number.

    Args:
        n: how many tokens there are.
        size: of each vector.

    Reference:
        `flax.nnx.Embed`. The table starts normal with variance ``1 / size``, so that vectors have length 1 or so.

    Example:
        >>> import jax, jaxlisten as jl
        >>> params, state = jl.Embedding(10, 4).init(jax.random.key(0), jax.numpy.zeros(7, int))
        >>> jl.Embedding(10, 4).apply(params, state, jax.numpy.array([3, 1, 4]))[0].shape
        (3, 4)
    """

    n: int
    size: int

    def __post_init__(self) -> None:
        positive(self, "n", "size")

    def init(self, key: Array, x: Any) -> tuple[Params, State]:
        self._check(x.values if isinstance(x, Padded) else x)
        return {"table": jax.random.normal(key, (self.n, self.size)) / jnp.sqrt(1.0 * self.size)}, {}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Array | None = None, train: bool = False
    ) -> tuple[Any, State]:
        if not isinstance(x, Padded):
            self._check(x)
            return self.forward(params, state, x, None, key=key, train=train)
        tokens = silenced(x.values, valid_steps(x))
        self._check(tokens)
        y, state = self.forward(params, state, tokens, None, key=key, train=train)
        return Padded(y, x.length), state

    def forward(
        self, params: Params, state: State, x: Array, valid: Array | None, *, key: Array | None, train: bool
    ) -> tuple[Array, State]:
        return params["table"].at[x].get(mode="fill", fill_value=jnp.nan, wrap_negative_indices=False), state

    def _check(self, tokens: Any) -> None:
        if not jnp.issubdtype(tokens.dtype, jnp.integer):
            refuse(self, "whole numbers x [*batch, time]", str(tokens.dtype), "tokens are needed, not features")
        if isinstance(tokens, Tracer) or not isinstance(tokens, np.ndarray | jax.Array) or not tokens.size:
            return
        least, most = int(np.min(np.asarray(tokens))), int(np.max(np.asarray(tokens)))
        if least < 0 or most >= self.n:
            refuse(self, f"tokens from 0 to {self.n - 1}", f"{least} to {most}", "is n the number of tokens?")
