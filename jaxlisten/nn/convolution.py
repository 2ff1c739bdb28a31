"""Convolutions over time, and over time and frequency: ordinary, depthwise and transposed.

Settings of layers over time are numbers; those of layers over time and frequency are tuples ``(time, freq)``. Time has
a lookahead and streams; frequency is always padded "same", with `(kernel - 1) * dilation // 2` zeros below it.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from jaxlisten import ops
from jaxlisten.errors import refuse
from jaxlisten.nn.layer import channels_of, layer, pairs, positive, same_channels
from jaxlisten.nn.time import Reach, Windowed, surrounded
from jaxlisten.types import Array, Params, State


class _Filters(Windowed):
    """What all convolutions share. Subclasses define `reaches` and `filtered`."""

    channels: int
    kernel: Any
    stride: Any
    lookahead: int | None
    bias: bool

    kernel_inputs: ClassVar[int] = -2
    """The axis of the kernel that has the channels of the input."""

    def __post_init__(self) -> None:
        tuples = [name for name in ("kernel", "stride", "dilation") if hasattr(self, name)]
        (positive if self.step_ndim == 1 else pairs)(self, *tuples)
        if hasattr(self, "channels"):
            positive(self, "channels")
        most = (_each(self.kernel)[0] - 1) * _each(getattr(self, "dilation", 1))[0]
        if self.lookahead is not None and not 0 <= self.lookahead <= most:
            refuse(self, f"lookahead None or from 0 to (kernel - 1) * dilation = {most}", str(self.lookahead))

    def reaches(self) -> list[Reach]:
        """Return the reach along time and, where it is an axis, along frequency."""
        raise NotImplementedError

    def shape(self, inputs: int) -> tuple[int, ...]:
        """Return the shape of the kernel behind its taps, for that many input channels."""
        return inputs, self.channels

    def filtered(self, x: Array, kernel: Array) -> Array:
        """Apply the kernel to an input that holds all that the windows see."""
        raise NotImplementedError

    def spread(self) -> int:
        """Return over how many outputs the taps are spread: an output sees only one in that many of them."""
        return 1

    def reach(self) -> Reach:
        return self.reaches()[0]

    def check(self, params: Params, x: Array) -> None:
        axes = "*batch, time" if self.step_ndim == 1 else "*batch, time, freq"
        same_channels(self, x, params["kernel"].shape[self.kernel_inputs], axes)

    def init(self, key: Array, x: Any) -> tuple[Params, State]:
        shape = (*_each(self.kernel), *self.shape(channels_of(self, x, least_ndim=1 + self.step_ndim)))
        he_normal = jax.nn.initializers.variance_scaling(2.0 * self.spread(), "fan_in", "truncated_normal")
        params = {"kernel": he_normal(key, shape, jnp.float32)}
        return params | ({"bias": jnp.zeros(shape[-1])} if self.bias else {}), {}

    def forward(
        self, params: Params, state: State, x: Array, valid: Array, *, key: Array | None, train: bool
    ) -> tuple[Array, State]:
        if self.step_ndim == 2:
            along = self.reaches()[1]
            x = surrounded(x, -2, along, -(-x.shape[-2] // along.stride))
        y = self.filtered(x, params["kernel"].astype(x.dtype))
        return (y + params["bias"].astype(x.dtype) if self.bias else y), state


class _Convolution(_Filters):
    """What convolutions share that keep or lower the rate."""

    dilation: Any

    def reaches(self) -> list[Reach]:
        reaches = []
        lookaheads = (self.lookahead, None)[: self.step_ndim]
        settings = (_each(self.kernel), _each(self.stride), _each(self.dilation), lookaheads)
        for kernel, stride, dilation, lookahead in zip(*settings, strict=True):
            span = (kernel - 1) * dilation
            right = span - span // 2 if lookahead is None else lookahead
            reaches.append(Reach(span - right, right, stride))
        return reaches


@layer
class Conv1D(_Convolution):
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

    def filtered(self, x: Array, kernel: Array) -> Array:
        return ops.conv1d(x, kernel, stride=self.stride, dilation=self.dilation)


@layer
class Conv2D(_Convolution):
    """Convolution over time and frequency, ``[*batch, time, freq, channel]`` to ``[..., channels]``.

    Of time, ``ceil(time / stride[0])`` steps come out, of frequency ``ceil(freq / stride[1])``. Along both axes the
    equation is that of `Conv1D`. `AddChannel` makes a spectrogram fit.

    Args:
        channels: filters.
        kernel: taps, ``(time, freq)``.
        stride: steps between two outputs, ``(time, freq)``.
        dilation: steps between two taps, ``(time, freq)``.
        lookahead: how many steps of the future an output sees. None: "same"; 0: causal.
        bias: whether b is there.

    Reference:
        `flax.nnx.Conv` on the padded input. W starts as He et al. 2015 (normal), b as 0.

    Example:
        >>> import jaxlisten as jl
        >>> jl.summary(jl.Conv2D(8, (3, 3), stride=(1, 2)), (98, 40, 1)).rows[0].output
        (98, 20, 8)
    """

    channels: int
    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    lookahead: int | None = None
    bias: bool = True

    step_ndim: ClassVar[int] = 2

    def filtered(self, x: Array, kernel: Array) -> Array:
        return ops.conv2d(x, kernel, stride=self.stride, dilation=self.dilation)


class _Depthwise(_Convolution):
    """What depthwise convolutions share."""

    kernel_inputs: ClassVar[int] = -1

    def shape(self, inputs: int) -> tuple[int, ...]:
        return (inputs,)

    def filtered(self, x: Array, kernel: Array) -> Array:
        return ops.depthwise_conv(x, kernel, stride=_each(self.stride), dilation=_each(self.dilation))


@layer
class DepthwiseConv1D(_Depthwise):
    """Convolution over time with one filter a channel: ``[*batch, time, channel]`` to the same channels.

    Places and lengths are those of `Conv1D`. A `Dense` behind it mixes the channels; the two together are a separable
    convolution.

    Args:
        kernel, stride, dilation, lookahead, bias: as of `Conv1D`.

    Reference:
        `flax.nnx.Conv` with ``feature_group_count`` equal to its channels, on the padded input. W, ``[kernel,
        channel]``, starts as He et al. 2015 (normal), b as 0.

    Example:
        >>> import jaxlisten as jl
        >>> jl.summary(jl.serial(jl.DepthwiseConv1D(9), jl.Dense(64)), (98, 32)).parameters
        2432
    """

    kernel: int
    stride: int = 1
    dilation: int = 1
    lookahead: int | None = None
    bias: bool = True


@layer
class DepthwiseConv2D(_Depthwise):
    """Convolution over time and frequency with one filter a channel, on ``[*batch, time, freq, channel]``.

    Places and lengths are those of `Conv2D`. A `Dense` behind it mixes the channels.

    Args:
        kernel, stride, dilation, lookahead, bias: as of `Conv2D`.

    Reference:
        `flax.nnx.Conv` with ``feature_group_count`` equal to its channels, on the padded input. W, ``[kernel time,
        kernel freq, channel]``, starts as He et al. 2015 (normal), b as 0.

    Example:
        >>> import jaxlisten as jl
        >>> jl.summary(jl.DepthwiseConv2D((3, 3)), (98, 40, 64)).parameters
        640
    """

    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    lookahead: int | None = None
    bias: bool = True

    step_ndim: ClassVar[int] = 2


class _Transposed(_Filters):
    """What transposed convolutions share."""

    def lookaheads(self) -> tuple[int, ...]:
        """Return the lookahead in output steps, along time and, where it is an axis, along frequency."""
        same = tuple((kernel - 1) // 2 for kernel in _each(self.kernel))
        return same if self.lookahead is None else (self.lookahead, *same[1:])

    def reaches(self) -> list[Reach]:
        settings = (_each(self.kernel), _each(self.stride), self.lookaheads())
        return [Reach(*ops.transposed_reach(*setting)) for setting in zip(*settings, strict=True)]

    def steps_per_window(self) -> int:
        return _each(self.stride)[0]

    def spread(self) -> int:
        return math.prod(_each(self.stride))

    def filtered(self, x: Array, kernel: Array) -> Array:
        return ops.conv_transpose(x, kernel, stride=_each(self.stride), lookahead=self.lookaheads())


@layer
class ConvTranspose1D(_Transposed):
    """Transposed convolution over time: ``[*batch, time, channel]`` to ``[*batch, time * stride, channels]``.

    ``y[t] = b + sum_i x[i] W[t + lookahead - i * stride]``, with zeros beyond the ends of x and of W. So input step i
    stands at output step ``i * stride``, which is where `Conv1D` took it from: with the same kernel and stride,
    each is the transpose of the other.

    Args:
        channels: filters.
        kernel: taps; below `stride`, there are outputs without any input.
        stride: output steps an input step.
        lookahead: an output hears the input steps that stand up to that many output steps behind it. None: "same",
            ``(kernel - 1) // 2``; 0: causal.
        bias: whether b is there.

    Reference:
        `flax.nnx.ConvTranspose` with the kernel reversed and ``padding=[(kernel - 1 - lookahead, stride - 1 +
        lookahead)]``. W starts as He et al. 2015 (normal) for the taps that an output sees, b as 0.

    Example:
        >>> import jaxlisten as jl
        >>> jl.summary(jl.ConvTranspose1D(16, 4, stride=2), (49, 32)).rows[0].output
        (98, 16)
    """

    channels: int
    kernel: int
    stride: int = 2
    lookahead: int | None = None
    bias: bool = True


@layer
class ConvTranspose2D(_Transposed):
    """Transposed convolution over time and frequency, on ``[*batch, time, freq, channel]``.

    ``time * stride[0]`` steps and ``freq * stride[1]`` bands come out. Along both axes the equation is that of
    `ConvTranspose1D`; with the same kernel and stride, it is the transpose of `Conv2D`.

    Args:
        channels: filters.
        kernel: taps, ``(time, freq)``.
        stride: output steps an input step, ``(time, freq)``.
        lookahead: of time, as of `ConvTranspose1D`.
        bias: whether b is there.

    Reference:
        `flax.nnx.ConvTranspose`, as for `ConvTranspose1D`.

    Example:
        >>> import jaxlisten as jl
        >>> jl.summary(jl.ConvTranspose2D(16, (4, 4)), (49, 20, 32)).rows[0].output
        (98, 40, 16)
    """

    channels: int
    kernel: tuple[int, int]
    stride: tuple[int, int] = (2, 2)
    lookahead: int | None = None
    bias: bool = True

    step_ndim: ClassVar[int] = 2


def _each(setting: Any) -> tuple[int, ...]:
    """Return a setting as one number an axis."""
    return setting if isinstance(setting, tuple) else (setting,)
