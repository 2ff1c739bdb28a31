"""Folders and arrays: what is loaded, what is left out and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from jaxlisten.data import arrays, folder, load
from jaxlisten.errors import InputError


def test_a_folder_gives_sorted_classes_and_clips(sounds):
    data = folder(sounds)
    assert data.classes == ("cat", "dog")
    assert [Path(path).name for path in data.paths] == ["tom_1.wav", "tom_2.wav", "rex_1.wav", "rex_2.FLAC"]
    assert all(Path(path).exists() for path in data.paths)
    assert data.targets.tolist() == [0, 0, 1, 1]
    assert data.targets.dtype == np.int32
    assert all(clip.dtype == np.float32 and clip.ndim == 1 for clip in data.audio)
    assert (data.groups, data.splits, data.skipped) == (None, None, ())


def test_the_most_common_rate_is_taken_and_all_clips_have_it(sounds):
    data = folder(sounds)
    assert data.sr == 8000
    assert data.lengths.tolist() == [4000] * 4
    assert folder(sounds, sr=16_000).lengths.tolist() == [8000] * 4


def test_of_two_common_rates_the_lower_is_taken_and_16_khz_at_most(write_sound, tmp_path):
    write_sound("a/x/1.wav", sr=44_100)
    assert folder(tmp_path / "a").sr == 16_000
    write_sound("b/x/1.wav", sr=11_025)
    write_sound("b/x/2.wav", sr=16_000)
    assert folder(tmp_path / "b").sr == 11_025


def test_hidden_files_other_files_and_folders_without_sound_are_ignored(sounds, write_sound):
    for name in ("sounds/.cache/1.wav", "sounds/dog/._rex_1.wav", "sounds/dog/.old/1.wav"):
        write_sound(name)
    (sounds / "papers").mkdir()
    (sounds / "papers" / "notes.txt").write_text("hello")
    (sounds / "README.md").write_text("hello")
    data = folder(sounds)
    assert (len(data), data.classes, data.skipped) == (4, ("cat", "dog"), ())


def test_bad_clips_and_sound_beside_the_classes_are_listed(sounds, write_sound):
    (sounds / "dog" / "broken.wav").write_bytes(b"")
    write_sound("sounds/stray.wav")
    data = folder(sounds)
    assert len(data) == 4
    assert [Path(bad.path).name for bad in data.skipped] == ["stray.wav", "broken.wav"]
    assert "move it into one of them" in data.skipped[0].reason
    assert "broken.wav' is empty" in data.skipped[1].reason


def test_groups_come_from_the_path(sounds):
    assert folder(sounds, group_by=r"/(?:.*/)?([a-z]+)_").groups == ("tom", "tom", "rex", "rex")
    assert folder(sounds, group_by=r"^dog/more|^[a-z]+").groups == ("cat", "cat", "dog", "dog/more")


@pytest.mark.parametrize(
    ("group_by", "message"), [("rex", "'cat/tom_1.wav' does not match"), ("(", "not a regular expression")]
)
def test_a_group_pattern_that_fails_is_refused(sounds, group_by, message):
    with pytest.raises(InputError, match=message):
        folder(sounds, group_by=group_by)


def test_classes_of_a_trained_model_keep_their_indices(sounds):
    data = folder(sounds, classes=("owl", "dog", "cat"))
    assert data.classes == ("owl", "dog", "cat")
    assert data.targets.tolist() == [2, 2, 1, 1]
    with pytest.raises(InputError, match="the label 'cat', which is not one of the 2 classes 'dog', 'owl'"):
        folder(sounds, classes=("dog", "owl"))


def test_one_class_and_one_clip_are_enough(write_sound, tmp_path):
    write_sound("s/dog/1.wav")
    assert (len(folder(tmp_path / "s")), folder(tmp_path / "s").classes) == (1, ("dog",))


def test_folders_that_hold_no_classes_are_refused(tmp_path, write_sound):
    with pytest.raises(InputError, match="there is no folder .*nowhere.*one folder for each class"):
        folder(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no sound files; it should hold one folder for each class"):
        folder(tmp_path / "empty")
    file = write_sound("flat/1.wav")
    with pytest.raises(InputError, match="sound files but no folders.*such as flat/dog/1.wav"):
        folder(tmp_path / "flat")
    with pytest.raises(InputError, match="is not a folder"):
        folder(file)


def test_a_folder_of_bad_clips_only_is_refused_with_the_first_reasons(tmp_path):
    (tmp_path / "dog").mkdir()
    for i in range(5):
        (tmp_path / "dog" / f"{i}.wav").write_bytes(b"")
    with pytest.raises(InputError, match=r"none of 5 clips.*0.wav' is empty.*2.wav' is empty.*\(and 2 more\)"):
        folder(tmp_path)


def test_arrays_by_name():
    clips = [np.zeros(100), np.ones(50, np.float32)]
    data = arrays(clips, ["dog", "cat"], sr=8000, groups=["a", "b"])
    assert data.classes == ("cat", "dog")
    assert data.targets.tolist() == [1, 0]
    assert data.lengths.tolist() == [100, 50]
    assert {clip.dtype for clip in data.audio} == {np.dtype(np.float32)}
    assert (data.groups, data.paths) == (("a", "b"), ("clip 0", "clip 1"))


def test_arrays_by_index():
    x = np.zeros((3, 100), np.float32)
    assert arrays(x, [1, 0, 1], sr=8000).classes == ("0", "1")
    data = arrays(x, np.array([2, 0, 2]), sr=8000, classes=("a", "b", "c"))
    assert (data.classes, data.targets.tolist(), data.targets.dtype) == (("a", "b", "c"), [2, 0, 2], np.int32)


@pytest.mark.parametrize(
    ("y", "classes", "targets"),
    [
        ([["b", "a"], [], {"b"}], ("a", "b"), np.array([[1, 1], [0, 0], [0, 1]], np.int8)),
        ([[1, 0], [0, 0], [1, 1]], ("0", "1"), np.array([[1, 0], [0, 0], [1, 1]], np.int8)),
        (np.eye(3, dtype=bool), ("0", "1", "2"), np.eye(3, dtype=np.int8)),
        ([0.5, 1.5, 2], ("target",), np.array([0.5, 1.5, 2], np.float32)),
        (np.ones((3, 2)), ("target 0", "target 1"), np.ones((3, 2), np.float32)),
    ],
)
def test_arrays_of_labels_and_numbers(y, classes, targets):
    data = arrays(np.zeros((3, 10)), y, sr=8000)
    assert (data.classes, data.targets.dtype) == (classes, targets.dtype)
    np.testing.assert_array_equal(data.targets, targets)
    renamed = tuple(f"name {name}" for name in classes)
    if isinstance(y, np.ndarray):
        assert arrays(np.zeros((3, 10)), y, sr=8000, classes=renamed).classes == renamed


@pytest.mark.parametrize(
    ("x", "y", "options", "message"),
    [
        ([], [], {}, "got 0 clips"),
        (np.zeros((2, 10)), ["a"], {}, "for each of 2 clips"),
        (np.zeros((2, 10)), [True, False], {}, "a name or an index"),
        (np.zeros((2, 10)), [["a"], "b"], {}, "a name or an index"),
        (np.zeros((2, 10)), [[0, 1], [1]], {}, "a name or an index"),
        (np.zeros((2, 10)), [[[0]], [[1]]], {}, "a name or an index"),
        (np.zeros((2, 10)), [[0, 2], [1, 0]], {}, "0 or 1 for every label"),
        (np.zeros((2, 10)), [[0, 1], [1, 0]], {"classes": ("a",)}, "a name for each of 2 columns"),
        (np.zeros((2, 10)), [[], []], {}, "gives no clip a label"),
        (np.zeros((2, 10)), [0.5, np.nan], {}, "finite numbers"),
        (np.zeros((2, 10)), [0.5, 1.0], {"classes": ("a", "b")}, "a name for each of 1 columns"),
        (np.zeros((2, 10)), [0, 7], {}, "give classes="),
        (np.zeros((2, 10)), [0, 7], {"classes": ("a", "b")}, "from 0 to 1"),
        (np.zeros((2, 10)), ["a", "z"], {"classes": ("a", "b")}, "'z', which is not one of"),
        (np.zeros((2, 10)), ["a", "b"], {"classes": ("a", "b", "a")}, "classes that differ"),
        (np.zeros((2, 10)), ["a", "b"], {"groups": ["g"]}, "expected 2 groups"),
        (np.zeros((2, 10), np.int16), ["a", "b"], {}, "divide 16-bit integers"),
        (np.zeros((2, 10, 2)), ["a", "b"], {}, "average the channels"),
        ([np.zeros(3), np.zeros(0)], ["a", "b"], {}, "clip 1 has no samples"),
        ([np.zeros(3), np.array([np.nan])], ["a", "b"], {}, "clip 1 has no samples, or some that are NaN"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(x, y, options, message):
    with pytest.raises(InputError, match=message):
        arrays(x, y, sr=8000, **options)


def test_load_knows_what_it_gets(sounds, write_sound):
    assert load(sounds).classes == ("cat", "dog")
    (sounds / "clips.csv").write_text("path,label\ndog/rex_1.wav,dog\n")
    assert len(load(sounds / "clips.csv", classes=("dog",))) == 1
    assert len(load(str(sounds), sr=16_000, group_by="^[a-z]+", classes=("cat", "dog")).groups) == 4
    with pytest.raises(InputError, match="neither a .csv file nor a folder"):
        load(sounds / "dog" / "rex_1.wav")
    write_sound("sounds/0_theo_1.wav")
    assert load(sounds).classes == ("cat", "dog")
