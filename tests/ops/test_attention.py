"""Attention kernels against NumPy and flax."""

import jax
import numpy as np
import pytest

from jaxlisten import ops


def test_masked_softmax_equals_that_of_what_is_in_the_mask():
    import scipy.special

    scores = np.random.default_rng(0).standard_normal((3, 5)).astype(np.float32) * 50
    mask = np.array([[1, 0, 1, 1, 0], [0, 1, 0, 0, 0], [0, 0, 0, 0, 0]], bool)
    got = np.asarray(jax.jit(ops.masked_softmax)(scores, mask))
    np.testing.assert_allclose(got[0, mask[0]], scipy.special.softmax(scores[0, mask[0]]), rtol=1e-6)
    np.testing.assert_array_equal(got[1:], [[0, 1, 0, 0, 0], [0, 0, 0, 0, 0]])
    gradient = np.asarray(jax.jit(jax.grad(lambda scores: ops.masked_softmax(scores, mask)[:, :3].sum()))(scores))
    assert np.isfinite(gradient).all()
    np.testing.assert_array_equal(gradient[~mask], 0)


def test_attention_equals_that_of_flax():
    from flax import nnx

    query, key, value = np.random.default_rng(0).standard_normal((3, 2, 6, 2, 4)).astype(np.float32)
    mask = np.tril(np.ones((6, 6), bool))
    want = jax.jit(nnx.dot_product_attention)(query, key, value, mask=mask[None, None])
    np.testing.assert_allclose(jax.jit(ops.attend)(query, key, value, mask), want, rtol=0, atol=1e-6)


@pytest.mark.parametrize("origin", [None, 3])
@pytest.mark.parametrize("queries", [2, 6, 11, 12])
def test_attention_in_blocks_equals_attention_in_a_band(queries, origin):
    window, rng = 6, np.random.default_rng(0)
    query = rng.standard_normal((2, queries, 2, 4)).astype(np.float32)
    key, value = rng.standard_normal((2, 2, queries + window - 1, 2, 4)).astype(np.float32)
    valid = np.arange(queries + window - 1) < np.array([[queries + window - 1], [queries // 2]])
    ahead = np.arange(queries + window - 1) - np.arange(queries)[:, None]
    band = (ahead >= 0) & (ahead < window) & valid[:, None]
    got = jax.jit(ops.attend_window, static_argnames="origin")(query, key, value, valid, origin=origin)
    want = np.asarray(jax.jit(ops.attend, static_argnames="origin")(query, key, value, band, origin=origin))
    np.testing.assert_allclose(got, want, rtol=0, atol=2e-6)
    np.testing.assert_array_equal(want[1, queries // 2 :], 0)


def test_rotation_is_a_product_with_complex_numbers():
    x = np.random.default_rng(0).standard_normal((7, 2, 6)).astype(np.float32)
    angle = np.arange(3, 10)[:, None, None] * 10_000.0 ** (-np.arange(3) / 3)
    want = (x[..., :3] + 1j * x[..., 3:]) * np.exp(1j * angle)
    got = np.asarray(ops.rotate(x, 3))
    np.testing.assert_allclose(got[..., :3] + 1j * got[..., 3:], want, rtol=0, atol=1e-5)
