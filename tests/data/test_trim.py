"""Trimming: what librosa would keep of each clip."""

from __future__ import annotations

import librosa
import numpy as np
import pytest

from jaxlisten.data import arrays, trim
from jaxlisten.errors import InputError


@pytest.mark.wide
@pytest.mark.parametrize("top_db", [20, 60])
def test_each_clip_is_trimmed_as_librosa_trims_it_alone(top_db):
    rng = np.random.default_rng(0)
    # Loudness differs by a factor of 1000, so that a threshold over all clips at once would show.
    clips = [
        scale * np.pad(rng.standard_normal(3000) * np.linspace(0.001, 1, 3000), (n, 2 * n)).astype(np.float32)
        for scale, n in ((1, 5000), (0.001, 2000), (0.1, 0))
    ]
    data = trim(arrays(clips, ["a", "b", "a"], sr=8000, groups=["x", "y", "z"]), top_db=top_db)
    for ours, clip in zip(data.audio, clips, strict=True):
        np.testing.assert_array_equal(ours, librosa.effects.trim(clip, top_db=top_db)[0])
    assert data.lengths[0] < len(clips[0])
    assert (data.targets.tolist(), data.groups) == ([0, 1, 0], ("x", "y", "z"))


def test_silence_and_very_short_clips_stay():
    data = trim(arrays([np.zeros(100), np.ones(1)], ["a", "b"], sr=8000))
    assert data.lengths.tolist() == [100, 1]


@pytest.mark.parametrize("top_db", [0, -3, np.nan])
def test_no_decibels_are_refused(top_db):
    with pytest.raises(InputError, match="top_db above 0"):
        trim(arrays(np.ones((1, 10)), ["a"], sr=8000), top_db=top_db)
