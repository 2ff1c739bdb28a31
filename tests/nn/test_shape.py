"""Layers that only rename axes."""

import jax
import numpy as np
import pytest

import jaxlisten as jl
from jaxlisten.types import Padded
from tests.nn.compiled import apply, init

X = np.arange(2 * 5 * 6, dtype=np.float32).reshape(2, 5, 6)


def test_add_channel_and_merge_frequency_undo_each_other():
    images, _ = apply(jl.AddChannel(), {}, {}, X)
    assert images.shape == (2, 5, 6, 1)
    np.testing.assert_array_equal(apply(jl.MergeFrequency(), {}, {}, images)[0], X)


def test_channels_of_one_band_stay_together():
    merged, _ = apply(jl.MergeFrequency(), {}, {}, X.reshape(2, 5, 2, 3))
    np.testing.assert_array_equal(merged, X)


@pytest.mark.parametrize("layer", [jl.AddChannel(), jl.MergeFrequency()])
def test_too_few_axes_are_refused(layer):
    with pytest.raises(jl.LayerError, match=rf"{type(layer).__name__}: expected x \[\*batch, "):
        init(layer, jax.random.key(0), X[0, 0])
    with pytest.raises(jl.LayerError, match=r"expected x \[\*batch, time, freq"):
        apply(layer, {}, {}, Padded(X[..., 0], np.array([5, 2])))
