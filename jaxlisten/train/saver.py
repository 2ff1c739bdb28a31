"""Checkpoints that are written beside the training."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from jaxlisten.train import checkpoint
from jaxlisten.train.checkpoint import Memory, Snapshot

_PAUSE = 10
"""After writing a checkpoint the writer rests at least so many times as long."""
_WRITER = ThreadPoolExecutor(1, "jaxlisten-checkpoints")
"""One thread writes for all runs; a process that ends waits for it."""


class Saver:
    """Stores what a run remembers, in another thread and so seldom that it costs a tenth of the time at most.

    Args:
        run: the run folder.
    """

    def __init__(self, run: Path):
        self._run = run
        self._newest: Snapshot | None = None
        self._writing: Future[float] | None = None
        self._due = 0.0

    def restore(self, like: Memory) -> Memory | None:
        """Read what was stored: `checkpoint.restore`, in the thread that owns orbax's event loops."""
        return _WRITER.submit(checkpoint.restore, self._run, like).result()

    def keep(self, memory: Memory) -> None:
        """Copy what the run remembers, and begin to write it if it is time to.

        Raises:
            InputError, StorageError: the checkpoint before could not be written.
        """
        self._newest = checkpoint.snapshot(memory)
        if self._writing is None or self._writing.done():
            self._wait()
            if time.monotonic() >= self._due:
                self._begin()

    def flush(self) -> None:
        """Return when everything is stored.

        Raises:
            InputError, StorageError: it could not be.
        """
        self._wait()
        if self._newest is not None:
            self._begin()
            self._wait()

    def _begin(self) -> None:
        assert self._newest is not None
        newest, self._newest = self._newest, None
        self._writing = _WRITER.submit(_write, self._run, newest)

    def _wait(self) -> None:
        writing, self._writing = self._writing, None
        if writing is not None:
            self._due = writing.result()


def _write(run: Path, newest: Snapshot) -> float:
    """Write a checkpoint, and return when the next one is due."""
    begin = time.monotonic()
    checkpoint.write(run, newest)
    end = time.monotonic()
    return end + _PAUSE * (end - begin)
