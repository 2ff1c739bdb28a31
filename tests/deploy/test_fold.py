"""Batch normalisation in the weights of what is before it."""

import dataclasses

import jax
import numpy as np
import pytest

import jaxlisten as jl
from jaxlisten.deploy.fold import folded

RNG = np.random.default_rng(0)


def drawn(tree):
    """Weights of a trained model, which aren't zeros and ones; variances and scales are positive."""
    return jax.tree.map(lambda a: RNG.uniform(0.5, 2.0, a.shape).astype(np.float32), tree)


def said(model, params, state, x):
    return jax.jit(model.apply)(params, state, x)[0]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (jl.Dense(5, bias=True), (2, 6, 4)),
        (jl.Conv1D(5, 3), (2, 6, 4)),
        (jl.Conv2D(5, (3, 2)), (2, 6, 4, 3)),
        (jl.DepthwiseConv1D(3), (2, 6, 4)),
        (jl.DepthwiseConv2D((3, 3)), (2, 6, 4, 3)),
        (jl.ConvTranspose1D(5, 3), (2, 6, 4)),
        (jl.ConvTranspose2D(5, (3, 3)), (2, 6, 4, 3)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, jl.Layer) else "",
)
def test_one_layer_says_what_two_did(layer, shape, bias):
    model = jl.serial(dataclasses.replace(layer, bias=bias), jl.BatchNorm(epsilon=0.1), jl.ReLU())
    x = RNG.standard_normal(shape, np.float32)
    params, state = drawn(model.init(jax.random.key(0), x))
    one, *weights = folded(model, params, state)
    assert len(one.layers) == 2
    expected = said(model, params, state, x)
    np.testing.assert_allclose(said(one, *weights, x), expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_only_what_follows_a_linear_layer_is_folded():
    kept = jl.serial(jl.BatchNorm(), jl.Frozen(jl.serial(jl.Dense(4), jl.BatchNorm())), jl.ReLU(), jl.BatchNorm())
    params, state = drawn(kept.init(jax.random.key(0), np.ones((2, 4), np.float32)))
    assert folded(kept, params, state) == (kept, params, state)


@pytest.mark.wide
def test_models_lose_every_normalisation_behind_a_convolution():
    model = jl.models.cnn(3, causal=True)
    x = RNG.standard_normal((2, 40, 16), np.float32)
    params, state = drawn(model.init(jax.random.key(0), x))
    one, *weights = folded(model, params, state)
    assert "BatchNorm" not in repr(one)
    expected = said(model, params, state, x)
    np.testing.assert_allclose(said(one, *weights, x), expected, rtol=0, atol=1e-5 * np.abs(expected).max())
