"""Work on many clips that threads do: all of it at once, or ahead of who needs the results."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from typing import Any, TypeVar

from jaxlisten.errors import InputError

_MOST_THREADS = 8
_AT_ONCE = 1024
"""Calls that wait for a thread: each takes some memory."""

Thing = TypeVar("Thing")
Made = TypeVar("Made")


def each(work: Callable[[Thing], Made], things: Sequence[Thing]) -> Iterator[Made]:
    """Yield what `work` makes of each thing, in their order, made by threads as fast as they can."""
    pool = ThreadPoolExecutor(_threads())
    try:
        for begin in range(0, len(things), _AT_ONCE):
            yield from pool.map(work, things[begin : begin + _AT_ONCE])
    finally:
        pool.shutdown(cancel_futures=True)


def check_grain() -> None:
    """Refuse to read clips from their files where nothing can read them ahead of training.

    Raises:
        InputError: grain is missing.
    """
    if find_spec("grain") is None:
        raise InputError(
            "clips that take more than a quarter of the free memory, or that are to stay in their files, are read by "
            "grain: pip install 'jaxlisten[data]'; or keep them in memory with from_files=False (--no-from-files)"
        )


def ahead(work: Callable[[Thing], Made], things: Sequence[Thing]) -> Iterator[Made]:
    """Yield what `work` makes of each thing, in their order, while threads make a few of the next ones.

    Reading and resampling sound is work in C that leaves Python to other threads; processes would have to be started
    and to copy what they read.

    Raises:
        InputError: grain is missing; and whatever `work` raises, where its result would have come.
    """
    check_grain()
    import grain

    options = grain.ReadOptions(num_threads=_threads(), prefetch_buffer_size=2 * _threads())
    source: Any = things
    made = iter(grain.MapDataset.source(source).map(work).to_iter_dataset(options))
    try:
        yield from made
    finally:
        made.close()


def _threads() -> int:
    return min(_MOST_THREADS, os.cpu_count() or 1)
