"""Checkpoints are written beside the training: the newest one counts, and what goes wrong is told."""

import threading

import pytest

from jaxlisten.train import checkpoint, saver
from jaxlisten.train.saver import Saver


@pytest.fixture
def written(monkeypatch):
    """The memories that have been written; here they are numbers."""
    done = []
    monkeypatch.setattr(checkpoint, "snapshot", lambda memory: memory)
    monkeypatch.setattr(checkpoint, "write", lambda run, memory: done.append(memory))
    return done


def test_the_first_is_written_at_once_and_then_the_writer_rests(written, tmp_path, monkeypatch):
    monkeypatch.setattr(saver, "_PAUSE", 1e9)
    mine = Saver(tmp_path)
    for memory in (1, 2, 3):
        mine.keep(memory)
    mine.flush()
    assert written == [1, 3]
    mine.flush()
    assert written == [1, 3], "nothing is written twice"


def test_training_does_not_wait_for_the_writer(written, tmp_path, monkeypatch):
    monkeypatch.setattr(saver, "_PAUSE", 0)
    may_go_on = threading.Event()

    def write(run, memory):
        assert may_go_on.wait(60)
        written.append(memory)

    monkeypatch.setattr(checkpoint, "write", write)
    mine = Saver(tmp_path)
    for memory in (1, 2, 3):
        mine.keep(memory)
    assert written == []
    may_go_on.set()
    mine.flush()
    assert written == [1, 3]


def test_what_goes_wrong_is_told_by_the_next_call(written, tmp_path, monkeypatch):
    def fail(run, memory):
        raise ZeroDivisionError(memory)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "write", fail)
        mine = Saver(tmp_path)
        mine.keep(1)
        with pytest.raises(ZeroDivisionError, match="1"):
            mine.flush()
    mine.flush()
    mine.keep(2)
    mine.flush()
    assert written == [2]
