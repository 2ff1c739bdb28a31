"""Gain, and the colour of a recording, taken away in a sliding window."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxlisten as jl
from jaxlisten.types import Padded
from tests.nn.compiled import apply


@pytest.fixture
def levels():
    """Levels ``[time, band]`` in dB."""
    return (np.random.default_rng(0).standard_normal((40, 5)) * 12 - 50).astype(np.float32)


def applied(layer, x):
    return np.asarray(jax.jit(lambda x: apply(layer, {}, {}, x)[0])(jnp.asarray(x)))


@pytest.mark.parametrize("lookahead", [None, 0, 3])
def test_auto_gain_measures_against_the_peak_of_the_window(levels, lookahead):
    got = applied(jl.AutoGain(9, lookahead=lookahead, range_db=25.0), levels)
    ahead = 4 if lookahead is None else lookahead
    for t in range(len(levels)):
        peak = levels[max(0, t - 8 + ahead) : t + ahead + 1].max()
        np.testing.assert_allclose(got[t], np.maximum(levels[t] - peak, -25.0), rtol=0, atol=1e-5)


def test_auto_gain_hears_no_loudness(levels):
    layer = jl.AutoGain(11)
    np.testing.assert_allclose(applied(layer, levels + 30), applied(layer, levels), rtol=0, atol=1e-5)


def test_a_window_that_covers_the_clip_makes_sliding_norm_clip_norm(levels):
    clips = Padded(jnp.asarray(np.stack([levels, levels[::-1]])), jnp.array([40, 17]))
    one = jax.jit(jl.SlidingNorm(81).apply)({}, {}, clips)[0].values
    other = jax.jit(jl.ClipNorm().apply)({}, {}, clips)[0].values
    for clip, n in enumerate(clips.length):
        np.testing.assert_allclose(one[clip, :n], other[clip, :n], rtol=0, atol=1e-4)


def test_sliding_norm_hears_no_microphone_and_with_half_a_share_half_of_it(levels):
    colour = np.linspace(-9, 9, 5, dtype=np.float32)
    whole, half = (jl.SlidingNorm(15, share=share, scale=False) for share in (1.0, 0.5))
    np.testing.assert_allclose(applied(whole, levels + colour), applied(whole, levels), rtol=0, atol=1e-4)
    np.testing.assert_allclose(
        applied(half, levels + colour) - applied(half, levels), 0 * levels + colour / 2, atol=1e-4
    )
