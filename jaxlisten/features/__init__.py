"""From waveform to features, as functions: librosa's names, defaults, axis order and numbers, on the device.

Every function is differentiable and batched over leading axes. The settings are static: jit a function with them in
place, as in ``jax.jit(functools.partial(mfcc, sr=16_000, n_mfcc=13))``. Tables of constants, such as filters and
windows, are computed on the host by librosa and SciPy when a program is traced.
"""

from jaxlisten.features.cepstral import delta, mfcc
from jaxlisten.features.chroma import chroma_stft
from jaxlisten.features.constant_q import cqt
from jaxlisten.features.decibel import amplitude_to_db, db_to_amplitude, db_to_power, power_to_db
from jaxlisten.features.pcen import pcen
from jaxlisten.features.pitch import yin
from jaxlisten.features.shape import (
    spectral_bandwidth,
    spectral_centroid,
    spectral_contrast,
    spectral_flatness,
    spectral_rolloff,
)
from jaxlisten.features.spectral import (
    istft,
    mel_filters,
    melspectrogram,
    power_spectrum,
    spectrogram,
    stft,
    window_samples,
)
from jaxlisten.features.temporal import rms, zero_crossing_rate
from jaxlisten.features.tuning import estimate_tuning

__all__ = [
    "amplitude_to_db",
    "chroma_stft",
    "cqt",
    "db_to_amplitude",
    "db_to_power",
    "delta",
    "estimate_tuning",
    "istft",
    "mel_filters",
    "melspectrogram",
    "mfcc",
    "pcen",
    "power_spectrum",
    "power_to_db",
    "rms",
    "spectral_bandwidth",
    "spectral_centroid",
    "spectral_contrast",
    "spectral_flatness",
    "spectral_rolloff",
    "spectrogram",
    "stft",
    "window_samples",
    "yin",
    "zero_crossing_rate",
]
