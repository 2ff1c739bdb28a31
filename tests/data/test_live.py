"""Sound as it comes."""

import importlib.util
import io
import os
import threading

import numpy as np
import pytest

from jaxlisten import InputError
from jaxlisten.data import microphone, pcm, resampled

WAVE = (0.5 * np.sin(np.arange(5000) * 0.3)).astype(np.float32)
FORMS = {
    "s16": ((WAVE * 2**15).astype("<i2"), 1e-4),
    "s32": ((WAVE.astype(np.float64) * 2**31).astype("<i4"), 1e-7),
    "f32": (WAVE.astype("<f4"), 0),
    "u8": ((WAVE * 128 + 128).astype("u1"), 1e-2),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_format_gives_the_samples(form):
    samples, error = FORMS[form]
    got = np.concatenate(list(pcm(io.BytesIO(samples.tobytes()), sr=8000, form=form)))
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, WAVE, atol=error)


def test_channels_are_averaged_and_half_a_sample_at_the_end_is_left_out():
    both = np.stack([FORMS["s16"][0], FORMS["s16"][0] // 2], axis=1)
    got = np.concatenate(list(pcm(io.BytesIO(both.tobytes() + b"\1\2\3"), sr=8000, channels=2)))
    np.testing.assert_allclose(got, 0.75 * WAVE, atol=1e-4)


def test_samples_come_out_of_a_pipe_before_it_is_closed():
    reading, writing = os.pipe()
    come = threading.Event()
    got = []

    def listen():
        with os.fdopen(reading, "rb") as file:
            for piece in pcm(file, sr=8000):
                got.append(piece)
                come.set()

    thread = threading.Thread(target=listen)
    thread.start()
    os.write(writing, FORMS["s16"][0][:101].tobytes() + b"\7")  # a sample in two writes
    assert come.wait(30), "what has come is given at once"
    os.write(writing, b"\0" + FORMS["s16"][0][102:].tobytes())
    os.close(writing)
    thread.join(30)
    assert sum(map(len, got)) == len(WAVE)


@pytest.mark.parametrize(
    ("data", "settings", "said"),
    [
        (b"RIFF1234WAVEfmt ", {}, "begins like a WAV file"),
        (b"\0" * 8, {"form": "mp3"}, "expected one of the formats s16, s32, f32, u8, got 'mp3'"),
        (b"\0" * 8, {"sr": 0}, "sr=0"),
        (b"\0" * 8, {"channels": 0}, "channels=0"),
    ],
)
def test_what_is_no_raw_sound_is_refused(data, settings, said):
    with pytest.raises(InputError, match=said):
        list(pcm(io.BytesIO(data), **({"sr": 8000} | settings)))


@pytest.mark.parametrize("data", [b"", b"\1", b"\1\2\3"])
def test_a_stream_of_a_few_bytes_ends_well(data):
    assert sum(map(len, pcm(io.BytesIO(data), sr=8000))) == len(data) // 2


def test_resampling_piece_by_piece_equals_resampling_at_once():
    import soxr

    pieces = [WAVE[:17], WAVE[17:17], WAVE[17:3000], WAVE[3000:]]
    got = np.concatenate(list(resampled(pieces, 8000, 16000)))
    wanted = soxr.resample(WAVE, 8000, 16000, quality="HQ")
    assert abs(len(got) - len(wanted)) <= 1
    n = min(len(got), len(wanted))
    np.testing.assert_allclose(got[:n], wanted[:n], atol=1e-5)
    assert [id(piece) for piece in resampled(pieces, 8000, 8000)] == [id(piece) for piece in pieces]


@pytest.mark.skipif(importlib.util.find_spec("sounddevice") is not None, reason="sounddevice is installed")
def test_a_microphone_without_sounddevice_says_what_to_install():
    with pytest.raises(InputError, match=r"pip install 'jaxlisten\[microphone\]'"):
        next(microphone(sr=16000))
