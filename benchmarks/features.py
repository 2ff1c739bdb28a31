"""The features that are timed, beside librosa, and torch.stft with a product of mel filters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import librosa
import numpy as np

import jaxlisten as jl

SR, N_MFCC = 16_000, 20
SETTINGS: dict[str, Any] = {"sr": SR, "n_fft": 512, "hop_length": 160, "n_mels": 64}
NAMES = ("log_mel", "mfcc")


def sides(name: str, size: int) -> dict[str, Callable[[], Any]]:
    """Return ways to compute a feature of a batch of one-second clips, ours first: ``[batch, bands, frames]``."""
    y = np.random.default_rng(0).standard_normal((size, SR), dtype=np.float32)
    ways = {"jaxlisten": _ours(name, y), "librosa": _librosa(name, y)}
    try:
        from benchmarks.peers import torch_features
    except ImportError:
        return ways
    return ways | {"torch": torch_features.make(name, y)}


def _ours(name: str, y: np.ndarray) -> Callable[[], Any]:
    def log_mel(y):
        return jl.features.power_to_db(jl.features.melspectrogram(y, **SETTINGS), top_db=None)

    feature = {"log_mel": log_mel, "mfcc": lambda y: jl.features.mfcc(S=log_mel(y), n_mfcc=N_MFCC)}[name]
    run, x = jax.jit(feature), jax.device_put(y)
    return lambda: jax.block_until_ready(run(x))


def _librosa(name: str, y: np.ndarray) -> Callable[[], Any]:
    def log_mel():
        return librosa.power_to_db(librosa.feature.melspectrogram(y=y, **SETTINGS), top_db=None)

    return log_mel if name == "log_mel" else lambda: librosa.feature.mfcc(S=log_mel(), n_mfcc=N_MFCC)
