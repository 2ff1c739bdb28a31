"""Recordings of any length cut into what a model hears at once, read ahead in threads."""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from jaxlisten import data
from jaxlisten.data.audio import LOUDEST
from jaxlisten.errors import InputError

Sound = str | os.PathLike[str] | np.ndarray
"""A file, or samples ``[time]`` from -1 to 1."""
Blocks = Iterator[np.ndarray]
"""A recording: consecutive samples ``[time]``."""

_READERS = min(4, os.cpu_count() or 1)
_AHEAD = 32
"""Recordings that are opened before their turn."""
_FIRST, _MORE = 2, 16
"""Pieces of a recording that are read at a time: before its turn, and in it."""
_LEAST_SECONDS = 4.0
"""Short windows are read several at a time."""


class Piece(NamedTuple):
    """What the model hears at once: a recording, or a window of a long one.

    Attributes:
        samples: ``[time]``; none where there is an error.
        start: where in the recording the first one lies.
        end: where the one behind the last would lie.
        last: whether nothing of the recording comes behind.
        error: why the recording, or the rest of it, can't be heard.
    """

    samples: np.ndarray
    start: int = 0
    end: int = 0
    last: bool = True
    error: InputError | None = None


def cut(blocks: Iterable[np.ndarray], window: int) -> Iterator[Piece]:
    """Cut a recording into half-overlapping windows, in memory that does not grow with it.

    One that is at most twice as long as a window stays whole. The last window ends where the recording ends.

    Args:
        blocks: the recording, consecutive samples ``[time]``.
        window: samples of a window.
    """
    hop = max(1, window // 2)
    held, first, start = np.zeros(0, np.float32), 0, 0  # held[0] is sample `first` of the recording
    for block in blocks:
        held = np.concatenate([held, block]) if len(held) else block
        end = first + len(held)
        if end <= 2 * window:
            continue
        while start < end - window:
            yield Piece(held[start - first :][:window], start, start + window, last=False)
            start += hop
        held, first = held[end - window - first :], end - window  # the last window may begin here
    yield Piece(held, first, first + len(held))


def safe(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Turn an `InputError` of the blocks into a last piece, so that the pieces before it are still heard."""
    try:
        yield from pieces
    except InputError as error:
        # A new one, because the old one keeps the samples alive that its traceback leads to.
        yield Piece(np.zeros(0, np.float32), error=InputError(str(error)))


def read_ahead(sounds: Iterable[Sound], blocks: Callable[[Sound], Blocks], window: int) -> Iterator[Piece]:
    """Cut many recordings, one after another, while threads read the next ones.

    Args:
        sounds: the recordings; they are asked for as they are needed.
        blocks: opens one. An `InputError` of the blocks becomes a last piece.
        window: as in `cut`.
    """
    pool = ThreadPoolExecutor(_READERS, thread_name_prefix="jaxlisten-read")
    waiting: deque[Future[_Part]] = deque()
    try:
        for sound in sounds:
            waiting.append(pool.submit(_part, safe(cut(blocks(sound), window)), _FIRST))
            if len(waiting) > _AHEAD:
                yield from _whole(pool, waiting.popleft())
        while waiting:
            yield from _whole(pool, waiting.popleft())
    finally:
        pool.shutdown(cancel_futures=True)  # whoever stops asking, or interrupts, does not wait for what is ahead


class _Part(NamedTuple):
    """Some pieces of a recording, and what will make the next ones."""

    pieces: list[Piece]
    rest: Iterator[Piece]


def _part(pieces: Iterator[Piece], n: int) -> _Part:
    return _Part(list(itertools.islice(pieces, n)), pieces)


def _whole(pool: ThreadPoolExecutor, future: Future[_Part]) -> Iterator[Piece]:
    """Yield all pieces of a recording, of which the first are being read."""
    while True:
        pieces, rest = future.result()
        if pieces[-1].last:
            yield from pieces
            return
        future = pool.submit(_part, rest, _MORE)
        yield from pieces


def samples_of(sound: Sound, sr: int, given: int, window: int) -> Blocks:
    """Yield the samples of a file, or those that are given, at a listener's rate.

    Args:
        sound: the recording.
        sr: the listener's rate in Hz.
        given: the rate of samples in Hz. A file brings its own.
        window: samples of a window.

    Raises:
        InputError: the file can't be read, or the samples are not floating-point ``[time]``, none, or not finite.
    """
    if isinstance(sound, str | os.PathLike):
        return data.blocks(sound, sr=sr, seconds=max(_LEAST_SECONDS, 2 * window / sr))
    return _resampled(np.asarray(sound), given, sr)


def _resampled(samples: np.ndarray, sr: int, wanted: int) -> Blocks:
    if samples.ndim != 1 or not len(samples) or samples.dtype.kind != "f":
        raise InputError(
            f"predict: expected floating-point samples [time], one or more, got {samples.dtype} {list(samples.shape)}: "
            "average the channels, and divide 16-bit integers by 32768"
        )
    if not (np.abs(samples) <= LOUDEST).all():
        raise InputError(
            f"predict: some of the samples are NaN or infinite, or beyond {LOUDEST:g}; mend or leave out this recording"
        )
    if sr < 1:
        raise InputError(f"predict: expected a sample rate of 1 Hz or more, got sr={sr}")
    samples = samples.astype(np.float32, copy=False)
    if sr != wanted:
        import soxr

        samples = soxr.resample(samples, sr, wanted, quality="HQ")
        if not len(samples):
            raise InputError(f"predict: the samples are too few to have one at {wanted} Hz")
    yield samples
