"""What both directions share."""

from __future__ import annotations

from typing import Any, NamedTuple, NoReturn

import jax.numpy as jnp

from jaxlisten.errors import InputError, LayerError
from jaxlisten.nn import Layer
from jaxlisten.types import Array, Params, State


class Parts(NamedTuple):
    """A model and its weights.

    Attributes:
        model: a layer.
        params, state: its weights.
    """

    model: Layer
    params: Params
    state: State


def flax_nnx(function: str) -> Any:
    """Import `flax.nnx` for `function`.

    Raises:
        InputError: flax is missing.
    """
    try:
        from flax import nnx
    except ImportError:
        raise InputError(f"{function}: flax is missing; install it with: pip install 'jaxlisten[flax]'") from None
    return nnx


def arrays(module: Any, *names: str) -> dict[str, Array]:
    """Return the variables of a module that are there, as float32."""
    found = ((name, getattr(module, name)) for name in names)
    return {name: jnp.asarray(variable[...], jnp.float32) for name, variable in found if variable is not None}


def usual(module: Any, **settings: tuple[Any, ...]) -> None:
    """Refuse a module with a setting that is none of those that ours computes with.

    Args:
        module: of flax NNX.
        settings: for each attribute, the values that ours can be; an attribute that this flax does not have is usual.
    """
    dtype = getattr(module, "dtype", None)
    if dtype is not None and jnp.dtype(dtype) != jnp.float32:
        refused(module, "dtype=None", jnp.dtype(dtype).name, "make it without, and wrap what comes out in BFloat16")
    for name, known in settings.items():
        value = getattr(module, name, known[0])
        if not any(value is one or (isinstance(one, int | float | tuple) and value == one) for one in known):
            wanted, got = (getattr(one, "__name__", repr(one)) for one in (known[0], value))
            refused(module, f"{name}={wanted}", got, "ours has no such setting")


def refused(module: Any, expected: str, got: object, cause: str = "") -> NoReturn:
    """Raise a `LayerError` about a module that has no counterpart with these settings."""
    reason = f"from_nnx: {type(module).__name__}: expected {expected}, got {got}"
    raise LayerError(reason + (f": {cause}" if cause else ""))
