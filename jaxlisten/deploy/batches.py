"""Pieces of sound through the model in batches of a few shapes, and their answers in the order of the pieces."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import jax
import numpy as np

from jaxlisten.deploy.pieces import Piece
from jaxlisten.types import Padded

BATCH = 16
"""Pieces that go through the model at once."""
_BEHIND = 4
"""Batches of pieces that wait for one before them whose own batch does not fill up."""

Run = Callable[[Padded], jax.Array]


@dataclass
class _Place:
    """A piece in the queue: the length that it is padded to, and then its batch, by number, and its row there."""

    piece: Piece
    shelf: int
    scores: jax.Array | None = None
    batch: int = 0
    row: int = 0

    def answered(self, newest: int) -> bool:
        return self.piece.error is not None or 0 < self.batch <= newest


def shelves(window: int, shortest: int) -> tuple[int, ...]:
    """Return the lengths that pieces are padded to, ascending: twice the window, the window, half of it, and so on.

    Each is compiled once, so there are few; a piece is padded to twice its length at most.

    Args:
        window: samples of the longest training clip; no piece is more than twice as long.
        shortest: no length is less than this many samples, but for that of a shorter window.

    Example:
        >>> shelves(16_000, 4_000)
        (4000, 8000, 16000, 32000)
    """
    lengths = [2 * window, window]
    while lengths[-1] >= 2 * shortest:
        lengths.append(-(-lengths[-1] // 2))
    return tuple(reversed(lengths))


def answers(
    pieces: Iterable[Piece], run: Run, lengths: tuple[int, ...], *, size: int = BATCH
) -> Iterator[tuple[Piece, np.ndarray]]:
    """Yield what the model says about each piece, in the order of the pieces. Padding changes no answer.

    Pieces of about the same length make a batch. One is filled up with absent pieces where others have waited long
    enough, and where the pieces end. While the device works on a batch, the next one is put together.

    Args:
        pieces: at most as long as the last of `lengths`.
        run: ``Padded(float32 [size, time], int32 [size])`` to scores ``[size, classes]``; a piece that is alone comes
            as a batch of one.
        lengths: what pieces are padded to, ascending.
        size: pieces of a batch.

    Yields:
        The piece without its samples, and its scores ``[classes]``; those of a piece with an error are empty.
    """
    queue = _Queue(run, lengths, size)
    for piece in pieces:
        queue.add(piece)
        yield from queue.answered(but=1)
    queue.send_all()
    yield from queue.answered()


class _Queue:
    """Pieces in their order, some of them waiting for their batch, some for its answer."""

    def __init__(self, run: Run, lengths: tuple[int, ...], size: int):
        self._run, self._size = run, size
        self._places: deque[_Place] = deque()
        self._shelves: dict[int, list[_Place]] = {length: [] for length in lengths}
        self._used: set[int] = set()
        self._sent = 0

    def add(self, piece: Piece) -> None:
        place = _Place(piece, next(length for length in self._shelves if len(piece.samples) <= length))
        self._places.append(place)
        if piece.error is not None:
            return
        self._shelves[place.shelf].append(place)
        if len(self._shelves[place.shelf]) == self._size:
            self._send(place.shelf)
        if len(self._places) > _BEHIND * self._size and not self._places[0].batch:
            self._send(self._places[0].shelf)

    def send_all(self) -> None:
        for shelf, places in self._shelves.items():
            if places:
                self._send(shelf)

    def answered(self, *, but: int = 0) -> Iterator[tuple[Piece, np.ndarray]]:
        """Take from the front what is answered, `but` for the newest batches, which the device still works on."""
        while self._places and self._places[0].answered(self._sent - but):
            place = self._places.popleft()
            yield place.piece, _NOTHING if place.scores is None else np.asarray(place.scores)[place.row]

    def _send(self, shelf: int) -> None:
        places = self._shelves[shelf]
        alone = len(places) == 1 and shelf not in self._used  # a further shape would cost more than absent pieces
        scores = self._run(_padded(places, shelf, 1 if alone else self._size))
        self._sent += 1
        self._used.add(shelf)
        for row, place in enumerate(places):
            place.piece = place.piece._replace(samples=_NOTHING)
            place.scores, place.batch, place.row = scores, self._sent, row
        places.clear()


_NOTHING = np.zeros(0, np.float32)


def _padded(places: list[_Place], length: int, size: int) -> Padded:
    values = np.zeros((size, length), np.float32)
    lengths = np.zeros(size, np.int32)
    for row, place in enumerate(places):
        samples = place.piece.samples
        values[row, : len(samples)] = samples
        lengths[row] = len(samples)
    return Padded(values, lengths)
