"""What a listener that has learnt transcripts says: of whole recordings, of long ones in windows, and of streams."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxlisten.deploy.pieces import Piece
from jaxlisten.detect import Hearing
from jaxlisten.errors import InputError
from jaxlisten.nn import Layer
from jaxlisten.tasks import Task
from jaxlisten.types import Array, Padded, Params, State

_BLANK = 0
"""The place of the blank at each step: before the symbols."""
_FRAMES = 64
"""Beam search is compiled for multiples of this many frames."""


class Said(NamedTuple):
    """A symbol that was heard in a stream.

    Attributes:
        time: when, in seconds from the beginning of the stream: of the first frame that says it.
        symbol: which.
        probability: that this frame gives it, from 0 to 1.
    """

    time: float
    symbol: str
    probability: float


def check_beam(beam: int, task: Task) -> None:
    """Refuse a number of beams that is none, or that doesn't go with what a listener has learnt.

    Raises:
        InputError: it is such a number.
    """
    if beam < 1 or (beam > 1 and task.kind != "transcripts"):
        raise InputError(f"predict: expected beam of 1 or more, and more than 1 for transcripts only, got {beam}")
    if beam > 1 and task.taught:
        raise InputError("predict: this listener writes symbol by symbol; its beam search is model.search")


@functools.partial(jax.jit, static_argnums=(0, 1))
def frame_probabilities(model: Layer, task: Task, params: Params, state: State, x: Any) -> Array:
    """Return the probabilities at each step of a batch, ``[batch, steps, 1 + symbols]``, NaN behind the last one."""
    logits = model.apply(params, state, x)[0]
    if not isinstance(logits, Padded):
        return task.link(logits)
    valid = jnp.arange(logits.values.shape[1]) < logits.length[:, None]
    return jnp.where(valid[..., None], task.link(logits.values), jnp.nan)


def joined(heard: Iterable[tuple[Piece, np.ndarray]], task: Task) -> Iterator[Any]:
    """Yield for each recording its probabilities step by step, ``[steps, 1 + symbols]``, or its error.

    Of the half-overlapping windows of a long one, each gives its middle, where it knows what comes before and behind.
    """
    parts = list[tuple[Piece, np.ndarray]]()
    for piece, frames in heard:
        if piece.error is None:
            parts.append((piece, frames[~np.isnan(frames).any(axis=1)]))
        if piece.last:
            if piece.error is None and len(parts) > 1 and task.taught:
                said: Any = InputError(
                    "predict: the recording is more than twice as long as what this listener has learnt, and what it "
                    "writes symbol by symbol can't be joined; cut the recording, or train a model of CTC"
                )
            else:
                said = piece.error or _stitched(parts)
            yield said
            parts = []


def _stitched(parts: Sequence[tuple[Piece, np.ndarray]]) -> np.ndarray:
    pieces = [piece for piece, _ in parts]
    seams = [(a.end + b.start) / 2 for a, b in itertools.pairwise(pieces)]
    kept = []
    for (piece, frames), begin, end in zip(parts, [0, *seams], [*seams, pieces[-1].end], strict=True):
        rate = len(frames) / max(1, piece.end - piece.start)
        first, last = (round((place - piece.start) * rate) for place in (begin, end))
        kept.append(frames[max(0, first) : last])
    return np.concatenate(kept)


def spelled(probabilities: np.ndarray, classes: Sequence[str], task: Task, beam: int = 1) -> tuple[str, ...]:
    """Find the symbols that probabilities ``[steps, 1 + symbols]`` say.

    Args:
        beam: how many sequences the search keeps; 1: the most probable symbol is taken at each step.

    """
    n = len(probabilities)
    if not n:
        return ()
    if beam > 1:
        rest = np.zeros((-n % _FRAMES, probabilities.shape[1]), np.float32)
        found = np.asarray(_searched(task, beam, np.concatenate([probabilities, rest]), n))
    else:
        found = np.asarray(task.answers(probabilities[None])[0])
    return tuple(classes[int(k)] for k in found[found >= 0])


@functools.partial(jax.jit, static_argnums=(0, 1))
def _searched(task: Task, beam: int, probabilities: Array, length: Array) -> Array:
    log_probs = jnp.log(jnp.maximum(probabilities, jnp.finfo(jnp.float32).tiny))
    return task.searched(Padded(log_probs[None], jnp.reshape(length, (1,))), beam)[0]


def said_in_stream(hearing: Hearing, pieces: Iterable[np.ndarray]) -> Iterator[Said]:
    """Yield the symbols of a stream as soon as a frame says them: greedy decoding, with the last frame as all memory.

    Args:
        hearing: an exact one, of a listener of CTC.
        pieces: of sound, ``[time]`` each.
    """
    before = _BLANK
    for heard in hearing.over(pieces):
        path = heard.probabilities.argmax(axis=1).tolist() if len(heard.times) else []
        for time, row, symbol in zip(heard.times, heard.probabilities, path, strict=True):
            if symbol not in (_BLANK, before):
                yield Said(float(time), hearing.classes[symbol - 1], float(row[symbol]))
            before = symbol
