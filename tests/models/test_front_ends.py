"""The front ends that a command can name."""

import jax
import jax.numpy as jnp
import pytest

import jaxlisten as jl
from jaxlisten.models import FRONT_ENDS


@pytest.mark.parametrize("sr", [8000, 11025, 16_000, 22050, 44100])
@pytest.mark.parametrize("name", FRONT_ENDS)
def test_a_front_end_suits_any_sample_rate(name, sr):
    front, x = FRONT_ENDS[name](sr), jax.ShapeDtypeStruct((2, sr), jnp.float32)
    params, state = jax.eval_shape(front.init, jax.random.key(0), x)
    y, _ = jax.eval_shape(front.apply, params, state, x)
    assert y.shape[:2] == ((2, sr) if name == "raw" else (2, 1 + sr // round(0.01 * sr)))
    assert front.timing() is not None
    assert jl.from_config(jl.to_config(front)) == front


@pytest.mark.parametrize("sr", [8000, 16_000, 44100])
def test_learned_filters_are_evaluated_at_least_2000_times_a_second(sr):
    layer = FRONT_ENDS["filter_bank"](sr)
    assert sr / layer.stride >= 2000
    assert layer.stride > 1
