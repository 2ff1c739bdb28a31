"""Input and settings that no feature can work with."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxlisten import InputError, features

SOUND = np.ones(300, np.float32)
POWER = np.ones((9, 5), np.float32)
OF_SOUND = [
    "chroma_stft",
    "cqt",
    "estimate_tuning",
    "melspectrogram",
    "mfcc",
    "rms",
    "spectral_bandwidth",
    "spectral_centroid",
    "spectral_contrast",
    "spectral_flatness",
    "spectral_rolloff",
    "spectrogram",
    "stft",
    "yin",
    "zero_crossing_rate",
]
SOUND_ONLY = {"cqt", "spectrogram", "stft", "yin", "zero_crossing_rate"}
NEEDED = {"yin": {"fmin": 100.0, "fmax": 1000.0}}
OF_SPECTRA = ["amplitude_to_db", "db_to_amplitude", "db_to_power", "pcen", "power_to_db"]


@pytest.mark.parametrize("name", OF_SOUND)
@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.ones(300, np.int16), "floating samples, got int16: divide"),
        (np.float32(1.0), r"at least one sample, got the shape \(\)"),
        (np.ones((2, 0), np.float32), r"at least one sample, got the shape \(2, 0\)"),
    ],
)
def test_what_is_no_sound_is_refused(name, y, message):
    with pytest.raises(InputError, match=f"{name}: expected .*{message}"):
        getattr(features, name)(y, **NEEDED.get(name, {}))


@pytest.mark.parametrize("name", [name for name in OF_SOUND if name not in SOUND_ONLY])
def test_neither_sound_nor_spectrogram_is_refused(name):
    with pytest.raises(InputError, match=f"{name}: expected .*got neither"):
        getattr(features, name)()


@pytest.mark.parametrize("name", OF_SPECTRA)
def test_a_complex_spectrum_is_refused(name):
    with pytest.raises(InputError, match=f"{name}: expected .*complex64: take jnp.abs"):
        getattr(features, name)(POWER.astype(np.complex64))


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("stft", {"hop_length": 0}, "hop_length to be a whole number of at least 1, got 0"),
        ("stft", {"n_fft": 256.0}, "n_fft to be a whole number"),
        ("stft", {"n_fft": 64, "win_length": 65}, "win_length of at most n_fft=64, got 65"),
        ("stft", {"n_fft": 64, "pad_mode": "wrap"}, "pad_mode to be one of constant, edge, reflect, symmetric"),
        ("stft", {"n_fft": 301, "center": False}, "at least frame_length=301 samples, got 300"),
        ("spectrogram", {"power": 0.0}, "power above 0"),
        ("melspectrogram", {"n_mels": 0}, "n_mels"),
        ("melspectrogram", {"fmin": 500.0, "fmax": 500.0}, "0 <= fmin < fmax"),
        ("mfcc", {"lifter": -1.0}, "lifter of at least 0"),
        ("mfcc", {"dct_type": 4}, "dct_type 1, 2 or 3"),
        ("mfcc", {"norm": "slaney"}, 'norm "ortho" or None'),
        ("chroma_stft", {"n_chroma": 0}, "n_chroma"),
        ("chroma_stft", {"tuning": 0.0, "norm": -1.0}, "norm above 0"),
        ("estimate_tuning", {"resolution": 1.0}, "resolution between 0 and 1"),
        ("spectral_centroid", {"freq": np.ones(7)}, "freq of 1025 bins, got 7"),
        ("spectral_bandwidth", {"p": 0.0}, "p above 0"),
        ("spectral_rolloff", {"roll_percent": 1.0}, "roll_percent between 0 and 1"),
        ("spectral_flatness", {"amin": 0.0}, "amin and power above 0"),
        ("spectral_contrast", {"n_bands": 0}, "n_bands"),
        ("spectral_contrast", {"quantile": 0.0}, "quantile between 0 and 1"),
        ("spectral_contrast", {"sr": 8000}, "bands that begin below sr / 2"),
        ("spectral_contrast", {"n_fft": 64, "fmin": 50.0}, "bins from 0 to 50 Hz, got one: n_fft is small"),
        ("spectral_contrast", {"freq": np.ones(7)}, "freq of the shape"),
        ("zero_crossing_rate", {"frame_length": 0}, "frame_length"),
        ("rms", {"frame_length": 301, "center": False}, "at least frame_length=301 samples, got 300"),
        ("yin", {"fmin": 0.0, "fmax": 100.0}, "0 < fmin < fmax"),
        ("yin", {"fmin": 100.0, "fmax": 20_000.0}, "fmax <= sr / 2 = 11025 Hz"),
        ("yin", {"fmin": 10.0, "fmax": 100.0}, "a frame_length above 2206 for fmin=10.0 Hz, got 2048"),
    ],
)
def test_settings_of_sounds_without_a_meaning_are_refused(name, settings, message):
    with pytest.raises(InputError, match=f"expected .*{message}|expected {message}"):
        getattr(features, name)(SOUND, **settings)


@pytest.mark.parametrize(
    ("name", "x", "settings", "message"),
    [
        ("rms", POWER, {}, "S of 1025 bins for frame_length=2048, got 9"),
        ("melspectrogram", POWER[0], {}, r"S \[\*batch, freq, time\], got the shape \(5,\)"),
        ("istft", POWER, {}, "complex .*got float32 .*lost its phase"),
        ("istft", POWER.astype(np.complex64), {"n_fft": 64}, "33 bins for n_fft=64, got 9"),
        ("delta", POWER, {}, "at least width=9 steps, got 5"),
        ("delta", POWER, {"width": 4}, "an odd width of at least 3, got 4"),
        ("delta", POWER, {"width": 3, "order": 3}, "order below width=3, got 3"),
        (
            "delta",
            POWER,
            {"width": 3, "mode": "reflect"},
            "mode interp, nearest, mirror, constant, wrap, got 'reflect'",
        ),
        ("delta", POWER.astype(np.int32), {"width": 3}, "floating data, got int32"),
        ("pcen", POWER, {"gain": -1.0}, "gain of at least 0"),
        ("pcen", POWER, {"time_constant": 0.0}, "time_constant above 0"),
        ("pcen", POWER, {"b": 2.0}, "b from 0 to 1"),
        ("pcen", POWER, {"max_size": 0}, "max_size"),
        ("pcen", POWER, {"ref": POWER[:1]}, "ref of the shape of S"),
        ("pcen", POWER, {"zi": POWER}, "zi of the shape of S with one step"),
        ("amplitude_to_db", POWER, {"amin": 0.0}, "amin and ref above 0"),
        ("amplitude_to_db", POWER, {"top_db": -1.0}, "top_db of at least 0"),
    ],
)
def test_spectra_and_settings_that_do_not_fit_are_refused(name, x, settings, message):
    function = getattr(features, name)
    if name in ("rms", "melspectrogram"):
        settings = {"S": jnp.asarray(x)}
        x = None
    with pytest.raises(InputError, match=f"{name}: expected .*{message}|{name}: expected {message}"):
        function(x, **settings)


def test_a_window_that_scipy_does_not_know_is_refused():
    with pytest.raises(InputError, match="expected a window that scipy knows, got 'glass'"):
        features.stft(SOUND, window="glass")
