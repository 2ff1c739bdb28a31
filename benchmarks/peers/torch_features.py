"""The features as torch users compute them: ``torch.stft`` and products of librosa's mel filters and cosines."""

from __future__ import annotations

from collections.abc import Callable

import librosa
import numpy as np
import torch

from benchmarks.features import N_MFCC, SETTINGS, SR


def make(name: str, y: np.ndarray) -> Callable[[], np.ndarray]:
    """Return a call that computes a feature of the batch ``[batch, time]``: ``[batch, bands, frames]``."""
    x = torch.from_numpy(y)
    window = torch.hann_window(SETTINGS["n_fft"])
    filters = torch.from_numpy(librosa.filters.mel(sr=SR, n_fft=SETTINGS["n_fft"], n_mels=SETTINGS["n_mels"]))
    cosines = torch.from_numpy(librosa.feature.mfcc(S=np.eye(SETTINGS["n_mels"], dtype=np.float32), n_mfcc=N_MFCC))

    def log_mel(x: torch.Tensor) -> torch.Tensor:
        spectrum = torch.stft(
            x, SETTINGS["n_fft"], SETTINGS["hop_length"], window=window, pad_mode="constant", return_complex=True
        )
        return 10 * torch.log10(torch.clamp(filters @ spectrum.abs().square(), min=1e-10))

    feature = log_mel if name == "log_mel" else lambda x: cosines @ log_mel(x)

    def run() -> np.ndarray:
        with torch.inference_mode():
            return feature(x).numpy()

    return run
