"""Connectionist temporal classification: from a distribution over symbols at each frame to a sequence of symbols.

A path gives each frame a symbol or the blank. What it says is the path with neighbours that are equal merged, and then
the blanks left out: ``a a - a b`` says ``a a b``. The probability of a sequence is that of all paths that say it.

Reference:
    Graves et al. 2006, *Connectionist temporal classification*.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxlisten.types import Array, Padded

BLANK = 0
"""The place of the blank among the logits of a frame; symbol i stands at place ``i + 1``."""

_NEVER = -1e30
"""The logarithm of no probability: finite, so that differences are numbers."""


class Decoded(NamedTuple):
    """Sequences that were found, the most probable first.

    Attributes:
        symbols: int32 ``[beams, frames]``, from 0 upwards, -1 behind the end of each.
        score: ``[beams]``, the logarithm of the probability of each; of a beam that has none, below -1e29.
    """

    symbols: jax.Array
    score: jax.Array


def frames_needed(symbols: Array) -> Array:
    """Count the frames that sequences take at least: one a symbol, and a blank between two that are equal.

    Args:
        symbols: integers ``[*batch, longest]``, -1 behind the end of each.

    Returns:
        Integers ``[*batch]``, of NumPy where `symbols` is of NumPy.
    """
    here, before = symbols[..., 1:], symbols[..., :-1]
    return (symbols >= 0).sum(-1) + ((here >= 0) & (here == before)).sum(-1)


def ctc_greedy(logits: Array, length: Array) -> jax.Array:
    """Find what the most probable path says.

    Args:
        logits: ``[frames, 1 + symbols]``, the blank first. Items in front are for `jax.vmap`.
        length: how many frames are valid, a scalar.

    Returns:
        int32 ``[frames]``, symbols from 0 upwards, then -1.
    """
    path = jnp.argmax(logits, axis=-1).astype(jnp.int32)
    path = jnp.where(jnp.arange(len(path)) < length, path, BLANK)
    before = jnp.concatenate([jnp.full((1,), BLANK, path.dtype), path[:-1]])
    return packed(path - 1, (path != BLANK) & (path != before))


def ctc_said(logits: Any) -> jax.Array:
    """Find what the most probable path of each item says.

    Args:
        logits: ``[batch, frames, 1 + symbols]``, the blank first, or a `Padded` of it.

    Returns:
        int32 ``[batch, frames]``, symbols from 0 upwards, -1 behind the end of each.
    """
    return jax.vmap(ctc_greedy)(*_frames(logits))


def ctc_searched(logits: Any, beams: int) -> jax.Array:
    """Find the most probable sequence of each item by `ctc_beam`.

    Args:
        logits: ``[batch, frames, 1 + symbols]``, the blank first, or a `Padded` of it.
        beams: how many prefixes are kept.

    Returns:
        int32 ``[batch, frames]``, symbols from 0 upwards, -1 behind the end of each.
    """
    values, length = _frames(logits)
    log_probs = jax.nn.log_softmax(values.astype(jnp.float32))
    return jax.vmap(lambda p, n: ctc_beam(p, n, beams=beams).symbols[0])(log_probs, length)


def written(logits: Any) -> jax.Array:
    """Read what is written where each step writes a symbol, up to the end.

    Args:
        logits: ``[batch, steps, 1 + symbols]``, the end first, or a `Padded` of it.

    Returns:
        int32 ``[batch, steps]``, symbols from 0 upwards, -1 behind the end of each.
    """
    values, length = _frames(logits)
    symbols = jnp.argmax(values, axis=-1).astype(jnp.int32)
    ended = jnp.cumsum(symbols == BLANK, axis=1) > 0
    return jnp.where(ended | (jnp.arange(symbols.shape[1]) >= length[:, None]), -1, symbols - 1)


def _frames(logits: Any) -> tuple[jax.Array, jax.Array]:
    if isinstance(logits, Padded):
        return jnp.asarray(logits.values), jnp.asarray(logits.length)
    return jnp.asarray(logits), jnp.full(logits.shape[:1], logits.shape[1])


def packed(symbols: Array, kept: Array) -> jax.Array:
    """Move what is kept of ``symbols [n]`` to the front, with -1 behind it."""
    place = jnp.where(kept, jnp.cumsum(kept) - 1, len(symbols))
    return jnp.full(symbols.shape, -1, symbols.dtype).at[place].set(symbols, mode="drop")


class _Beams(NamedTuple):
    """What is carried from frame to frame; the best beam comes first.

    Attributes:
        symbols: ``[beams, longest]``, -1 behind the end.
        length: ``[beams]``.
        blank, other: ``[beams]``, the log probability of the paths that say it and end in the blank, or in its last
            symbol.
    """

    symbols: Array
    length: Array
    blank: Array
    other: Array


def ctc_beam(log_probs: Array, length: Array, *, beams: int, longest: int | None = None) -> Decoded:
    """Find the most probable sequences by prefix beam search.

    With ``b[t, l]`` and ``o[t, l]`` the probability of all paths of the first t frames that say the prefix l and end in
    the blank, or in the last symbol of l, and ``p[t, s]`` that of a symbol at a frame::

        b[t, l]      = p[t, blank] (b[t-1, l] + o[t-1, l])
        o[t, l]      = p[t, last of l] o[t-1, l]  +  (what came to l from the prefix that is one symbol shorter)
        o[t, l + s]  = p[t, s] (b[t-1, l] + o[t-1, l] [s is not the last of l])

    and of all prefixes the `beams` most probable are kept at each frame. Where nothing is pruned, it is exact. Shapes
    are static: it is one `jax.lax.scan` over the frames, and vmaps.

    Args:
        log_probs: ``[frames, 1 + symbols]``, logarithms of probabilities, the blank first.
        length: how many frames are valid, a scalar.
        beams: how many prefixes are kept, 1 or more.
        longest: symbols that a sequence may have; None: as many as there are frames.

    Returns:
        The sequences; no two of them are the same.

    Reference:
        Hannun et al. 2014, *First-pass large vocabulary continuous speech recognition using bi-directional recurrent
        DNNs*, algorithm 1, without a language model.
    """
    frames, width = log_probs.shape
    most = frames if longest is None else longest
    log_probs = jnp.asarray(log_probs, jnp.float32)
    never = jnp.full((beams,), _NEVER)
    first = _Beams(jnp.full((beams, most), -1, jnp.int32), jnp.zeros(beams, jnp.int32), never.at[0].set(0.0), never)

    def frame(now: _Beams, at: tuple[Array, Array]) -> tuple[_Beams, None]:
        p, valid = at
        after = _extended(now, p, width - 1, most)
        return jax.tree.map(lambda a, b: jnp.where(valid, a, b), after, now), None

    valid = jnp.arange(frames) < length
    found, _ = jax.lax.scan(frame, first, (log_probs, valid))
    symbols = jnp.pad(found.symbols, ((0, 0), (0, max(0, frames - most))), constant_values=-1)
    return Decoded(symbols[:, :frames], jnp.logaddexp(found.blank, found.other))


def _extended(now: _Beams, p: Array, symbols: int, longest: int) -> _Beams:
    """Take one frame: keep each prefix as it is, or with one more symbol, and of all of these the most probable."""
    beams = len(now.length)
    rows = jnp.arange(beams)
    last = jnp.where(now.length > 0, now.symbols[rows, jnp.maximum(now.length - 1, 0)], -1)
    whole = jnp.logaddexp(now.blank, now.other)
    # Each prefix with one more symbol, [beams, symbols]; after its last symbol only behind a blank.
    again = last[:, None] == jnp.arange(symbols)
    more = jnp.where(again, now.blank[:, None], whole[:, None]) + p[None, 1:]
    more = jnp.where((now.length < longest)[:, None], more, _NEVER)

    # A prefix that is another one and one symbol more is reached from there too: it is the same, and must be one beam.
    at = jnp.arange(longest)
    shorter = jnp.where(at < (now.length - 1)[:, None], now.symbols, -1)
    parent = (shorter[:, None] == now.symbols[None]).all(-1) & (now.length[:, None] == now.length[None] + 1)
    alive = whole > _NEVER / 2  # a beam without a path says nothing, and must not come to life as another's copy
    parent &= alive[None] & alive[:, None]
    came = jnp.where(parent, more[:, jnp.maximum(last, 0)].T, _NEVER)  # [beam, the beam that is its parent]
    other = jnp.where(last >= 0, now.other + p[jnp.maximum(last, 0) + 1], _NEVER)
    other = jnp.logaddexp(other, jax.nn.logsumexp(came, axis=1))
    blank = whole + p[BLANK]
    taken = jnp.zeros(more.shape, bool).at[jnp.argmax(parent, axis=1), jnp.maximum(last, 0)].max(parent.any(1))
    more = jnp.where(taken, _NEVER, more)

    scores = jnp.concatenate([jnp.logaddexp(blank, other), more.ravel()])
    _, best = jax.lax.top_k(scores, beams)
    stays = best < beams
    source = jnp.where(stays, best, (best - beams) // symbols)
    added = (best - beams) % symbols
    kept = now.symbols[source]
    place = jnp.where(stays, longest, now.length[source])  # beyond the end: nothing is written
    return _Beams(
        kept.at[rows, place].set(added.astype(jnp.int32), mode="drop"),
        now.length[source] + jnp.where(stays, 0, 1),
        jnp.maximum(jnp.where(stays, blank[source], _NEVER), _NEVER),
        jnp.maximum(jnp.where(stays, other[source], more[source, jnp.where(stays, 0, added)]), _NEVER),
    )
