"""From a model of ours to a module of flax NNX."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp

from jaxlisten.errors import InputError
from jaxlisten.interop.common import flax_nnx
from jaxlisten.nn import Layer
from jaxlisten.types import Params, State


def as_nnx(model: Layer, params: Params, state: State, *, rngs: Any = None) -> Any:
    """Make an `flax.nnx.Module` that computes ``model.apply``.

    Its params are `nnx.Param`, its state is `nnx.BatchStat`, under paths such as ``params/block0/conv1d/kernel``, so
    `nnx.jit`, `nnx.grad`, `nnx.Optimizer` and `nnx.split` treat it like any other module, alone or within a larger one.
    It takes what the model takes: an array, or a `Padded` of clips of different length. `from_nnx` gives the model and
    its weights back.

    The module begins in evaluation mode, because weights that go in are usually trained. ``module.train()`` brings it
    into training mode, in which random layers draw and running statistics move at each call; ``module.eval()`` back.
    One call can choose for itself: ``module(x, deterministic=False)``.

    Args:
        model: a layer.
        params, state: of the model, such as those of a `Fitted`; they are copied.
        rngs: `nnx.Rngs` for random layers in training mode, whose stream ``dropout`` is used. A call can bring its own.

    Raises:
        InputError: flax is missing, `model` is no layer, its weights are no dicts, or `rngs` is something else.

    Example:
        >>> import jax, jaxlisten as jl
        >>> from flax import nnx
        >>> model = jl.serial(jl.Dense(4), jl.ReLU(), jl.Dense(2))
        >>> module = jl.interop.as_nnx(model, *model.init(jax.random.key(0), jax.numpy.zeros(3)))
        >>> module(jax.numpy.ones((5, 3))).shape
        (5, 2)
        >>> ["/".join(path) for path, _ in nnx.to_flat_state(nnx.state(module, nnx.Param))]
        ['params/dense_0/bias', 'params/dense_0/kernel', 'params/dense_1/bias', 'params/dense_1/kernel']
    """
    nnx = flax_nnx("as_nnx")
    if isinstance(model, type) or not isinstance(model, Layer):
        got = f"the class {model.__name__}" if isinstance(model, type) else type(model).__name__
        raise InputError(f"as_nnx: expected a layer, got {got}; from_nnx goes the other way")
    if not isinstance(params, dict) or not isinstance(state, dict):
        got = f"{type(params).__name__} and {type(state).__name__}"
        raise InputError(f"as_nnx: expected params and state as model.init gives them, got {got}")
    if rngs is not None and not isinstance(rngs, nnx.Rngs | nnx.RngStream):
        raise InputError(f"as_nnx: expected rngs=nnx.Rngs(0) or so, got {type(rngs).__name__}")
    return nnx_module()(model, params, state, rngs)


@functools.cache
def nnx_module() -> Any:
    """Return the class of all modules that `as_nnx` makes; it is defined here because flax is imported only if used."""
    nnx = flax_nnx("as_nnx")

    def hold(tree: Any, kind: Any) -> Any:
        return nnx.data(jax.tree.map(lambda leaf: kind(jnp.array(leaf)), tree))

    def held(tree: Any) -> Any:
        return jax.tree.map(lambda leaf: leaf[...], tree, is_leaf=lambda leaf: isinstance(leaf, nnx.Variable))

    class ListeningModule(nnx.Module):
        """A model of jaxlisten as a module of flax NNX; made by `jaxlisten.interop.as_nnx`."""

        def __init__(self, model: Layer, params: Params, state: State, rngs: Any):
            self.model = model
            self.params = hold(params, nnx.Param)
            self.state = hold(state, nnx.BatchStat)
            self.deterministic = True
            stream = rngs["dropout"] if isinstance(rngs, nnx.Rngs) else rngs
            self.rngs = nnx.data(None if stream is None else stream.fork())

        def __call__(self, x: Any, *, deterministic: bool | None = None, rngs: Any = None) -> Any:
            evaluating = self.deterministic if deterministic is None else deterministic
            params, state = self.weights()
            if evaluating:
                return self.model.apply(params, state, x)[0]
            stream = self.rngs if rngs is None else rngs["dropout"] if isinstance(rngs, nnx.Rngs) else rngs
            key = stream() if isinstance(stream, nnx.RngStream) else stream
            y, state = self.model.apply(params, state, x, key=key, train=True)
            jax.tree.map(
                lambda variable, leaf: variable.set_value(leaf),
                self.state,
                state,
                is_leaf=lambda leaf: isinstance(leaf, nnx.Variable),
            )
            return y

        def set_view(self, deterministic: bool | None = None) -> None:
            """Answer `nnx.view`."""
            if deterministic is not None:
                self.deterministic = deterministic

        def weights(self) -> tuple[Params, State]:
            """Return the params and the state as plain trees of arrays."""
            return held(self.params), held(self.state)

    return ListeningModule
