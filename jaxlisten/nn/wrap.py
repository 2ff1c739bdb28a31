"""Wrappers: layers that change how the layer within them is trained."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp

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


class Wrapper:
    """What layers share that are their inner layer in all but the gradient: its weights, answers and stream are theirs.

    Attributes:
        inner: the layer.
    """

    inner: Layer

    def __post_init__(self) -> None:
        check_child(self, "inner", self.inner)

    def init(self, key: Array, x: Any) -> tuple[Params, State]:
        return self.inner.init(key, x)

    def out_length(self, n: Any) -> Any:
        return self.inner.out_length(n)

    def timing(self) -> Timing | None:
        return self.inner.timing()

    def start(self, params: Params, state: State, x: Chunk) -> Any:
        return self.inner.start(params, state, x)

    def step(self, params: Params, state: State, carry: Any, chunk: Chunk) -> tuple[Any, Chunk]:
        return self.inner.step(params, state, carry, chunk)


@layer
class Remat(Wrapper):
    """A layer that computes its inner values again for the gradient, and does not keep them.

    Answers and gradients are those of `inner`. Wrap the blocks of a deep model, or of one for long clips: memory then
    holds what passes between the blocks and what is inside one of them, for about a third more time.

    Reference:
        `jax.checkpoint`; Chen et al. 2016, *Training deep nets with sublinear memory cost*.
    """

    inner: Layer

    def apply(
        self, params: Params, state: State, x: Any, *, key: Array | None = None, train: bool = False
    ) -> tuple[Any, State]:
        return jax.checkpoint(functools.partial(self.inner.apply, train=train))(params, state, x, key=key)


@layer
class BFloat16(Wrapper):
    """A layer that is trained in bfloat16: products and what lies between layers take half the memory.

    Weights, their gradients, the running statistics and the loss stay in float32, and statistics are summed in it. With
    ``train=False`` all is float32, so a trained listener, its stream and its exported forms don't know of it. Wrap the
    network and not the front end: ``serial(models.log_mel(sr), BFloat16(models.cnn(classes)))``.

    It pays on hardware with bfloat16 products, such as GPUs and TPUs; most CPUs are slower with it.

    Reference:
        Micikevicius et al. 2018, *Mixed precision training*; Kalamkar et al. 2019, *A study of bfloat16 for deep
        learning training*, which needs no scaling of the loss.
    """

    inner: Layer

    def apply(
        self, params: Params, state: State, x: Any, *, key: Array | None = None, train: bool = False
    ) -> tuple[Any, State]:
        if not train:
            return self.inner.apply(params, state, x)
        given = [leaf.dtype for leaf in jax.tree.leaves(x) if jnp.issubdtype(leaf.dtype, jnp.floating)]
        y, state = self.inner.apply(params, state, _cast(x, jnp.bfloat16), key=key, train=True)
        return _cast(y, given[0] if given else jnp.float32), state


def _cast(x: Any, dtype: Any) -> Any:
    """Convert the floating-point arrays of a tree."""
    return jax.tree.map(lambda a: a.astype(dtype) if jnp.issubdtype(a.dtype, jnp.floating) else a, x)
