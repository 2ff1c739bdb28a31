"""Moments against NumPy in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxlisten import ops

masked_moments = jax.jit(ops.masked_moments)


def oracle(x, valid):
    kept = np.asarray(x, np.float64)[np.broadcast_to(valid, x.shape[:-1])]
    return len(kept), kept.mean(0), kept.var(0)


@pytest.mark.parametrize("shape", [(5,), (50, 5), (3, 50, 5), (2, 3, 50, 5)])
def test_moments_equal_numpy(shape):
    rng = np.random.default_rng(len(shape))
    x, valid = rng.standard_normal(shape).astype(np.float32), rng.random(shape[:-1]) < 0.7
    valid = np.ones(shape[:-1], bool) if not valid.any() else valid
    for mask in (None, valid):
        got = masked_moments(jnp.asarray(x), None if mask is None else jnp.asarray(mask))
        for ours, theirs in zip(got, oracle(x, True if mask is None else mask), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_a_mask_over_time_alone_counts_for_every_item():
    x, valid = np.random.default_rng(0).standard_normal((3, 6, 2)).astype(np.float32), np.arange(6) < 4
    count, mean, variance = masked_moments(jnp.asarray(x), jnp.asarray(valid))
    assert count == 12
    np.testing.assert_allclose(mean, x[:, :4].mean((0, 1)), rtol=1e-5)
    np.testing.assert_allclose(variance, x[:, :4].var((0, 1)), rtol=1e-5)


@pytest.mark.parametrize("offset", [-100.0, 1e4])
def test_a_mean_that_is_large_beside_the_variance_leaves_the_variance_its_digits(offset):
    x = (offset + 0.1 * np.random.default_rng(0).standard_normal((64, 100, 3))).astype(np.float32)
    _, mean, variance = masked_moments(jnp.asarray(x))
    np.testing.assert_allclose(mean, x.mean((0, 1), np.float64), rtol=1e-6)
    np.testing.assert_allclose(variance, x.var((0, 1), np.float64), rtol=1e-3)


def test_no_valid_step_gives_zeros_and_finite_gradients():
    x, never = jnp.ones((3, 4, 2)), jnp.zeros((3, 4), bool)
    assert not any(np.asarray(a).any() for a in masked_moments(x, never))
    gradient = jax.jit(jax.grad(lambda x: sum(a.sum() for a in masked_moments(x, never))))(x)
    np.testing.assert_array_equal(gradient, np.zeros((3, 4, 2)))


def test_half_precision_is_summed_in_float32():
    x = jnp.full((4096, 1), 1.01, jnp.bfloat16)
    count, mean, variance = masked_moments(x)
    assert count.dtype == mean.dtype == variance.dtype == jnp.float32
    np.testing.assert_allclose(mean, x[0].astype(jnp.float32), rtol=1e-6)
