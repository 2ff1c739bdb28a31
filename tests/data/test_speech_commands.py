"""Speech Commands: upstream's split, the cut by speaker, the words that are not known, and silence."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from jaxlisten.data import KEYWORDS, health, speech_commands
from jaxlisten.data.speech_commands import official_split
from jaxlisten.errors import InputError

SPEAKERS = {"0c40e715": "test", "026290a7": "validation", "0a7c2a8d": "train", "d0faf7e4": None, "bb6643ed": None}


@pytest.fixture
def upstream(write_sound, tmp_path) -> Path:
    """Four words by five speakers, twice each, and background noise of 20.5 s."""
    for word in ("yes", "no", "bed", "cat"):
        for speaker in SPEAKERS:
            for i in range(2):
                write_sound(f"sc/{word}/{speaker}_nohash_{i}.wav", np.full(80, 0.1))
    ramp = np.floor(np.arange(20.5 * 8000) / 8000) / 100
    write_sound("sc/_background_noise_/rain.wav", ramp.astype(np.float32), subtype="FLOAT")
    return tmp_path / "sc"


def test_the_words_are_classes_and_the_speakers_groups(upstream):
    data = speech_commands(upstream)
    assert (len(data), data.classes) == (40, ("bed", "cat", "no", "yes"))
    assert Counter(data.groups) == dict.fromkeys(SPEAKERS, 8)
    for group, split in zip(data.groups, data.splits, strict=True):
        assert split == (SPEAKERS[group] or official_split(group))


def test_the_speaker_cut_goes_by_the_first_digit(upstream):
    data = speech_commands(upstream, split="speaker")
    expected = {"0": "train", "d": "test", "b": "validation"}
    assert data.splits == tuple(expected[group[0]] for group in data.groups)


@pytest.mark.parametrize(("split", "seconds"), [("official", (16, 2, 2)), ("speaker", (12, 3, 5))])
def test_other_words_are_unknown_and_noise_is_silence(upstream, split, seconds):
    data = speech_commands(upstream, split=split, words=("yes", "no"))
    assert data.classes == ("_silence_", "_unknown_", "no", "yes")
    for name, silence in zip(("train", "validation", "test"), seconds, strict=True):
        part = data.part(name)
        words = part.counts[2]
        assert part.counts.tolist() == [silence, words, words, words]
    unknown = [Path(path) for path, k in zip(data.paths, data.targets, strict=True) if k == 1]
    assert {path.parent.name for path in unknown} == {"bed", "cat"}
    # Each second of noise is there once, and in the order of the splits.
    noise = [(clip[0], s) for clip, k, s in zip(data.audio, data.targets, data.splits, strict=True) if k == 0]
    np.testing.assert_allclose([level for level, _ in noise], np.arange(20) / 100, atol=1e-7)
    assert list(dict.fromkeys(s for _, s in noise)) == ["train", "validation", "test"]
    assert {len(data.audio[i]) for i in np.flatnonzero(data.targets == 0)} == {8000}
    for name in ("train", "validation", "test"):
        others = {g for g, s in zip(data.groups, data.splits, strict=True) if s != name}
        assert not set(data.part(name).groups) & others


def test_folders_that_are_unknown_and_silence_already_are_kept(upstream, write_sound):
    for i in range(9):
        write_sound(f"sc/_unknown_/tree_{'a' * 8}_nohash_{i}.wav", np.full(80, 0.1))
        write_sound(f"sc/_silence_/{i}.wav", np.full(80, 0.1))
    data = speech_commands(upstream, words=("yes", "no", "bed", "cat"))
    assert dict(zip(data.classes, data.counts, strict=True)) == {
        "_silence_": 9,
        "_unknown_": 9,
        **dict.fromkeys(("bed", "cat", "no", "yes"), 10),
    }
    assert {s for s, k in zip(data.splits, data.targets, strict=True) if k == 0} == {"test"}
    assert {g for g, k in zip(data.groups, data.targets, strict=True) if k == 1} == {"a" * 8}
    cut = speech_commands(upstream, split="speaker", words=("yes",))
    assert {s for s, k in zip(cut.splits, cut.targets, strict=True) if cut.classes[k] == "_silence_"} > {"train"}


def test_bad_background_noise_is_listed(upstream):
    (upstream / "_background_noise_" / "broken.wav").write_bytes(b"")
    data = speech_commands(upstream, words=("yes",))
    assert [Path(bad.path).name for bad in data.skipped] == ["broken.wav"]


def test_recordings_that_are_not_there_are_explained(tmp_path, upstream, write_sound):
    write_sound("dogs/dog/1.wav")
    for root in (tmp_path / "nowhere", tmp_path / "dogs"):
        with pytest.raises(InputError, match="unpack http://download.tensorflow.org/.* one folder for each word"):
            speech_commands(root)
    with pytest.raises(InputError, match="no recordings of 'maybe'"):
        speech_commands(upstream, words=("yes", "maybe"))
    with pytest.raises(InputError, match="no recordings of any word"):
        speech_commands(upstream, words=())
    with pytest.raises(InputError, match="split='official' or split='speaker'"):
        speech_commands(upstream, split="random")


def test_the_hash_is_that_of_upstreams_lists(recordings):
    root = recordings / "speech_commands_v1_30x10"
    lists = {name: (root / f"{file}_list.txt").read_text().split() for name, file in LISTS.items()}
    for name, paths in lists.items():
        assert {official_split(path.split("/")[1].split("_nohash_")[0]) for path in paths} == {name}
    listed = {path.removesuffix(".wav"): name for name, paths in lists.items() for path in paths}
    data = speech_commands(root)
    assert (len(data), len(data.classes)) == (300, 30)
    for path, split in zip(data.paths, data.splits, strict=True):
        assert split == listed.get("/".join(Path(path).with_suffix("").parts[-2:]), "train")


LISTS = {"validation": "validation", "test": "testing"}


@pytest.mark.wide
def test_the_real_test_set_is_all_test_officially_and_is_cut_by_speaker(recordings):
    root = recordings / "speech_commands_v2_testset"
    data = speech_commands(root, split="speaker", words=KEYWORDS)
    assert (len(data), len(data.classes)) == (4890, 12)
    known = [split for split, k in zip(data.splits, data.targets, strict=True) if data.classes[k] in KEYWORDS]
    assert Counter(known) == {"train": 2295, "validation": 633, "test": 1146}
    found = health(data)
    assert sum(len(copies) - 1 for copies in found.duplicates) == 121
    assert found.leaks == found.conflicts == found.problems == ()
    official = {official_split(group) for group in data.groups if len(group) == 8}
    assert official == {"test"}
