"""Layers with weights that hold no memory: dense and convolution."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from jaxlisten import ops
from jaxlisten.errors import refuse
from jaxlisten.nn.layer import channels_of, layer, positive, same_channels
from jaxlisten.nn.time import Reach, Stepwise, Windowed
from jaxlisten.types import Array, Params, State

_he_normal = jax.nn.initializers.he_normal()
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


@layer
class Conv1D(Windowed):
    """Convolution over time: ``[*batch, time, channel]`` to ``[*batch, ceil(time / stride), channels]``.

    ``y[t] = b + sum_k x[t * stride + lookahead - (kernel - 1 - k) * dilation] W[k]``, with zeros beyond the ends.

    Args:
        channels: filters.
        kernel: taps.
        stride: input steps between two outputs.
        dilation: input steps between two taps.
        lookahead: how many steps of the future an output sees. None: "same", which centres the kernel whatever the
            length of the clip (XLA's "SAME" shifts with the length as soon as the stride is 2); 0: causal.
        bias: whether b is there.

    Reference:
        `flax.nnx.Conv` on the padded input. W starts as He et al. 2015 (normal), b as 0.
    """

    channels: int
    kernel: int
    stride: int = 1
    dilation: int = 1
    lookahead: int | None = None
    bias: bool = True

    def __post_init__(self) -> None:
        positive(self, "channels", "kernel", "stride", "dilation")
        if self.lookahead is not None and not 0 <= self.lookahead <= (self.kernel - 1) * self.dilation:
            most = (self.kernel - 1) * self.dilation
            refuse(self, f"lookahead None or from 0 to (kernel - 1) * dilation = {most}", str(self.lookahead))

    def reach(self) -> Reach:
        span = (self.kernel - 1) * self.dilation
        right = span - span // 2 if self.lookahead is None else self.lookahead
        return Reach(span - right, right, self.stride)

    def check(self, params: Params, x: Array) -> None:
        same_channels(self, x, params["kernel"].shape[1])

    def init(self, key: Array, x: Any) -> tuple[Params, State]:
        shape = (self.kernel, channels_of(self, x, least_ndim=2), self.channels)
        params = {"kernel": _he_normal(key, shape, jnp.float32)}
        return params | ({"bias": jnp.zeros(self.channels)} if self.bias else {}), {}

    def forward(
        self, params: Params, state: State, x: Array, valid: Array, *, key: Array | None, train: bool
    ) -> tuple[Array, State]:
        y = ops.conv1d(x, params["kernel"].astype(x.dtype), stride=self.stride, dilation=self.dilation)
        return (y + params["bias"].astype(x.dtype) if self.bias else y), state
