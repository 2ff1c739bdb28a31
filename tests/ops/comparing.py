"""How two ways to compute the same are compared."""

from collections.abc import Callable
from inspect import signature

import jax
import jax.numpy as jnp
import numpy as np


def compiled(function: Callable) -> Callable:
    """Compile a function for each setting of its keywords: operations on their own are compiled one by one."""
    keywords = [
        name for name, parameter in signature(function).parameters.items() if parameter.kind == parameter.KEYWORD_ONLY
    ]
    return jax.jit(function, static_argnames=keywords)


def hold(got, want, relative=1e-5):
    """Hold two arrays equal, relative to the largest value."""
    got, want = np.asarray(got, np.float64), np.asarray(want, np.float64)
    assert got.shape == want.shape
    np.testing.assert_allclose(got, want, rtol=0, atol=relative * np.abs(want).max())


def value_and_grads(function, x, kernel, **settings):
    """Return ``function(x, kernel, **settings)`` and the gradients of a loss that each output changes differently."""

    def loss(x, kernel):
        y = function(x, kernel, **settings)
        return (y.astype(jnp.float32) * jnp.cos(jnp.arange(y.size, dtype=jnp.float32)).reshape(y.shape)).sum(), y

    (_, y), grads = jax.jit(jax.value_and_grad(loss, (0, 1), has_aux=True))(x, kernel)
    return y, *grads


def hold_all(got, want, relative=1e-5):
    """Hold values and gradients equal, each relative to its largest value, and of the same dtype."""
    for ours, theirs in zip(got, want, strict=True):
        assert ours.dtype == theirs.dtype
        hold(ours, theirs, relative)
