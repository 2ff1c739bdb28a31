"""Augmentations that change when a sound is heard, and how fast."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from jaxlisten.augment.base import changed, check_order, check_share, clips, refuse_events, take, timed
from jaxlisten.errors import InputError
from jaxlisten.types import Array, Batch, Padded


@dataclass(frozen=True)
class TimeShift:
    """Move each clip in its frame: silence comes in at one end, and what leaves at the other is lost.

    Args:
        share: the largest shift to either side, as a share of the clip.
    """

    share: float = 0.1

    def __post_init__(self) -> None:
        check_share(self, "share")

    def __call__(self, key: Array, batch: Batch) -> Batch:
        refuse_events(self, batch)
        x, n = clips(self, batch)
        by = jax.random.uniform(key, (len(x),), minval=-self.share, maxval=self.share) * n.astype(jnp.float32)
        source = jnp.arange(x.shape[1]) - jnp.round(by).astype(jnp.int32)[:, None]
        return changed(batch, take(x, source, n), n)


@dataclass(frozen=True)
class Speed:
    """Play each clip faster or slower, which moves its pitch and its formants along: another voice or instrument.

    Clips become shorter or longer, and the times of events with them; what no longer fits in the batch is cut off. The
    factor is drawn evenly on a logarithmic scale, and samples are interpolated by cubics through four of them
    (Catmull-Rom).

    Args:
        low, high: the range of the factor; above 1 is faster and higher.
        whole: play no clip slower than still fits in the batch, where the end of a clip matters as much as the rest of
            it, as in transcripts.

    Reference:
        Ko et al. 2015, *Audio augmentation for speech recognition*.
    """

    low: float = 0.85
    high: float = 1.15
    whole: bool = False

    def __post_init__(self) -> None:
        check_order(self, "low", "high")
        if self.low <= 0:
            raise InputError(f"Speed: expected factors above 0, got low={self.low}")

    def __call__(self, key: Array, batch: Batch) -> Batch:
        x, n = clips(self, batch)
        low, high = float(np.log(self.low)), float(np.log(self.high))
        factor = jnp.exp(jax.random.uniform(key, (len(x), 1), minval=low, maxval=high))
        if self.whole:
            factor = jnp.maximum(factor, n.astype(jnp.float32)[:, None] / x.shape[1])
        place = jnp.arange(x.shape[1], dtype=jnp.float32) * factor
        whole = jnp.floor(place)
        t, i = (place - whole).astype(x.dtype), whole.astype(jnp.int32)
        a, b, c, d = (take(x, i + k, n) for k in (-1, 0, 1, 2))
        y = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
        length = jnp.clip(jnp.floor(n.astype(jnp.float32) / factor[:, 0]).astype(n.dtype), 1, x.shape[1])
        targets = batch.y
        if timed(batch):
            targets = jnp.concatenate([targets[..., :2] / factor[..., None], targets[..., 2:]], axis=-1)
        return Batch(Padded(y, jnp.where(n > 0, length, 0)), targets, batch.weight)
