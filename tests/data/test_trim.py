"""Trimming: what librosa would keep of each clip."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
import soundfile

from jaxlisten.data import arrays, sounds, trim
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


SR = 8000


def in_noise(sound, before, after, decibels, rng):
    """Put noise before and after a sound and under it, so far below its root mean square."""
    clip = np.pad(sound, (before, after))
    return clip + np.sqrt(np.mean(sound**2)) * 10 ** (-decibels / 20) * rng.standard_normal(len(clip))


def ends(clip):
    """Return where `sounds` begins and ends in a clip, in seconds."""
    (cut,) = sounds(arrays([clip], ["a"], sr=SR)).audio
    places = np.lib.stride_tricks.sliding_window_view(np.float32(clip), len(cut))
    (begin,) = np.flatnonzero((places == cut).all(1))
    return begin / SR, (begin + len(cut)) / SR


@pytest.mark.parametrize("decibels", [15, 25, 40, 70])
def test_a_sound_is_found_in_noise_and_rumble(decibels):
    rng = np.random.default_rng(0)
    sound = in_noise(np.sin(2 * np.pi * 900 * np.arange(2400) / SR), 3200, 4000, decibels, rng)
    rumble = np.sin(2 * np.pi * 20 * np.arange(len(sound)) / SR)
    for clip in (sound, 1e-3 * sound, sound + rumble + 1):
        assert ends(clip) == pytest.approx((0.4, 0.7), abs=0.04)


def test_words_are_found_in_noise_where_they_are_without(real):
    rng = np.random.default_rng(1)
    misses = []
    for path in sorted((real / "fsdd" / "recordings").glob("[0-9]_*_7.wav")):
        word, _ = soundfile.read(path)
        begin, end = ends(word)
        noisy = ends(in_noise(word, 3000, 3000, 30, rng))
        misses += [noisy[0] - 3000 / SR - begin, noisy[1] - 3000 / SR - end]
    assert len(misses) == 120
    assert np.median(np.abs(misses)) < 0.03


def test_what_sounds_all_the_time_stays_whole():
    rng = np.random.default_rng(2)
    clips = [rng.standard_normal(8000), np.zeros(8000), np.ones(1), 0.01 * np.sin(np.arange(8000))]
    assert sounds(arrays(clips, list("abcd"), sr=SR)).lengths.tolist() == [8000, 8000, 1, 8000]
