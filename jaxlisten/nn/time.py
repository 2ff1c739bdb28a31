"""Layers along time. From `forward` alone they get masks, lengths and an exact streaming form.

`Stepwise` turns each step into one step. `Windowed` computes each output step from a window of input steps; whole
signals are padded, streams keep the last steps in the carry, and both then call the same `forward` without padding.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from jaxlisten.errors import refuse
from jaxlisten.nn.layer import positive
from jaxlisten.types import Array, Chunk, Padded, Params, State, Timing


def valid_steps(x: Padded) -> Array:
    """Return ``[*batch, time]`` booleans: which steps of `x` lie before the end of their item."""
    time = x.values.shape[x.length.ndim]
    return jnp.arange(time) < jnp.asarray(x.length)[..., None]


def silenced(values: Array, valid: Array) -> Array:
    """Set invalid steps to zero, on the way in: a mask behind a layer keeps NaN in the gradient of its weights."""
    extra = values.ndim - valid.ndim
    return jnp.where(valid.reshape(valid.shape + (1,) * extra), values, jnp.zeros((), values.dtype))


class Stepwise:
    """A layer that turns each step into one step. Subclasses define `forward`, and `init` where they have params."""

    def forward(
        self, params: Params, state: State, x: Array, valid: Array | None, *, key: Array | None, train: bool
    ) -> tuple[Array, State]:
        """Compute the outputs of ``x [*batch, time, ...]``, which is zero where ``valid [*batch, time]`` is False.

        `valid` is None where all is valid; then `x` need not have an axis of time.
        """
        raise NotImplementedError

    def init(self, key: Array, x: Any) -> tuple[Params, State]:
        return {}, {}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Array | None = None, train: bool = False
    ) -> tuple[Any, State]:
        check_floating(self, x.values if isinstance(x, Padded) else x)
        if not isinstance(x, Padded):
            return self.forward(params, state, x, None, key=key, train=train)
        valid = valid_steps(x)
        y, state = self.forward(params, state, silenced(x.values, valid), valid, key=key, train=train)
        return Padded(y, x.length), state

    def out_length(self, n: Any) -> Any:
        return n

    def timing(self) -> Timing | None:
        return Timing()

    def start(self, params: Params, state: State, x: Chunk) -> Any:
        return ()

    def step(self, params: Params, state: State, carry: Any, chunk: Chunk) -> tuple[Any, Chunk]:
        x = silenced(chunk.values, chunk.valid)
        y, _ = self.forward(params, state, x, chunk.valid, key=None, train=False)
        return carry, Chunk(y, chunk.valid)


class Reach(NamedTuple):
    """Window i holds the input steps from ``i * stride - left`` to ``i * stride + right``, both included."""

    left: int
    right: int
    stride: int = 1


def reach_of(layer: Any) -> Reach:
    """Return the reach of a layer with a ``window`` in steps, ``lookahead`` of which lie ahead (None: half of them)."""
    ahead = layer.window // 2 if layer.lookahead is None else layer.lookahead
    return Reach(layer.window - 1 - ahead, ahead)


def check_window(layer: Any) -> None:
    """Refuse a ``window`` and a ``lookahead`` that don't go together."""
    positive(layer, "window")
    if layer.lookahead is not None and not 0 <= layer.lookahead < layer.window:
        refuse(layer, f"lookahead None or from 0 to window - 1 = {layer.window - 1}", str(layer.lookahead))


class Windowed:
    """A layer that computes output steps from windows of input steps. Subclasses define `reach`, `forward` and `init`.

    Outside the signal there is silence: zeros that `valid` marks.
    """

    step_ndim: ClassVar[int] = 1
    """Axes of one step: 2 for ``[freq, channel]``, 1 for ``[channel]``, 0 for a sample of raw sound."""

    def reach(self) -> Reach:
        raise NotImplementedError

    def steps_per_window(self) -> int:
        """Return how many output steps come of one window: 1, unless the layer raises the rate."""
        return 1

    def forward(
        self, params: Params, state: State, x: Array, valid: Array, *, key: Array | None, train: bool
    ) -> tuple[Array, State]:
        """Compute every whole window of ``x [*batch, time, ...]``, without padding it.

        `x` is zero where `valid`, which broadcasts to ``[*batch, time]``, is False.
        """
        raise NotImplementedError

    def check(self, params: Params, x: Array) -> None:
        """Refuse an input ``[*batch, time, ...]``, not yet padded, that the params don't fit."""

    def out_length(self, n: Any) -> Any:
        return -(-n // self.reach().stride) * self.steps_per_window()

    def emits(self, valid: Array) -> Array:
        """Tell which output steps exist, ``[..., frames]``, from the validity of the padded input, ``[..., time]``."""
        left, right, stride = self.reach()
        exists = valid[..., left : valid.shape[-1] - right : stride]
        steps = self.steps_per_window()
        return jnp.repeat(exists, steps, axis=-1) if steps > 1 else exists

    def init(self, key: Array, x: Any) -> tuple[Params, State]:
        return {}, {}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Array | None = None, train: bool = False
    ) -> tuple[Any, State]:
        values = x.values if isinstance(x, Padded) else x
        axis = values.ndim - 1 - self.step_ndim
        self._check(values, axis, x.length.ndim if isinstance(x, Padded) else axis)
        self.check(params, values)
        valid = valid_steps(x) if isinstance(x, Padded) else jnp.ones(values.shape[axis], bool)
        if isinstance(x, Padded):
            values = silenced(values, valid)
        windows = self.out_length(values.shape[axis]) // self.steps_per_window()
        values = surrounded(values, axis, self.reach(), windows)
        valid = surrounded(valid, valid.ndim - 1, self.reach(), windows)
        y, state = self.forward(params, state, values, valid, key=key, train=train)
        return (Padded(y, self.out_length(x.length)) if isinstance(x, Padded) else y), state

    def timing(self) -> Timing | None:
        left, right, stride = self.reach()
        each, delay = self.steps_per_window(), right // stride
        steps = left + right + 1  # long enough for the shortest signal that has outputs
        beyond = self.out_length(steps * stride) // each - steps
        return Timing(stride, Fraction(each, stride), delay * each, max(0, delay + beyond) * stride)

    def start(self, params: Params, state: State, x: Chunk) -> Any:
        left, right, stride = self.reach()
        axis = x.valid.ndim - 1
        shape = list(x.values.shape)
        self._check(x.values, len(shape) - 1 - self.step_ndim, axis)
        self.check(params, x.values)
        shape[axis] = right // stride * stride + left
        return Chunk(jnp.zeros(shape, x.values.dtype), jnp.zeros(shape[: axis + 1], bool))

    def step(self, params: Params, state: State, carry: Any, chunk: Chunk) -> tuple[Any, Chunk]:
        left, right, stride = self.reach()
        axis = chunk.valid.ndim - 1
        steps, kept = chunk.valid.shape[-1], carry.valid.shape[-1]
        if steps % stride:
            refuse(self, f"a chunk of a multiple of {stride} steps", str(steps), "see timing().block")
        values = jnp.concatenate([carry.values, silenced(chunk.values, chunk.valid)], axis)
        valid = jnp.concatenate([carry.valid, chunk.valid], axis)
        carry = Chunk(jax.lax.slice_in_dim(values, steps, steps + kept, axis=axis), valid[..., steps:])
        seen = (steps // stride - 1) * stride + 1 + left + right
        values, valid = jax.lax.slice_in_dim(values, 0, seen, axis=axis), valid[..., :seen]
        y, _ = self.forward(params, state, values, valid, key=None, train=False)
        return carry, Chunk(y, self.emits(valid))

    def _check(self, values: Array, axis: int, expected_axis: int) -> None:
        wanted = ("[*batch, time]", "[*batch, time, channel]", "[*batch, time, freq, channel]")[self.step_ndim]
        if axis < 0 or axis != expected_axis:
            hint = "; is an AddChannel missing?" if self.step_ndim == 2 else ""
            refuse(self, f"x {wanted}", str(tuple(values.shape)), f"wrong number of axes{hint}")
        check_floating(self, values)
        least = values.shape[axis]
        if self.out_length(least) < 1:
            refuse(self, f"x {wanted} long enough for one output", str(tuple(values.shape)), "is the clip too short?")


def check_floating(layer: object, x: Array) -> None:
    if not jnp.issubdtype(x.dtype, jnp.floating):
        refuse(layer, "floating-point x", str(x.dtype), "scale integer samples to -1..1 first")


def surrounded(x: Array, axis: int, reach: Reach, windows: Any) -> Array:
    """Put zeros (False) around an axis, or cut its end where the stride skips it, so that `windows` windows fit."""
    left, right, stride = reach
    axis %= x.ndim
    behind = (windows - 1) * stride + 1 + right - x.shape[axis]
    widths = [(left, behind, 0) if other == axis else (0, 0, 0) for other in range(x.ndim)]
    return jax.lax.pad(x, jnp.zeros((), x.dtype), widths)
