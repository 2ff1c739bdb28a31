"""Activations against SciPy."""

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats

import jaxlisten as jl

ORACLES = {
    "ReLU": lambda x: np.maximum(x, 0),
    "GELU": lambda x: x * scipy.stats.norm.cdf(x),
    "SiLU": lambda x: x * scipy.special.expit(x),
    "Tanh": np.tanh,
    "Logistic": scipy.special.expit,
}


@pytest.mark.parametrize("name", ORACLES)
def test_activation_equals_scipy(name):
    x = np.linspace(-8, 8, 401)
    got, state = getattr(jl, name)().apply({}, {}, jnp.asarray(x, jnp.float32))
    np.testing.assert_allclose(got, ORACLES[name](x), rtol=1e-5, atol=1e-6)
    assert state == {}


@pytest.mark.parametrize("name", ORACLES)
def test_activation_of_a_large_number_is_finite(name):
    assert np.isfinite(getattr(jl, name)().apply({}, {}, jnp.array([-1e30, 1e30]))[0]).all()
