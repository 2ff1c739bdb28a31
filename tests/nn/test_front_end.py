"""The front end against librosa."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxlisten as jl
from jaxlisten.types import Padded
from tests.nn.compiled import apply

SETTINGS = [
    {"sr": 8000, "n_fft": 256, "hop_length": 80, "n_mels": 20},
    {"sr": 8000, "n_fft": 512, "hop_length": 77, "n_mels": 32, "win_length": 401},
    {"sr": 8000, "n_fft": 254, "hop_length": 60, "n_mels": 12, "fmin": 60.0, "fmax": 3400.0, "amin": 1e-6},
    {"sr": 16000},
]


def oracle(y, *, sr, amin=1e-10, **settings):
    """Compute the same with librosa."""
    import librosa

    settings = {"n_fft": 512, "hop_length": 160, "n_mels": 64} | settings
    return librosa.power_to_db(librosa.feature.melspectrogram(y=y, sr=sr, **settings), amin=amin, top_db=None).T


def hold(y, settings):
    layer = jl.LogMel(**settings)
    got, want = jax.jit(layer.apply)({}, {}, jnp.asarray(y))[0], oracle(y, **settings)
    assert got.shape[0] == layer.out_length(len(y)) == 1 + len(y) // layer.hop_length
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-3)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("length", [777, 1200])
def test_log_mel_equals_librosa_on_noise(settings, length):
    hold(np.random.default_rng(length).standard_normal(length).astype(np.float32), settings)


@pytest.mark.parametrize("settings", SETTINGS[:3], ids=str)
def test_log_mel_equals_librosa_on_a_recording(settings, real):
    import soundfile

    y, sr = soundfile.read(real / "fsdd" / "recordings" / "0_jackson_0.wav", dtype="float32")
    assert sr == settings["sr"]
    hold(y, settings)


def test_silence_is_the_lowest_level_with_finite_gradients():
    layer = jl.LogMel(8000, n_fft=64, hop_length=20, n_mels=6, amin=1e-8)
    run = jax.jit(jax.value_and_grad(lambda y: apply(layer, {}, {}, y)[0].mean()))
    level, gradient = run(jnp.zeros(300))
    np.testing.assert_allclose(level, -80.0, rtol=1e-6)
    assert np.isfinite(gradient).all()


def test_each_clip_of_a_ragged_batch_equals_librosa_alone():
    layer, length = jl.LogMel(**SETTINGS[0]), jnp.array([801, 640, 300])
    y = np.random.default_rng(0).standard_normal((3, 801)).astype(np.float32)
    got, _ = jax.jit(layer.apply)({}, {}, Padded(jnp.asarray(y), length))
    for clip, n, ours, frames in zip(y, length, got.values, got.length, strict=True):
        want = oracle(clip[:n], **SETTINGS[0])
        assert frames == len(want)
        np.testing.assert_allclose(ours[:frames], want, rtol=0, atol=1e-3)


@pytest.mark.parametrize("power", [2.0, 1.0])
def test_mel_equals_librosa(power):
    import librosa

    settings = {"sr": 8000, "n_fft": 256, "hop_length": 80, "n_mels": 20, "win_length": 200, "power": power}
    y = np.random.default_rng(0).standard_normal(777).astype(np.float32)
    want = librosa.feature.melspectrogram(y=y, **settings).T
    got, _ = jax.jit(jl.Mel(**settings).apply)({}, {}, y)
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-5 * want.max())


@pytest.mark.parametrize(("n_mfcc", "lifter"), [(20, 0), (13, 22)])
def test_mfcc_equals_librosa(n_mfcc, lifter):
    import librosa

    frames = {"sr": 8000, "n_fft": 512, "hop_length": 77, "n_mels": 32}
    y = np.random.default_rng(0).standard_normal(777).astype(np.float32)
    want = librosa.feature.mfcc(S=oracle(y, **frames).T, n_mfcc=n_mfcc, lifter=lifter).T
    got, _ = jax.jit(jl.MFCC(**frames, n_mfcc=n_mfcc, lifter=float(lifter)).apply)({}, {}, y)
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-5 * np.abs(want).max())


def test_raw_samples_are_steps_of_one_channel():
    y = jnp.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(apply(jl.Raw(), {}, {}, y)[0], y[..., None])
