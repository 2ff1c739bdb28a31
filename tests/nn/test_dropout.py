"""Dropout: how many values are dropped, and what the others become."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxlisten as jl
from tests.nn.compiled import apply


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_the_rate_is_dropped_and_the_mean_is_kept(rate):
    x = jnp.full((200, 500), 2.0)
    y, state = apply(jl.Dropout(rate), {}, {}, x, key=jax.random.key(0), train=True)
    assert state == {}
    np.testing.assert_allclose((y == 0).mean(), rate, rtol=0, atol=0.01)
    np.testing.assert_allclose(y[y != 0], 2.0 / (1 - rate), rtol=1e-6)
    np.testing.assert_allclose(y.mean(), 2.0, rtol=0.02)


def test_another_key_drops_others():
    x = jnp.ones((100, 100))
    first, second = (apply(jl.Dropout(0.5), {}, {}, x, key=jax.random.key(i), train=True)[0] for i in range(2))
    assert 0.45 < (first != second).mean() < 0.55


def test_two_layers_of_one_chain_drop_independently():
    model = jl.serial(jl.Dropout(0.5), jl.Dropout(0.5))
    y, _ = apply(model, {}, {}, jnp.ones((200, 500)), key=jax.random.key(0), train=True)
    np.testing.assert_allclose((y != 0).mean(), 0.25, rtol=0, atol=0.01)


def test_outside_training_and_at_rate_0_nothing_changes():
    x = jnp.ones((10, 10))
    assert jl.Dropout(0.5).apply({}, {}, x)[0] is x
    assert jl.Dropout(0.0).apply({}, {}, x, train=True)[0] is x


def test_training_without_a_key_is_refused_with_the_path():
    model = jl.serial(head=jl.serial(noise=jl.Dropout(0.5)))
    with pytest.raises(jl.LayerError) as error:
        apply(model, {}, {}, jnp.ones((3, 4)), train=True)
    want = "head/noise: Dropout: expected a key for train=True, got key=None: pass key=jax.random.key(...)"
    assert str(error.value) == want
