"""Which clips were heard: a run folder keeps it in a few bytes a clip, and nobody is measured on them unawares."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import jaxlisten as jl
from jaxlisten import runs
from jaxlisten.evaluate.page.words import _advice, summary
from jaxlisten.heard import HeardClips, heard_of, joined, known, read_heard, write_heard
from tests.deploy.speech import CLASSES, SR, trained

RNG = np.random.default_rng(0)
CLIPS = jl.data.arrays(
    RNG.standard_normal((12, 2000)).astype(np.float32), [CLASSES[i % 3] for i in range(12)], sr=SR, classes=CLASSES
)
TRAIN, VALIDATION, TEST = (CLIPS.subset(range(i, i + 4)) for i in (0, 4, 8))


def fitted(heard: HeardClips | None) -> jl.Fitted:
    model, params, state = trained("cnn1d")
    return jl.Fitted(model, params, state, jl.tasks.find("classification"), CLASSES, SR, (2000,), heard=heard)


def test_what_is_read_is_what_was_written_in_eight_bytes_a_clip(tmp_path):
    heard = heard_of(TRAIN, VALIDATION)
    write_heard(tmp_path, heard)
    read = read_heard(tmp_path)
    np.testing.assert_equal(read, heard)
    assert load_file(tmp_path / "clips.safetensors")["train"].tolist() == sorted(TRAIN.digests().tolist())
    many = HeardClips(np.arange(100_000, dtype=np.uint64), heard.validation)
    write_heard(tmp_path, many)
    assert (tmp_path / "clips.safetensors").stat().st_size < 801_000
    (tmp_path / "clips.safetensors").unlink()
    assert read_heard(tmp_path) is None


def test_a_damaged_file_is_refused(tmp_path):
    path = tmp_path / "clips.safetensors"
    for write in (
        lambda: path.write_bytes(b"no tensors"),
        lambda: save_file({"train": np.zeros(3, np.uint64)}, path),
        lambda: save_file({"train": np.zeros(3, np.uint64), "validation": np.zeros(3, np.float32)}, path),
    ):
        write()
        with pytest.raises(jl.InputError, match=r"clips.safetensors is damaged .* delete it to go on"):
            read_heard(tmp_path)


def test_clips_are_known_by_their_sound_and_silence_is_nobody_s():
    silent = dataclasses.replace(TEST, audio=(*TRAIN.audio[:1], np.zeros(99, np.float32), *TEST.audio[2:]))
    heard = heard_of(silent, None)
    assert (len(heard.train), len(heard.validation)) == (3, 0)
    assert known(TRAIN, heard.train) == ("clip 0",)
    assert known(silent, heard.train) == tuple(silent.paths[i] for i in (0, 2, 3))


def test_several_listeners_have_heard_what_each_has():
    together = joined([heard_of(TRAIN, VALIDATION), heard_of(VALIDATION, TRAIN)])
    both = np.unique(np.concatenate([TRAIN.digests(), VALIDATION.digests()]))
    np.testing.assert_equal(together, HeardClips(both, both))
    assert joined([heard_of(TRAIN, None), None]) is None
    assert joined([]) is None


def test_evaluate_warns_of_clips_that_were_trained_on_and_the_report_names_them():
    listener = fitted(heard_of(TRAIN, VALIDATION))
    report = jl.evaluate(listener, TEST)  # a warning would be an error here
    assert report.to_dict()["trained_on"] == {"clips": 0, "paths": []}
    with pytest.warns(jl.ListenWarning) as told:
        report = jl.evaluate(listener, CLIPS)
    assert str(told[0].message).startswith("evaluate: 4 of 12 clips were trained on, such as 'clip 0': ")
    assert told[0].filename == __file__
    assert report.trained_on == TRAIN.paths
    assert report.to_dict()["trained_on"] == {"clips": 4, "paths": list(TRAIN.paths)}
    report = jl.evaluate(listener, VALIDATION)
    assert (report.trained_on, report.chosen_by) == ((), VALIDATION.paths)
    assert jl.evaluate(fitted(None), CLIPS).trained_on == ()


def test_the_page_says_that_clips_are_known():
    with pytest.warns(jl.ListenWarning):
        report = jl.evaluate(fitted(heard_of(TRAIN, None)), CLIPS)
    assert "It was trained on 4 of these 12 clips, such as <bdi>clip 0</bdi>" in summary(report)
    chosen = jl.evaluate(fitted(heard_of(TRAIN, VALIDATION)), VALIDATION)
    assert "Its best epoch was chosen by 4 of these 4 clips" in "".join(_advice(chosen))


def test_a_stored_listener_remembers(tmp_path):
    runs.write(tmp_path, fitted(heard_of(TRAIN, VALIDATION)))
    with pytest.warns(jl.ListenWarning, match="4 of 4 clips were trained on"):
        jl.evaluate(jl.load(tmp_path), TRAIN)
    assert runs.read(tmp_path).heard is not None
