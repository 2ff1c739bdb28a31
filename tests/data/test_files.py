"""Clips that stay in their files: the same data set as in memory, but for where the samples are."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import soundfile

from jaxlisten.data import Files, ahead, arrays, clips, csv, folder, folds, health, load, partition, split, union
from jaxlisten.data.batch import batches, bucket_lengths
from jaxlisten.data.files import FACTS, fact, facts
from jaxlisten.errors import InputError
from tests.data.conftest import tone


@pytest.fixture
def root(write_sound, tmp_path):
    """Three classes of eight clips at several rates, with copies, silence, clipping and two channels among them."""
    noise = np.random.default_rng(0)
    for k, name in enumerate(("a", "b", "c")):
        for i in range(8):
            samples = 0.1 * noise.standard_normal(2000 + 300 * i + k).astype(np.float32)
            write_sound(f"all/{name}/{i}.wav", samples, sr=(8000, 11_025, 44_100)[i % 3])
    write_sound("all/a/copy of 0.wav", soundfile.read(tmp_path / "all/a/0.wav")[0], sr=8000)
    write_sound("all/b/silent.flac", np.zeros(4000), format="FLAC")
    write_sound("all/b/loud.wav", np.clip(3 * tone(0.5, 8000), -1, 1))
    write_sound("all/c/stereo.ogg", np.stack([tone(0.5, 22_050), tone(0.5, 22_050, 300)], axis=1), sr=22_050)
    (tmp_path / "all/c/bad.wav").write_text("no sound")
    return tmp_path / "all"


def test_a_data_set_in_files_is_the_one_in_memory(root):
    ours, theirs = folder(root, sr=8000, from_files=True), folder(root, sr=8000, from_files=False)
    assert isinstance(ours.audio, Files)
    assert isinstance(theirs.audio, tuple)
    for clip, other in zip(ours.audio, theirs.audio, strict=True):
        assert clip.dtype == other.dtype
        assert clip.tobytes() == other.tobytes()
    for name in ("targets", "lengths"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
    for name in ("classes", "sr", "paths", "groups", "splits", "folds", "skipped"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert ours.summary() == theirs.summary()
    assert repr(ours) == repr(theirs)
    assert ours._repr_html_() == theirs._repr_html_()
    assert health(ours).to_dict() == health(theirs).to_dict()
    assert len(health(ours).duplicates) == len(health(ours).silent) == len(health(ours).clipped) == 1


def test_it_is_cut_as_in_memory(root):
    ours, theirs = (folder(root, sr=8000, from_files=where) for where in (True, False))
    for cut in (split, partition, lambda data: folds(data, 3)[1]):
        for part, other in zip(cut(ours), cut(theirs), strict=True):
            assert (part and part.paths) == (other and other.paths)
            assert part is None or isinstance(part.audio, Files)


def test_parts_of_files_are_read_as_they_are_listed(write_sound, tmp_path):
    write_sound("long.wav", tone(2, 44_100), sr=44_100)
    (tmp_path / "t.csv").write_text("path,label,start,end\nlong.wav,a,0.5,0.7\nlong.wav,b,1.5,\nlong.wav,b,,0.1\n")
    ours, theirs = (csv(tmp_path / "t.csv", from_files=where) for where in (True, False))
    assert [clip.tobytes() for clip in ours.audio] == [clip.tobytes() for clip in theirs.audio]
    assert [len(clip) for clip in ours.audio[1:]] == [8000, 1600]
    assert ours.fingerprint() == theirs.fingerprint()


def test_clips_that_data_sets_share_are_joined_once_and_stay_in_files(root):
    data = folder(root, sr=8000, from_files=True)
    parts = [data.subset(np.arange(len(data)) % 3 != i) for i in range(3)]
    joined, members = union(parts)
    assert isinstance(joined.audio, Files)
    assert len(joined) == len(data)
    assert joined.fingerprint() == data.fingerprint()
    for part, mine in zip(parts, members, strict=True):
        assert [joined.paths[i] for i in mine] == list(part.paths)
        np.testing.assert_array_equal(joined.lengths[mine], part.lengths)
    in_memory = folder(root, sr=8000, from_files=False)
    assert isinstance(union([data, in_memory])[0].audio, tuple)


def test_batches_from_files_are_those_from_memory_from_any_place_on(root):
    ours, theirs = (folder(root, sr=8000, from_files=where) for where in (True, False))
    lengths = bucket_lengths(ours.lengths)
    whole = list(batches(theirs, 4, lengths, rng=np.random.default_rng(3)))
    for done in (0, 3, len(whole)):
        found = list(batches(ours, 4, lengths, rng=np.random.default_rng(3), done=done))
        assert len(found) == len(whole) - done
        for (indices, batch), (others, other) in zip(found, whole[done:], strict=True):
            np.testing.assert_array_equal(indices, others)
            np.testing.assert_array_equal(batch.x.values, other.x.values)
            np.testing.assert_array_equal(batch.x.length, other.x.length)
            np.testing.assert_array_equal(batch.y, other.y)


@pytest.mark.parametrize(
    ("happens", "message"),
    [
        (lambda path: path.unlink(), "there is no file"),
        (lambda path: path.write_bytes(path.read_bytes()[:900]), "is cut short"),
        (lambda path: soundfile.write(path, tone(0.1, 8000), 8000), "has changed since it was first read"),
    ],
)
def test_a_file_that_goes_bad_is_named_when_its_batch_is_reached(happens, message, root):
    data = folder(root, sr=8000, from_files=True)
    lengths = (int(data.lengths.max()),)
    bad = root / "b" / "3.wav"
    happens(bad)
    made = batches(data, 4, lengths)
    found = [next(made)[0].tolist() for _ in range(data.paths.index(str(bad)) // 4)]
    with pytest.raises(InputError, match=message) as error:
        next(made)
    assert str(bad) in str(error.value)
    assert [*itertools.chain(*found)] == list(range(4 * len(found)))


def test_clips_stay_in_files_when_they_take_more_than_a_quarter_of_the_free_memory(root, monkeypatch):
    size = 4 * int(folder(root, sr=8000, from_files=False).lengths.sum())
    for room, kind in ((4 * size, tuple), (4 * size - 4, Files)):
        monkeypatch.setattr(clips, "free_memory", lambda room=room: room)
        data = load(root, sr=8000)
        assert isinstance(data.audio, kind)
        assert data.lengths.sum() * 4 == size


def test_without_grain_a_sentence_names_the_extra(root, monkeypatch):
    monkeypatch.setattr(ahead, "find_spec", lambda name: None)
    assert isinstance(folder(root).audio, tuple)
    with pytest.raises(InputError, match=r"pip install 'jaxlisten\[data\]'; or keep them in memory"):
        folder(root, from_files=True)
    monkeypatch.setattr(clips, "free_memory", lambda: 0)
    with pytest.raises(InputError, match="more than a quarter of the free memory"):
        folder(root)
    assert isinstance(folder(root, from_files=False).audio, tuple)


def test_facts_are_those_of_the_samples():
    loud = np.array([0.2, 1, 1, -1, 1, 0], np.float32)
    assert fact(loud)[:3] == (6, 1, 2)
    assert fact(np.ones(9, np.float32))[:4] == (9, 1, 7, 0)
    clips = (loud, loud[:-1], -loud, loud[:0])
    assert facts(clips, "samples").tolist() == [6, 5, 6, 0]
    known = np.array([fact(clip) for clip in clips], FACTS)
    for name in ("samples", "peak", "clipped", "sound", "sha256"):
        assert known[name].tolist() == facts(clips, name).tolist()
    assert len(set(known["sha256"].tolist())) == 4
    digests = arrays(clips[:3], ["a", "b", "b"], sr=8000).digests()
    assert known["sound"].tolist() == [*digests.tolist(), 0]


def test_a_slice_and_a_subset_read_nothing(root):
    data = folder(root, sr=8000, from_files=True)
    for path in root.rglob("*.wav"):
        path.unlink()
    assert len(data.audio[2:5]) == 3
    assert data.subset([5, 1]).lengths.tolist() == data.lengths[[5, 1]].tolist()
    with pytest.raises(IndexError):
        data.audio[len(data)]
