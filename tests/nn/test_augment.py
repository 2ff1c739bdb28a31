"""Layers that vary features in training: what they change, by how much, and what they leave."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxlisten as jl
from jaxlisten.types import Padded
from tests.nn.compiled import apply

RNG = np.random.default_rng(0)
CLIPS = RNG.standard_normal((400, 30, 20)).astype(np.float32)


def varied(layer, x=CLIPS, seed=0):
    return np.asarray(apply(layer, {}, {}, jnp.asarray(x), key=jax.random.key(seed), train=True)[0])


LAYERS = [jl.SpecAugment(), jl.FrequencyWarp(), jl.FilterAugment()]


@pytest.mark.parametrize("layer", LAYERS, ids=lambda one: type(one).__name__)
def test_nothing_changes_outside_training_and_each_clip_changes_in_its_own_way(layer):
    assert layer.apply({}, {}, CLIPS)[0] is CLIPS
    one = np.broadcast_to(CLIPS[:1], (6, 30, 20))
    ways = varied(layer, one)
    assert len({way.tobytes() for way in ways}) == 6
    assert not np.array_equal(ways, varied(layer, one, seed=1))


def test_spec_augment_masks_whole_bands_and_whole_spans_as_wide_as_it_says():
    masked = varied(jl.SpecAugment(bands=1, band_share=0.25, spans=0)) == 0
    assert np.array_equal(masked, np.broadcast_to(masked[:, :1], masked.shape))
    widths = masked[:, 0].sum(1)
    assert (widths.min(), widths.max()) == (0, 5)
    assert 2.2 < widths.mean() < 2.8
    masked = varied(jl.SpecAugment(bands=0, spans=1, span_share=0.5)) == 0
    assert np.array_equal(masked, np.broadcast_to(masked[:, :, :1], masked.shape))
    assert masked[:, :, 0].sum(1).max() == 15


def test_spec_augment_measures_spans_by_the_clip_and_not_by_its_padding():
    x = Padded(jnp.asarray(CLIPS), jnp.full(len(CLIPS), 10))
    y, _ = apply(jl.SpecAugment(bands=0, spans=1, span_share=0.5), {}, {}, x, key=jax.random.key(0), train=True)
    masked = (np.asarray(y.values[:, :10]) == 0).all(2)
    assert masked.sum(1).max() == 5
    hidden = masked.mean(0)
    np.testing.assert_allclose(hidden, hidden[::-1], atol=0.08)  # the first step as often as the last one
    assert hidden.min() > 0.02


def test_frequency_warp_moves_a_band_by_no_more_than_it_says():
    x = np.zeros((400, 1, 40), np.float32)
    x[:, :, 20] = 1
    place = varied(jl.FrequencyWarp(stretch=0.1, shift=0.05), x)[:, 0].argmax(1)
    assert set(place) >= {18, 20, 22}
    assert set(place) <= set(range(16, 26))  # 40 x 0.05 and a tenth of 20


def test_filter_augment_adds_one_line_of_gains_to_all_steps_of_a_clip():
    added = varied(jl.FilterAugment(gain=3.0, knots=4)) - CLIPS
    np.testing.assert_allclose(added, np.broadcast_to(added[:, :1], added.shape), atol=1e-5)
    gains = added[:, 0]
    assert 2.9 < np.abs(gains).max() < 3.001
    corners = gains[:, [0, -1]]
    np.testing.assert_allclose(corners.std(axis=0), 3 / np.sqrt(3), rtol=0.1)  # evenly from -3 to 3
    assert abs(np.corrcoef(corners.T)[0, 1]) < 0.15  # of one another's nothing is known
    bends = np.abs(np.diff(gains, 2, axis=1)).mean(0) > 1e-3
    assert bends.sum() <= 4  # straight but at two knots, each of which falls between two of 20 bands


def test_filter_augment_leaves_the_share_that_it_is_told_to():
    untouched = np.array_equal(CLIPS, varied(jl.FilterAugment(share=0.0)))
    assert untouched
    changed = (varied(jl.FilterAugment(share=0.3)) != CLIPS).any((1, 2))
    assert 0.22 < changed.mean() < 0.38
