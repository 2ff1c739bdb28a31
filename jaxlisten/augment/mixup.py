"""Mixing clips with each other, their targets included."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from jaxlisten.augment.base import changed, check_share, clips, power, present, refuse_events
from jaxlisten.errors import InputError
from jaxlisten.types import Array, Batch


@dataclass(frozen=True)
class Mixup:
    """Mix each clip with its neighbour in the batch, and their targets in the same proportion.

    With l drawn from Beta(alpha, alpha) and reflected to at least a half, and both clips at the level of the first::

        x' = l x_i + (1 - l) x_j,        y' = l y_i + (1 - l) y_j

    Args:
        alpha: above 0; 1 draws proportions evenly, small ones mix hardly at all.
        classes: how many there are, where the targets are class indices; None: they are numbers already.
        share: of the clips that are mixed.

    Reference:
        Zhang et al. 2018, *mixup: Beyond empirical risk minimization*.
    """

    alpha: float = 0.2
    classes: int | None = None
    share: float = 1.0

    def __post_init__(self) -> None:
        check_share(self, "share")
        if self.alpha <= 0:
            raise InputError(f"Mixup: expected alpha above 0, got {self.alpha}")

    def __call__(self, key: Array, batch: Batch) -> Batch:
        refuse_events(self, batch)
        x, n = clips(self, batch)
        y = self._numbers(batch.y)
        part_key, share_key = jax.random.split(key)
        part = jax.random.choice(part_key, _beta_quantiles(self.alpha), (len(x),))
        both = (batch.weight > 0) & (jnp.roll(batch.weight, 1) > 0)
        mixed = both & jax.random.bernoulli(share_key, self.share, (len(x),))
        part = jnp.where(mixed, jnp.maximum(part, 1 - part), 1.0)
        x = present(x, n)
        other = jnp.roll(x, 1, axis=0)
        level = jnp.sqrt(power(x, n) / jnp.maximum(power(other, jnp.roll(n, 1)), 1e-20))
        mine, its = part.astype(x.dtype)[:, None], (1 - part).astype(x.dtype)[:, None]
        x = mine * x + jnp.where(mixed[:, None], its * level * other, 0)
        n = jnp.where(mixed, jnp.maximum(n, jnp.roll(n, 1)), n)
        part = part.reshape(-1, *(1,) * (y.ndim - 1))
        return changed(batch._replace(y=part * y + (1 - part) * jnp.roll(y, 1, axis=0)), x, n)

    def _numbers(self, y: Array) -> Array:
        y = jnp.asarray(y)
        if y.ndim > 1 or jnp.issubdtype(y.dtype, jnp.floating):
            return y.astype(jnp.float32)
        if self.classes is None:
            raise InputError("Mixup: class indices can't be mixed; say how many classes there are, classes=")
        return jax.nn.one_hot(y, self.classes)


@functools.cache
def _beta_quantiles(alpha: float) -> np.ndarray:
    """Return 1,000 quantiles of Beta(alpha, alpha): drawing one compiles in no time, where a sampler takes seconds."""
    from scipy.special import betaincinv

    return betaincinv(alpha, alpha, (np.arange(1000) + 0.5) / 1000).astype(np.float32)
