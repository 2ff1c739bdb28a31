"""The built-in sounds: the same each time, well formed, and what their names say."""

from __future__ import annotations

import numpy as np
import pytest

from jaxlisten.data import synthetic
from jaxlisten.errors import InputError


@pytest.fixture(scope="module")
def data():
    return synthetic()


def test_classes_splits_and_lengths_are_as_promised(data):
    assert np.bincount(data.targets).tolist() == [100] * 6
    assert [len(data.part(name)) for name in ("train", "validation", "test")] == [420, 90, 90]
    for name, count in (("train", 70), ("validation", 15), ("test", 15)):
        assert np.bincount(data.part(name).targets).tolist() == [count] * 6
    assert data.groups is None
    assert 0.4 * 8000 <= data.lengths.min() < 0.45 * 8000
    assert 0.95 * 8000 < data.lengths.max() <= 8000


@pytest.mark.parametrize("n", [36, 100])
def test_small_sets_have_every_class_in_every_split(n):
    data = synthetic(n)
    for name in ("train", "validation", "test"):
        assert set(data.part(name).targets) == set(range(6))


@pytest.mark.parametrize("sr", [8000, 16_000, 44_100])
def test_clips_are_finite_audible_and_not_clipped(sr):
    for clip in synthetic(60, sr=sr).audio:
        assert clip.dtype == np.float32
        assert 0.099 <= np.abs(clip).max() <= 0.901


def test_equal_seeds_give_equal_sounds_and_others_do_not(data):
    assert synthetic().fingerprint() == data.fingerprint()
    assert synthetic(60).fingerprint() == data.subset(range(60)).fingerprint()
    assert synthetic(60).fingerprint() != synthetic(60, seed=1).fingerprint()


def loudest_hz(clip: np.ndarray, sr: int, pieces: int) -> np.ndarray:
    return np.array([np.abs(np.fft.rfft(piece, 4096))[40:].argmax() + 40 for piece in np.array_split(clip, pieces)]) * (
        sr / 4096
    )


def test_chirps_go_where_their_names_say(data):
    for name, sign in (("chirp_up", 1), ("chirp_down", -1)):
        clips = [clip for clip, target in zip(data.audio, data.targets, strict=True) if data.classes[target] == name]
        rising = [sign * np.diff(np.log(loudest_hz(clip, data.sr, 4))[1:3])[0] > 0 for clip in clips]
        assert np.mean(rising) > 0.98


def test_spectral_flatness_tells_noise_from_tones(data):
    def flatness(name: str) -> float:
        clips = [clip for clip, target in zip(data.audio, data.targets, strict=True) if data.classes[target] == name]
        power = [np.abs(np.fft.rfft(clip)) ** 2 for clip in clips]
        return float(np.median([np.exp(np.log(p).mean()) / p.mean() for p in power]))

    assert flatness("noise_burst") > 0.3
    assert flatness("tone") < 0.1


@pytest.mark.parametrize("options", [{"n": 35}, {"sr": 4000}])
def test_too_few_or_too_low_is_refused(options):
    with pytest.raises(InputError, match="expected n >= 36 and sr >= 8000"):
        synthetic(**options)
