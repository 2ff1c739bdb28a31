"""Reading files: every format, every part of a file, and every way in which a file can be bad."""

from __future__ import annotations

import os
import struct
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from jaxlisten.data import AudioInfo, blocks, info, read
from jaxlisten.errors import InputError

RNG = np.random.default_rng(0)
NOISE = (0.2 * RNG.standard_normal(8000)).clip(-0.9, 0.9).astype(np.float32)


def test_a_float_file_comes_back_exactly(write_sound):
    samples, sr = read(write_sound("a.wav", NOISE, 8000, subtype="FLOAT"))
    assert sr == 8000
    assert samples.dtype == np.float32
    np.testing.assert_array_equal(samples, NOISE)


@pytest.mark.parametrize(
    ("name", "subtype", "step"),
    [
        ("a.wav", "PCM_U8", 2**-7),
        ("a.wav", "PCM_16", 2**-15),
        ("a.wav", "PCM_24", 2**-23),
        ("a.wav", "DOUBLE", 1e-7),
        ("a.flac", "PCM_16", 2**-15),
        ("a.flac", "PCM_24", 2**-23),
        ("a.aiff", "PCM_16", 2**-15),
    ],
)
def test_lossless_formats_come_back_to_their_resolution(write_sound, name, subtype, step):
    np.testing.assert_allclose(read(write_sound(name, NOISE, subtype=subtype))[0], NOISE, atol=1.01 * step, rtol=0)


@pytest.mark.parametrize("name", ["a.ogg", "a.mp3", "a.opus"])
def test_lossy_formats_come_back_in_length_and_shape(write_sound, name):
    form = {"format": "OGG", "subtype": "OPUS"} if name == "a.opus" else {}
    path = write_sound(name, sr=16_000, **form)
    samples, sr = read(path)
    assert (len(samples), sr) == (8000, 16_000)
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(8000) / 16_000)
    assert np.corrcoef(samples[1000:-1000], expected[1000:-1000])[0, 1] > 0.99


def test_eight_channels_are_averaged(write_sound):
    channels = RNG.uniform(-0.5, 0.5, (1000, 8)).astype(np.float32)
    path = write_sound("a.wav", channels, subtype="FLOAT")
    assert info(path) == AudioInfo(sr=8000, frames=1000, channels=8)
    np.testing.assert_allclose(read(path)[0], channels.mean(axis=1), atol=1e-7)


@pytest.mark.parametrize(("native", "sr"), [(192_000, 16_000), (44_100, 16_000), (8000, 16_000), (16_000, 11_025)])
def test_resampling_gives_the_samples_of_the_same_waves_at_the_other_rate(write_sound, native, sr):
    def waves(rate: int) -> np.ndarray:
        t = np.arange(rate) / rate
        return sum(0.1 * np.sin(2 * np.pi * hz * t + hz) for hz in (100, 440, 1234, 3300)).astype(np.float32)

    samples, rate = read(write_sound("a.wav", waves(native), native, subtype="FLOAT"), sr=sr)
    assert (len(samples), rate) == (sr, sr)
    middle = slice(sr // 10, -sr // 10)
    np.testing.assert_allclose(samples[middle], waves(sr)[middle], atol=1e-4)


def test_resampling_takes_away_what_the_lower_rate_cannot_hold(write_sound):
    high = np.sin(2 * np.pi * 6000 * np.arange(44_100) / 44_100).astype(np.float32)
    samples, _ = read(write_sound("a.wav", high, 44_100, subtype="FLOAT"), sr=8000)
    assert np.abs(samples[800:-800]).max() < 1e-4


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg"])
def test_a_part_equals_the_slice_of_the_whole(write_sound, name):
    path = write_sound(name, NOISE)
    whole, _ = read(path)
    np.testing.assert_allclose(read(path, start=0.25, end=0.75)[0], whole[2000:6000], atol=1e-6)
    np.testing.assert_allclose(read(path, start=0.25)[0], whole[2000:], atol=1e-6)
    np.testing.assert_allclose(read(path, end=0.25)[0], whole[:2000], atol=1e-6)


def test_an_end_that_was_rounded_up_is_the_end(write_sound):
    assert len(read(write_sound("a.wav", NOISE[:7999]), end=1.0)[0]) == 7999


@pytest.mark.parametrize("name", ["my dog.wav", "собака 犬.wav", "naïve – ü.flac"])
def test_names_with_spaces_and_other_letters_work(write_sound, name):
    path = write_sound(name, NOISE)
    assert len(read(path)[0]) == info(str(path)).frames == 8000


@pytest.mark.parametrize(
    ("start", "end"), [(-0.1, None), (1.0, None), (0.5, 0.5), (0.6, 0.5), (None, 1.1), (np.nan, 1)]
)
def test_a_part_outside_the_file_is_refused(write_sound, start, end):
    with pytest.raises(InputError, match="a.wav' is 1.000 s long.*correct"):
        read(write_sound("a.wav", NOISE), start=start, end=end)


def test_a_part_without_a_sample_is_refused(write_sound):
    with pytest.raises(InputError, match="has no sample between"):
        read(write_sound("a.wav", NOISE), start=0.5, end=0.500001)


def missing(folder: Path) -> Path:
    return folder / "none.wav"


def a_folder(folder: Path) -> Path:
    (folder / "dir.wav").mkdir()
    return folder / "dir.wav"


def empty(folder: Path) -> Path:
    return put(folder / "empty.wav", b"")


def text(folder: Path) -> Path:
    return put(folder / "text.wav", b"this is a shopping list, not a sound\n" * 50)


def text_mp3(folder: Path) -> Path:
    return put(folder / "text.mp3", b"this is a shopping list, not a sound\n" * 50)


def headerless(folder: Path) -> Path:
    return put(folder / "samples.raw", bytes(1000))


def zipped(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "zip.wav", "w") as archive:
        archive.writestr("a.txt", "a" * 1000)
    return folder / "zip.wav"


def half_header(folder: Path) -> Path:
    return put(folder / "head.wav", sound_bytes(folder / "x.wav")[:30])


def no_samples(folder: Path) -> Path:
    soundfile.write(folder / "none.flac.wav", np.zeros(0), 8000)
    return folder / "none.flac.wav"


def half(suffix: str):
    def make(folder: Path) -> Path:
        content = sound_bytes(folder / f"x{suffix}")
        return put(folder / f"half{suffix}", content[: len(content) // 2])

    make.__name__ = f"half{suffix}"
    return make


def not_finite(value: float):
    def make(folder: Path) -> Path:
        samples = NOISE.copy()
        samples[100] = value
        soundfile.write(folder / "bad.wav", samples, 8000, subtype="FLOAT")
        return folder / "bad.wav"

    make.__name__ = f"holds_{value}"
    return make


def sound_bytes(path: Path) -> bytes:
    soundfile.write(path, NOISE, 8000)
    return path.read_bytes()


def put(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


BAD_HEADERS = [
    (missing, "there is no file .*check the name"),
    (a_folder, "is a folder.*name a file"),
    (empty, r"is empty \(0 bytes\).*take it out"),
    (text, "is not a sound file.*convert it"),
    (text_mp3, "is not a sound file.*convert it"),
    (headerless, "is not a sound file.*convert it"),
    (zipped, "is not a sound file.*convert it"),
    (half_header, "is not a sound file.*convert it"),
    (no_samples, "holds no samples.*or record it again"),
    (half(".wav"), "is cut short.*copy it again"),
    (half(".aiff"), "is cut short.*copy it again"),
    (half(".au"), "is cut short.*copy it again"),
]
BAD_SAMPLES = [
    (half(".flac"), "damaged or cut short.*copy it again"),
    (half(".ogg"), "(cut short|not a sound file).*take it out"),
    (half(".mp3"), "is cut short.*copy it again"),
    (not_finite(np.nan), "NaN or infinite.*take it out"),
    (not_finite(np.inf), "NaN or infinite.*take it out"),
    (not_finite(-np.inf), "NaN or infinite.*take it out"),
]


def named(case: object) -> str | None:
    return getattr(case, "__name__", "")


@pytest.mark.parametrize(("make", "message"), BAD_HEADERS + BAD_SAMPLES, ids=named)
@pytest.mark.parametrize("sr", [None, 16_000])
def test_a_bad_file_is_one_sentence_with_name_and_remedy(tmp_path, make, message, sr):
    path = make(tmp_path)
    for attempt in (lambda: read(path, sr=sr), lambda: list(blocks(path, sr=sr or 8000, seconds=0.1))):
        with pytest.raises(InputError, match=message) as caught:
            attempt()
        assert path.name in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("make", "message"), BAD_HEADERS, ids=named)
def test_info_refuses_what_has_a_bad_header(tmp_path, make, message):
    with pytest.raises(InputError, match=message):
        info(make(tmp_path))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_without_permission_is_refused(write_sound):
    path = write_sound("a.wav")
    path.chmod(0)
    with pytest.raises(InputError, match="permissions"):
        read(path)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.97])
def test_a_long_ogg_that_is_cut_is_refused(tmp_path, share):
    soundfile.write(tmp_path / "x.ogg", np.tile(NOISE, 20), 8000)
    content = (tmp_path / "x.ogg").read_bytes()
    with pytest.raises(InputError, match="cut short"):
        read(put(tmp_path / "a.ogg", content[: int(share * len(content))]))


def test_a_cut_of_one_byte_is_noticed(tmp_path):
    path = put(tmp_path / "a.wav", sound_bytes(tmp_path / "x.wav")[:-1])
    with pytest.raises(InputError, match="15999 of 16000 bytes"):
        read(path)


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFF000])
def test_a_wav_written_to_a_pipe_is_read(tmp_path, size):
    content = bytearray(sound_bytes(tmp_path / "x.wav"))
    at = content.index(b"data") + 4
    content[at : at + 4] = struct.pack("<I", size)
    assert len(read(put(tmp_path / "a.wav", bytes(content)))[0]) == 8000


def test_a_file_too_short_for_the_rate_is_refused(write_sound):
    with pytest.raises(InputError, match="too short.*take it out"):
        read(write_sound("a.wav", NOISE[:1], 192_000), sr=8000)


def test_a_rate_below_one_is_refused(write_sound):
    with pytest.raises(InputError, match="sr=0"):
        read(write_sound("a.wav"), sr=0)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg"])
@pytest.mark.parametrize(("native", "sr"), [(16_000, 16_000), (44_100, 16_000), (8000, 16_000)])
@pytest.mark.parametrize("seconds", [0.01, 0.3, 10.0])
def test_blocks_together_equal_the_file(write_sound, name, native, sr, seconds):
    path = write_sound(name, np.stack([0.3 * NOISE, 0.2 * NOISE[::-1]], axis=1), native)
    pieces = list(blocks(path, sr=sr, seconds=seconds))
    whole, _ = read(path, sr=sr)
    together = np.concatenate(pieces)
    n = min(len(whole), len(together))
    assert abs(len(whole) - len(together)) <= (native != sr)
    np.testing.assert_allclose(together[:n], whole[:n], atol=1e-5)
    assert all(len(piece) == round(seconds * sr) and piece.dtype == np.float32 for piece in pieces[:-1])
    assert 0 < len(pieces[-1]) <= round(seconds * sr)


def test_blocks_need_memory_for_a_piece_and_not_for_the_file(write_sound):
    path = write_sound("long.wav", np.tile(NOISE, 120))
    tracemalloc.start()
    total = sum(len(piece) for piece in blocks(path, sr=16_000, seconds=0.5))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert total == pytest.approx(120 * 16_000, abs=1)
    assert peak < 0.1 * 4 * total


def test_blocks_of_no_length_are_refused(write_sound):
    with pytest.raises(InputError, match="one sample or more"):
        next(blocks(write_sound("a.wav"), sr=8000, seconds=0))


@pytest.mark.parametrize("pattern", ["esc10/*/*.ogg", "speech_commands_v2_testset/**/*.flac", "ljspeech32/wavs/*"])
def test_real_recordings_in_blocks_equal_the_whole(recordings, pattern):
    path = sorted(recordings.glob(pattern))[0]
    together = np.concatenate(list(blocks(path, sr=16_000, seconds=0.5)))
    whole, _ = read(path, sr=16_000)
    assert abs(len(whole) - len(together)) <= 1
    n = min(len(whole), len(together))
    np.testing.assert_allclose(together[:n], whole[:n], atol=1e-5)
