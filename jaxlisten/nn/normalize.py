"""Normalisation: by statistics that training leaves in the state, and by those of a step or of a clip."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from jaxlisten import ops
from jaxlisten.errors import refuse
from jaxlisten.nn.layer import Whole, channels_of, layer, same_channels
from jaxlisten.nn.time import Reach, Stepwise, Windowed, check_window, reach_of
from jaxlisten.types import Array, Params, State


@layer
class Normalize(Stepwise):
    """Bring each channel to mean 0 and standard deviation 1 by the statistics of all training steps seen so far.

    With ``train=True`` the valid steps of the batch are first merged into the stored statistics, exactly, so that they
    are those of the training set after the first pass over it; from ``horizon`` steps on older ones fade. Nothing is
    trained, and each clip is treated alike, whatever else is in its batch.

    Args:
        epsilon: the least variance that is told from none (a band that never changes stays near 0).
        horizon: how many steps the statistics remember.

    Reference:
        Chan, Golub and LeVeque 1983, equations 2.1: merging of means and sums of squares.
    """

    epsilon: float = 1e-5
    horizon: float = 1e7

    def __post_init__(self) -> None:
        _check_epsilon(self)
        if self.horizon < 1:
            refuse(self, "horizon of at least one step", str(self.horizon))

    def init(self, key: Array, x: Any) -> tuple[Params, State]:
        channels = channels_of(self, x)
        return {}, {"count": jnp.zeros(()), "mean": jnp.zeros(channels), "variance": jnp.ones(channels)}

    def forward(
        self, params: Params, state: State, x: Array, valid: Array | None, *, key: Array | None, train: bool
    ) -> tuple[Array, State]:
        same_channels(self, x, state["mean"].shape[0])
        if train:
            state = self._merge(state, *ops.masked_moments(jax.lax.stop_gradient(x), _over_bands(valid, x)))
        return _standardize(x, state["mean"], state["variance"], self.epsilon).astype(x.dtype), state

    def _merge(self, state: State, count: Array, mean: Array, variance: Array) -> State:
        total = state["count"] + count
        share = count / jnp.maximum(total, 1.0)
        delta = mean - state["mean"]
        merged = (1 - share) * state["variance"] + share * variance + share * (1 - share) * jnp.square(delta)
        return {
            "count": jnp.minimum(total, self.horizon),
            "mean": state["mean"] + share * delta,
            "variance": jnp.where(total > 0, merged, state["variance"]),
        }


@layer
class BatchNorm(Stepwise):
    """Batch normalisation over every axis but the last, then a trained scale and bias.

    With ``train=True`` the statistics are those of the valid steps of the (ragged) batch, and the stored ones move
    towards them; otherwise the stored ones are used.

    Args:
        momentum: how much of the stored statistics stays at each step.
        epsilon: added to the variance.

    Reference:
        Ioffe and Szegedy 2015, algorithms 1 and 2; equals `flax.nnx.BatchNorm`.
    """

    momentum: float = 0.9
    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        _check_epsilon(self)
        if not 0 <= self.momentum < 1:
            refuse(self, "0 <= momentum < 1", str(self.momentum))

    def init(self, key: Array, x: Any) -> tuple[Params, State]:
        channels = channels_of(self, x)
        params = {"scale": jnp.ones(channels), "bias": jnp.zeros(channels)}
        return params, {"mean": jnp.zeros(channels), "variance": jnp.ones(channels)}

    def forward(
        self, params: Params, state: State, x: Array, valid: Array | None, *, key: Array | None, train: bool
    ) -> tuple[Array, State]:
        same_channels(self, x, params["scale"].shape[0])
        if not train:
            y = _standardize(x, state["mean"], state["variance"], self.epsilon)
        else:
            y, count, mean, variance = ops.standardize(x, _over_bands(valid, x), self.epsilon)
            fade = jnp.where(count > 0, 1 - self.momentum, 0.0)  # a batch without any valid step teaches nothing
            moved = {"mean": mean, "variance": variance}
            state = {name: state[name] + fade * (jax.lax.stop_gradient(moved[name]) - state[name]) for name in moved}
        return (y * params["scale"] + params["bias"]).astype(x.dtype), state


@layer
class LayerNorm(Stepwise):
    """Bring each step to mean 0 and variance 1 over its channels (the last axis), then a trained scale and bias.

    Args:
        epsilon: added to the variance.

    Reference:
        Ba, Kiros and Hinton 2016, equation 3; equals `flax.nnx.LayerNorm`.
    """

    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        _check_epsilon(self)

    def init(self, key: Array, x: Any) -> tuple[Params, State]:
        channels = channels_of(self, x)
        return {"scale": jnp.ones(channels), "bias": jnp.zeros(channels)}, {}

    def forward(
        self, params: Params, state: State, x: Array, valid: Array | None, *, key: Array | None, train: bool
    ) -> tuple[Array, State]:
        same_channels(self, x, params["scale"].shape[0])
        wide = ops.widened(x)
        centred = wide - wide.mean(-1, keepdims=True)
        y = centred * jax.lax.rsqrt(jnp.square(centred).mean(-1, keepdims=True) + self.epsilon)
        return (y * params["scale"] + params["bias"]).astype(x.dtype), state


@layer
class ClipNorm(Whole, Stepwise):
    """Bring each channel of each clip to mean 0 and variance 1 over the valid steps of that clip alone.

    ``[*batch, time, channel]`` to the same shape. It is instance normalisation without a trained scale and bias: it
    takes away what is constant in a recording, such as its level and its microphone. Nothing is stored and training
    changes nothing. It needs the whole clip, so it has no streaming form; `Normalize` has one.

    Args:
        epsilon: added to the variance.

    Reference:
        Ulyanov, Vedaldi and Lempitsky 2016, equation 2; for features of speech known as cepstral mean and variance
        normalisation (Viikki and Laurila 1998).

    Example:
        >>> import jax, jaxlisten as jl
        >>> y, _ = jl.ClipNorm().apply({}, {}, jax.numpy.array([[1.0], [3.0]]))
        >>> y.round(3).ravel().tolist()
        [-1.0, 1.0]
    """

    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        _check_epsilon(self)

    def init(self, key: Array, x: Any) -> tuple[Params, State]:
        channels_of(self, x, least_ndim=2)
        return {}, {}

    def forward(
        self, params: Params, state: State, x: Array, valid: Array | None, *, key: Array | None, train: bool
    ) -> tuple[Array, State]:
        channels_of(self, x, least_ndim=2)
        if valid is not None and valid.ndim != x.ndim - 1:
            refuse(self, "x [*batch, time, channel]", str(tuple(x.shape)), "wrong number of axes")
        clips = x.reshape(-1, *x.shape[-2:])
        masks = None if valid is None else valid.reshape(clips.shape[:-1])
        y = jax.vmap(lambda clip, mask: ops.standardize(clip, mask, self.epsilon)[0])(clips, masks)
        return y.reshape(x.shape).astype(x.dtype), state


@layer
class SlidingNorm(Windowed):
    """Bring each channel to mean 0 and variance 1 over a window of steps around each step.

    ``[*batch, time, channel]`` to the same shape. It takes away what is constant in a recording, such as its microphone
    and its room. Steps beyond the ends of the clip don't count: a clip that the window covers from each of its steps is
    treated as `ClipNorm` does. Nothing is stored and training changes nothing.

    Args:
        window: steps that count.
        lookahead: how many of them lie in the future of the step. None: half of them, which centres the window; 0:
            causal. The streaming form is late by that many steps.
        share: how much of the mean is taken away; with less than 1 the colour of a sound stays audible.
        scale: whether what is left is divided by the deviation.
        epsilon: added to the variance.

    Reference:
        Cepstral mean and variance normalisation in a sliding window, as Kaldi's ``apply-cmvn-sliding`` has it.

    Example:
        >>> import jax, jaxlisten as jl
        >>> y, _ = jl.SlidingNorm(3, scale=False).apply({}, {}, jax.numpy.array([[1.0], [3.0], [8.0]]))
        >>> y.round(3).ravel().tolist()
        [-1.0, -1.0, 2.5]
    """

    window: int
    lookahead: int | None = None
    share: float = 1.0
    scale: bool = True
    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        check_window(self)
        _check_epsilon(self)
        if not 0 <= self.share <= 1:
            refuse(self, "share from 0 to 1", str(self.share))

    def reach(self) -> Reach:
        return reach_of(self)

    def init(self, key: Array, x: Any) -> tuple[Params, State]:
        channels_of(self, x, least_ndim=2)
        return {}, {}

    def forward(
        self, params: Params, state: State, x: Array, valid: Array, *, key: Array | None, train: bool
    ) -> tuple[Array, State]:
        left, right, _ = self.reach()
        now = ops.widened(x[..., left : x.shape[-2] - right, :])
        if self.scale:
            _, mean, variance = ops.sliding_moments(x, valid, self.window)
            y = (now - self.share * mean) * jax.lax.rsqrt(variance + self.epsilon)
        else:
            y = now - self.share * ops.sliding_mean(x, valid, self.window)
        return y.astype(x.dtype), state


def _over_bands(valid: Array | None, x: Array) -> Array | None:
    """Let the mask of the steps ``[*batch, time]`` broadcast over what a step holds beside its channels."""
    return None if valid is None else valid.reshape(valid.shape + (1,) * (x.ndim - 1 - valid.ndim))


def _standardize(x: Array, mean: Array, variance: Array, epsilon: float) -> Array:
    return (ops.widened(x) - mean) * jax.lax.rsqrt(variance + epsilon)


def _check_epsilon(layer: Any) -> None:
    if layer.epsilon <= 0:
        refuse(layer, "epsilon above 0", str(layer.epsilon))
