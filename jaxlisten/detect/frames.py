"""Recordings of any length through a model that answers at every step."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxlisten.errors import InputError
from jaxlisten.nn import Layer, period, step_ratio
from jaxlisten.runs import Fitted
from jaxlisten.tasks import Task
from jaxlisten.types import Array, Padded, Params, State

_TOGETHER = 8
"""Windows that go through the model at once."""


class _Piece(NamedTuple):
    """A window of a recording, ``[time]``, and whether it is its first and its last one."""

    samples: np.ndarray
    first: bool
    last: bool


def frames(fitted: Fitted, recordings: Iterable[Iterable[np.ndarray]]) -> Iterator[np.ndarray]:
    """Let a listener for events, or for numbers over time, hear recordings, and return what it says at every step.

    One that is no longer than the longest clip of the training is heard at once. A longer one is heard in windows of
    that length, half of which overlap, and of each the middle half counts: every step has been heard with a quarter of
    a window or more on both sides, but at the ends of the recording. The memory that it takes does not grow with the
    length, but for the answers.

    Args:
        fitted: the listener.
        recordings: of each its consecutive samples at the listener's rate, in blocks ``[time]`` of any length.

    Yields:
        For each recording float32 ``[steps, classes]``; step i stands for the time from ``i * period`` on, with
        `jaxlisten.nn.period`.

    Raises:
        InputError: the listener does not answer at every step.
    """
    if not fitted.task.in_time:
        raise InputError(
            f"frames: expected a listener for events or numbers over time, got one that has learnt {fitted.task.target}"
        )
    ratio = step_ratio(fitted.model)
    quarter = -(-fitted.longest // 4 // ratio.denominator + 1) * ratio.denominator if ratio else 0
    steps = int(quarter * ratio)
    weights = jax.device_put((fitted.params, fitted.state))
    pieces = (piece for blocks in recordings for piece in _cut(blocks, quarter))
    said: list[np.ndarray] = []
    for piece, answers in _answers(fitted, weights, pieces, 4 * quarter):
        said.append(answers[None if piece.first else steps : None if piece.last else 3 * steps])
        if piece.last:
            yield np.concatenate(said)
            said = []


def seconds_a_step(fitted: Fitted) -> float:
    """Return the seconds from one answer of a listener to the next, where it answers at every step."""
    return period(fitted.model, fitted.sr)


def _cut(blocks: Iterable[np.ndarray], quarter: int) -> Iterator[_Piece]:
    """Cut a recording into windows of four quarters, each two quarters behind the one before it."""
    held, first = np.zeros(0, np.float32), True
    for block in blocks:
        held = np.concatenate([held, block]) if len(held) else np.asarray(block, np.float32)
        while len(held) > 4 * quarter:
            yield _Piece(held[: 4 * quarter], first, last=False)
            held, first = held[2 * quarter :], False
    yield _Piece(held, first, last=True)


def _answers(
    fitted: Fitted, weights: tuple[Params, State], pieces: Iterable[_Piece], length: int
) -> Iterator[tuple[_Piece, np.ndarray]]:
    """Yield what is said at the steps of each piece, in the order of the pieces."""
    waiting: list[_Piece] = []

    def heard() -> Iterator[tuple[_Piece, np.ndarray]]:
        rows = 1 if len(waiting) == 1 else _TOGETHER
        x = Padded(np.zeros((rows, length), np.float32), np.zeros(rows, np.int32))
        for row, piece in enumerate(waiting):
            x.values[row, : len(piece.samples)] = piece.samples
            x.length[row] = len(piece.samples)
        values, lengths = jax.device_get(_said(fitted.model, fitted.task, *weights, x))
        for row, piece in enumerate(waiting):
            yield piece._replace(samples=piece.samples[:0]), values[row, : lengths[row]]
        waiting.clear()

    for piece in pieces:
        waiting.append(piece)
        if len(waiting) == _TOGETHER:
            yield from heard()
    if waiting:
        yield from heard()


@functools.partial(jax.jit, static_argnums=(0, 1))
def _said(model: Layer, task: Task, params: Params, state: State, x: Padded) -> tuple[Array, Array]:
    logits: Any = model.apply(params, state, x)[0]
    return task.link(logits.values), logits.length
