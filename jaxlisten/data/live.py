"""Sound as it comes: raw samples from a pipe, and the microphone."""

from __future__ import annotations

import queue
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, BinaryIO

import numpy as np

from jaxlisten.errors import InputError

FORMATS: dict[str, np.dtype[Any]] = {
    "s16": np.dtype("<i2"),
    "s32": np.dtype("<i4"),
    "f32": np.dtype("<f4"),
    "u8": np.dtype("u1"),
}
"""Raw samples by name: signed 16 and 32 bits and 32-bit floating point, the low byte first, and unsigned 8 bits."""

_SECONDS = 0.02
"""How much is asked for at once: what is waited for at most, beyond what the model itself waits for."""
_CONTAINERS = {b"RIFF": "WAV", b"OggS": "Ogg", b"fLaC": "FLAC", b"FORM": "AIFF", b"ID3\x03": "MP3", b"ID3\x04": "MP3"}


def pcm(file: BinaryIO, *, sr: int, channels: int = 1, form: str = "s16") -> Iterator[np.ndarray]:
    """Read raw samples as they come, until the stream ends.

    Args:
        file: what to read, such as ``sys.stdin.buffer``.
        sr: its sample rate in Hz.
        channels: how many are interleaved; they are averaged.
        form: how a sample is written, a key of `FORMATS`.

    Yields:
        Pieces of the stream, float32 ``[time]`` from -1 to 1, of any length above 0. A last sample of which only a
        part has come is left out.

    Raises:
        InputError: a setting is wrong, or the stream begins like a sound file and not like raw samples.

    Example:
        >>> import io
        >>> [piece.tolist() for piece in pcm(io.BytesIO(bytes([0, 64, 0, 192, 7])), sr=8000)]
        [[0.5, -0.5]]
    """
    if form not in FORMATS:
        raise InputError(f"pcm: expected one of the formats {', '.join(FORMATS)}, got {form!r}")
    if sr < 1 or channels < 1:
        raise InputError(f"pcm: expected sr and channels of 1 or more, got sr={sr} and channels={channels}")
    frame = FORMATS[form].itemsize * channels
    wanted = max(1, round(_SECONDS * sr)) * frame
    read = getattr(file, "read1", file.read)  # read1 gives what is there, where read waits for all of it
    pending = came = read(wanted)
    while came and len(pending) < 4:
        pending += (came := read(wanted))
    if (name := _CONTAINERS.get(pending[:4])) is not None:
        raise InputError(
            f"standard input begins like a {name} file, but raw samples are expected: give the file by name, or decode "
            "it on the way (ffmpeg -i FILE -f s16le -ac 1 -ar RATE -)"
        )
    while pending:
        whole = len(pending) - len(pending) % frame
        if whole:
            yield _floats(np.frombuffer(pending[:whole], FORMATS[form]), channels)
        if not (came := read(wanted)):
            return
        pending = pending[whole:] + came


def microphone(*, sr: int, device: int | str | None = None) -> Iterator[np.ndarray]:
    """Listen to a microphone until the caller stops asking.

    Args:
        sr: the sample rate wanted, in Hz.
        device: its number or a part of its name, as `sounddevice` has them; None: the system's.

    Yields:
        Pieces, float32 ``[time]`` from -1 to 1.

    Raises:
        InputError: sounddevice is missing, there is no such microphone, or it can't be opened.
    """
    try:
        import sounddevice  # pyright: ignore[reportMissingImports]
    except (ImportError, OSError) as error:  # OSError: the package is there, PortAudio is not
        raise InputError(
            "a microphone needs sounddevice and PortAudio; install them with: pip install 'jaxlisten[microphone]' "
            f"(on Debian also: apt install libportaudio2) ({error})"
        ) from error
    pieces: queue.SimpleQueue[np.ndarray] = queue.SimpleQueue()

    def came(samples: Any, frames: int, when: Any, status: Any) -> None:
        pieces.put(samples[:, 0].copy())

    try:
        with sounddevice.InputStream(
            samplerate=sr, channels=1, dtype="float32", device=device, blocksize=round(_SECONDS * sr), callback=came
        ):
            while True:
                yield pieces.get()
    except (sounddevice.PortAudioError, ValueError) as error:
        names = "no microphone is there"
        with suppress(Exception):
            found = [item["name"] for item in sounddevice.query_devices() if item["max_input_channels"]]
            names = f"there are: {', '.join(found)}" if found else names
        raise InputError(f"the microphone can't be opened ({error}); {names}") from error


def resampled(pieces: Iterable[np.ndarray], sr: int, wanted: int) -> Iterator[np.ndarray]:
    """Bring a stream to another rate as it comes; soxr ("HQ"), as `read` does with whole files.

    Args:
        pieces: float32 ``[time]`` each.
        sr, wanted: the rate that they have and the one that they shall have, in Hz.
    """
    if sr == wanted:
        yield from pieces
        return
    import soxr

    stream = soxr.ResampleStream(sr, wanted, 1, dtype="float32", quality="HQ")
    for piece in pieces:
        if len(done := stream.resample_chunk(np.asarray(piece, np.float32))):
            yield done
    if len(done := stream.resample_chunk(np.zeros(0, np.float32), last=True)):
        yield done


def _floats(samples: np.ndarray, channels: int) -> np.ndarray:
    values = samples.astype(np.float32)
    if samples.dtype.kind == "u":
        values = (values - 128) / 128
    elif samples.dtype.kind == "i":
        values /= 2.0 ** (8 * samples.dtype.itemsize - 1)
    with np.errstate(over="ignore", invalid="ignore"):  # who hears them refuses what is not finite
        return values.reshape(-1, channels).mean(axis=1) if channels > 1 else values
