"""Reading that several processes do together: each its share of the files, and all get what all have read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

Work = Callable[[Sequence[Any]], list[Any]]
"""Work on many things: from them to an answer for each."""


@dataclass(frozen=True)
class Sharing:
    """How work is shared out.

    Attributes:
        processes: how many share it.
        answers: from the work, and all things, to all answers in order.
    """

    processes: int
    answers: Callable[[Work, Sequence[Any]], list[Any]]


_ALONE = Sharing(1, lambda work, things: work(things))
_NOW = _ALONE
"""What `shared_out` has set, for the whole process."""


@contextmanager
def shared_out(sharing: Sharing) -> Iterator[None]:
    """Share the reading of recordings out while the block runs."""
    global _NOW
    before, _NOW = _NOW, sharing
    try:
        yield
    finally:
        _NOW = before


def processes() -> int:
    """Return how many processes share the reading."""
    return _NOW.processes


def together(work: Work, things: Sequence[Any]) -> list[Any]:
    """Work on things: this process on its share of them, or on all."""
    return _NOW.answers(work, things)
