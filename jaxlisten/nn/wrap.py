"""Wrappers: layers that change how the layer within them is trained."""

from __future__ import annotations

import functools
from typing import Any

import jax

from jaxlisten.nn.layer import Layer, check_child, layer
from jaxlisten.types import Array, Chunk, Params, State, Timing


@layer
class Frozen:
    """A layer that is not trained: neither its params nor its state change, and it runs as with ``train=False``.

    Its params live in the state, under ``params``, so that no optimizer, weight decay included, ever sees them.
    """

    inner: Layer

    def __post_init__(self) -> None:
        check_child(self, "inner", self.inner)

    def init(self, key: Array, x: Any) -> tuple[Params, State]:
        return {}, self.hold(*self.inner.init(key, x))

    @staticmethod
    def hold(params: Params, state: State) -> State:
        """Return the state of a frozen layer that has these params and this state."""
        return {name: tree for name, tree in {"params": params, "state": state}.items() if tree}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Array | None = None, train: bool = False
    ) -> tuple[Any, State]:
        y, _ = self.inner.apply(state.get("params", {}), state.get("state", {}), x)
        return y, state

    def out_length(self, n: Any) -> Any:
        return self.inner.out_length(n)

    def timing(self) -> Timing | None:
        return self.inner.timing()

    def start(self, params: Params, state: State, x: Chunk) -> Any:
        return self.inner.start(state.get("params", {}), state.get("state", {}), x)

    def step(self, params: Params, state: State, carry: Any, chunk: Chunk) -> tuple[Any, Chunk]:
        return self.inner.step(state.get("params", {}), state.get("state", {}), carry, chunk)


@layer
class Remat:
    """A layer that computes its inner values again for the gradient, and does not keep them.

    Answers and gradients are those of `inner`. Wrap the blocks of a deep model, or of one for long clips: memory then
    holds what passes between the blocks and what is inside one of them, for about a third more time.

    Reference:
        `jax.checkpoint`; Chen et al. 2016, *Training deep nets with sublinear memory cost*.
    """

    inner: Layer

    def __post_init__(self) -> None:
        check_child(self, "inner", self.inner)

    def init(self, key: Array, x: Any) -> tuple[Params, State]:
        return self.inner.init(key, x)

    def apply(
        self, params: Params, state: State, x: Any, *, key: Array | None = None, train: bool = False
    ) -> tuple[Any, State]:
        return jax.checkpoint(functools.partial(self.inner.apply, train=train))(params, state, x, key=key)

    def out_length(self, n: Any) -> Any:
        return self.inner.out_length(n)

    def timing(self) -> Timing | None:
        return self.inner.timing()

    def start(self, params: Params, state: State, x: Chunk) -> Any:
        return self.inner.start(params, state, x)

    def step(self, params: Params, state: State, carry: Any, chunk: Chunk) -> tuple[Any, Chunk]:
        return self.inner.step(params, state, carry, chunk)
