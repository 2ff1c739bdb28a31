"""Spectra against librosa, one clip at a time: noise, silence and a real recording."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxlisten import InputError
from jaxlisten.features import mel_filters, melspectrogram, power_spectrum, power_to_db, stft, window_samples

STFT = [
    {"n_fft": 256},
    {"n_fft": 256, "hop_length": 80, "win_length": 200},
    {"n_fft": 128, "hop_length": 33, "win_length": 101, "pad_mode": "reflect"},
    {"n_fft": 255, "hop_length": 60, "win_length": 255, "pad_mode": "edge"},
    {"n_fft": 255, "hop_length": 60, "win_length": 200, "center": False},
    {"n_fft": 64, "hop_length": 100},
    {"n_fft": 512, "hop_length": 160, "win_length": 400, "center": False, "window": "hamming"},
]
MEL = [
    {"sr": 8000, "n_fft": 256, "hop_length": 80, "n_mels": 20},
    {"sr": 8000, "n_fft": 256, "hop_length": 80, "win_length": 200, "n_mels": 20, "power": 1.0},
    {"sr": 8000, "n_fft": 512, "hop_length": 77, "n_mels": 32, "htk": True, "norm": None},
    {"sr": 8000, "n_fft": 255, "hop_length": 60, "n_mels": 12, "fmin": 60.0, "fmax": 3400.0, "pad_mode": "reflect"},
    {"sr": 16000, "n_fft": 512, "hop_length": 160, "win_length": 400, "n_mels": 40, "center": False, "htk": True},
    {"sr": 16000, "n_fft": 512, "hop_length": 160, "n_mels": 40, "fmin": 20.0, "power": 1.5, "window": "blackman"},
]
LENGTHS = [777, 2048]


def noise(length):
    return np.random.default_rng(length).standard_normal(length).astype(np.float32)


@functools.cache
def recording(path):
    import soundfile

    return soundfile.read(path, dtype="float32")


@pytest.fixture
def spoken(real):
    y, sr = recording(real / "fsdd" / "recordings" / "0_jackson_0.wav")
    assert sr == 8000
    return y


def run(function, y, **settings):
    return jax.jit(functools.partial(function, **settings))(y)


def hold(got, want, relative=1e-5):
    assert got.shape == want.shape
    np.testing.assert_allclose(got, want, rtol=0, atol=relative * np.abs(want).max())


@pytest.mark.parametrize("settings", STFT, ids=str)
@pytest.mark.parametrize("length", LENGTHS)
def test_stft_equals_librosa_on_noise(settings, length):
    import librosa

    hold(run(stft, noise(length), **settings), librosa.stft(noise(length), **settings))


@pytest.mark.parametrize("settings", STFT, ids=str)
def test_stft_equals_librosa_on_a_recording(settings, spoken):
    import librosa

    hold(run(stft, spoken, **settings), librosa.stft(spoken, **settings))


@pytest.mark.parametrize("settings", MEL, ids=str)
@pytest.mark.parametrize("length", LENGTHS)
def test_melspectrogram_equals_librosa_on_noise(settings, length):
    import librosa

    hold(run(melspectrogram, noise(length), **settings), librosa.feature.melspectrogram(y=noise(length), **settings))


@pytest.mark.parametrize("settings", MEL, ids=str)
def test_melspectrogram_and_its_levels_equal_librosa_on_a_recording(settings, spoken):
    import librosa

    got, want = run(melspectrogram, spoken, **settings), librosa.feature.melspectrogram(y=spoken, **settings)
    hold(got, want)
    np.testing.assert_allclose(power_to_db(got), librosa.power_to_db(want), rtol=0, atol=1e-3)


def test_the_defaults_are_those_of_librosa(spoken):
    import librosa

    hold(run(stft, spoken), librosa.stft(spoken))
    hold(run(melspectrogram, spoken), librosa.feature.melspectrogram(y=spoken))


@pytest.mark.parametrize("settings", MEL[1:4], ids=str)
def test_silence_equals_librosa_and_has_finite_gradients(settings):
    import librosa

    silence = np.zeros(777, np.float32)
    want = librosa.feature.melspectrogram(y=silence, **settings)
    np.testing.assert_array_equal(run(melspectrogram, silence, **settings), want)
    gradient = jax.jit(jax.grad(lambda y: power_to_db(melspectrogram(y, **settings)).sum()))(silence)
    assert np.isfinite(gradient).all()


def test_gradients_are_finite_where_only_a_part_is_silent():
    half = jnp.asarray(noise(1000)).at[400:].set(0.0)
    settings = {"sr": 8000, "n_fft": 64, "hop_length": 16, "n_mels": 8}
    for power in (1.0, 2.0, 0.5):
        gradient = jax.jit(jax.grad(lambda y, power=power: melspectrogram(y, **settings, power=power).sum()))(half)
        assert np.isfinite(gradient).all()


def test_a_batch_equals_its_clips():
    clips = np.stack([noise(777), noise(777)[::-1]])
    for function in (functools.partial(stft, n_fft=128), functools.partial(melspectrogram, **MEL[0])):
        hold(jax.jit(function)(clips), np.stack([jax.jit(function)(clip) for clip in clips]), 1e-6)


def test_the_power_of_a_tone_is_in_its_bin():
    y = np.cos(2 * np.pi * 8 * np.arange(64) / 64).astype(np.float32)
    spectrum = np.asarray(power_spectrum(y, np.ones(64, np.float32)))
    want = np.zeros(33)
    want[8] = 32.0**2  # half of the 64 samples' amplitude 1, squared
    np.testing.assert_allclose(spectrum, want, rtol=0, atol=1e-2)


@pytest.mark.parametrize("window", ["hann", "hamming", "blackman"])
def test_the_window_stands_in_the_middle_as_in_librosa(window):
    import librosa

    for win_length, n_fft in ((64, 64), (51, 64), (50, 63)):
        want = librosa.util.pad_center(librosa.filters.get_window(window, win_length), size=n_fft)
        np.testing.assert_allclose(window_samples(window, win_length, n_fft), want, rtol=0, atol=1e-7)


def test_cached_tables_can_not_be_written_to():
    for table in (mel_filters(sr=8000, n_fft=64, n_mels=4), window_samples("hann", 64, 64)):
        with pytest.raises(ValueError, match="read-only"):
            table[...] = 0


def test_a_signal_without_a_whole_frame_is_refused():
    with pytest.raises(InputError, match="stft: expected at least frame_length=256 samples, got 255"):
        stft(noise(255), n_fft=256, center=False)
