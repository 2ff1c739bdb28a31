"""What an augmentation is, and what several of them share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import jax
import jax.numpy as jnp

from jaxlisten.errors import InputError
from jaxlisten.types import Array, Batch, Padded


class Augmentation(Protocol):
    """A random change of a batch. Equal settings are equal values, so that a step is compiled once."""

    def __call__(self, key: Array, batch: Batch) -> Batch: ...


@dataclass(frozen=True)
class Chain:
    """Apply augmentations one after the other, each with a key of its own.

    Args:
        parts: the first one first.
    """

    parts: tuple[Augmentation, ...]

    def __call__(self, key: Array, batch: Batch) -> Batch:
        for index, part in enumerate(self.parts):
            batch = part(jax.random.fold_in(key, index), batch)
        return batch


def clips(augmentation: object, batch: Batch) -> tuple[Array, Array]:
    """Return the samples ``[batch, time]`` and the lengths ``[batch]``; refuse anything but raw sound."""
    x = batch.x
    values = x.values if isinstance(x, Padded) else x
    if getattr(values, "ndim", 0) != 2 or not jnp.issubdtype(values.dtype, jnp.floating):
        raise InputError(
            f"{type(augmentation).__name__}: expected a batch of raw sound, x [batch, time], got "
            f"{getattr(values, 'dtype', type(values).__name__)} {getattr(values, 'shape', '')}; train without augment="
        )
    values = jnp.asarray(values)
    n = jnp.asarray(x.length) if isinstance(x, Padded) else jnp.full(values.shape[:1], values.shape[1], jnp.int32)
    return values, n


def changed(batch: Batch, x: Array, n: Array) -> Batch:
    return batch._replace(x=Padded(x, n) if isinstance(batch.x, Padded) else x)


def present(x: Array, n: Array) -> Array:
    """Set what lies behind the end of each clip to zero."""
    return jnp.where(jnp.arange(x.shape[1]) < n[:, None], x, 0)


def power(x: Array, n: Array) -> Array:
    """Compute the mean square of each clip, ``[batch, 1]``."""
    return jnp.square(present(x, n)).sum(1, keepdims=True) / jnp.maximum(n, 1).astype(x.dtype)[:, None]


def take(x: Array, index: Array, n: Array) -> Array:
    """Take samples by their place in each clip, silence outside it."""
    inside = (index >= 0) & (index < n[:, None])
    return jnp.where(inside, jnp.take_along_axis(x, jnp.clip(index, 0, x.shape[1] - 1), axis=1), 0)


def drawn_level(key: Array, x: Array, n: Array, snr_db: tuple[float, float], share: float) -> Array:
    """Draw the amplitude ``[batch, 1]`` of what is added to each clip; 0 for clips that nothing is added to."""
    ratio_key, share_key = jax.random.split(key)
    ratio = jax.random.uniform(ratio_key, (len(x), 1), x.dtype, *snr_db)
    chosen = jax.random.bernoulli(share_key, float(share), (len(x), 1))
    return jnp.where(chosen, jnp.sqrt(power(x, n)) * (10 ** (-ratio / 20)).astype(x.dtype), 0)


def timed(batch: Batch) -> bool:
    """Whether the targets are events, ``[batch, most, 3]`` of start, end and class."""
    return not isinstance(batch.y, Padded) and jnp.ndim(batch.y) == 3 and jnp.shape(batch.y)[2] == 3


def refuse_events(augmentation: object, batch: Batch) -> None:
    """Refuse targets that would have to move with the sound.

    Raises:
        InputError: they are events.
    """
    if timed(batch):
        raise InputError(
            f"{type(augmentation).__name__}: expected targets of whole clips, got events in time; leave it out"
        )


def check_order(value: Any, low: str, high: str) -> None:
    a, b = getattr(value, low), getattr(value, high)
    if not a <= b:
        raise InputError(f"{type(value).__name__}: expected {low} no higher than {high}, got {a} and {b}")


def check_range(value: Any, name: str) -> None:
    pair = getattr(value, name)
    if not isinstance(pair, tuple) or len(pair) != 2 or not pair[0] <= pair[1]:
        raise InputError(f"{type(value).__name__}: expected {name} as a pair (low, high), got {pair!r}")


def check_share(value: Any, name: str) -> None:
    if not 0 <= getattr(value, name) <= 1:
        raise InputError(f"{type(value).__name__}: expected {name} from 0 to 1, got {getattr(value, name)}")
