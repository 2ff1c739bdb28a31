"""Decibels against librosa, one clip at a time."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxlisten import InputError
from jaxlisten.features import power_to_db


@pytest.fixture
def power():
    """Return a batch of two clips, 40 dB apart, each with 120 dB between its loudest and its softest value."""
    rng = np.random.default_rng(0)
    loud = 10 ** rng.uniform(-9, 3, (1, 6, 20)).astype(np.float32)
    return np.concatenate([loud, 1e-4 * loud[:, ::-1]])


@pytest.mark.parametrize("top_db", [None, 0.0, 20.0, 80.0])
@pytest.mark.parametrize(("ref", "amin"), [(1.0, 1e-10), (3.0, 1e-5), (1e-7, 1e-5), (1.0, 1e-12)])
def test_power_to_db_equals_librosa_clip_by_clip(power, top_db, ref, amin):
    import librosa

    want = [librosa.power_to_db(clip, ref=ref, amin=amin, top_db=top_db) for clip in power]
    np.testing.assert_allclose(power_to_db(power, ref=ref, amin=amin, top_db=top_db), want, rtol=0, atol=1e-3)


def test_the_peak_of_one_clip_does_not_raise_the_floor_of_another(power):
    alone = power_to_db(power[1], top_db=20.0)
    np.testing.assert_array_equal(power_to_db(power, top_db=20.0)[1], alone)
    assert np.asarray(alone).min() < np.asarray(power_to_db(power[0], top_db=20.0)).min()


def test_levels_worked_out_by_hand():
    got = power_to_db(jnp.array([[1.0, 10.0, 0.001, 0.0]]), top_db=None)
    np.testing.assert_allclose(got, [[0.0, 10.0, -30.0, -100.0]], rtol=0, atol=1e-4)


@pytest.mark.parametrize("top_db", [None, 80.0])
def test_silence_has_the_lowest_level_and_finite_gradients(top_db):
    silence = jnp.zeros((2, 4, 5))
    np.testing.assert_allclose(power_to_db(silence, top_db=top_db), np.full((2, 4, 5), -100.0), rtol=0, atol=1e-4)
    gradient = jax.grad(lambda s: power_to_db(s, top_db=top_db).sum())(silence)
    assert np.isfinite(gradient).all()


def test_silence_is_finite_in_every_floating_dtype():
    for dtype in (jnp.float32, jnp.bfloat16, jnp.float16):
        levels = power_to_db(jnp.zeros((2, 3), dtype), top_db=None)
        assert levels.dtype == dtype
        np.testing.assert_allclose(np.asarray(levels, np.float32), -100.0, rtol=0, atol=0.5)


def test_a_numpy_array_of_float64_is_taken_without_a_warning(power):
    got = power_to_db(power.astype(np.float64))
    np.testing.assert_allclose(got, power_to_db(power), rtol=0, atol=1e-3)


@pytest.mark.parametrize("settings", [{"amin": 0.0}, {"ref": 0.0}, {"ref": -1.0}, {"top_db": -1.0}])
def test_settings_without_a_meaning_are_refused(settings):
    with pytest.raises(InputError, match="power_to_db: expected"):
        power_to_db(jnp.ones((2, 3)), **settings)
