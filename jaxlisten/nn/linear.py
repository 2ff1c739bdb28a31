"""Affine layers: one that is trained, and one that is set."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxlisten.nn.layer import channels_of, layer, positive, refuse, same_channels
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


@layer
class Rescaling(Stepwise):
    """Bring each channel to a unit of its own: ``y = x * scale + offset``, ``[*batch, channel]``; nothing is trained.

    Behind a model that learns numbers, such as pitch in Hz, it lets the model itself work with numbers of about unit
    size: with the standard deviation of the training's targets as `scale` and their mean as `offset`.

    Args:
        scale: a factor for each channel, finite and not 0.
        offset: what is added to each channel.

    Reference:
        The layer of this name in Keras.

    Example:
        >>> hz = Rescaling(scale=(150.0,), offset=(220.0,))
        >>> hz.apply({}, {}, np.float32([[-1.0], [0.5]]))[0].tolist()
        [[70.0], [295.0]]
    """

    scale: tuple[float, ...]
    offset: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.scale or not all(math.isfinite(factor) and factor for factor in self.scale):
            refuse(self, "a finite scale for each channel, not 0", repr(self.scale))
        if len(self.offset) != len(self.scale) or not all(map(math.isfinite, self.offset)):
            refuse(self, f"a finite offset for each of {len(self.scale)} channels", repr(self.offset))

    def init(self, key: Array, x: Any) -> tuple[Params, State]:
        self._check(channels_of(self, x))
        return {}, {}

    def forward(
        self, params: Params, state: State, x: Array, valid: Array | None, *, key: Array | None, train: bool
    ) -> tuple[Array, State]:
        self._check(x.shape[-1])
        return x * np.array(self.scale, x.dtype) + np.array(self.offset, x.dtype), state

    def _check(self, channels: int) -> None:
        if channels != len(self.scale):
            refuse(self, f"an input of {len(self.scale)} channels, as there are scales", str(channels))
