"""What a file may ask for: every limit holds, can be raised, and nothing is allocated for a promise."""

from __future__ import annotations

import io
import os
import sys
import threading
import tracemalloc

import numpy as np
import pytest
import soundfile

from jaxlisten import data
from jaxlisten.data import Limits, blocks, info, read, reading
from jaxlisten.data.limits import VARIABLE, limits
from jaxlisten.errors import InputError

NOISE = np.random.default_rng(0).uniform(-0.5, 0.5, 8000).astype(np.float32)


def bits(path, start: int, size: int, value: int) -> None:
    """Write a number into bits of a file."""
    content = int.from_bytes(path.read_bytes(), "big")
    total = 8 * path.stat().st_size
    shift = total - start - size
    content = content & ~(((1 << size) - 1) << shift) | value << shift
    path.write_bytes(content.to_bytes(total // 8, "big"))


def promising(write_sound, frames: int):
    """Write a FLAC file of 8000 samples whose header says another number."""
    path = write_sound("a.flac", NOISE)
    bits(path, 8 * 21 + 4, 36, frames)
    return path


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ({"channels": 1}, "has 2 channels, and the limit is 1;"),
        ({"sr": 7999}, "has a sample rate of 8,000 Hz, and the limit is 7,999"),
        ({"seconds": 0.9}, "has 1 seconds, and the limit is 0.9"),
        ({"samples": 7999}, "has 8,000 samples, and"),
        ({"file_bytes": 1000}, "file bytes, and the limit is 1,000"),
    ],
)
def test_every_limit_names_itself_and_the_remedy(write_sound, limit, said):
    path = write_sound("a.wav", np.stack([NOISE, NOISE], axis=1))
    read(path)
    with reading(limits=Limits(**limit)), pytest.raises(InputError, match=said) as caught:
        read(path)
    assert f"raise the limit: JAXLISTEN_LIMITS={next(iter(limit))}=NUMBER" in str(caught.value)


def test_a_low_rate_can_not_grow_into_memory(write_sound):
    path = write_sound("a.wav", np.tile(NOISE, 10), 1)
    with pytest.raises(InputError, match="has 800,000,000,000 samples"):
        read(path, sr=10_000_000)


@pytest.mark.parametrize("frames", [2**31, 2**36 - 1])
@pytest.mark.parametrize("most", [Limits(), Limits(samples=2**40, seconds=1e12)])
def test_nothing_is_allocated_for_what_a_header_promises(write_sound, frames, most):
    path = promising(write_sound, frames)
    tracemalloc.start()
    with reading(limits=most):
        for attempt in (lambda: read(path), lambda: list(blocks(path, sr=8000, seconds=3600))):
            with pytest.raises(InputError):
                attempt()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50e6


def test_more_channels_than_any_file_has_are_refused(write_sound):
    path = write_sound("a.wav", NOISE)
    bits(path, 8 * 22, 16, 0xFFFF)
    with pytest.raises(InputError, match="is not a sound file|channels"):
        info(path)


def test_a_file_that_does_not_say_how_long_it_is_is_named(write_sound):
    with pytest.raises(InputError, match="does not say how long it is.*convert it"):
        read(promising(write_sound, 0))


def test_what_would_be_infinite_in_a_model_is_no_sound(write_sound):
    path = write_sound("a.wav", np.full(100, 1e30, np.float32), subtype="FLOAT")
    with pytest.raises(InputError, match="samples of up to 1e\\+30, which is no sound"):
        read(path)
    assert len(read(write_sound("b.wav", np.full(100, 32768, np.float32), subtype="FLOAT"))[0]) == 100


@pytest.mark.skipif(sys.platform == "win32", reason="pipes and devices have names on POSIX")
def test_what_never_ends_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    os.mkfifo(tmp_path / "pipe.csv")
    os.mkfifo(tmp_path / "config.json")
    (tmp_path / "zero.wav").symlink_to("/dev/zero")
    for name in ("pipe.wav", "zero.wav"):
        with pytest.raises(InputError, match=f"{name}' is a pipe or a device where a sound file is expected"):
            read(tmp_path / name)
    for load in (data.csv, data.events):
        with pytest.raises(InputError, match="is a pipe or a device where a table is expected"):
            load(tmp_path / "pipe.csv")


@pytest.mark.parametrize("name", ["a\0.wav", "a" * 5000, "a.wav/b.wav"])
def test_odd_names_are_refused(write_sound, name):
    folder = write_sound("a.wav").parent
    with pytest.raises(InputError, match="can't be opened|there is no file"):
        read(folder / name)


def test_a_sample_dump_is_refused_before_its_reader_prints(tmp_path, capfd):
    soundfile.write(tmp_path / "a.wav", NOISE, 8000, format="SDS", subtype="PCM_16")
    content = bytearray((tmp_path / "a.wav").read_bytes())
    content[21 + 127] ^= 1
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(InputError, match="is a MIDI sample dump"):
        read(tmp_path / "a.wav")
    assert capfd.readouterr().out == ""


def test_tables_and_data_sets_are_bounded(sounds):
    table = sounds / "table.csv"
    table.write_text("path,label\ndog/rex_1.wav,dog\ncat/tom_2.wav,cat\n")
    assert len(data.load(table)) == 2
    with reading(limits=Limits(table_bytes=20)), pytest.raises(InputError, match="table.csv' has 47 table bytes"):
        data.load(table)
    with (
        reading(limits=Limits(dataset_samples=6000)),
        pytest.raises(InputError, match="dataset samples, and the limit"),
    ):
        data.load(table)


def test_limits_hold_in_every_thread_until_the_block_ends(write_sound):
    path, said = write_sound("a.wav"), []

    def attempt() -> None:
        try:
            said.append(read(path))
        except InputError as error:
            said.append(error)

    with reading(limits=Limits(samples=10)):
        with reading(isolated=False):
            assert limits().samples == 10
        thread = threading.Thread(target=attempt)
        thread.start()
        thread.join()
    attempt()
    assert [type(one) for one in said] == [InputError, tuple]


def test_the_environment_sets_limits(write_sound, monkeypatch):
    path = write_sound("a.wav")
    monkeypatch.setenv(VARIABLE, "channels=512, seconds=1e-2")
    assert limits() == Limits(channels=512, seconds=0.01)
    with pytest.raises(InputError, match="the limit is 0.01"):
        info(path)
    with reading(limits=Limits()):
        info(path)


@pytest.mark.parametrize("text", ["channels", "channels=many", "loudness=3", "channels=0", "seconds=nan", "sr=inf"])
def test_limits_that_are_none_are_refused(text, monkeypatch):
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(InputError, match="NAME=NUMBER|above 0"):
        limits()


@pytest.mark.slow
def test_an_hour_is_read_in_the_memory_of_a_piece(tmp_path):
    header = io.BytesIO()
    soundfile.write(header, np.zeros((1, 2)), 48_000, format="WAV", subtype="PCM_16")
    size = 4 * 48_000 * 3600
    content = bytearray(header.getvalue()[:44])
    content[4:8], content[40:44] = (size + 36).to_bytes(4, "little"), size.to_bytes(4, "little")
    (tmp_path / "hour.wav").write_bytes(content)
    os.truncate(tmp_path / "hour.wav", size + 44)
    for isolated in (False, True):
        tracemalloc.start()
        with reading(isolated=isolated):
            total = sum(len(piece) for piece in blocks(tmp_path / "hour.wav", sr=16_000, seconds=5.0))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert total == pytest.approx(3600 * 16_000, abs=1)
        assert peak < 20e6
