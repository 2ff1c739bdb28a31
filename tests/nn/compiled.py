"""Layers as one program each: without, every operation is compiled by itself."""

import functools
from typing import Any

import jax

import jaxlisten as jl


@functools.partial(jax.jit, static_argnums=0)
def init(layer: jl.Layer, key: jax.Array, x: Any) -> tuple[Any, Any]:
    """Compute ``layer.init(key, x)``."""
    return layer.init(key, x)


@functools.partial(jax.jit, static_argnums=0, static_argnames="train")
def apply(
    layer: jl.Layer, params: Any, state: Any, x: Any, *, key: jax.Array | None = None, train: bool = False
) -> Any:
    """Compute ``layer.apply(params, state, x)``."""
    return layer.apply(params, state, x, key=key, train=train)
