"""Attention: over the steps of a clip, and as a pooling."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from jaxlisten import ops
from jaxlisten.errors import refuse
from jaxlisten.nn.layer import Whole, channels_of, layer, positive, same_channels, where_present
from jaxlisten.nn.time import Reach, Windowed, check_floating, silenced, valid_steps
from jaxlisten.types import Array, Chunk, Padded, Params, State, Timing


@layer
class AttentionPool(Whole):
    """Mean of the valid steps, weighted by a learned score: ``[*batch, time, channel]`` to ``[*batch, channel]``.

    ``y = sum_t softmax_t(x_t W) x_t``. It starts as `GlobalPool`'s mean, because W starts as 0, and learns which steps
    to listen to. An absent item (length 0) gives 0.

    Args:
        heads: scores a step; each weighs an equal share of the channels.

    Reference:
        Lin et al. 2017, equations 5 and 6, with the linear score of Safari, India and Hernando 2020, equation 1.

    Example:
        >>> import jax, jaxlisten as jl
        >>> params, state = jl.AttentionPool().init(jax.random.key(0), jax.numpy.zeros((20, 3)))
        >>> jl.AttentionPool().apply(params, state, jax.numpy.ones((20, 3)))[0].shape
        (3,)
    """

    heads: int = 1

    def __post_init__(self) -> None:
        positive(self, "heads")

    def init(self, key: Array, x: Any) -> tuple[Params, State]:
        channels = channels_of(self, x, least_ndim=2)
        if channels % self.heads:
            refuse(self, f"a number of channels that {self.heads} heads can share", str(channels))
        return {"kernel": jnp.zeros((channels, self.heads))}, {}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Array | None = None, train: bool = False
    ) -> tuple[Any, State]:
        values = x.values if isinstance(x, Padded) else x
        channels_of(self, values, least_ndim=2)
        check_floating(self, values)
        same_channels(self, values, params["kernel"].shape[0])
        valid = valid_steps(x) if isinstance(x, Padded) else jnp.ones(values.shape[-2], bool)
        if isinstance(x, Padded):
            values = silenced(values, valid)
        scores = values @ params["kernel"].astype(values.dtype)
        weights = ops.masked_softmax(scores, valid[..., None], axis=-2).astype(values.dtype)
        shares = values.reshape(*values.shape[:-1], self.heads, -1)
        return (weights[..., None] * shares).sum(-3).reshape(*values.shape[:-2], -1), state

    def out_length(self, n: Any) -> Any:
        return where_present(n, 1)


@layer
class MultiHeadSelfAttention(Windowed):
    """Let each step look at the others: ``[*batch, time, channel]`` to the same shape.

    Keys, queries and values of every step; ``softmax(Q K^T / sqrt(head_size)) V`` over what the step sees; and a
    product that brings the heads back to the channels. With a window it has an exact streaming form, whose carry holds
    what the window needs of past steps, already projected.

    Args:
        heads: ways of looking.
        head_size: size of a key, query and value; None: the channels, shared by the heads.
        causal: no step sees the future.
        window: how many steps each one sees. Causal: itself and ``window - 1`` before it; otherwise itself,
            ``(window - 1) // 2`` before it and the rest behind it. None: all of the clip (or all before), which
            needs the whole signal.
        rotary: let scores depend on how far apart two steps are (`jaxlisten.ops.rotate`); needs an even head size.
            Without it, the steps in sight are a set without an order.

    Reference:
        Vaswani et al. 2017, section 3.2.2; equals `flax.nnx.MultiHeadAttention`, whose weights have the same names and
        shapes, but for the bias of the keys, which has no effect. The kernels start as Glorot and Bengio 2010, the
        biases as 0.

    Example:
        >>> import jax, jaxlisten as jl
        >>> layer = jl.MultiHeadSelfAttention(heads=2, causal=True, window=8)
        >>> params, state = layer.init(jax.random.key(0), jax.numpy.zeros((20, 4)))
        >>> layer.apply(params, state, jax.numpy.ones((20, 4)))[0].shape
        (20, 4)
    """

    heads: int
    head_size: int | None = None
    causal: bool = False
    window: int | None = None
    rotary: bool = False

    def __post_init__(self) -> None:
        given = [name for name in ("head_size", "window") if getattr(self, name) is not None]
        positive(self, "heads", *given)

    def init(self, key: Array, x: Any) -> tuple[Params, State]:
        channels = channels_of(self, x, least_ndim=2)
        if self.head_size is None and channels % self.heads:
            refuse(self, f"a number of channels that {self.heads} heads can share, or a head_size", str(channels))
        shape = (self.heads, self.head_size or channels // self.heads)
        if self.rotary and shape[1] % 2:
            refuse(self, "an even head_size, as rotary positions turn pairs", str(shape[1]))
        *in_keys, out_key = jax.random.split(key, 4)
        into = jax.nn.initializers.glorot_uniform(in_axis=0, out_axis=(1, 2))
        out = jax.nn.initializers.glorot_uniform(in_axis=(0, 1), out_axis=2)
        params = {
            name: {"kernel": into(k, (channels, *shape), jnp.float32)}
            for name, k in zip(("query", "key", "value"), in_keys, strict=True)
        }
        # A bias of the keys would raise all scores of a query alike, which the softmax takes away.
        params["query"]["bias"], params["value"]["bias"] = jnp.zeros(shape), jnp.zeros(shape)
        params["out"] = {"kernel": out(out_key, (*shape, channels), jnp.float32), "bias": jnp.zeros(channels)}
        return params, {}

    def reach(self) -> Reach:
        if self.window is None:
            refuse(self, "a window", "None: every step sees the whole signal", "give it a window to let it stream")
        left = self.window - 1 if self.causal else (self.window - 1) // 2
        return Reach(left, self.window - 1 - left)

    def out_length(self, n: Any) -> Any:
        return n

    def timing(self) -> Timing | None:
        return None if self.window is None else super().timing()

    def apply(
        self, params: Params, state: State, x: Any, *, key: Array | None = None, train: bool = False
    ) -> tuple[Any, State]:
        values = x.values if isinstance(x, Padded) else x
        channels_of(self, values, least_ndim=2)
        check_floating(self, values)
        valid = valid_steps(x) if isinstance(x, Padded) else jnp.ones(values.shape[-2], bool)
        projected = self._project(params, silenced(values, valid) if isinstance(x, Padded) else values)
        if self.window is not None:
            projected = Padded(projected, x.length) if isinstance(x, Padded) else projected
            return super().apply(params, state, projected, key=key, train=train)
        steps = jnp.arange(values.shape[-2])
        seen = valid[..., None, :] & ((steps <= steps[:, None]) | (not self.causal))
        query, keys, value = self._heads(projected)
        y = self._join(params, ops.attend(query, keys, value, seen, origin=0 if self.rotary else None))
        return (Padded(y, x.length) if isinstance(x, Padded) else y), state

    def forward(
        self, params: Params, state: State, x: Array, valid: Array, *, key: Array | None, train: bool
    ) -> tuple[Array, State]:
        left, right, _ = self.reach()
        query, keys, value = self._heads(x)
        query = query[..., left : query.shape[-3] - right, :, :]
        y = ops.attend_window(query, keys, value, valid, origin=left if self.rotary else None)
        return self._join(params, y), state

    def start(self, params: Params, state: State, x: Chunk) -> Any:
        channels_of(self, x.values, least_ndim=2)
        projected = jax.eval_shape(self._project, params, jax.ShapeDtypeStruct(x.values.shape, x.values.dtype))
        return super().start(params, state, Chunk(projected, x.valid))

    def step(self, params: Params, state: State, carry: Any, chunk: Chunk) -> tuple[Any, Chunk]:
        projected = self._project(params, silenced(chunk.values, chunk.valid))
        return super().step(params, state, carry, Chunk(projected, chunk.valid))

    def _project(self, params: Params, x: Array) -> Array:
        """Return query, key and value of every head, side by side: ``[*batch, time, 3 * heads * head_size]``."""
        same_channels(self, x, params["query"]["kernel"].shape[0])
        parts = [params[name] for name in ("query", "key", "value")]
        kernel = jnp.concatenate([part["kernel"].reshape(x.shape[-1], -1) for part in parts], axis=1)
        none = jnp.zeros(params["query"]["bias"].shape)
        bias = jnp.concatenate([part.get("bias", none).ravel() for part in parts])
        return x @ kernel.astype(x.dtype) + bias.astype(x.dtype)

    def _heads(self, projected: Array) -> list[Array]:
        return [part.reshape(*part.shape[:-1], self.heads, -1) for part in jnp.split(projected, 3, axis=-1)]

    def _join(self, params: Params, y: Array) -> Array:
        kernel, bias = params["out"]["kernel"].astype(y.dtype), params["out"]["bias"].astype(y.dtype)
        return y.reshape(*y.shape[:-2], -1) @ kernel.reshape(-1, kernel.shape[-1]) + bias
