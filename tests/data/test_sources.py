"""Folders, tables, arrays and the spoken digits: what is loaded, what is left out and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from jaxlisten.data import arrays, csv, folder, fsdd, load
from jaxlisten.errors import InputError


@pytest.fixture
def sounds(write_sound, tmp_path) -> Path:
    """Two classes, four clips, at two rates, one of them deep down and one with a loud name."""
    write_sound("sounds/dog/rex_1.wav")
    write_sound("sounds/dog/more/rex_2.FLAC", format="FLAC")
    write_sound("sounds/cat/tom_1.wav", sr=16_000)
    write_sound("sounds/cat/tom_2.wav")
    return tmp_path / "sounds"


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


def table(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "clips.csv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_table_gives_all_its_columns(sounds, encoding):
    text = (
        "path,label,group,split,start,end,remark\n"
        "dog/rex_1.wav,hund,a,train,0.1,0.3,x\n"
        f'"{sounds}/cat/tom_1.wav","Katze, ü",b,VAL,,,\n'
        "\n"
        "cat/tom_2.wav,hund,b,dev,0.25,,\n"
        "cat/tom_2.wav,hund,b,test,,0.25,\n"
    )
    data = csv(table(sounds, text, encoding))
    assert data.classes == ("Katze, ü", "hund")
    assert data.targets.tolist() == [1, 0, 1, 1]
    assert data.groups == ("a", "b", "b", "b")
    assert data.splits == ("train", "validation", "validation", "test")
    assert data.lengths.tolist() == [1600, 4000, 2000, 2000]
    assert data.paths[0].endswith("rex_1.wav#t=0.1,0.3")
    assert data.paths[2].endswith("tom_2.wav#t=0.25")


def test_a_table_needs_no_more_than_path_and_label(sounds):
    data = csv(table(sounds, ",path,label\r\n0,dog/rex_1.wav,dog\r\n1,cat/tom_1.wav,cat\r\n,,\r\n"))
    assert (len(data), data.groups, data.splits) == (2, None, None)
    assert csv(sounds / "clips.csv", group_by="[a-z]+_").groups == ("rex_", "tom_")
    assert csv(sounds / "clips.csv", classes=("dog", "cat")).targets.tolist() == [0, 1]


def test_rows_whose_clip_cannot_be_read_are_listed_with_their_number(sounds):
    text = "path,label,end\ndog/rex_1.wav,dog,\ngone.wav,dog,\ndog/rex_1.wav,dog,9\n"
    data = csv(table(sounds, text))
    assert len(data) == 1
    assert data.skipped[0].reason.startswith("row 3: there is no file")
    assert data.skipped[1].reason.startswith("row 4: ")
    assert "0.500 s long" in data.skipped[1].reason


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column 'path' .found: none, the file is empty"),
        ("path,label\n", "lists no clips"),
        ("file,label\na,b\n", "no column 'path' .found: 'file', 'label'"),
        ("path,class\na,b\n", "no column 'label' .found: 'path', 'class'"),
        ("path;label\na;b\n", "no column 'path' .found: 'path;label'"),
        ("path,label\ndog/rex_1.wav,\n", "row 2: the cell 'label' is empty"),
        ("path,label\n,dog\n", "row 2: the cell 'path' is empty"),
        ("path,label\ndog/rex_1.wav\n", "row 2: the cell 'label' is empty"),
        ("path,label\na,b,c\n", "row 2: more cells than columns"),
        ("path,label,group\ndog/rex_1.wav,dog,\n", "row 2: the cell 'group' is empty"),
        ("path,label,split\ndog/rex_1.wav,dog,train\ndog/rex_1.wav,dog,fold1\n", "row 3: 'fold1' is not a split"),
        ("path,label,split\ndog/rex_1.wav,dog,\n", "row 2: the cell 'split' is empty"),
        ("path,label,start\ndog/rex_1.wav,dog,soon\n", "row 2: the cell 'start' is 'soon'"),
        ("path,label,end\ndog/rex_1.wav,dog,nan\n", "row 2: the cell 'end' is 'nan'"),
        ("path,label,start\ndog/rex_1.wav,dog,-1\n", "row 2: the cell 'start' is '-1'"),
        ("path,label,start,end\ndog/rex_1.wav,dog,0.3,0.1\n", "row 2: the clip starts at 0.3 s"),
        ("path,label\nx.wav,dog\ny.wav,dog\n", "none of 2 clips can be read: row 2: there is no file"),
    ],
)
def test_a_wrong_table_is_refused(sounds, text, message):
    with pytest.raises(InputError, match=message) as caught:
        csv(table(sounds, text))
    assert "clips.csv" in str(caught.value)


def test_a_table_that_is_no_text_or_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="not UTF-8"):
        csv(table(tmp_path, "path,label\nhündchen.wav,hündchen\n", "latin-1"))
    with pytest.raises(InputError, match="none.csv' can't be opened"):
        load(tmp_path / "none.csv")


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
    ("x", "y", "options", "message"),
    [
        ([], [], {}, "got 0 clips"),
        (np.zeros((2, 10)), ["a"], {}, "for each of 2 clips"),
        (np.zeros((2, 10)), [0.5, 1.0], {}, "a name or an index"),
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


def test_load_knows_what_it_gets(sounds, write_sound):
    assert load(sounds).classes == ("cat", "dog")
    assert len(load(table(sounds, "path,label\ndog/rex_1.wav,dog\n"), classes=("dog",))) == 1
    assert len(load(str(sounds), sr=16_000, group_by="^[a-z]+", classes=("cat", "dog")).groups) == 4
    with pytest.raises(InputError, match="neither a .csv file nor a folder"):
        load(sounds / "dog" / "rex_1.wav")
    write_sound("sounds/0_theo_1.wav")
    assert load(sounds).classes == ("cat", "dog")


def test_the_real_spoken_digits(recordings):
    data = load(recordings / "fsdd")
    assert (len(data), data.sr, len(data.classes), len(set(data.groups))) == (3000, 8000, 10, 6)
    assert data.lengths.sum() / data.sr == pytest.approx(1312, abs=1)
    assert (len(data.part("train")), len(data.part("test"))) == (2700, 300)
    assert np.bincount(data.targets).tolist() == [300] * 10
    assert data.skipped == ()


def test_the_real_environmental_sounds(recordings):
    data = load(recordings / "esc10", group_by=r"/(\d)-")
    assert (len(data), data.sr, len(data.classes)) == (400, 16_000, 10)
    assert sorted(set(data.groups)) == ["1", "2", "3", "4", "5"]
    assert data.lengths.sum() / data.sr == pytest.approx(2003, abs=1)
    assert data.skipped == ()
