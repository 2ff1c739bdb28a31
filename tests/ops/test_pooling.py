"""Pooling against flax NNX, and with masks against a plain NumPy loop."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxlisten.ops import max_pool, max_pool2d, mean_pool, mean_pool2d
from jaxlisten.ops.pooling import _largest, _reduced, _stacked
from tests.ops.comparing import hold_all, value_and_grads

WINDOWS = [(1, 1), (3, 3), (3, 1), (4, 3), (2, 5), (13, 13)]


def signal(*shape):
    return np.random.default_rng(3).standard_normal(shape).astype(np.float32)


def looped(x, valid, window, stride, reduce):
    """Pool by definition, one window at a time; a window without a valid step gives 0."""
    batch, time, channel = x.shape
    y = np.zeros((batch, 1 + (time - window) // stride, channel))
    for b in range(batch):
        for t in range(y.shape[1]):
            inside = [x[b, i] for i in range(t * stride, t * stride + window) if valid[b, i]]
            if inside:
                y[b, t] = reduce(np.array(inside, np.float64), axis=0)
    return y


def hold_to_flax(x, pools, sizes):
    """Hold the largest and the mean of windows to flax's."""
    from flax import nnx

    largest, mean = jax.jit(pools)(x)
    with jax.numpy_dtype_promotion("standard"):  # flax divides by an integer count
        theirs = jax.jit(lambda x: (nnx.max_pool(x, **sizes), nnx.avg_pool(x, **sizes)))(x)
    np.testing.assert_array_equal(largest, theirs[0])
    np.testing.assert_allclose(mean, theirs[1], rtol=0, atol=1e-6)


@pytest.mark.parametrize(("window", "stride"), WINDOWS)
def test_pools_equal_flax_where_all_is_valid(window, stride):
    x, ours = signal(3, 13, 4), {"window": window, "stride": stride}
    theirs = {"window_shape": (window,), "strides": (stride,), "padding": "VALID"}
    hold_to_flax(x, lambda x: [pool(x, jnp.ones(13, bool), **ours) for pool in (max_pool, mean_pool)], theirs)


@pytest.mark.parametrize(("window", "stride"), WINDOWS)
@pytest.mark.parametrize(("pool", "reduce"), [(max_pool, np.max), (mean_pool, np.mean)])
def test_pools_equal_a_loop_over_the_valid_steps(window, stride, pool, reduce):
    x = signal(4, 13, 3) - 5  # all below 0: a 0 that slips in would be the largest
    valid = np.random.default_rng(1).random((4, 13)) < 0.4
    valid[0], valid[1] = False, True
    got = jax.jit(functools.partial(pool, window=window, stride=stride))(x, valid)
    np.testing.assert_allclose(got, looped(x, valid, window, stride, reduce), rtol=1e-5)


@pytest.mark.parametrize("pool", [max_pool, mean_pool])
@pytest.mark.parametrize(("window", "stride"), [(3, 3), (3, 2)])
def test_invalid_steps_get_no_gradient_even_if_they_are_nan(pool, window, stride):
    valid = np.random.default_rng(1).random((4, 13)) < 0.5
    x = np.where(valid[..., None], signal(4, 13, 3), np.nan)
    run = jax.jit(jax.grad(lambda x: pool(x, jnp.asarray(valid), window=window, stride=stride).sum()))
    gradient = np.asarray(run(jnp.asarray(x)))
    assert np.isfinite(gradient).all()
    assert not gradient[~valid].any()


@pytest.mark.parametrize(("window", "stride"), [(3, 3), (3, 2)])
def test_the_gradient_of_the_mean_shares_out_one_over_the_valid_count(window, stride):
    x, valid = signal(2, 11, 3), np.random.default_rng(1).random((2, 11)) < 0.6
    want = np.zeros_like(x)
    for b in range(2):
        for t in range(1 + (11 - window) // stride):
            steps = [i for i in range(t * stride, t * stride + window) if valid[b, i]]
            want[b, steps] += 1 / max(len(steps), 1)
    got = jax.jit(jax.grad(lambda x: mean_pool(x, valid, window=window, stride=stride).sum()))(x)
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-6)


def test_the_mean_of_many_bfloat16_steps_is_summed_in_float32():
    x = jnp.full((4096, 1), 1.01, jnp.bfloat16)
    y = mean_pool(x, jnp.ones(4096, bool), window=4096, stride=4096)
    assert y.dtype == jnp.bfloat16
    np.testing.assert_array_equal(np.asarray(y), np.asarray(x[:1]))


WINDOWS2D = [((2, 3), (2, 3)), ((3, 3), (2, 1)), ((1, 4), (1, 2)), ((3, 1), (5, 2)), ((11, 8), (11, 8))]


@pytest.mark.parametrize(("window", "stride"), WINDOWS2D)
def test_pools_over_frequency_equal_flax_where_all_is_valid(window, stride):
    x, ours = signal(2, 11, 8, 3), {"window": window, "stride": stride}
    theirs = {"window_shape": window, "strides": stride, "padding": "VALID"}
    hold_to_flax(x, lambda x: [pool(x, jnp.ones((11, 8), bool), **ours) for pool in (max_pool2d, mean_pool2d)], theirs)


@pytest.mark.parametrize(("window", "stride"), WINDOWS2D[1:3])
@pytest.mark.parametrize(("pool", "reduce"), [(max_pool2d, np.max), (mean_pool2d, np.mean)])
def test_pools_over_frequency_equal_a_loop_in_values_and_gradients(window, stride, pool, reduce):
    x = signal(2, 9, 6, 3) - 5  # all below 0: a 0 that slips in would be the largest
    valid = np.random.default_rng(1).random((2, 9, 6)) < 0.4
    junk = jnp.asarray(np.where(valid[..., None], x, np.nan))

    def loss(x):
        y = pool(x, jnp.asarray(valid), window=window, stride=stride)
        return y.sum(), y

    (_, got), gradient = jax.jit(jax.value_and_grad(loss, has_aux=True))(junk)
    want, slope = np.zeros(got.shape), np.zeros(x.shape)
    for b, t, f in np.ndindex(*want.shape[:3]):
        rows, columns = (slice(n * s, n * s + w) for n, s, w in zip((t, f), stride, window, strict=True))
        inside = np.argwhere(valid[b, rows, columns]) + np.array([rows.start, columns.start])
        if len(inside):
            values = x[b, inside[:, 0], inside[:, 1]]
            want[b, t, f] = reduce(values.astype(np.float64), axis=0)
            share = values == values.max(axis=0) if reduce is np.max else 1 / len(inside)
            np.add.at(slope[b], (inside[:, 0], inside[:, 1]), np.broadcast_to(share, values.shape))
    np.testing.assert_allclose(got, want, rtol=1e-5)
    np.testing.assert_allclose(gradient, slope, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("window", "stride"), [(3, 2), (4, 3), (2, 5)])
def test_stacked_windows_equal_xla_in_values_and_gradients(window, stride):
    x, unused = jnp.asarray(signal(3, 13, 4)), jnp.zeros(())
    got = value_and_grads(lambda x, _: _largest(_stacked(x, -2, window, stride), -2), x, unused)
    want = value_and_grads(lambda x, _: _reduced(x, -2, window, stride, jax.lax.max, -np.inf), x, unused)
    hold_all(got, want)
