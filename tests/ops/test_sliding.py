"""Statistics over windows against NumPy in float64, window by window."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxlisten import ops

TIME = 43


def windows(window, offset=0.0):
    """Return a signal, its mask, and the valid steps of each window of the second item, in float64."""
    rng = np.random.default_rng(window)
    x = (offset + rng.standard_normal((2, TIME, 3))).astype(np.float32)
    valid = rng.random((2, TIME)) < 0.7
    valid[1, 20:30] = False
    kept = [x[1, i : i + window][valid[1, i : i + window]].astype(np.float64) for i in range(TIME - window + 1)]
    return jnp.asarray(x), jnp.asarray(valid), kept


@pytest.mark.parametrize("window", [1, 2, 7, 8, 9, 31, TIME])
@pytest.mark.parametrize("offset", [0.0, -300.0])
def test_moments_of_every_window_equal_numpy(window, offset):
    x, valid, kept = windows(window, offset)
    count, mean, variance = jax.jit(ops.sliding_moments, static_argnums=2)(x, valid, window)
    assert mean.shape == variance.shape == (2, TIME - window + 1, 3)
    np.testing.assert_array_equal(count[1, :, 0], [len(steps) for steps in kept])
    for i, steps in enumerate(kept):
        want = (steps.mean(0), steps.var(0)) if len(steps) else (np.zeros(3), np.zeros(3))
        np.testing.assert_allclose(mean[1, i], want[0], rtol=1e-6, atol=1e-5)
        np.testing.assert_allclose(variance[1, i], want[1], rtol=1e-3, atol=1e-4)
    alone = jax.jit(ops.sliding_mean, static_argnums=2)(x, valid, window)
    np.testing.assert_allclose(alone, mean, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("window", [1, 2, 7, 8, TIME])
def test_the_largest_of_every_window_equals_numpy(window):
    x = np.random.default_rng(0).standard_normal((2, TIME)).astype(np.float32)
    want = np.lib.stride_tricks.sliding_window_view(x, window, axis=1).max(-1)
    np.testing.assert_array_equal(jax.jit(ops.sliding_max, static_argnums=1)(jnp.asarray(x), window), want)


def test_an_hour_loses_no_more_digits_than_a_second():
    x = jnp.full((360_000, 1), -57.3) + jnp.sin(jnp.arange(360_000.0))[:, None]
    run = jax.jit(functools.partial(ops.sliding_mean, window=201))
    late = run(x, jnp.ones(len(x), bool))[-1, 0]
    np.testing.assert_allclose(late, np.asarray(x[-201:], np.float64).mean(), rtol=1e-6)
