"""Pooling: in windows of time or of time and frequency, over the whole clip, and over all frequencies."""

from __future__ import annotations

from typing import Any, ClassVar

import jax.numpy as jnp

from jaxlisten import ops
from jaxlisten.errors import refuse
from jaxlisten.nn.layer import Whole, channels_of, check_bands, layer, pairs, positive, where_present
from jaxlisten.nn.time import Reach, Stepwise, Windowed, check_floating, surrounded, valid_steps
from jaxlisten.types import Array, Padded, Params, State


class _Pool(Windowed):
    """What max and mean pooling share: "same" windows that hold their place whatever the length of the clip."""

    window: int
    stride: int | None

    def __post_init__(self) -> None:
        positive(self, "window", *(["stride"] if self.stride is not None else []))

    def reach(self) -> Reach:
        return _centred(self.window, self.stride or self.window)


@layer
class MaxPool(_Pool):
    """Largest valid value of each window: ``[*batch, time, channel]`` to ``[*batch, ceil(time / stride), channel]``.

    Output t looks at the `window` steps around ``t * stride``, ``(window - 1) // 2`` of them before it.

    Args:
        window: steps a window.
        stride: steps between two windows; None: `window`.

    Reference:
        `flax.nnx.max_pool` on the input padded with -inf.
    """

    window: int
    stride: int | None = None

    def forward(
        self, params: Params, state: State, x: Array, valid: Array, *, key: Array | None, train: bool
    ) -> tuple[Array, State]:
        return ops.max_pool(x, valid, window=self.window, stride=self.stride or self.window), state


@layer
class MeanPool(_Pool):
    """Mean of the valid values of each window; windows and settings are those of `MaxPool`.

    What lies beyond the ends of the clip does not count.

    Reference:
        `flax.nnx.avg_pool` with ``count_include_pad=False``.
    """

    window: int
    stride: int | None = None

    def forward(
        self, params: Params, state: State, x: Array, valid: Array, *, key: Array | None, train: bool
    ) -> tuple[Array, State]:
        return ops.mean_pool(x, valid, window=self.window, stride=self.stride or self.window), state


class _Pool2D(Windowed):
    """What pooling over time and frequency shares."""

    window: tuple[int, int]
    stride: tuple[int, int] | None

    step_ndim: ClassVar[int] = 2

    def __post_init__(self) -> None:
        pairs(self, "window", *(["stride"] if self.stride is not None else []))

    def reaches(self) -> tuple[Reach, Reach]:
        """Return the reach along time and along frequency."""
        time, freq = map(_centred, self.window, self.stride or self.window)
        return time, freq

    def reach(self) -> Reach:
        return self.reaches()[0]

    def bands(self, x: Array, valid: Array) -> tuple[Array, Array]:
        """Surround the bands of ``x [*batch, time, freq, channel]`` by absent ones; tell which places are valid."""
        freq = self.reaches()[1]
        windows = -(-x.shape[-2] // freq.stride)
        present = surrounded(jnp.ones(x.shape[-2], bool), 0, freq, windows)
        return surrounded(x, -2, freq, windows), valid[..., None] & present


@layer
class MaxPool2D(_Pool2D):
    """Largest valid value of each window of ``[*batch, time, freq, channel]``.

    Of time, ``ceil(time / stride[0])`` steps come out, of frequency ``ceil(freq / stride[1])``. Along both axes,
    windows are placed as those of `MaxPool`, and what lies beyond the ends does not count.

    Args:
        window: steps a window, ``(time, freq)``.
        stride: steps between two windows, ``(time, freq)``; None: `window`.

    Reference:
        `flax.nnx.max_pool` on the input padded with -inf.

    Example:
        >>> import jaxlisten as jl
        >>> jl.summary(jl.MaxPool2D((1, 2)), (98, 40, 8)).rows[0].output
        (98, 20, 8)
    """

    window: tuple[int, int]
    stride: tuple[int, int] | None = None

    def forward(
        self, params: Params, state: State, x: Array, valid: Array, *, key: Array | None, train: bool
    ) -> tuple[Array, State]:
        x, valid = self.bands(x, valid)
        return ops.max_pool2d(x, valid, window=self.window, stride=self.stride or self.window), state


@layer
class MeanPool2D(_Pool2D):
    """Mean of the valid values of each window; windows and settings are those of `MaxPool2D`.

    Reference:
        `flax.nnx.avg_pool` with ``count_include_pad=False``.

    Example:
        >>> import jaxlisten as jl
        >>> jl.summary(jl.MeanPool2D((2, 2)), (98, 40, 8)).rows[0].output
        (49, 20, 8)
    """

    window: tuple[int, int]
    stride: tuple[int, int] | None = None

    def forward(
        self, params: Params, state: State, x: Array, valid: Array, *, key: Array | None, train: bool
    ) -> tuple[Array, State]:
        x, valid = self.bands(x, valid)
        return ops.mean_pool2d(x, valid, window=self.window, stride=self.stride or self.window), state


@layer
class FrequencyPool(Stepwise):
    """Pool all bands of each step into one: ``[*batch, time, freq, channel]`` to ``[*batch, time, channel]``.

    A `GlobalPool` behind it pools time.

    Args:
        kind: "mean" or "max".

    Example:
        >>> import jaxlisten as jl
        >>> jl.summary(jl.FrequencyPool(), (98, 40, 8)).rows[0].output
        (98, 8)
    """

    kind: str = "mean"

    def __post_init__(self) -> None:
        if self.kind not in ("mean", "max"):
            refuse(self, "kind to be 'mean' or 'max'", repr(self.kind))

    def init(self, key: Array, x: Any) -> tuple[Params, State]:
        channels_of(self, x, least_ndim=3)
        return {}, {}

    def forward(
        self, params: Params, state: State, x: Array, valid: Array | None, *, key: Array | None, train: bool
    ) -> tuple[Array, State]:
        check_bands(self, x, valid)
        bands = x.shape[-2]
        pool = ops.max_pool if self.kind == "max" else ops.mean_pool
        return pool(x, jnp.ones(bands, bool), window=bands, stride=bands)[..., 0, :], state


KINDS = ("mean", "max", "last")
"""How a span of steps becomes one: their mean, their largest value, or the last of them."""


@layer
class GlobalPool(Whole):
    """Pool all valid steps of a clip into one: ``[*batch, time, channel]`` to ``[*batch, channel]``.

    An absent item (length 0) gives 0. `jaxlisten.streaming` puts a `SlidingPool` in its place.

    Args:
        kind: "mean", "max" or "last".
    """

    kind: str = "mean"

    def __post_init__(self) -> None:
        _check_kind(self)

    def init(self, key: Array, x: Any) -> tuple[Params, State]:
        channels_of(self, x, least_ndim=2)
        return {}, {}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Array | None = None, train: bool = False
    ) -> tuple[Any, State]:
        values = x.values if isinstance(x, Padded) else x
        channels_of(self, values, least_ndim=2)
        check_floating(self, values)
        if isinstance(x, Padded) and values.ndim != x.length.ndim + 2:
            cause = "wrong number of axes; is a FrequencyPool missing?"
            refuse(self, "x [*batch, time, channel]", str(tuple(values.shape)), cause)
        time = values.shape[-2]
        valid = valid_steps(x) if isinstance(x, Padded) else jnp.ones(time, bool)
        if self.kind == "last":
            last = jnp.asarray(x.length - 1 if isinstance(x, Padded) else time - 1)
            chosen = (jnp.arange(time) == last[..., None]) & valid
            return jnp.where(chosen[..., None], values, 0).sum(-2), state
        pool = ops.max_pool if self.kind == "max" else ops.mean_pool
        return pool(values, valid, window=time, stride=time)[..., 0, :], state

    def out_length(self, n: Any) -> Any:
        return where_present(n, 1)


@layer
class SlidingPool(Windowed):
    """Pool the last `window` valid steps, at every step: the streaming form of `GlobalPool`.

    As long as a clip has at most `window` steps, its last output equals what `GlobalPool` gives for the whole clip.

    Args:
        window: steps a window.
        kind: "mean", "max" or "last".
    """

    window: int
    kind: str = "mean"

    def __post_init__(self) -> None:
        positive(self, "window")
        _check_kind(self)

    def reach(self) -> Reach:
        return Reach(0 if self.kind == "last" else self.window - 1, 0)

    def forward(
        self, params: Params, state: State, x: Array, valid: Array, *, key: Array | None, train: bool
    ) -> tuple[Array, State]:
        if self.kind == "last":
            return x, state
        pool = ops.max_pool if self.kind == "max" else ops.mean_pool
        return pool(x, valid, window=self.window, stride=1), state


def _check_kind(layer: Any) -> None:
    if layer.kind not in KINDS:
        refuse(layer, f"kind to be one of {KINDS}", repr(layer.kind))


def _centred(window: int, stride: int) -> Reach:
    left = (window - 1) // 2
    return Reach(left, window - 1 - left, stride)
