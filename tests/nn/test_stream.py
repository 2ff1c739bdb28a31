"""The streaming form of a model: which window its pools get, and where there is none."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxlisten as jl
from jaxlisten.types import Padded


def test_windows_of_the_pools_are_worked_out_from_the_longest_input():
    model = jl.serial(
        jl.LogMel(8000, n_fft=64, hop_length=40), jl.MaxPool(2), jl.Conv1D(3, 3, stride=2), jl.GlobalPool()
    )
    # 401 samples give 1 + 401 // 40 = 11 frames, then 6, then 3
    assert jl.streaming(model, longest=401).layers[-1] == jl.SlidingPool(3, "mean")
    assert jl.streaming(model, longest=1).layers[-1] == jl.SlidingPool(1, "mean")


def test_pools_are_found_in_branches_and_frozen_layers_and_keep_their_kind():
    model = jl.serial(
        jl.MaxPool(4), pool=jl.parallel(a=jl.GlobalPool("max"), b=jl.serial(jl.Conv1D(2, 3), jl.GlobalPool("last")))
    )
    pool = jl.streaming(jl.Frozen(model), longest=30).inner.layers[1]
    assert pool.layers[0] == jl.SlidingPool(8, "max")
    assert pool.layers[1].layers[1] == jl.SlidingPool(8, "last")
    assert pool.names == ("a", "b")


def test_params_and_state_fit_both_forms_and_their_answers_agree_at_the_end():
    model = jl.serial(jl.Conv1D(3, 3), jl.BatchNorm(), jl.GlobalPool(), out=jl.Dense(2))
    x = jax.random.normal(jax.random.key(0), (2, 12, 4))
    params, state = jax.jit(model.init)(jax.random.key(1), x)
    streamed = jl.streaming(model, longest=12)
    whole = Padded(x, jnp.array([12, 12]))
    got = jax.jit(lambda: jl.stream(streamed, params, state, whole, chunk=5))()
    want, _ = jax.jit(model.apply)(params, state, x)
    for values, valid, logits in zip(got.values, got.valid, want, strict=True):
        assert valid.sum() == 12
        np.testing.assert_allclose(values[valid][-1], logits, rtol=0, atol=1e-5)


def test_a_model_without_pools_is_its_own_streaming_form():
    model = jl.serial(jl.Conv1D(3, 3), jl.LSTM(4))
    assert jl.streaming(model, longest=10) == model


def test_a_layer_that_needs_the_whole_signal_has_no_streaming_form():
    with pytest.raises(jl.LayerError, match=r"GlobalPool: expected a layer with a streaming form.*jl\.streaming"):
        jl.stream(jl.GlobalPool(), {}, {}, Padded(jnp.zeros((2, 5, 3)), jnp.array([5, 5])))
    with pytest.raises(jl.LayerError, match="expected longest of at least one step, got 0"):
        jl.streaming(jl.GlobalPool(), longest=0)
    uneven = jl.parallel(jl.serial(jl.MaxPool(2), jl.Conv1D(2, 3)), jl.Conv1D(3, 3))
    with pytest.raises(jl.LayerError, match="Parallel: expected a layer with a streaming form, got one without"):
        jl.streaming(uneven, longest=9)


def test_timing_worked_out_by_hand():
    timing = jl.Conv1D(3, 5).timing()  # sees two steps of the future
    assert (timing.block, timing.ratio, timing.delay, timing.flush) == (1, 1, 2, 2)
    timing = jl.Conv1D(3, 5, lookahead=0).timing()
    assert (timing.block, timing.ratio, timing.delay, timing.flush) == (1, 1, 0, 0)
    timing = jl.LogMel(8000, n_fft=400, hop_length=100).timing()  # sees 199 samples of the future: one whole frame
    assert (timing.block, timing.ratio.denominator, timing.delay) == (100, 100, 1)


def test_chunks_that_are_no_multiple_of_the_block_are_refused():
    x = Padded(jnp.zeros((1, 8, 3)), jnp.array([8]))
    with pytest.raises(jl.LayerError, match="MaxPool: expected chunks of a multiple of 2 steps, got 3"):
        jl.stream(jl.MaxPool(2), {}, {}, x, chunk=3)
