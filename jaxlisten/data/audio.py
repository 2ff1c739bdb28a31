"""Sound files to arrays: whole, in part, or piece by piece.

Everything comes back as mono float32 in the range that the file has (-1 to 1 for integer formats). Whatever is wrong
with a file is an `InputError` of one sentence: the file, what is wrong with it, and the remedy.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from jaxlisten.errors import InputError

if TYPE_CHECKING:
    from soundfile import SoundFile

AnyPath = str | os.PathLike[str]

# libsndfile shortens a WAV, AIFF or AU file to what is there, and only its log tells what the header had promised.
_PROMISED_BYTES = re.compile(r"^\s*(?:data|SSND|Data Size)\s*: (\d+) \(should be (\d+)\)", re.MULTILINE)
# An Ogg file promises nothing, but one that stops inside a page was cut. One that stops between pages may be a capture.
_HALF_PAGE = re.compile(r"Last page lacks an end-of-stream bit\.\s+Ogg: Junk after the last page")
# Programs that write to a pipe can't know the size, and leave the largest one there is.
_UNKNOWN_SIZE = 2**31 - 2**16
_MP3_FRAME = 1152
_ROUNDED_SECONDS = 1e-3


class AudioInfo(NamedTuple):
    """What the header of a sound file says.

    Attributes:
        sr: sample rate in Hz.
        frames: samples of each channel.
        channels: how many channels.
    """

    sr: int
    frames: int
    channels: int


def info(path: AnyPath) -> AudioInfo:
    """Read the header of a sound file without decoding its samples.

    Args:
        path: a file that libsndfile opens: WAV, FLAC, Ogg, MP3, AIFF and others.

    Returns:
        Its sample rate, length and number of channels.

    Raises:
        InputError: the file is missing, empty, cut short or not audio.
    """
    with _opened(path) as file:
        return AudioInfo(file.samplerate, file.frames, file.channels)


def read(
    path: AnyPath, *, sr: int | None = None, start: float | None = None, end: float | None = None
) -> tuple[np.ndarray, int]:
    """Read a sound file, or a part of it, as mono.

    Channels are averaged. Where the rate differs from `sr`, soxr resamples ("HQ").

    Args:
        path: a file that libsndfile opens: WAV, FLAC, Ogg, MP3, AIFF and others.
        sr: the sample rate wanted, in Hz; None keeps the file's own.
        start: where to begin, in seconds; None is the beginning.
        end: where to stop, in seconds; None is the end. It may lie behind the end by a millisecond, because
            written times are rounded.

    Returns:
        The samples, float32 ``[time]``, and their sample rate in Hz.

    Raises:
        InputError: the file is missing, empty, cut short or not audio, it holds no samples or some that are not
            finite, or `start` and `end` don't lie in it.

    Example:
        >>> samples, sr = read("dog.wav", sr=16_000, end=2.5)  # doctest: +SKIP
    """
    _check_rate(sr)
    with _opened(path) as file:
        native = file.samplerate
        first, stop = _span(file, path, start, end)
        if first:
            file.seek(first)
        samples = _mono(file.read(stop - first, dtype="float32", always_2d=True))
        _check_complete(file, path, got=len(samples), promised=stop - first)
    _check_finite(samples, path)
    return _resample(samples, native, sr or native, path), sr or native


def blocks(path: AnyPath, *, sr: int, seconds: float) -> Iterator[np.ndarray]:
    """Read a sound file of any length piece by piece, in memory that does not grow with it.

    Args:
        path: a file that libsndfile opens.
        sr: the sample rate wanted, in Hz.
        seconds: the length of a piece.

    Yields:
        Consecutive pieces, float32 ``[time]``, each ``round(seconds * sr)`` samples long but for the last. Together
        they equal `read`.

    Raises:
        InputError: as in `read`, when the first piece is asked for or when the bad place is reached.
    """
    _check_rate(sr)
    size = round(seconds * sr)
    if size < 1:
        raise InputError(f"blocks: expected pieces of one sample or more, got seconds={seconds!r} at {sr} Hz")
    pending, total = np.zeros(0, np.float32), 0
    for piece in _resampled_pieces(path, sr, seconds):
        total += len(piece)
        pending = np.concatenate([pending, piece])
        whole = len(pending) - len(pending) % size
        for begin in range(0, whole, size):
            yield pending[begin : begin + size]
        pending = pending[whole:]
    if not total:
        raise _too_short(path, sr)
    if len(pending):
        yield pending


def _resampled_pieces(path: AnyPath, sr: int, seconds: float) -> Iterator[np.ndarray]:
    """Yield the file at `sr` in pieces of whatever length the resampler lets go."""
    import soxr

    with _opened(path) as file:
        native = file.samplerate
        stream = None if native == sr else soxr.ResampleStream(native, sr, 1, dtype="float32", quality="HQ")
        size, got = max(1, round(seconds * native)), 0
        while len(frames := file.read(size, dtype="float32", always_2d=True)):
            piece = _mono(frames)
            _check_finite(piece, path)
            got += len(piece)
            yield piece if stream is None else stream.resample_chunk(piece)
        _check_complete(file, path, got=got, promised=file.frames)
        if stream is not None:
            yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


@contextmanager
def _opened(path: AnyPath) -> Iterator[SoundFile]:
    """Open a file that has samples. What libsndfile raises, while reading too, becomes an `InputError`."""
    with _open(path) as file:
        log = file.extra_info
        promised = _PROMISED_BYTES.search(log)
        if promised and int(promised[2]) < int(promised[1]) < _UNKNOWN_SIZE:
            raise _cut_short(path, f"{promised[2]} of {promised[1]} bytes are there")
        if _HALF_PAGE.search(log):
            raise _cut_short(path, "it stops inside a page")
        if file.frames == 0:
            raise InputError(
                f"{_name(path)} holds no samples, it is empty or cut short; copy or record it again, or take it out"
            )
        try:
            yield file
        except RuntimeError as error:
            raise InputError(
                f"{_name(path)} is damaged or cut short and can't be decoded; copy it again or take it out"
            ) from error


def _open(path: AnyPath) -> SoundFile:
    import soundfile

    try:
        # On POSIX a name may be no text at all, which only its bytes can say.
        name = os.fsencode(path) if os.name == "posix" else os.fspath(path)
        return soundfile.SoundFile(name)  # pyright: ignore[reportArgumentType]
    except (RuntimeError, TypeError, OSError) as error:  # TypeError: a headerless .raw file
        raise InputError(_why_not(Path(path))) from error


def _why_not(file: Path) -> str:
    """Say what keeps a file from being opened."""
    if file.is_dir():
        return f"{_name(file)} is a folder where a sound file is expected; name a file in it"
    if not file.exists():
        return f"there is no file {_name(file)}; check the name and the folder that it is relative to"
    if not os.access(file, os.R_OK):
        return f"{_name(file)} may not be read by this user; change its permissions"
    if file.stat().st_size == 0:
        return f"{_name(file)} is empty (0 bytes); copy it again or take it out"
    return (
        f"{_name(file)} is not a sound file that can be decoded, or its header is damaged; "
        "convert it to WAV or FLAC, or take it out"
    )


def _span(file: SoundFile, path: AnyPath, start: float | None, end: float | None) -> tuple[int, int]:
    """Turn seconds into the first frame and the one behind the last."""
    duration = file.frames / file.samplerate
    begin = 0.0 if start is None else start
    stop = duration if end is None else end
    if not 0 <= begin < stop <= duration + _ROUNDED_SECONDS:
        raise InputError(
            f"{_name(path)} is {duration:.3f} s long, so it has no part from start={start} to end={end} seconds; "
            "correct them so that 0 <= start < end <= its length"
        )
    first, last = round(begin * file.samplerate), min(round(stop * file.samplerate), file.frames)
    if first >= last:
        raise InputError(f"{_name(path)} has no sample between start={start} and end={end} seconds; move them apart")
    return first, last


def _mono(frames: np.ndarray) -> np.ndarray:
    """Average the channels: ``[time, channel]`` to ``[time]``."""
    return frames[:, 0] if frames.shape[1] == 1 else frames.mean(axis=1)


def _resample(samples: np.ndarray, native: int, sr: int, path: AnyPath) -> np.ndarray:
    if native == sr:
        return samples
    import soxr

    samples = soxr.resample(samples, native, sr, quality="HQ")
    if len(samples) == 0:
        raise _too_short(path, sr)
    return samples


def _too_short(path: AnyPath, sr: int) -> InputError:
    return InputError(f"{_name(path)} is too short to have a sample at {sr} Hz; take it out")


def _check_rate(sr: int | None) -> None:
    if sr is not None and sr < 1:
        raise InputError(f"expected a sample rate of 1 Hz or more, got sr={sr}")


def _check_complete(file: SoundFile, path: AnyPath, *, got: int, promised: int) -> None:
    """Refuse a file that decodes to less than its header says. An MP3 header is an estimate."""
    slack = max(2 * _MP3_FRAME, promised // 20) if file.format == "MP3" else 0
    if got < max(1, promised - slack):
        raise _cut_short(path, f"{got} of {promised} samples are there")


def _check_finite(samples: np.ndarray, path: AnyPath) -> None:
    if not np.isfinite(samples).all():
        raise InputError(f"{_name(path)} holds samples that are NaN or infinite; export it again or take it out")


def _cut_short(path: AnyPath, evidence: str) -> InputError:
    return InputError(f"{_name(path)} is cut short ({evidence}); copy it again or take it out")


def _name(path: AnyPath) -> str:
    return f"'{os.fspath(path)}'"
