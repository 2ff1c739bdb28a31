"""Recordings of which nothing is known are a data set like any other."""

from __future__ import annotations

import numpy as np
import pytest

from jaxlisten import data
from jaxlisten.errors import InputError


def test_a_folder_of_any_depth_is_read_in_the_order_of_names(sounds):
    clips = data.unlabelled(sounds, group_by=r"(\w+)_\d")
    assert (clips.kind, clips.classes, clips.targets.shape) == ("none", (), (4, 0))
    assert [path[len(str(sounds)) + 1 :] for path in clips.paths] == [
        "cat/tom_1.wav",
        "cat/tom_2.wav",
        "dog/rex_1.wav",
        "dog/more/rex_2.FLAC",
    ]
    assert clips.groups == ("tom", "tom", "rex", "rex")
    assert repr(clips) == "Dataset(4 clips without labels, 8000 Hz, 0.0 min)"


def test_a_table_needs_paths_alone_and_what_is_written_of_them_is_not_looked_at(sounds, tmp_path):
    table = tmp_path / "clips.csv"
    table.write_text("path,label,split\nsounds/dog/rex_1.wav,,train\nsounds/cat/tom_1.wav,cat,test\n")
    clips = data.unlabelled(table)
    assert (clips.kind, len(clips), clips.splits) == ("none", 2, ("train", "test"))
    table.write_text("path\nsounds/dog/rex_1.wav\n")
    assert data.unlabelled(table).audio[0].tobytes() == clips.audio[0].tobytes()


def test_what_is_known_can_be_forgotten():
    known = data.synthetic(36)
    clips = data.unlabelled(known)
    assert (clips.kind, clips.splits, clips.audio) == ("none", known.splits, known.audio)
    assert clips.fingerprint() != known.fingerprint()
    assert clips.summary()["clips_per_class"] == {}


def test_parts_health_batches_and_pages_work_without_labels():
    clips = data.unlabelled(data.synthetic(36))
    train, held_out = data.split(clips, (0.75, 0.25))
    assert (len(train), len(held_out), train.kind) == (27, 9, "none")
    assert [sum(map(len, part)) for part in data.folds(clips, 3)] == [36] * 3
    health = data.health(clips)
    assert (health.clips, health.classes, health.problems) == (36, {}, ())
    ((places, batch),) = data.batches(train, 27, (int(train.lengths.max()),))
    assert batch.y.shape == (27, 0)
    assert batch.x.values.shape[0] == len(places) == 27
    joined, _ = data.union([train, held_out])
    assert (len(joined), joined.kind) == (36, "none")
    assert "36 clips" in clips._repr_html_()


def test_nothing_to_read_is_refused(tmp_path):
    with pytest.raises(InputError, match="there is no folder.*sound files, at any depth"):
        data.unlabelled(tmp_path / "nowhere")
    with pytest.raises(InputError, match="holds no sound files"):
        data.unlabelled(tmp_path)
    (tmp_path / "t.csv").write_text("file\na.wav\n")
    with pytest.raises(InputError, match="no column 'path'"):
        data.unlabelled(tmp_path / "t.csv")


def test_an_array_without_columns_is_without_labels():
    assert data.arrays(np.zeros((2, 10)), np.zeros((2, 0), np.int8), sr=8000).kind == "none"
