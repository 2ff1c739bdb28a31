"""Framing against the windows of NumPy, which are those of librosa."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxlisten.ops import frame


@pytest.mark.parametrize("time", [17, 100])
@pytest.mark.parametrize(("length", "hop"), [(16, 4), (16, 5), (16, 16), (7, 3), (5, 9), (1, 1), (16, 1)])
def test_frame_equals_the_windows_of_numpy(time, length, hop):
    y = np.random.default_rng(time).standard_normal((2, time)).astype(np.float32)
    want = np.lib.stride_tricks.sliding_window_view(y, length, axis=-1)[:, ::hop]
    np.testing.assert_array_equal(jax.jit(frame, static_argnums=(1, 2))(y, length, hop), want)


def test_gradient_counts_in_how_many_frames_a_sample_is():
    gradient = jax.grad(lambda y: frame(y, 4, 3).sum())(jnp.zeros(12))
    np.testing.assert_array_equal(gradient, [1, 1, 1, 2, 1, 1, 2, 1, 1, 1, 0, 0])


def test_a_signal_shorter_than_a_frame_is_refused():
    with pytest.raises(ValueError, match="frame: expected at least frame_length=8 samples, got 7"):
        frame(jnp.zeros(7), 8, 2)


def test_a_signal_of_exactly_one_frame_gives_one():
    np.testing.assert_array_equal(frame(jnp.arange(8.0), 8, 3), np.arange(8.0)[None])
