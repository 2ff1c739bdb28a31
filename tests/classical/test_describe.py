"""Pooled features: what NumPy and SciPy give for a clip alone, whatever stands in the batch and behind it."""

import librosa
import numpy as np
import pytest
import scipy.fft
import scipy.signal

import jaxlisten as jl
from jaxlisten.classical import describe
from jaxlisten.errors import InputError

SR = 8000
RNG = np.random.default_rng(0)
CLIPS = [(RNG.standard_normal(n) * np.linspace(0.001, 0.5, n)).astype(np.float32) for n in (1000, 4000, 4001, 90, 2500)]
DATA = jl.data.arrays(CLIPS, [0, 1, 0, 1, 0], sr=SR)


def by_hand(clip: np.ndarray, kind: str) -> np.ndarray:
    window = np.pad(scipy.signal.get_window("hann", 200), 28)
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(clip.astype(np.float64), 128), 256)[::80]
    power = np.abs(np.fft.rfft(frames * window)) ** 2 @ librosa.filters.mel(sr=SR, n_fft=256, n_mels=40).T
    levels = 10 * np.log10(np.maximum(power, 1e-10))
    levels = np.maximum(levels, levels.max() - 80)
    steps = scipy.fft.dct(levels, norm="ortho")[:, :20] if kind == "mfcc" else levels
    n = len(steps)
    thirds = [steps[i * n // 3 : max(i * n // 3 + 1, (i + 1) * n // 3)].mean(axis=0) for i in range(3)]
    change = np.diff(steps, axis=0).std(axis=0) if n > 1 else np.zeros(steps.shape[1])
    return np.concatenate([steps.mean(axis=0), steps.std(axis=0), change, *thirds])


@pytest.mark.parametrize("kind", ["mfcc", "log_mel"])
def test_a_clip_is_described_as_by_numpy_whatever_its_length(kind):
    found = describe(DATA, kind)
    expected = np.stack([by_hand(clip, kind) for clip in CLIPS])
    np.testing.assert_allclose(found.values, expected, atol=2e-2 if kind == "mfcc" else 5e-3)
    assert len(found.names) == len(set(found.names)) == found.values.shape[1] == (120 if kind == "mfcc" else 240)
    alone = describe(DATA.subset([3]), kind, batch_size=1)
    np.testing.assert_allclose(alone.values[0], found.values[3], atol=1e-3)


def test_bands_are_named_by_their_centres():
    names = describe(DATA.subset([0]), "log_mel").names
    centres = librosa.mel_frequencies(42, fmin=0, fmax=SR / 2)[1:-1]
    assert names[0] == f"{centres[0]:.0f} Hz, mean"
    assert names[-1] == f"{centres[-1] / 1000:.2f} kHz, end"


def test_what_can_not_be_described_is_refused():
    with pytest.raises(InputError, match="kind of mfcc, log_mel, got 'chroma'"):
        describe(DATA, "chroma")
    with pytest.raises(InputError, match="at least one clip"):
        describe(DATA.subset([]))
