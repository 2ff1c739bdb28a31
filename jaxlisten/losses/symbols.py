"""Losses of transcripts: aligned by all paths, or symbol by symbol."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxlisten.errors import InputError
from jaxlisten.losses.common import check_smoothing, mean, weights
from jaxlisten.ops import widened
from jaxlisten.ops.ctc import BLANK, frames_needed
from jaxlisten.types import Array, Padded


def ctc(logits: Any, symbols: Padded, weight: Array | None = None) -> jax.Array:
    """Compute the weighted mean over a batch of ``-log P(symbols of an item | its frames) / how many symbols it has``.

    P is the probability of all paths that say the symbols; see `jaxlisten.ops.ctc`. An item that has too few frames for
    its symbols can't be said by any path; it is absent, whatever its weight.

    Args:
        logits: ``[batch, frames, 1 + symbols]``, any floating dtype, the blank first; or a `Padded` of it.
        symbols: ``Padded(integers [batch, longest], integers [batch])``, from 0 upwards.
        weight: ``[batch]``, from 0 upwards; None means that every item counts 1.

    Returns:
        A float32 scalar.

    Raises:
        InputError: the shapes don't belong together, or the symbols are no `Padded` of integers.

    Example:
        >>> even, said = jnp.zeros((1, 2, 2)), Padded(jnp.array([[0]]), jnp.array([1]))  # of 4 paths, 3 say it
        >>> round(float(jnp.exp(-ctc(even, said))), 4)
        0.75

    Reference:
        Graves et al. 2006, *Connectionist temporal classification*; `optax.ctc_loss`.
    """
    values, frames = _frames("ctc", logits, symbols)
    values = values.astype(jnp.float32)  # as optax computes it
    w = weights(weight, values)
    places, frame = jnp.arange(symbols.values.shape[1]), jnp.arange(values.shape[1])
    present = places < symbols.length[:, None]
    needed = frames_needed(jnp.where(present, symbols.values, -1))
    w = jnp.where(needed <= frames, w, 0.0)
    valid = (frame < frames[:, None]) & (w > 0)[:, None]
    values = jnp.where(valid[..., None], values, 0.0)
    labels = jnp.where(present, symbols.values + 1, 0)
    paddings = ((~valid).astype(values.dtype), (~present).astype(values.dtype))
    loss = optax.losses.ctc_loss(values, paddings[0], labels, paddings[1], blank_id=BLANK)
    loss = jnp.where(w > 0, loss, 0.0) / jnp.maximum(symbols.length, 1).astype(loss.dtype)
    return mean(loss, w)


def next_symbol(
    logits: Any, symbols: Padded, weight: Array | None = None, *, label_smoothing: float = 0.0
) -> jax.Array:
    """Compute the weighted mean over a batch of the mean cross-entropy of the steps of an item, the end included.

    Step i of an item has to say its symbol i, and the step behind the last one the end.

    Args:
        logits: ``[batch, 1 + longest, 1 + symbols]``, any floating dtype, the end first; or a `Padded` of it, whose
            lengths don't matter.
        symbols: ``Padded(integers [batch, longest], integers [batch])``, from 0 upwards.
        weight: ``[batch]``, from 0 upwards; None means that every item counts 1.
        label_smoothing: as in `cross_entropy`.

    Returns:
        A scalar, float32, or float64 where the logits are.

    Raises:
        InputError: the shapes don't belong together, or a smoothing is out of range.

    Example:
        >>> logits = jnp.array([[[0.0, 99.0], [99.0, 0.0], [0.0, 0.0]]])
        >>> float(next_symbol(logits, Padded(jnp.array([[0, 0]]), jnp.array([1]))))
        0.0
    """
    values, _ = _frames("next_symbol", logits, symbols)
    check_smoothing("next_symbol", label_smoothing)
    if values.shape[1] != symbols.values.shape[1] + 1:
        raise InputError(
            f"next_symbol: expected logits of {symbols.values.shape[1] + 1} steps for transcripts of up to "
            f"{symbols.values.shape[1]} symbols, got {values.shape[1]}; was the model given the symbols (Prompted)?"
        )
    w = weights(weight, values)
    step, n = jnp.arange(values.shape[1]), symbols.length[:, None]
    counts = (step <= n) & (w > 0)[:, None]
    wanted = jnp.where(step < n, jnp.pad(symbols.values, ((0, 0), (0, 1))) + 1, BLANK)
    values = jnp.where(counts[..., None], values, 0.0)
    loss = optax.losses.softmax_cross_entropy_with_integer_labels(values, jnp.where(counts, wanted, 0))
    if label_smoothing:
        even = -jax.nn.log_softmax(values).mean(axis=-1)
        loss = (1 - label_smoothing) * loss + label_smoothing * even
    return mean(jnp.where(counts, loss, 0.0).sum(axis=1) / (n[:, 0] + 1).astype(loss.dtype), w)


def _frames(function: str, logits: Any, symbols: Any) -> tuple[jax.Array, jax.Array]:
    """Return logits ``[batch, frames, classes]``, widened, and how many frames are valid; check what they are."""
    values = widened(jnp.asarray(logits.values if isinstance(logits, Padded) else logits))
    shape = symbols.values.shape if isinstance(symbols, Padded) else None
    if values.ndim != 3 or shape is None or len(shape) != 2 or shape[0] != values.shape[0]:
        raise InputError(
            f"{function}: expected logits [batch, frames, classes] and symbols Padded([batch, longest], [batch]), got "
            f"{values.shape} and {shape or type(symbols).__name__}; does the model keep its time (no pooling)?"
        )
    if not jnp.issubdtype(symbols.values.dtype, jnp.integer):
        raise InputError(f"{function}: expected symbols as integers, got {symbols.values.dtype}")
    whole = jnp.full(values.shape[:1], values.shape[1])
    return values, jnp.asarray(logits.length) if isinstance(logits, Padded) else whole
