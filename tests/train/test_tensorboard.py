"""What TensorBoard reads is what was trained: its files are read back record by record."""

from __future__ import annotations

import builtins
import io
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import optax
import pytest
import soundfile
from PIL import Image

import jaxlisten as jl
from tests.train.small import CLASSES, KEY, MODEL, SR, TRAIN, VALIDATION, fit

event_pb2 = pytest.importorskip("tensorboardX.proto.event_pb2")


def read(folder: Path) -> list:
    """Read the values of all events: a record is its length, a checksum, the bytes and a checksum of them."""
    (path,) = folder.iterdir()
    content, at, values = path.read_bytes(), 0, []
    while at < len(content):
        (length,) = struct.unpack_from("<Q", content, at)
        event = event_pb2.Event.FromString(content[at + 12 : at + 12 + length])
        values += [(event.step, value) for value in event.summary.value]
        at += length + 16
    return values


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """A short training, and what its callback wrote; how many scalars there were after each epoch."""
    folder = tmp_path_factory.mktemp("runs") / "tensorboard"
    seen, board = [], jl.TensorBoard(folder, VALIDATION, MODEL)

    def look(row, state):
        seen.append(sum(value.tag == "train/loss" for _, value in read(folder)))

    fitted = fit(callbacks=[board, look])
    return fitted, read(folder), seen


def test_a_reader_sees_each_epoch_when_it_is_done(watched):
    _, _, seen = watched
    assert seen == [1, 2, 3]


def test_every_figure_of_every_epoch_is_a_scalar(watched):
    fitted, values, _ = watched
    names = {"train/loss": "train_loss", "validation/loss": "val_loss", "validation/accuracy": "val_accuracy"}
    names |= {"speed/clips_per_second": "clips_per_second", "speed/seconds": "seconds"}
    for tag, name in names.items():
        found = [(step, value.simple_value) for step, value in values if value.tag == tag]
        assert [step for step, _ in found] == [1, 2, 3]
        assert [figure for _, figure in found] == pytest.approx([row[name] for row in fitted.history])


def test_a_clip_of_each_class_is_heard_and_seen(watched):
    _, values, _ = watched
    for name in CLASSES:
        i = VALIDATION.targets.tolist().index(VALIDATION.classes.index(name))
        (sound,) = [value.audio for _, value in values if value.tag == f"clips/{name}" and value.HasField("audio")]
        samples, sr = soundfile.read(io.BytesIO(sound.encoded_audio_string))
        assert sr == SR == sound.sample_rate
        np.testing.assert_allclose(samples, np.clip(VALIDATION.audio[i], -1, 1), atol=2 / 2**15)
        (image,) = [value.image for _, value in values if value.tag == f"clips/{name}" and value.HasField("image")]
        assert Image.open(io.BytesIO(image.encoded_image_string)).size == (image.width, image.height) == (540, 450)


def test_the_confusion_is_drawn_after_each_best_epoch(watched):
    fitted, values, _ = watched
    accuracies = [row["val_accuracy"] for row in fitted.history]
    best = [i + 1 for i, accuracy in enumerate(accuracies) if accuracy > max([-1.0, *accuracies[:i]])]
    drawn = [(step, value.image) for step, value in values if value.tag == "validation/confusion"]
    assert [step for step, _ in drawn] == best
    assert np.ptp(np.asarray(Image.open(io.BytesIO(drawn[0][1].encoded_image_string)))) > 50


def test_the_confusion_is_that_of_the_state(watched):
    fitted, _, _ = watched
    board = jl.TensorBoard("nowhere", VALIDATION, MODEL)
    state = jl.init_train_state(MODEL, optax.sgd(0.0), KEY, TRAIN.audio[0][None])
    state = state._replace(params=fitted.params, state=fitted.state)
    report = jl.evaluate(replace(fitted, heard=None), VALIDATION)
    np.testing.assert_array_equal(board._confusion(state), report.confusion)
    assert not Path("nowhere").exists()


def test_without_the_package_the_error_says_how_to_get_it(monkeypatch, tmp_path):
    whole = builtins.__import__

    def without(name, *rest):
        if name == "tensorboardX":
            raise ImportError(name)
        return whole(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(jl.InputError, match=r"pip install 'jaxlisten\[tensorboard\]'"):
        jl.TensorBoard(tmp_path / "board")
