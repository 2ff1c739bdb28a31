"""Overlap-add against a loop."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxlisten.ops import frame, overlap_add


@pytest.mark.parametrize(("length", "hop"), [(16, 4), (16, 5), (7, 7), (5, 9), (1, 1)])
def test_overlap_add_equals_a_loop(length, hop):
    frames = np.random.default_rng(hop).standard_normal((2, 6, length)).astype(np.float32)
    want = np.zeros((2, length + 5 * hop))
    for t in range(6):
        want[:, t * hop : t * hop + length] += frames[:, t]
    np.testing.assert_allclose(jax.jit(overlap_add, static_argnums=1)(frames, hop), want, rtol=0, atol=1e-5)


def test_the_gradient_of_overlap_add_is_framing():
    weight = jnp.arange(20.0)
    gradient = jax.grad(lambda frames: (overlap_add(frames, 4) * weight).sum())(jnp.zeros((4, 8)))
    np.testing.assert_array_equal(gradient, frame(weight, 8, 4))
