"""Sound files to arrays: whole, in part, or piece by piece.

Everything comes back as mono float32 in the range that the file has (-1 to 1 for integer formats). Whatever is wrong
with a file is an `InputError` of one sentence: the file, what is wrong with it, and the remedy. `limits.reading` sets
how much a file may ask for, and whether it is decoded in this process.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from jaxlisten.data import limits
from jaxlisten.data.limits import AnyPath
from jaxlisten.errors import InputError

if TYPE_CHECKING:
    from soundfile import SoundFile

    from jaxlisten.data.isolation import Isolated

    _Opened = SoundFile | Isolated

# libsndfile shortens a WAV, AIFF or AU file to what is there, and only its log tells what the header had promised.
_PROMISED_BYTES = re.compile(r"^\s*(?:data|SSND|Data Size)\s*: (\d+) \(should be (\d+)\)", re.MULTILINE)
# An Ogg file promises nothing, but one that stops inside a page was cut. One that stops between pages may be a capture.
_HALF_PAGE = re.compile(r"Last page lacks an end-of-stream bit\.\s+Ogg: Junk after the last page")
# Programs that write to a pipe can't know the size, and leave the largest one there is.
_UNKNOWN_SIZE = 2**31 - 2**16
_UNKNOWN_LENGTH = 2**63 - 1
"""What libsndfile says where a FLAC file leaves its length out."""
_SDS = b"\xf0\x7e"
"""How a MIDI sample dump begins, whose reader prints on standard output."""
_AT_ONCE = 2**22
"""Samples of all channels that are decoded at once, so that no header decides what is allocated."""
LOUDEST = 1e12
"""No sample of a sound is larger; the power of what is could be infinite."""
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
        InputError: the file is missing, empty, cut short or not audio, or asks for more than `Limits` allows.
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
        InputError: the file is missing, empty, cut short or not audio, it asks for more than `Limits` allows, it holds
            no samples or some that are not finite, or `start` and `end` don't lie in it.

    Example:
        >>> samples, sr = read("dog.wav", sr=16_000, end=2.5)  # doctest: +SKIP
    """
    _check_rate(sr)
    with _opened(path) as file:
        native = file.samplerate
        first, stop = _span(file, path, start, end)
        _check_held(path, stop - first, native, sr or native)
        if first:
            file.seek(first)
        pieces = list(_decoded(file, path, stop - first, size=_AT_ONCE))
        samples = pieces[0] if len(pieces) == 1 else np.concatenate([np.zeros(0, np.float32), *pieces])
        _check_complete(file, path, got=len(samples), promised=stop - first)
    return _resample(samples, native, sr or native, path), sr or native


def blocks(path: AnyPath, *, sr: int, seconds: float = 5.0) -> Iterator[np.ndarray]:
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
        got = 0
        for piece in _decoded(file, path, file.frames, size=max(1, round(seconds * native))):
            got += len(piece)
            yield piece if stream is None else stream.resample_chunk(piece)
        _check_complete(file, path, got=got, promised=file.frames)
        if stream is not None:
            yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


def _decoded(file: _Opened, path: AnyPath, frames: int, *, size: int) -> Iterator[np.ndarray]:
    """Yield the next frames as mono, float32 ``[time]``, in pieces of at most `size`; fewer where there are no more."""
    size = min(size, max(1, _AT_ONCE // file.channels))
    while frames > 0 and len(piece := file.read(min(size, frames), dtype="float32", always_2d=True)):
        frames -= len(piece)
        _check_samples(piece, path)
        yield _mono(piece)


@contextmanager
def _opened(path: AnyPath) -> Iterator[_Opened]:
    """Open a file that has samples. What libsndfile raises, while reading too, becomes an `InputError`."""
    with _open(path) as file:
        log = file.extra_info
        promised = _PROMISED_BYTES.search(log)
        if promised and int(promised[2]) < int(promised[1]) < _UNKNOWN_SIZE:
            raise _cut_short(path, f"{promised[2]} of {promised[1]} bytes are there")
        if _HALF_PAGE.search(log):
            raise _cut_short(path, "it stops inside a page")
        _check_header(file, path)
        try:
            yield file
        except RuntimeError as error:
            raise InputError(
                f"{_name(path)} is damaged or cut short and can't be decoded; copy it again or take it out"
            ) from error


def _open(path: AnyPath) -> _Opened:
    """Open a sound file, in this process or in another."""
    limits.check_file(path, "a sound file", "file_bytes")
    # On POSIX a name may be no text at all, which only its bytes can say.
    name = os.fsencode(path) if os.name == "posix" else os.fspath(path)
    try:
        with open(name, "rb") as file:
            if file.read(len(_SDS)) == _SDS:
                raise InputError(f"{_name(path)} is a MIDI sample dump; convert it to WAV or FLAC")
        decoders, most = limits.decoders(), limits.limits()
        if decoders is not None:
            return decoders.open(os.fspath(path), patience=most.patience, bytes_at_most=most.decoder_bytes)
        import soundfile

        return soundfile.SoundFile(name)  # pyright: ignore[reportArgumentType]
    except (RuntimeError, TypeError, OSError) as error:  # TypeError: a headerless .raw file
        raise InputError(_why_not(Path(path))) from error


def _why_not(file: Path) -> str:
    """Say what keeps a file from being opened."""
    if not os.access(file, os.R_OK):
        return f"{_name(file)} may not be read by this user; change its permissions"
    if file.stat().st_size == 0:
        return f"{_name(file)} is empty (0 bytes); copy it again or take it out"
    return (
        f"{_name(file)} is not a sound file that can be decoded, or its header is damaged; "
        "convert it to WAV or FLAC, or take it out"
    )


def _check_header(file: _Opened, path: AnyPath) -> None:
    """Refuse what has no samples, or asks for too much."""
    if min(file.frames, file.channels, file.samplerate) < 1:
        raise InputError(
            f"{_name(path)} holds no samples, it is empty or cut short; copy or record it again, or take it out"
        )
    if file.frames >= _UNKNOWN_LENGTH:
        raise InputError(
            f"{_name(path)} does not say how long it is, as files that were written to a pipe; convert it to WAV or "
            "FLAC, into a file"
        )
    most = limits.limits()
    most.check(path, "channels", file.channels)
    if file.samplerate > most.sr:
        most.refuse(path, f"a sample rate of {file.samplerate:,} Hz", "sr")
    most.check(path, "seconds", file.frames / file.samplerate)


def _check_held(path: AnyPath, frames: int, native: int, sr: int) -> None:
    """Refuse to hold more samples at once than `Limits.samples`, at the file's rate or at the one wanted."""
    limits.limits().check(path, "samples", max(frames, round(frames * sr / native)))


def _span(file: _Opened, path: AnyPath, start: float | None, end: float | None) -> tuple[int, int]:
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


def _check_complete(file: _Opened, path: AnyPath, *, got: int, promised: int) -> None:
    """Refuse a file that decodes to less than its header says. An MP3 header is an estimate."""
    slack = max(2 * _MP3_FRAME, promised // 20) if file.format == "MP3" else 0
    if got < max(1, promised - slack):
        raise _cut_short(path, f"{got} of {promised} samples are there")


def _check_samples(samples: np.ndarray, path: AnyPath) -> None:
    peak = max(abs(float(samples.max(initial=0))), abs(float(samples.min(initial=0))))
    if not np.isfinite(peak):
        raise InputError(f"{_name(path)} holds samples that are NaN or infinite; export it again or take it out")
    if peak > LOUDEST:
        raise InputError(f"{_name(path)} holds samples of up to {peak:.1g}, which is no sound; export it again")


def _cut_short(path: AnyPath, evidence: str) -> InputError:
    return InputError(f"{_name(path)} is cut short ({evidence}); copy it again or take it out")


def _name(path: AnyPath) -> str:
    return f"'{os.fspath(path)}'"
