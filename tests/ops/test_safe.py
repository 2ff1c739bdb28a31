"""Gradients where there is silence."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxlisten.ops import largest, safe_power


@pytest.mark.parametrize("exponent", [0.25, 0.5, 1.0, 1.5, 2.0])
def test_safe_power_is_the_power_and_has_no_gradient_at_0(exponent):
    x = jnp.array([0.0, 1e-12, 0.3, 4.0])
    np.testing.assert_allclose(safe_power(x, exponent), np.asarray(x) ** exponent, rtol=1e-6)
    gradient = np.asarray(jax.grad(lambda x: safe_power(x, exponent).sum())(x))
    np.testing.assert_allclose(gradient[1:], exponent * np.asarray(x)[1:] ** (exponent - 1), rtol=1e-5)
    assert gradient[0] == (exponent == 1.0)


def test_the_gradient_of_the_largest_goes_to_its_first_place():
    x = jnp.array([[1.0, 3.0, 3.0], [-2.0, -5.0, -2.0], [0.0, 0.0, 0.0]])
    np.testing.assert_array_equal(largest(x), [[3.0], [-2.0], [0.0]])
    np.testing.assert_array_equal(jax.grad(lambda x: largest(x).sum())(x), [[0, 1, 0], [1, 0, 0], [1, 0, 0]])
