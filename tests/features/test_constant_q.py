"""How the constant-Q transform decimates. The transform itself is held to librosa by the table."""

import jax
import numpy as np
import pytest

from jaxlisten import InputError
from jaxlisten.features import cqt
from jaxlisten.features.constant_q import _decimated


@pytest.mark.parametrize(
    ("factor", "quality"),
    [(2, "soxr_hq"), (4, "soxr_hq"), (64, "soxr_hq"), (2, "soxr_vhq"), (8, "soxr_mq"), (8, "soxr_lq"), (4, "soxr_qq")],
)
def test_decimation_is_that_of_soxr(factor, quality):
    import librosa

    decimate = jax.jit(_decimated, static_argnums=(1, 2))
    for length in (factor, 777, 3001):
        y = np.random.default_rng(length).standard_normal(length).astype(np.float32)
        want = librosa.resample(y, orig_sr=factor, target_sr=1, res_type=quality, scale=True)
        got = decimate(y, factor, quality)
        assert got.shape == want.shape
        np.testing.assert_allclose(got, want, rtol=0, atol=2e-6 * max(np.abs(want).max(), 1e-3))


def test_an_octave_too_near_the_top_is_not_decimated_as_in_librosa_1():
    import librosa

    if librosa.__version__ < "1":
        pytest.skip("librosa 0.11 decimates it, and damps its highest bins")
    y = np.random.default_rng(0).standard_normal(9001).astype(np.float32)
    want = librosa.cqt(y, sr=9000)
    np.testing.assert_allclose(jax.jit(lambda y: cqt(y, sr=9000))(y), want, rtol=0, atol=1e-5 * np.abs(want).max())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sr": 8000}, "filters that end below sr / 2 = 4000 Hz"),
        ({"n_bins": 0}, "n_bins"),
        ({"hop_length": 0}, "hop_length"),
        ({"fmin": 0.0}, "fmin above 0"),
        ({"sparsity": 1.0}, "sparsity"),
        ({"filter_scale": 0.0}, "filter_scale"),
        ({"res_type": "kaiser_best"}, "res_type to be one of soxr_vhq"),
        ({"pad_mode": "wrap"}, "pad_mode"),
        ({"n_bins": 12, "hop_length": 1024}, "at least 64 samples, got 50"),
    ],
)
def test_settings_without_a_meaning_are_refused(settings, message):
    with pytest.raises(InputError, match=f"cqt: expected .*{message}"):
        cqt(np.zeros(50, np.float32), **settings)


def test_a_tone_is_in_its_bin_and_a_bin_of_a_batch_has_no_share_of_the_other_clip():
    tone = np.sin(2 * np.pi * 440.0 * np.arange(8192) / 22050).astype(np.float32)
    both = np.asarray(jax.jit(cqt)(np.stack([tone, 0 * tone])))
    assert (np.abs(both[0]).argmax(axis=0)[4:12] == 45).all()  # A4 is 45 semitones above C1
    assert (both[1] == 0).all()
