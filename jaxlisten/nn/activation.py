"""Activations: functions of one number, as layers."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxlisten.nn.layer import layer
from jaxlisten.nn.time import Stepwise
from jaxlisten.types import Array, Params, State


class Activation(Stepwise):
    """An elementwise function. Subclasses define `function`."""

    @staticmethod
    def function(x: Array, /) -> Array:
        raise NotImplementedError

    def forward(
        self, params: Params, state: State, x: Array, valid: Array | None, *, key: Array | None, train: bool
    ) -> tuple[Array, State]:
        return self.function(x), state


@layer
class ReLU(Activation):
    """``max(x, 0)``."""

    @staticmethod
    def function(x: Array, /) -> Array:
        return jax.nn.relu(x)


@layer
class GELU(Activation):
    """``x Phi(x)`` with the exact normal distribution function (Hendrycks and Gimpel 2016)."""

    @staticmethod
    def function(x: Array, /) -> Array:
        return jax.nn.gelu(x, approximate=False)


@layer
class SiLU(Activation):
    """``x sigmoid(x)`` (Elfwing et al. 2018), also called swish."""

    @staticmethod
    def function(x: Array, /) -> Array:
        return jax.nn.silu(x)


@layer
class Tanh(Activation):
    """``tanh(x)``, from -1 to 1."""

    @staticmethod
    def function(x: Array, /) -> Array:
        return jnp.tanh(x)


@layer
class Logistic(Activation):
    """``1 / (1 + exp(-x))``, from 0 to 1."""

    @staticmethod
    def function(x: Array, /) -> Array:
        return jax.nn.sigmoid(x)
