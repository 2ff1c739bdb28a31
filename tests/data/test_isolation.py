"""Decoding in child processes: the same samples, and what a file does to its decoder is that file's error."""

from __future__ import annotations

import os
import signal
import sys

import numpy as np
import pytest

from jaxlisten import data
from jaxlisten.data import blocks, info, read, reading
from jaxlisten.data.isolation import Decoders
from jaxlisten.errors import InputError
from tests.data.test_audio import BAD_HEADERS, BAD_SAMPLES, NOISE, named

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the signals are those of POSIX")


@pytest.fixture(scope="module")
def isolated():
    """Read in child processes, which the tests of this file share."""
    with reading(isolated=True):
        yield data.limits.decoders()


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3", "a.aiff"])
def test_what_comes_back_is_the_same(write_sound, name):
    path = write_sound(name, np.stack([NOISE, NOISE[::-1]], axis=1), 16_000)

    def everything():
        pieces = list(blocks(path, sr=8000, seconds=0.1))
        return [np.array(info(path)), read(path)[0], read(path, sr=8000, start=0.1, end=0.3)[0], *pieces]

    here = everything()
    with reading(isolated=True):
        there = everything()
    assert len(here) == len(there) > 5
    for ours, theirs in zip(here, there, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(("make", "message"), BAD_HEADERS + BAD_SAMPLES, ids=named)
def test_a_bad_file_is_the_same_sentence(isolated, tmp_path, make, message):
    with pytest.raises(InputError, match=message):
        read(make(tmp_path))


def opened(path, decoders=None, **settings):
    settings = {"patience": 30.0, "bytes_at_most": 2**31} | settings
    return (decoders or Decoders()).open(str(path), **settings)


def pid(file) -> int:
    return file._child._process.pid


@pytest.mark.parametrize(("death", "said"), [(signal.SIGSEGV, "crash .SIGSEGV."), (signal.SIGABRT, "crash .SIGABRT.")])
def test_a_decoder_that_dies_is_an_error_and_the_next_file_is_read(isolated, write_sound, death, said):
    path = write_sound("a.wav", NOISE)
    file = opened(path, isolated)
    os.kill(pid(file), death)
    with pytest.raises(InputError, match=f"a.wav' makes the decoder {said}; it is damaged or made to"), file:
        file.read(100)
    samples, _ = read(path)
    samples *= 2  # they are the caller's
    assert len(samples) == 8000


def test_a_decoder_that_died_of_nothing_is_replaced(write_sound):
    path, decoders = write_sound("a.wav", NOISE), Decoders()
    with opened(path, decoders) as first:
        pass
    os.kill(pid(first), signal.SIGKILL)
    first._child._process.wait()
    with opened(path, decoders) as second:
        assert len(second.read(10)) == 10
    decoders.close()


def test_a_decoder_that_hangs_is_ended(write_sound):
    file = opened(write_sound("a.wav", NOISE), patience=0.3)
    os.kill(pid(file), signal.SIGSTOP)
    with pytest.raises(InputError, match="keeps the decoder busy for more than 0.3 s"), file:
        file.read(100)
    with pytest.raises(ProcessLookupError):
        os.kill(pid(file), 0)


def test_an_answer_that_was_not_waited_for_is_nobody_elses(write_sound):
    file = opened(write_sound("a.wav", NOISE))
    os.kill(pid(file), signal.SIGSTOP)

    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(KeyboardInterrupt), file:
            file.read(100)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert file._child.ended


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a process can't be held to its memory")
def test_a_decoder_that_wants_too_much_memory_is_told_no(write_sound):
    path = write_sound("a.wav", NOISE)
    content = bytearray(path.read_bytes())
    content[4:8] = content[40:44] = (2**31 - 2**17).to_bytes(4, "little")
    path.write_bytes(content)
    os.truncate(path, 2**31)
    file = opened(path, bytes_at_most=2**30)
    with pytest.raises(InputError, match="asks the decoder for more than 1,073,741,824 bytes of memory"), file:
        file.read(2**30)


def test_children_are_kept_for_the_next_file_and_end_with_the_block(write_sound):
    path = write_sound("a.wav", NOISE)
    with reading(isolated=True):
        decoders = data.limits.decoders()
        with opened(path, decoders) as first:
            pass
        with opened(path, decoders) as second, opened(path, decoders) as third:
            assert pid(first) == pid(second) != pid(third)
        pieces = blocks(path, sr=8000, seconds=0.25)
        next(pieces)
    assert [second._child.ended, third._child.ended].count(False) == 1, "the one that still reads"
    assert sum(map(len, pieces)) == 6000
    assert second._child.ended
    assert third._child.ended


def test_a_data_set_is_read_by_children(sounds):
    (sounds / "dog" / "bad.wav").write_bytes(b"RIFF" + bytes(100))
    with reading(isolated=True):
        there = data.load(sounds)
    assert there.fingerprint() == data.load(sounds).fingerprint()
    assert [bad.path for bad in there.skipped] == [str(sounds / "dog" / "bad.wav")]


def test_a_decoder_that_can_not_begin_is_named(write_sound):
    with pytest.raises(InputError, match="no process could be started to decode in"):
        opened(write_sound("a.wav"), bytes_at_most=2**24)
