"""The table: every feature with the settings that it is held to librosa under. A new feature is a new line."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from jaxlisten import features

LENGTH = 4957
"""Samples of a sound: a prime, so that no hop divides it."""


@dataclass(frozen=True)
class Case:
    """A feature and its settings.

    Attributes:
        name: of the function, in `jaxlisten.features` and in librosa.
        settings: what is passed to both.
        takes: what is made of a sound before it is passed on; None: it is passed on itself.
        theirs: the function that it equals, where librosa has none of this name.
        relative: the tolerance as a share of the largest value.
        absolute: the tolerance in the feature's unit in place of `relative`; 1e-3 for dB.
    """

    name: str
    settings: dict[str, Any] = field(default_factory=dict)
    takes: Callable[[np.ndarray], np.ndarray] | None = None
    theirs: Callable[..., np.ndarray] | None = None
    relative: float = 1e-5
    absolute: float | None = None

    def ours(self, x):
        """Compute the feature on the device."""
        return self.call(getattr(features, self.name), x)

    def librosas(self, x: np.ndarray) -> np.ndarray:
        """Compute the feature by librosa."""
        import librosa

        theirs = self.theirs or getattr(librosa.feature, self.name, None) or getattr(librosa, self.name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of short sounds and logarithms of 0
            return self.call(theirs, x)

    def call(self, function: Callable, x: Any) -> Any:
        if self.name in KEYWORD_ONLY:
            return function(**{"S" if self.takes else "y": x}, **self.settings)
        return function(x, **self.settings)

    def given(self, sound: np.ndarray) -> np.ndarray:
        """Return what the feature takes of a sound."""
        return self.takes(sound) if self.takes else sound

    def __str__(self) -> str:
        shown = {k: "..." if isinstance(v, np.ndarray) else getattr(v, "__name__", v) for k, v in self.settings.items()}
        settings = ", ".join(f"{k}={v}" for k, v in shown.items())
        return f"{self.name}({', '.join(filter(None, [self.takes.__name__ if self.takes else '', settings]))})"


def magnitude(y):
    import librosa

    return np.abs(librosa.stft(y, n_fft=256, hop_length=80))


def power(y):
    return magnitude(y) ** 2


def bands(y):
    import librosa

    return librosa.feature.melspectrogram(y=y, sr=8000, n_fft=256, hop_length=80, n_mels=24)


def loud_bands(y):
    """Scale a mel spectrogram as librosa advises for `pcen`."""
    return bands(y) * np.float32(2.0**31)


def levels(y):
    import librosa

    return librosa.power_to_db(bands(y))


def spectrum(y):
    import librosa

    return librosa.stft(y, n_fft=256, hop_length=80)


def odd_spectrum(y):
    import librosa

    return librosa.stft(y, n_fft=255, hop_length=60, win_length=200, center=False, window="hamming")


def unwindowed(y):
    import librosa

    return np.abs(librosa.stft(y, n_fft=256, hop_length=80, window="ones"))


def spectrogram(y, *, power=1.0, **settings):
    """Compute what librosa's features begin with."""
    import librosa

    return np.abs(librosa.stft(y, **settings)) ** power


KEYWORD_ONLY = {
    "chroma_stft",
    "estimate_tuning",
    "melspectrogram",
    "mfcc",
    "rms",
    "spectral_bandwidth",
    "spectral_centroid",
    "spectral_contrast",
    "spectral_flatness",
    "spectral_rolloff",
}
SMALL = {"n_fft": 256, "hop_length": 80}
AT_8K = {"sr": 8000, **SMALL}
ODD = {"n_fft": 501, "hop_length": 77, "win_length": 400, "pad_mode": "reflect"}
BINS = np.linspace(0.0, 1.0, 129).astype(np.float32) ** 2 * 4000.0
DB = 1e-3

CASES = [
    # short-time spectra
    Case("stft", {**ODD, "window": ("kaiser", 6.0)}),
    Case("istft", {"hop_length": 80}, spectrum),
    # Beyond the sound, rounding is divided by the very end of a window.
    Case("istft", {"hop_length": 80, "length": 6001}, spectrum, relative=1e-3),
    Case("istft", {"hop_length": 80, "length": 333, "win_length": 200}, spectrum),
    Case(
        "istft",
        {"n_fft": 255, "hop_length": 60, "win_length": 200, "center": False, "window": "hamming"},
        odd_spectrum,
        relative=1e-4,
    ),
    Case("spectrogram", {**SMALL, "power": 1.0}, theirs=spectrogram),
    Case("spectrogram", {**ODD, "power": 0.5}, theirs=spectrogram),
    Case("melspectrogram", {**AT_8K, "n_mels": 30}),
    Case("melspectrogram", {"sr": 8000, **ODD, "n_mels": 20, "htk": True, "norm": None, "power": 1.0}),
    Case("melspectrogram", {"sr": 8000, "n_mels": 30, "fmin": 80.0, "fmax": 3000.0}, power),
    # decibels
    Case("power_to_db", {}, bands, absolute=DB),
    Case("power_to_db", {"ref": np.max, "top_db": None}, bands, absolute=DB),
    Case("amplitude_to_db", {}, magnitude, absolute=DB),
    Case("amplitude_to_db", {"ref": np.max, "amin": 1e-3, "top_db": 60.0}, magnitude, absolute=DB),
    Case("amplitude_to_db", {"ref": 0.1, "top_db": None}, None, absolute=DB),
    Case("db_to_power", {"ref": 4.0}, levels),
    Case("db_to_amplitude", {"ref": 4.0}, levels),
    # cepstra
    Case("mfcc", {**AT_8K, "n_mels": 40}),
    Case("mfcc", {"n_mfcc": 13, "lifter": 22}),
    Case(
        "mfcc",
        {"sr": 8000, **ODD, "n_mels": 26, "htk": True, "dct_type": 3, "norm": None, "mel_norm": None},
        relative=1e-4,
    ),
    Case(
        "mfcc",
        {**AT_8K, "n_mels": 21, "n_mfcc": 21, "dct_type": 1, "fmin": 50.0, "fmax": 3500.0, "power": 1.0},
        relative=1e-4,
    ),
    Case("mfcc", {"n_mfcc": 9, "lifter": 0.7}, levels),
    Case("delta", {}, levels),
    Case("delta", {"width": 5, "order": 2, "mode": "mirror"}, levels),
    Case("delta", {"width": 7, "mode": "nearest", "axis": -2}, levels),
    Case("delta", {"width": 3, "mode": "constant"}, levels),
    Case("delta", {"width": 9, "order": 3, "mode": "wrap"}, levels),
    # pitch classes, constant Q
    Case("chroma_stft", {"tuning": 0.0, "norm": 2}),
    Case("chroma_stft", {"sr": 8000, "n_fft": 1024, "hop_length": 200}),
    Case("chroma_stft", {"sr": 8000, **ODD, "tuning": 0.21, "n_chroma": 24, "norm": None, "base_c": False}),
    Case("chroma_stft", {"sr": 8000, "tuning": -0.4, "norm": 1, "octwidth": None, "ctroct": 4.0}, power),
    Case("estimate_tuning", {"sr": 8000, "n_fft": 1024}),
    Case("estimate_tuning", {"sr": 8000, "resolution": 0.02, "bins_per_octave": 24}, magnitude),
    Case("cqt", {}),
    Case("cqt", {"sr": 8000, "n_bins": 50, "hop_length": 200, "tuning": 0.3, "pad_mode": "reflect", "scale": False}),
    # Decimated by 16 at once, before the first octave; most of a sound is above that.
    Case("cqt", {"n_bins": 24, "hop_length": 256, "fmin": 55.0}, relative=1e-4),
    Case("cqt", {"n_bins": 30, "hop_length": 384, "fmin": 110.0, "scale": False, "res_type": "soxr_vhq"}),
    Case("cqt", {"n_bins": 40, "bins_per_octave": 24, "fmin": 220.0, "filter_scale": 0.5, "norm": None}),
    Case("cqt", {"n_bins": 13, "hop_length": 81, "fmin": 440.0, "sparsity": 0.0, "norm": 2, "window": "hamming"}),
    # the shape of a spectrum
    Case("spectral_centroid", AT_8K),
    Case("spectral_centroid", {"sr": 8000, "freq": BINS}, magnitude),
    Case("spectral_bandwidth", AT_8K),
    Case("spectral_bandwidth", {"sr": 8000, **ODD, "p": 3.0}),
    Case("spectral_bandwidth", {"freq": BINS, "norm": False, "p": 1.5}, magnitude),
    Case("spectral_rolloff", AT_8K, relative=1e-6),
    Case("spectral_rolloff", {"sr": 8000, **ODD, "roll_percent": 0.5}, relative=1e-6),
    Case("spectral_rolloff", {"freq": BINS, "roll_percent": 0.01}, magnitude, relative=1e-6),
    Case("spectral_flatness", SMALL),
    Case("spectral_flatness", {**ODD, "power": 1.0, "amin": 1e-4}, relative=1e-4),
    Case("spectral_flatness", {}, magnitude),
    Case("spectral_contrast", {**AT_8K, "n_bands": 4}, absolute=DB),
    Case("spectral_contrast", {}, absolute=DB),
    Case("spectral_contrast", {"sr": 8000, **ODD, "n_bands": 3, "fmin": 150.0, "quantile": 0.2, "linear": True}),
    Case("spectral_contrast", {"sr": 8000, "n_bands": 3, "freq": BINS, "fmin": 400.0}, magnitude, absolute=DB),
    # the waveform itself
    Case("rms", {"frame_length": 256, "hop_length": 80}),
    Case("rms", {"frame_length": 333, "hop_length": 100, "center": False}),
    Case("rms", {"frame_length": 256}, unwindowed),
    Case("rms", {"frame_length": 257}, unwindowed),
    Case("zero_crossing_rate", {"frame_length": 256, "hop_length": 80}, relative=1e-6),
    Case("zero_crossing_rate", {"frame_length": 333, "threshold": 0.02, "zero_pos": False, "pad": True}, relative=1e-6),
    Case("zero_crossing_rate", {"hop_length": 100, "center": False, "threshold": 0.1, "ref_magnitude": 0.5}),
    # energy normalisation and pitch
    Case("pcen", {"sr": 8000, "hop_length": 80}, loud_bands),
    Case("pcen", {"gain": 0.7, "bias": 5.0, "power": 0.25, "time_constant": 0.06, "eps": 1e-3}, loud_bands),
    Case("pcen", {"b": 0.3, "power": 0, "max_size": 3}, bands),
    Case("pcen", {"b": 1.0, "bias": 0, "max_size": 4, "max_axis": 1, "eps": 0.1}, bands),
    Case("pcen", {"b": 0.1, "axis": 0}, loud_bands),
    Case("yin", {"fmin": 65.0, "fmax": 2093.0}),
    Case("yin", {"sr": 8000, "fmin": 80.0, "fmax": 600.0, "frame_length": 512, "hop_length": 64}),
    Case("yin", {"fmin": 300.0, "fmax": 6000.0, "frame_length": 601, "trough_threshold": 0.3, "center": False}),
    Case("yin", {"sr": 8000, "fmin": 60.0, "fmax": 400.0, "frame_length": 400, "pad_mode": "reflect"}),
]
