"""Strong labels: what is heard when, from a table to windows and batches."""

import json

import numpy as np
import pytest

import jaxlisten as jl
from jaxlisten import InputError
from jaxlisten.data import Event, arrays, birdsong, collate, strong, windows

SR = 8000
EVENTS = [[Event("b", 0.5, 1.0), Event("a", 0.2, 2.6), Event("b", 2.9, 3.0)], [], [Event("a", 0.0, 0.1)]]
NOISE = np.random.default_rng(0).uniform(-0.5, 0.5, (3, 3 * SR)).astype(np.float32)


def clips():
    return arrays(NOISE, EVENTS, sr=SR, groups=("x", "x", "y"))


def table(tmp_path, text, name="events.csv"):
    path = tmp_path / name
    path.write_text(text)
    return path


@pytest.fixture
def street(tmp_path, write_sound):
    for name in ("one", "two", "three"):
        write_sound(f"{name}.wav", NOISE[0][: 2 * SR])
    rows = ["path,label,start,end,split", "one.wav,dog,0.5,1,train", "one.wav,rain,0,2.01,train", "two.wav,,,,train"]
    return table(tmp_path, "\n".join([*rows, "three.wav,dog,1.25,1.5,test"]))


def test_a_table_gives_a_clip_for_each_recording_with_all_its_events(street):
    data = strong(street)
    assert (data.kind, data.classes, len(data), data.splits) == (
        "events",
        ("dog", "rain"),
        3,
        ("train", "train", "test"),
    )
    expected = [[[0, 2.0, 1], [0.5, 1, 0]], [[0, 0, -1]] * 2, [[1.25, 1.5, 0], [0, 0, -1]]]
    np.testing.assert_array_equal(data.targets, expected, "cut off at the end, and filled up")
    assert data.counts.tolist() == [2, 1]
    assert data.summary()["events_per_class"] == {"dog": 2, "rain": 1}
    assert len(data.part("test").targets) == 1
    assert strong(street, classes=("rain", "cat", "dog")).targets[0, :, 2].tolist() == [0, 2]


def test_recordings_may_stay_in_their_files(street):
    pytest.importorskip("grain", reason="pip install 'jaxlisten[data]' brings grain")
    here, there = strong(street), strong(street, from_files=True)
    assert here.fingerprint() == there.fingerprint()
    cut, same = windows(here, 0.75), windows(there, 0.75)
    assert cut.paths == same.paths
    for clip, other in zip(cut.audio, same.audio, strict=True):
        np.testing.assert_array_equal(clip, other)


def test_fingerprints_depend_on_times_and_not_on_the_order_of_clips():
    data = clips()
    moved = arrays(NOISE, [[Event("b", 0.5, 1.01), *EVENTS[0][1:]], *EVENTS[1:]], sr=SR)
    assert data.fingerprint() == data.subset([2, 0, 1]).fingerprint() != moved.fingerprint()


def test_windows_hold_what_is_in_them_and_stay_with_their_recording():
    data = windows(clips(), 2.0, hop=0.5)
    assert data.paths[:3] == ("clip 0#t=0,2", "clip 0#t=0.5,2.5", "clip 0#t=1,3")
    assert data.groups == ("x",) * 6 + ("y",) * 3
    np.testing.assert_array_equal(data.audio[1], NOISE[0][SR // 2 : SR // 2 + 2 * SR])
    found = [target[target[:, 2] >= 0].round(6).tolist() for target in data.targets[:3]]
    assert found == [[[0.2, 2, 0], [0.5, 1, 1]], [[0, 2, 0], [0, 0.5, 1]], [[0, 1.6, 0], [1.9, 2, 1]]]
    whole = windows(clips(), 3.0)
    assert whole.paths == clips().paths
    np.testing.assert_array_equal(whole.targets, clips().targets)


def test_splits_share_out_the_events_and_keep_groups_together():
    many = arrays(np.tile(NOISE, (6, 1)) * np.arange(1, 19)[:, None] / 18, EVENTS * 6, sr=SR)
    parts = jl.data.split(many, (0.5, 0.5))
    counts = [np.bincount(part.targets[..., 2].ravel().astype(int) + 1, minlength=3)[1:].tolist() for part in parts]
    assert counts == [[6, 6]] * 2


def test_batches_have_the_events_and_absent_items_have_none():
    batch = collate(clips(), [2, 0], 3 * SR, 4)
    assert (batch.y.shape, batch.y.dtype) == ((4, 3, 3), np.float32)
    np.testing.assert_allclose(batch.y[1, 0], [0.2, 2.6, 0])
    assert batch.weight.tolist() == [1, 1, 0, 0]
    framed = np.asarray(jl.ops.frame_targets(batch.y[:2], 30, 2, 0.1))
    assert framed[0].nonzero()[0].tolist() == [0]
    assert framed[1, :, 1].nonzero()[0].tolist() == [5, 6, 7, 8, 9, 29]
    assert framed[1, :, 0].nonzero()[0].tolist() == list(range(2, 26))


def test_health_and_the_notebook_count_recordings_with_a_class():
    data = clips()
    assert {name: one.clips for name, one in jl.data.health(data).classes.items()} == {"a": 2, "b": 1}
    assert "3 clips" in data._repr_html_()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("path,label\none.wav,dog", "labels without times"),
        ("path,label,start,end\none.wav,dog,,", "row 2: an event needs label, start and end"),
        ("path,label,start,end\none.wav,dog,1,0.5", "row 2: the event starts at 1 s, which is not before its end"),
        (
            "path,label,start,end\none.wav,,,\none.wav,dog,1.5,2.2",
            "row 3: 'dog' is from 1.5 to 2.2 s, but 'one.wav' ends",
        ),
        ("path,label,start,end\none.wav,dog,900,1000", "which are seconds"),
        ("path,label,start,end\none.wav,,,", "no event in any recording"),
        ("path,label,start,end\n", "lists no recordings"),
        ("path,label,start,end\n,dog,0,1", "row 2: the cell 'path' is empty"),
        ("path,label,start,end\none.wav,dog,0,x", "row 2: the cell 'end' is 'x'"),
        ("path,label,start,end,split\none.wav,dog,0,1,train\none.wav,dog,1,2,test", "a recording is in one only"),
        ("path,label,start,end,split\none.wav,dog,0,1,best", "'best' is not a split"),
        ("path,label,start,end,group\none.wav,dog,0,1,", "the cell 'group' is empty"),
        ("path,label,start,end\nnone.wav,dog,0,1", "none of 1 clips can be read"),
    ],
)
def test_a_wrong_table_is_refused_by_its_row(street, tmp_path, rows, message):
    with pytest.raises(InputError, match=message):
        strong(table(tmp_path, rows, "wrong.csv"))


def test_a_recording_that_can_not_be_read_is_skipped(street, tmp_path):
    (tmp_path / "bad.wav").write_bytes(b"RIFF")
    data = strong(table(tmp_path, "path,label,start,end\none.wav,dog,0,1\nbad.wav,dog,0,1", "some.csv"))
    assert len(data) == 1
    assert data.skipped[0].reason.startswith("row 3: ")


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ([[Event("a", 1.0, 1.0)]], "end behind their beginning"),
        ([[Event("a", -1.0, 1.0)]], "begin at 0 s or later"),
        ([[Event("a", 0.0, np.nan)]], "from 0 to nan s"),
    ],
)
def test_events_without_a_length_are_refused(events, message):
    with pytest.raises(InputError, match=message):
        arrays(NOISE[:1], events, sr=SR)


def test_windows_want_events():
    with pytest.raises(InputError, match="kind 'class'"):
        windows(jl.data.synthetic(36))
    with pytest.raises(InputError, match="above 0"):
        windows(clips(), 0)


@pytest.mark.parametrize(("bird", "events", "classes"), [("wav-koumura", 447, 9), ("cbin-notmat", 601, 11)])
def test_birdsong_is_read_in_both_layouts(recordings, bird, events, classes):
    data = birdsong(recordings / "birdsong" / bird)
    held = data.targets[data.targets[..., 2] >= 0]
    assert (data.sr, len(held), len(data.classes)) == (16_000, events, classes)
    lengths = held[:, 1] - held[:, 0]
    assert 0.02 < lengths.min() < np.median(lengths) < 0.1 < lengths.max() < 0.2
    for clip, target in zip(data.audio, data.targets, strict=True):
        sung = np.zeros(len(clip), bool)
        for start, end, _ in target[target[:, 2] >= 0]:
            sung[round(start * data.sr) : round(end * data.sr)] = True
        assert np.median(np.abs(clip[sung])) > 1.2 * np.median(np.abs(clip[~sung])), "notes are louder than the pauses"
    assert data.splits[0] == "train"
    assert data.splits[-1] == "test"


def test_a_folder_without_song_is_refused(tmp_path):
    with pytest.raises(InputError, match="songs of one bird"):
        birdsong(tmp_path)
    (tmp_path / "Annotation.xml").write_text("<Sequences><Sequence></Sequence>")
    with pytest.raises(InputError, match="not such an annotation"):
        birdsong(tmp_path)
    (tmp_path / "Annotation.xml").unlink()
    (tmp_path / "a.cbin").write_bytes(bytes(8))
    with pytest.raises(InputError, match=r"no 'a\.rec' beside it"):
        birdsong(tmp_path)
    (tmp_path / "a.rec").write_text("ADFREQ = 32000\nChans = 2\n")
    (tmp_path / "a.cbin.not.mat").write_bytes(json.dumps({}).encode())
    with pytest.raises(InputError, match="can't be read as labels"):
        birdsong(tmp_path)
