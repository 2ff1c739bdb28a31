"""Two pieces of each clip, for a model that learns without labels which of them belong together."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from jaxlisten.augment.base import Augmentation, Chain, check_range, clips, take
from jaxlisten.augment.level import Noise
from jaxlisten.augment.time import Speed
from jaxlisten.errors import InputError
from jaxlisten.types import Array, Batch, Padded

_USUAL = Chain((Speed(), Noise()))


@dataclass(frozen=True)
class Views:
    """Cut two pieces out of each clip, and change each of them on its own: ``x [batch, 2, time]``.

    A piece begins anywhere where it fits, and its length is drawn evenly from a range of shares of the clip.

    Args:
        share: the range, above 0 and up to 1; of a clip of any length, a piece has at least one sample.
        vary: what is done to each piece; None: nothing. By default it is `Speed` and `Noise` as they come.

    Returns:
        When called with clips ``[batch, time]``: a `Padded` of ``[batch, 2, time]`` and ``[batch, 2]``. Targets and
        weights stay those of the clips.

    Reference:
        Chen et al. 2020, *A simple framework for contrastive learning of visual representations*, section 2.

    Example:
        >>> batch = Batch(jnp.ones((3, 800)), jnp.zeros((3, 0)), jnp.ones(3))
        >>> Views()(jax.random.key(0), batch).x.values.shape
        (3, 2, 800)
    """

    share: tuple[float, float] = (0.6, 1.0)
    vary: Augmentation | None = _USUAL

    def __post_init__(self) -> None:
        check_range(self, "share")
        if not 0 < self.share[0] <= self.share[1] <= 1:
            raise InputError(f"Views: expected share above 0 and up to 1, got {self.share}")

    def __call__(self, key: Array, batch: Batch) -> Batch:
        x, n = (jnp.repeat(a, 2, axis=0) for a in clips(self, batch))
        share_key, place_key, vary_key = jax.random.split(key, 3)
        share = jax.random.uniform(share_key, n.shape, minval=self.share[0], maxval=self.share[1])
        length = jnp.ceil(share * n.astype(jnp.float32)).astype(n.dtype)
        room = (n - length + 1).astype(jnp.float32)
        begin = jnp.floor(jax.random.uniform(place_key, n.shape) * room).astype(jnp.int32)
        pieces = Padded(take(x, begin[:, None] + jnp.arange(x.shape[1]), n), length)
        if self.vary is not None:
            given = Batch(pieces, jnp.zeros((len(x), 0)), jnp.repeat(batch.weight, 2))
            pieces = self.vary(vary_key, given).x
        return batch._replace(x=jax.tree.map(lambda a: a.reshape(-1, 2, *a.shape[1:]), pieces))
