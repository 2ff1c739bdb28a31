"""Recurrent layers.

Stacked recurrences are ``serial(GRU(64), GRU(64))``. Each gives the output of every step; ``GlobalPool("last")`` behind
them takes the last valid step.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from jaxlisten import ops
from jaxlisten.errors import refuse
from jaxlisten.nn.layer import Whole, channels_of, inside, layer, positive, same_channels, where_present
from jaxlisten.nn.time import Stepwise, silenced
from jaxlisten.types import Array, Chunk, Padded, Params, State


class _Recurrent(Stepwise):
    """What recurrent layers share: they start at rest and carry their memory from chunk to chunk."""

    units: int

    def __post_init__(self) -> None:
        positive(self, "units")

    def rest(self, x: Array) -> Any:
        """Return the memory before the first step of ``x [*batch, time, channel]``."""
        raise NotImplementedError

    def run(self, params: Params, carry: Any, x: Array, valid: Array | None) -> tuple[Any, Array]:
        """Return the memory after the last step and the output of every step."""
        raise NotImplementedError

    def forward(
        self, params: Params, state: State, x: Array, valid: Array | None, *, key: Array | None, train: bool
    ) -> tuple[Array, State]:
        return self._checked_run(params, self.rest(x), x, valid)[1], state

    def start(self, params: Params, state: State, x: Chunk) -> Any:
        return self.rest(x.values)

    def step(self, params: Params, state: State, carry: Any, chunk: Chunk) -> tuple[Any, Chunk]:
        carry, y = self._checked_run(params, carry, silenced(chunk.values, chunk.valid), chunk.valid)
        return carry, Chunk(y, chunk.valid)

    def _checked_run(self, params: Params, carry: Any, x: Array, valid: Array | None) -> tuple[Any, Array]:
        channels_of(self, x, least_ndim=2)
        same_channels(self, x, params["kernel"].shape[0])
        return self.run({name: leaf.astype(x.dtype) for name, leaf in params.items()}, carry, x, valid)

    def _weights(self, key: Array, x: Any, gates: int) -> Params:
        kernel_key, recurrent_key = jax.random.split(key)
        shape = (channels_of(self, x, least_ndim=2), gates * self.units)
        square = (self.units, self.units)
        keys = jax.random.split(recurrent_key, gates)
        orthogonal = [jax.nn.initializers.orthogonal()(k, square, jnp.float32) for k in keys]
        return {
            "kernel": jax.nn.initializers.glorot_uniform()(kernel_key, shape, jnp.float32),
            "recurrent": jnp.concatenate(orthogonal, axis=1),
            "bias": jnp.zeros(gates * self.units),
        }


@layer
class LSTM(_Recurrent):
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

    def init(self, key: Array, x: Any) -> tuple[Params, State]:
        params = self._weights(key, x, 4)
        return params | {"bias": params["bias"].at[self.units : 2 * self.units].set(1.0)}, {}

    def rest(self, x: Array) -> tuple[Array, Array]:
        zeros = jnp.zeros((*x.shape[:-2], self.units), x.dtype)
        return zeros, zeros

    def run(self, params: Params, carry: Any, x: Array, valid: Array | None) -> tuple[Any, Array]:
        return ops.lstm(x, params["kernel"], params["recurrent"], params["bias"], carry, valid)


@layer
class GRU(_Recurrent):
    """Gated recurrent unit: ``[*batch, time, channel]`` to the output of every step, ``[*batch, time, units]``.

    It has three quarters of the weights of an `LSTM`. Follow it with ``GlobalPool("last")`` for the last valid step.
    The weights hold the gates in the order r, z, n along their last axis.

    Args:
        units: size of the memory and of the output.

    Reference:
        `jaxlisten.ops.gru`. W starts as Glorot and Bengio 2010, U orthogonal, both biases as 0.

    Example:
        >>> import jax, jaxlisten as jl
        >>> model = jl.serial(jl.GRU(8), jl.GRU(4), jl.GlobalPool("last"))
        >>> params, state = model.init(jax.random.key(0), jax.numpy.zeros((20, 3)))
        >>> model.apply(params, state, jax.numpy.ones((20, 3)))[0].shape
        (4,)
    """

    units: int

    def init(self, key: Array, x: Any) -> tuple[Params, State]:
        return self._weights(key, x, 3) | {"recurrent_bias": jnp.zeros(self.units)}, {}

    def rest(self, x: Array) -> Array:
        return jnp.zeros((*x.shape[:-2], self.units), x.dtype)

    def run(self, params: Params, carry: Any, x: Array, valid: Array | None) -> tuple[Any, Array]:
        kernel, recurrent, bias = params["kernel"], params["recurrent"], params["bias"]
        return ops.gru(x, kernel, recurrent, bias, params["recurrent_bias"], carry, valid)


@layer
class Bidirectional(Whole, Stepwise):
    """Run a recurrent layer forwards and another like it backwards over each clip, and join what both say of a step.

    ``[*batch, time, channel]`` to ``[*batch, time, 2 * units]``: the forward outputs, then the backward ones. The
    backward direction begins at the last valid step of each clip. It has no streaming form, because its first output
    depends on the last step.

    Args:
        inner: an `LSTM` or a `GRU`; both directions have its settings, and weights of their own.
        last: give ``[*batch, 2 * units]`` instead, what each direction says when it has heard the whole clip: the
            forward output of the last valid step and the backward output of the first. An absent item gives 0.

    Reference:
        Schuster and Paliwal 1997; equals ``flax.nnx.Bidirectional`` and, with `last`, the ``h_n`` of `torch.nn.GRU`.

    Example:
        >>> import jax, jaxlisten as jl
        >>> layer = jl.Bidirectional(jl.GRU(8), last=True)
        >>> params, state = layer.init(jax.random.key(0), jax.numpy.zeros((20, 3)))
        >>> layer.apply(params, state, jax.numpy.ones((20, 3)))[0].shape
        (16,)
    """

    inner: _Recurrent
    last: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.inner, _Recurrent):
            refuse(self, "inner to be a recurrent layer, such as GRU(64)", repr(self.inner))

    def init(self, key: Array, x: Any) -> tuple[Params, State]:
        forward_key, backward_key = jax.random.split(key)
        with inside("inner"):
            return {"forward": self.inner.init(forward_key, x)[0], "backward": self.inner.init(backward_key, x)[0]}, {}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Array | None = None, train: bool = False
    ) -> tuple[Any, State]:
        y, state = super().apply(params, state, x, key=key, train=train)
        if not self.last:
            return y, state
        # The memory stays as it is over invalid steps, so both directions end on what they last heard.
        values = y.values if isinstance(y, Padded) else y
        ends = [values[..., -1, : self.inner.units], values[..., 0, self.inner.units :]]
        return jnp.concatenate(ends, axis=-1), state

    def forward(
        self, params: Params, state: State, x: Array, valid: Array | None, *, key: Array | None, train: bool
    ) -> tuple[Array, State]:
        with inside("inner"):
            ahead, _ = self.inner.forward(params["forward"], {}, x, valid, key=key, train=train)
            # Reversed whole, padding first: invalid steps leave the memory at rest until the clip's last step comes.
            x, valid = jnp.flip(x, -2), None if valid is None else jnp.flip(valid, -1)
            back, _ = self.inner.forward(params["backward"], {}, x, valid, key=key, train=train)
        return jnp.concatenate([ahead, jnp.flip(back, -2)], axis=-1), state

    def out_length(self, n: Any) -> Any:
        return where_present(n, 1) if self.last else n
