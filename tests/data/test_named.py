"""The spoken digits and the environmental sounds: both layouts, official splits and folds, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from jaxlisten.data import esc10, esc50, folds, fsdd, health, load
from jaxlisten.errors import InputError


@pytest.fixture
def digits(write_sound, tmp_path) -> Path:
    for digit in (0, 7):
        for speaker in ("theo", "jackson"):
            for index in (4, 5, 10):
                write_sound(f"digits/recordings/{digit}_{speaker}_{index}.wav")
    write_sound("digits/recordings/other.wav")
    return tmp_path / "digits"


@pytest.mark.parametrize("inside", ["", "recordings"])
@pytest.mark.parametrize("source", [fsdd, load])
def test_spoken_digits_have_speakers_and_the_official_split(digits, inside, source):
    data = source(digits / inside)
    assert (len(data), data.classes, data.sr) == (12, ("0", "7"), 8000)
    for path, group, split in zip(data.paths, data.groups, data.splits, strict=True):
        _, speaker, index = Path(path).stem.split("_")
        assert group == speaker
        assert split == ("test" if int(index) < 5 else "train")


def test_spoken_digits_that_are_not_there_are_explained(tmp_path):
    for root in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(InputError, match="https://github.com/Jakobovski/free-spoken-digit-dataset .*recordings/0_"):
            fsdd(root)


def test_the_real_spoken_digits(recordings):
    data = load(recordings / "fsdd")
    assert (len(data), data.sr, len(data.classes), len(set(data.groups))) == (3000, 8000, 10, 6)
    assert data.lengths.sum() / data.sr == pytest.approx(1312, abs=1)
    assert (len(data.part("train")), len(data.part("test"))) == (2700, 300)
    assert np.bincount(data.targets).tolist() == [300] * 10
    assert data.skipped == ()


TAKES = [(fold, recording, take) for fold in range(1, 6) for recording, take in ((fold * 100, "A"), (fold * 100, "B"))]


@pytest.fixture
def upstream(write_sound, tmp_path) -> Path:
    """ESC-50 as upstream has it, with two classes, of which one is in ESC-10."""
    lines = ["filename,fold,target,category,esc10,src_file,take"]
    for fold, recording, take in TAKES:
        for number, category, easy in ((0, "dog", "True"), (14, "chirping_birds", "False")):
            name = f"{fold}-{recording + number}-{take}-{number}.wav"
            write_sound(f"ESC-50/audio/{name}", np.full(80, 0.1))
            lines.append(f"{name},{fold},{number},{category},{easy},{recording + number},{take}")
    (tmp_path / "ESC-50" / "meta").mkdir()
    (tmp_path / "ESC-50" / "meta" / "esc50.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "ESC-50"


@pytest.fixture
def a_folder_a_class(write_sound, tmp_path) -> Path:
    for fold, recording, take in TAKES:
        write_sound(f"ESC-10/001 - Dog bark/{fold}-{recording}-{take}.ogg", np.full(800, 0.1))
    return tmp_path / "ESC-10"


def check_official(data):
    for path, fold, group, split in zip(data.paths, data.folds, data.groups, data.splits, strict=True):
        first, recording, *_ = Path(path).stem.split("-")
        assert (fold, group) == (first, recording)
        assert split == {"5": "test", "1": "validation"}.get(fold, "train")


def test_environmental_sounds_as_upstream_has_them(upstream):
    data = esc50(upstream, test_fold=5)
    assert (len(data), data.classes, data.sr) == (20, ("chirping_birds", "dog"), 8000)
    check_official(data)
    part = esc10(upstream, test_fold=5)
    assert (len(part), part.classes) == (10, ("dog",))
    check_official(part)


def test_environmental_sounds_with_a_folder_a_class(a_folder_a_class, write_sound):
    write_sound("ESC-10/001 - Dog bark/bonus.wav")
    data = esc10(a_folder_a_class, test_fold=5)
    assert (len(data), data.classes) == (10, ("Dog bark",))
    check_official(data)
    assert [Path(bad.path).name for bad in data.skipped] == ["bonus.wav"]
    assert "is not named fold-recording-take" in data.skipped[0].reason


def test_recordings_that_upstream_lists_and_that_are_not_there_are_listed(upstream):
    (upstream / "audio" / "1-100-A-0.wav").unlink()
    data = esc50(upstream)
    assert (len(data), data.skipped[0].label) == (19, "dog")
    assert data.skipped[0].reason.startswith("row 2 of esc50.csv: there is no file")


def test_environmental_sounds_that_are_not_there_are_explained(tmp_path, upstream, a_folder_a_class, write_sound):
    for load_set, name in ((esc50, "ESC-50"), (esc10, "ESC-10")):
        for root in (tmp_path / "nowhere", tmp_path / "ESC-50" / "audio"):
            with pytest.raises(InputError, match=f"get {name} from https://github.com/karolpiczak/ESC-50 and .*meta/"):
                load_set(root)
    for fold in (0, 6, "1"):
        with pytest.raises(InputError, match="test_fold from 1 to 5"):
            esc50(upstream, test_fold=fold)
    for i in range(10):
        write_sound(f"ESC-10/{i:03} - Class {i}/1-1-A.ogg")
    with pytest.raises(InputError, match="holds 11 classes, and ESC-10 has 10"):
        esc10(a_folder_a_class)
    (upstream / "meta" / "esc50.csv").write_text("filename,category\n")
    with pytest.raises(InputError, match="no column 'fold'"):
        esc50(upstream)


@pytest.mark.wide
def test_the_real_environmental_sounds(recordings):
    data = esc10(recordings / "esc10", test_fold=2)
    assert (len(data), data.sr, len(data.classes)) == (400, 16_000, 10)
    assert data.lengths.sum() / data.sr == pytest.approx(2003, abs=1)
    for name, fold, count in (("train", "145", 240), ("test", "2", 80), ("validation", "3", 80)):
        part = data.part(name)
        assert (set(part.folds), len(part)) == (set(fold), count)
        assert len(set(part.counts.tolist())) == 1
    parts = folds(data)
    assert [part.test.paths[0].rsplit("/", 1)[1][0] for part in parts] == ["1", "2", "3", "4", "5"]
    assert not any(set(part.test.groups) & set(part.train.groups) for part in parts)
    assert parts[1].test.paths == data.part("test").paths
    assert parts[1].validation.paths == data.part("validation").paths
    assert health(data).problems == ()
