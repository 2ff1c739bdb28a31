"""Combinators: functions that build a layer out of layers, and the dataclasses behind them."""

from __future__ import annotations

import functools
import itertools
import math
import re
from collections.abc import Callable, Collection, Sequence
from fractions import Fraction
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jax.core import min_dim

from jaxlisten.errors import refuse
from jaxlisten.nn.delay import chain_timing, delay_start, delay_step, timings_of
from jaxlisten.nn.images import stretch
from jaxlisten.nn.layer import Layer, check_child, inside, layer, out_spec, spec
from jaxlisten.nn.time import Stepwise
from jaxlisten.ops import in_parts
from jaxlisten.types import Array, Chunk, Padded, Params, State, Timing


def serial(*layers: Layer, **named: Layer) -> Serial:
    """Chain layers: each takes what the one before it gives.

    Positional layers are named after their type (``conv1d``, or ``conv1d_0``, ``conv1d_1`` where there are several);
    a positional `serial` is taken apart into its layers, which keep their names, so paths stay short.

    Example:
        >>> import jaxlisten as jl
        >>> jl.serial(jl.Dense(4), jl.ReLU(), out=jl.Dense(2))
        serial(
          dense=Dense(units=4),
          relu=ReLU(),
          out=Dense(units=2),
        )
    """
    parts = list[tuple[str, Layer]]()
    for part in layers:
        if isinstance(part, Serial):
            parts += zip(part.names, part.layers, strict=True)
        else:
            parts.append((_snake(type(part).__name__), part))
    names = _distinct([name for name, _ in parts], taken=named)
    return Serial((*(part for _, part in parts), *named.values()), (*names, *named))


def residual(*layers: Layer, shortcut: Layer | None = None) -> Parallel:
    """Add what goes in to what comes out of a chain of layers; `shortcut` adapts it where the shapes differ."""
    return Parallel((serial(*layers), shortcut or Identity()), ("body", "shortcut"), "add")


def parallel(*layers: Layer, **named: Layer) -> Parallel:
    """Give the same input to every branch and concatenate the outputs along the last axis."""
    names = _distinct([_snake(type(part).__name__) for part in layers], taken=named)
    return Parallel((*layers, *named.values()), (*names, *named), "concatenate")


def average(*layers: Layer, **named: Layer) -> Parallel:
    """Give the same input to every branch and average the outputs, as an ensemble does with its members' logits."""
    names = _distinct([_snake(type(part).__name__) for part in layers], taken=named)
    return Parallel((*layers, *named.values()), (*names, *named), "mean")


def lift(function: Callable[[Array], Array]) -> Lift:
    """Make a layer of a function that treats every step alike, such as ``jnp.tanh`` or a scaling.

    It trains and streams like any other; because a function can't be stored, a run folder with it needs
    ``jl.load(run, model=model)``. Write a `@layer` class for what is to be stored.
    """
    return Lift(function)


_FAR, _NEAR = 2**40, 2**20
"""Where `_FAR` steps go in, the outputs of two branches of one rate differ by less than `_NEAR`."""


class _Branching:
    """What layers with named children share."""

    layers: tuple[Layer, ...]
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.layers, tuple) or not isinstance(self.names, tuple):
            refuse(self, "tuples of layers and of names", f"{self.layers!r} and {self.names!r}")
        if not self.layers or len(self.layers) != len(self.names) or len(set(self.names)) != len(self.names):
            refuse(self, "at least one layer and a distinct name for each", f"names {self.names}")
        for name, child in zip(self.names, self.layers, strict=True):
            check_child(self, str(name), child)
            if not isinstance(name, str) or not name or "/" in name:
                refuse(self, "names without '/'", repr(name))

    def children(self) -> list[tuple[str, Layer]]:
        return list(zip(self.names, self.layers, strict=True))

    def __getattr__(self, name: str) -> Layer:
        """Return the child of that name: ``model.encoder``."""
        children = dict(zip(*(vars(self).get(field, ()) for field in ("names", "layers")), strict=True))
        if name in children:
            return children[name]
        raise AttributeError(f"{type(self).__name__} has no {name!r}; its layers are {', '.join(children)}")


@layer
class Serial(_Branching):
    """A chain of layers; made by `serial`."""

    layers: tuple[Layer, ...]
    names: tuple[str, ...]

    def init(self, key: Array, x: Any) -> tuple[Params, State]:
        params, state, x = {}, {}, spec(x)
        for index, (name, child) in enumerate(self.children()):
            with inside(name):
                p, s = child.init(jax.random.fold_in(key, index), x)
                x = out_spec(child, p, s, x)
            params |= {name: p} if p else {}
            state |= {name: s} if s else {}
        return params, state

    def apply(
        self, params: Params, state: State, x: Any, *, key: Array | None = None, train: bool = False
    ) -> tuple[Any, State]:
        new_state, index = {}, 0
        while index < len(self.layers):
            images = 0 if train else stretch(self.layers[index:])
            if images > 1:
                x = self._few_at_a_time(slice(index, index + images), params, state, x)
                new_state |= {name: state[name] for name in self.names[index : index + images] if name in state}
                index += images
                continue
            name, child = self.names[index], self.layers[index]
            child_key = None if key is None else jax.random.fold_in(key, index)
            with inside(name), jax.named_scope(name):
                x, s = child.apply(params.get(name, {}), state.get(name, {}), x, key=child_key, train=train)
            new_state |= {name: s} if s else {}
            index += 1
        return x, new_state

    def _few_at_a_time(self, part: slice, params: Params, state: State, x: Any) -> Any:
        """Apply some layers, all on images, with ``train=False``: it leaves their state as it is."""
        values = x.values if isinstance(x, Padded) else x
        chain = [(name, child, params.get(name, {}), state.get(name, {})) for name, child in self.children()[part]]

        def run(x: Any) -> Any:
            for name, child, p, s in chain:
                with inside(name), jax.named_scope(name):
                    x, _ = child.apply(p, s, x)
            return x

        shape = getattr(values, "shape", ())
        batch = shape[:-3]
        if not all(isinstance(n, int) for n in shape) or math.prod(batch) == 1:  # or open, as in an export
            return run(x)
        flat = jax.tree.map(lambda a: a.reshape(-1, *a.shape[len(batch) :]), x)
        item, size = jax.ShapeDtypeStruct((1, *values.shape[-3:]), values.dtype), 0
        for name, child, p, s in chain:
            with inside(name):
                item = out_spec(child, p, s, item)
            size = max(size, item.size * item.dtype.itemsize)
        y = in_parts(run, flat, size)
        return jax.tree.map(lambda a: a.reshape(*batch, *a.shape[1:]), y)

    def out_length(self, n: Any) -> Any:
        for child in self.layers:
            n = child.out_length(n)
        return n

    def timing(self) -> Timing | None:
        plan = chain_timing(self.layers)
        return plan and plan[0]

    def start(self, params: Params, state: State, x: Chunk) -> Any:
        carries, x = {}, spec(x)
        for (name, child), wait in zip(self.children(), self._waits(), strict=True):
            p, s = params.get(name, {}), state.get(name, {})
            with inside(name):
                carry = child.start(p, s, x)
                carries[name] = (delay_start(wait, x), carry)
                x = jax.eval_shape(child.step, p, s, carry, x)[1]
        return carries

    def step(self, params: Params, state: State, carry: Any, chunk: Chunk) -> tuple[Any, Chunk]:
        carries = {}
        for name, child in self.children():
            line, inner = carry[name]
            line, chunk = delay_step(line, chunk)
            with inside(name):
                inner, chunk = child.step(params.get(name, {}), state.get(name, {}), inner, chunk)
            carries[name] = (line, inner)
        return carries, chunk

    def _waits(self) -> tuple[int, ...]:
        plan = chain_timing(self.layers)
        if plan is None:
            stuck = [name for name, child in self.children() if child.timing() is None]
            refuse(self, "layers that all have a streaming form", f"{stuck} without one", "see jl.streaming")
        return plan[1]

    def __repr__(self) -> str:
        return _tree("serial", self.children())


@layer
class Parallel(_Branching):
    """Branches that take the same input; made by `parallel` (outputs concatenated), `residual` (added) and `average`.

    A branch that lowers the rate and raises it again gives a few steps more than there were, unless their number fits.
    All branches are cut to the shortest.
    """

    layers: tuple[Layer, ...]
    names: tuple[str, ...]
    merge: str = "concatenate"

    merges: ClassVar[tuple[str, ...]] = ("concatenate", "add", "mean")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.merge not in self.merges:
            refuse(self, f"merge to be one of {self.merges}", repr(self.merge))

    def init(self, key: Array, x: Any) -> tuple[Params, State]:
        params, state = {}, {}
        for index, (name, child) in enumerate(self.children()):
            with inside(name):
                p, s = child.init(jax.random.fold_in(key, index), x)
            params |= {name: p} if p else {}
            state |= {name: s} if s else {}
        return params, state

    def apply(
        self, params: Params, state: State, x: Any, *, key: Array | None = None, train: bool = False
    ) -> tuple[Any, State]:
        outputs, new_state = [], {}
        for index, (name, child) in enumerate(self.children()):
            child_key = None if key is None else jax.random.fold_in(key, index)
            with inside(name), jax.named_scope(name):
                y, s = child.apply(params.get(name, {}), state.get(name, {}), x, key=child_key, train=train)
            outputs.append(y)
            new_state |= {name: s} if s else {}
        if isinstance(outputs[0], Padded):
            values = self._merged(self._cut([y.values for y in outputs], x.values))
            return Padded(values, _least([y.length for y in outputs])), new_state
        return self._merged(self._cut(outputs, x)), new_state

    def out_length(self, n: Any) -> Any:
        return _least([child.out_length(n) for child in self.layers])

    def differ(self) -> bool:
        """Tell whether branches of one rate give different numbers of steps for some lengths."""
        short = ([child.out_length(n) for child in self.layers] for n in range(1, 65))
        far = [child.out_length(_FAR) for child in self.layers]
        return max(far) - min(far) < _NEAR and any(len(set(lengths)) > 1 for lengths in short)

    def timing(self) -> Timing | None:
        timings = timings_of(self.layers)
        if timings is None or len({timing.ratio for timing in timings}) > 1:
            return None
        block = math.lcm(*(timing.block for timing in timings))
        delay = max(timing.delay for timing in timings)
        flush = max(timing.flush + Fraction(delay - timing.delay) / timing.ratio for timing in timings)
        return Timing(block, timings[0].ratio, delay, math.ceil(flush / block) * block)

    def start(self, params: Params, state: State, x: Chunk) -> Any:
        carries = {}
        timing, timings = self.timing(), timings_of(self.layers)
        if timing is None or timings is None:
            refuse(self, "branches with streaming forms of the same ratio", f"{self.names}", "see jl.streaming")
        for (name, child), own in zip(self.children(), timings, strict=True):
            p, s = params.get(name, {}), state.get(name, {})
            with inside(name):
                carry = child.start(p, s, x)
                y = jax.eval_shape(child.step, p, s, carry, spec(x))[1]
            carries[name] = (carry, delay_start(timing.delay - own.delay, y))
        return carries

    def step(self, params: Params, state: State, carry: Any, chunk: Chunk) -> tuple[Any, Chunk]:
        carries, outputs = {}, []
        for name, child in self.children():
            inner, line = carry[name]
            with inside(name):
                inner, y = child.step(params.get(name, {}), state.get(name, {}), inner, chunk)
            line, y = delay_step(line, y)
            carries[name] = (inner, line)
            outputs.append(y)
        valid = functools.reduce(jnp.logical_and, [y.valid for y in outputs])
        return carries, Chunk(self._merged([y.values for y in outputs]), valid)

    def _cut(self, outputs: list[Array], x: Array) -> list[Array]:
        """Cut the axis of time to the shortest where branches of one rate differ in it."""
        sizes = list(zip(*(y.shape[:-1] for y in outputs), strict=False))
        time = next((axis for axis, along in enumerate(sizes) if len(set(along)) > 1), None)
        if time is None or time >= x.ndim or not self.differ():
            return outputs
        if sizes[time] != tuple(child.out_length(x.shape[time]) for child in self.layers):
            return outputs
        return [jax.lax.slice_in_dim(y, 0, _least(sizes[time]), axis=time) for y in outputs]

    def _merged(self, outputs: Sequence[Array]) -> Array:
        same = 1 if self.merge == "concatenate" else 0
        if len({y.shape[: y.ndim - same] for y in outputs}) > 1:
            shapes = ", ".join(f"{name} {tuple(y.shape)}" for name, y in zip(self.names, outputs, strict=True))
            refuse(self, f"branches of one shape, to {self.merge} them", shapes, "strides or channels differ")
        if same == 1:
            return jnp.concatenate(outputs, axis=-1)
        total = sum(outputs[1:], outputs[0])
        return total / len(outputs) if self.merge == "mean" else total

    def __repr__(self) -> str:
        made_by = {"concatenate": "parallel", "add": "residual", "mean": "average"}
        return _tree(made_by[self.merge], self.children())


def _least(lengths: Sequence[Any]) -> Any:
    """Return the least of some lengths: ints, integer arrays, or symbolic sizes of an axis."""
    if any(hasattr(length, "dtype") for length in lengths):
        return functools.reduce(jnp.minimum, lengths)
    return functools.reduce(min_dim, lengths)


@layer
class Identity(Stepwise):
    """Gives what it takes."""

    def forward(
        self, params: Params, state: State, x: Array, valid: Array | None, *, key: Array | None, train: bool
    ) -> tuple[Array, State]:
        return x, state


class Lift(Stepwise):
    """A plain function as a layer; made by `lift`. It is not registered, because a function can't be stored."""

    def __init__(self, function: Callable[[Array], Array]):
        self.function = function

    def forward(
        self, params: Params, state: State, x: Array, valid: Array | None, *, key: Array | None, train: bool
    ) -> tuple[Array, State]:
        return self.function(x), state

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Lift) and other.function == self.function

    def __hash__(self) -> int:
        return hash(self.function)

    def __repr__(self) -> str:
        return f"lift({getattr(self.function, '__name__', self.function)})"


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", "_", name).lower()  # LogMel: log_mel, but ReLU: relu


def _distinct(names: Sequence[str], *, taken: Collection[str]) -> list[str]:
    """Number the names that occur more than once, or that are taken by another layer."""
    result = []
    for name in names:
        alone = names.count(name) == 1 and name not in taken
        numbered = (f"{name}_{i}" for i in itertools.count())
        result.append(name if alone else next(one for one in numbered if one not in (*result, *names, *taken)))
    return result


def _tree(head: str, children: Sequence[tuple[str, Layer]]) -> str:
    lines = [f"  {name}={child!r},".replace("\n", "\n  ") for name, child in children]
    return "\n".join([f"{head}(", *lines, ")"])
