"""Reconstruction: errors worked out by hand, noisy and clean, and what a variational code does."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxlisten as jl

KEY = jax.random.key(0)
X = jax.random.normal(jax.random.key(1), (2, 6, 4))


def halved() -> jl.Reconstruction:
    """An autoencoder whose code is what it hears, and that says half of it."""
    return jl.Reconstruction(jl.Identity(), jl.Identity(), jl.Rescaling((0.5,) * 4, (0.0,) * 4))


def test_it_says_what_it_makes_of_steps_and_the_square_of_what_is_wrong():
    y, _ = halved().apply({}, {}, X)
    np.testing.assert_allclose(y, jnp.concatenate([X / 2, (X / 2) ** 2], axis=-1), rtol=1e-6)


def test_of_a_pair_the_noisy_one_is_heard_and_the_clean_one_is_wanted():
    y, _ = halved().apply({}, {}, jl.Pair(X + 1, X))
    np.testing.assert_allclose(y[..., 4:], ((X + 1) / 2 - X) ** 2, rtol=1e-5, atol=1e-6)


def test_a_variational_code_is_drawn_in_training_and_its_divergence_is_that_of_the_normal_distribution():
    layer = jl.Reconstruction(jl.Identity(), jl.Dense(4), jl.Rescaling((0.5,) * 2, (0.0,) * 2), divergence=0.5)
    x = X[..., :2]
    params, state = layer.init(KEY, x)
    mean, log_variance = np.split(np.asarray(layer.encoder.apply(params["encoder"], {}, x)[0]), 2, axis=-1)
    apart = 0.5 * (mean**2 + np.exp(log_variance) - 1 - log_variance).sum(axis=-1, keepdims=True)
    y, _ = layer.apply(params, state, x)
    np.testing.assert_allclose(y[..., 2:], (x - mean / 2) ** 2 + 0.5 * apart / 2, rtol=1e-5)

    shown = jl.Reconstruction(jl.Identity(), jl.Dense(4), jl.Identity(), divergence=0.5)
    still = shown.apply(params, state, x)[0][..., :2]
    drawn = jnp.stack(
        [shown.apply(params, state, x, key=jax.random.key(k), train=True)[0][..., :2] for k in range(200)]
    )
    np.testing.assert_allclose(still, mean, rtol=1e-6)
    np.testing.assert_allclose(drawn.mean(axis=0), mean, atol=0.7)
    np.testing.assert_allclose(drawn.std(axis=0), np.exp(log_variance / 2), rtol=0.3)
    with pytest.raises(jl.LayerError, match="a key for train=True"):
        shown.apply(params, state, x, train=True)


def test_the_divergence_trains_the_code_towards_the_normal_distribution():
    layer = jl.Reconstruction(jl.Identity(), jl.Dense(4), jl.Dense(4), divergence=0.5)
    params, state = layer.init(KEY, X)
    slope = jax.grad(lambda p: layer.apply(p, state, X, key=KEY, train=True)[0][..., 4:].mean())(params)
    assert all(jnp.abs(leaf).max() > 0 for leaf in jax.tree.leaves(slope["encoder"]))


def test_what_does_not_fit_together_is_refused():
    with pytest.raises(jl.LayerError, match="has n_mels or a layer before it changed"):
        jl.Reconstruction(jl.Identity(), jl.Identity(), jl.Dense(3)).apply(
            {"decoder": {"kernel": jnp.ones((4, 3)), "bias": jnp.zeros(3)}}, {}, X
        )
    with pytest.raises(jl.LayerError, match="means and as many variances"):
        jl.Reconstruction(jl.Identity(), jl.Dense(3), jl.Dense(4), divergence=1.0).init(KEY, X)
    with pytest.raises(jl.LayerError, match="is there a Reconstruction"):
        jl.Description().init(KEY, X[..., :3])


def test_a_clip_is_described_by_its_own_steps():
    made, errors = np.asarray(X), np.asarray(X) ** 2
    y, _ = jl.Description().apply({}, {}, jl.Padded(jnp.concatenate([made, errors], axis=-1), jnp.array([6, 4])))
    for k, n in enumerate((6, 4)):
        mean, deviation, error = made[k, :n].mean(0), made[k, :n].std(0), errors[k, :n].mean(0)
        wanted = np.concatenate([[error.mean()], mean, deviation, np.log(error)])
        np.testing.assert_allclose(y[k], wanted, rtol=1e-4, atol=1e-5)


def test_novelty_is_the_mean_square_of_deviations():
    state = {"mean": jnp.array([1.0, 2.0]), "deviation": jnp.array([2.0, 0.5])}
    y, _ = jl.Novelty().apply({}, state, jnp.array([[9.0, 3.0, 3.0]]))
    np.testing.assert_allclose(y, [[9.0, (1.0 + 4.0) / 2]])


def test_steps_are_stacked_around_each():
    y, _ = jl.Stack(3).apply({}, {}, jnp.arange(4.0)[:, None])
    np.testing.assert_array_equal(y, [[0, 0, 1], [0, 1, 2], [1, 2, 3], [2, 3, 0]])


def test_noisy_and_clean_are_normalised_alike_from_the_first_step_on():
    layer = jl.Reconstruction(jl.Normalize(), jl.Identity(), jl.Identity())
    _, state = layer.init(KEY, X)
    y, after = layer.apply({}, state, jl.Pair(50 * X - 60, 50 * X - 60), key=KEY, train=True)
    np.testing.assert_allclose(y[..., 4:], 0.0, atol=1e-6)
    assert float(jnp.abs(after["front_end"]["mean"]).max()) > 1
