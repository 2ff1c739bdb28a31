"""From waveform to features, as functions: librosa's names, defaults, axis order and numbers, on the device.

Every function is differentiable and batched over leading axes.
"""

from jaxlisten.features.decibel import power_to_db
from jaxlisten.features.spectral import mel_filters, melspectrogram, power_spectrum, stft, window_samples

__all__ = ["mel_filters", "melspectrogram", "power_spectrum", "power_to_db", "stft", "window_samples"]
