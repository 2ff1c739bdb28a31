"""Functions in an `nnx.Sequential`, and the layers that compute the same."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp

from jaxlisten.errors import LayerError
from jaxlisten.interop.common import flax_nnx
from jaxlisten.nn import (
    GELU,
    Identity,
    Layer,
    Logistic,
    MaxPool,
    MaxPool2D,
    MeanPool,
    MeanPool2D,
    ReLU,
    SiLU,
    Tanh,
    lift,
)

_ACTIVATIONS: tuple[tuple[Any, Layer], ...] = (
    (jax.nn.relu, ReLU()),
    (jax.nn.silu, SiLU()),
    (jnp.tanh, Tanh()),
    (jax.nn.tanh, Tanh()),
    (jax.nn.sigmoid, Logistic()),
    (jax.nn.identity, Identity()),
)
_ELEMENTWISE = "celu elu gelu hard_sigmoid hard_silu hard_tanh leaky_relu log_sigmoid relu6 selu soft_sign softplus"
"""Activations of `jax.nn` without a layer of ours."""


def layer_of(function: Any) -> Layer:
    """Return the layer that computes a function; `lift` of it where there is no other.

    Raises:
        LayerError: it is not known to treat every step alike, or to be a pooling that ours equals for every length.
    """
    for known, layer in _ACTIVATIONS:
        if function is known:
            return layer
    if any(function is getattr(jax.nn, name) for name in _ELEMENTWISE.split()):
        return lift(function)
    if isinstance(function, functools.partial):
        if function.func is jax.nn.gelu and not function.args and set(function.keywords) <= {"approximate"}:
            exact = not function.keywords.get("approximate", True)
            return GELU() if exact else lift(jax.nn.gelu)
        nnx = flax_nnx("from_nnx")
        if function.func is nnx.max_pool:
            return _pool((MaxPool, MaxPool2D), *function.args, **function.keywords)
        if function.func is nnx.avg_pool:
            return _mean_pool(*function.args, **function.keywords)
    name = getattr(function, "__name__", repr(function))
    raise LayerError(
        f"from_nnx: what the function {name} does can't be read: put a module in its place, such as "
        "as_nnx(GlobalPool(), {}, {}), or give a rule for it"
    )


def _mean_pool(*args: Any, count_include_pad: bool = True, **settings: Any) -> Layer:
    if count_include_pad:
        raise LayerError("from_nnx: avg_pool: expected count_include_pad=False, got True: padding would count as sound")
    return _pool((MeanPool, MeanPool2D), *args, **settings)


def _pool(layers: tuple[Any, Any], window_shape: Any, strides: Any = None, padding: Any = "VALID") -> Layer:
    """Return the pooling over time, or over time and frequency."""
    window, stride = tuple(window_shape), tuple(strides or (1,) * len(window_shape))
    if len(window) > 2:
        raise LayerError(f"from_nnx: pooling: expected a window over one or two axes, got {window}")
    ours = tuple(((w - 1) // 2, w // 2) for w in window)
    if padding == "SAME":  # flax centres what is left over, which can depend on the length
        equal = all(w <= 2 or s == 1 for w, s in zip(window, stride, strict=True))
    else:
        given = ((0, 0),) * len(window) if padding == "VALID" else tuple(map(tuple, padding))
        equal = given == ours
    if not equal:
        whole = all(s >= w and w <= 2 for w, s in zip(window, stride, strict=True))
        near = "is the same for multiples of the stride" if whole else "it has to be trained with"
        raise LayerError(
            f"from_nnx: pooling: expected padding={ours}, which {near}, got {padding!r}, whose windows lie elsewhere "
            "for some lengths of clips"
        )
    if len(window) == 1:
        return layers[0](*window, *stride)
    return layers[1](window, stride)
