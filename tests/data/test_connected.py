"""Sequences of clips: what is said in them is what their transcripts say, by one speaker each, and no clip is cut."""

import numpy as np
import pytest

import jaxlisten as jl
from jaxlisten.data import connected

SR = 8000
HZ = {"low": 400, "middle": 1000, "high": 2500}


def tones(n: int = 24) -> jl.data.Dataset:
    names = [tuple(HZ)[i % 3] for i in range(n)]
    clips = [np.sin(2 * np.pi * HZ[name] * np.arange(800 + 40 * i) / SR) for i, name in enumerate(names)]
    return jl.data.arrays(clips, names, sr=SR, groups=["ab"[i % 2] for i in range(n)])


def test_what_is_heard_is_what_the_transcript_says():
    made = connected(tones(), 12, length=(1, 4), gap=(0.05, 0.1), seed=1)
    assert made.kind == "transcripts"
    assert made.groups == tuple("ab" * 6)
    for clip, said in zip(made.audio, jl.data.said_in(made.targets, made.classes), strict=True):
        assert np.abs(clip).max() <= 1
        loud = np.convolve(np.square(clip), np.ones(80) / 80, "same") > 1e-4
        edges = np.flatnonzero(np.diff(np.concatenate([[0], loud, [0]])))
        heard = []
        for a, b in edges.reshape(-1, 2):
            spectrum = np.abs(np.fft.rfft(clip[a:b] * np.hanning(b - a)))
            hz = spectrum.argmax() * SR / (b - a)
            heard.append(min(HZ, key=lambda name: abs(HZ[name] - hz)))
        assert " ".join(heard) == said


def test_lengths_cover_the_range_and_clips_come_in_turn():
    clips = tones(12)
    made = connected(clips, 200, length=(1, 3), seed=0)
    lengths = (made.targets >= 0).sum(axis=1)
    assert set(lengths.tolist()) == {1, 2, 3}
    said = np.bincount(made.targets[made.targets >= 0], minlength=3)
    assert said.max() - said.min() <= 4  # every clip of a group once before any comes twice


def test_a_seed_decides_everything():
    first, again, other = (connected(tones(), 5, seed=seed) for seed in (3, 3, 4))
    assert first.fingerprint() == again.fingerprint() != other.fingerprint()


def test_clips_without_groups_are_joined_too():
    clips = jl.data.arrays([np.ones(500) * 0.1] * 4, ["yes", "no", "yes", "no"], sr=SR)
    assert connected(clips, 2, length=(2, 2)).groups is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n": 0}, "n and length"),
        ({"length": (0, 2)}, "n and length"),
        ({"length": (3, 2)}, "n and length"),
        ({"gap": (0.2, 0.1)}, "gap as two numbers of seconds"),
        ({"gap": (-1.0, 0.1)}, "gap as two numbers of seconds"),
        ({"level_db": -1}, "level_db of 0 or more"),
        ({"floor_db": (0, -3)}, "floor_db"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(jl.InputError, match=message):
        connected(tones(6), **({"n": 2} | settings))


def test_clips_that_can_not_be_joined_are_refused():
    with pytest.raises(jl.InputError, match="one class each, got numbers"):
        connected(jl.data.arrays([np.ones(9)], [0.5], sr=SR), 1)
    with pytest.raises(jl.InputError, match="without spaces, got 'two words'"):
        connected(jl.data.arrays([np.ones(9)], ["two words"], sr=SR), 1)
    with pytest.raises(jl.InputError, match="silence only"):
        connected(jl.data.arrays([np.zeros(9)], ["a"], sr=SR), 1)
