"""Augmentation of features: layers behind the front end that do nothing but with ``train=True``."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from jaxlisten.errors import refuse
from jaxlisten.nn.layer import channels_of, layer
from jaxlisten.nn.time import Stepwise
from jaxlisten.types import Array, Params, State


class _InTraining(Stepwise):
    """What these layers share. Subclasses define `vary`, which sees items ``[item, time, channel]``."""

    def forward(
        self, params: Params, state: State, x: Array, valid: Array | None, *, key: Array | None, train: bool
    ) -> tuple[Array, State]:
        if not train:
            return x, state
        if key is None:
            refuse(self, "a key for train=True", "key=None", "pass key=jax.random.key(...)")
        channels_of(self, x, least_ndim=2)
        items = x.reshape(-1, *x.shape[-2:])
        length = x.shape[-2] if valid is None else jnp.broadcast_to(valid, x.shape[:-1]).sum(-1).ravel()
        length = jnp.broadcast_to(jnp.asarray(length, jnp.float32), items.shape[:1])
        return self.vary(key, items, length).reshape(x.shape), state

    def vary(self, key: Array, x: Array, length: Array) -> Array:
        """Change ``x [item, time, channel]`` of which ``length [item]`` steps are valid."""
        raise NotImplementedError


@layer
class SpecAugment(_InTraining):
    """With ``train=True``, set random bands and random spans of time to 0: ``[*batch, time, channel]`` as it comes.

    Put it behind `Normalize`, where 0 is the mean. Each mask has a width drawn evenly from 0 to the widest, and a place
    drawn evenly from those where it fits.

    Args:
        bands: masks along the channels of each clip.
        band_share: the widest of them, as a share of all channels.
        spans: masks along time of each clip.
        span_share: the widest of them, as a share of the clip.

    Reference:
        Park et al. 2019, *SpecAugment*, section 2, without time warping.
    """

    bands: int = 2
    band_share: float = 0.15
    spans: int = 2
    span_share: float = 0.2

    def __post_init__(self) -> None:
        if self.bands < 0 or self.spans < 0:
            refuse(self, "bands and spans of 0 or more", f"{self.bands} and {self.spans}")
        if not (0 <= self.band_share <= 1 and 0 <= self.span_share <= 1):
            refuse(self, "band_share and span_share from 0 to 1", f"{self.band_share} and {self.span_share}")

    def vary(self, key: Array, x: Array, length: Array) -> Array:
        band_key, span_key = jax.random.split(key)
        channels = jnp.full(length.shape, x.shape[2], jnp.float32)
        masked = _masks(band_key, self.bands, self.band_share, channels, x.shape[2])[:, None, :]
        masked |= _masks(span_key, self.spans, self.span_share, length, x.shape[1])[:, :, None]
        return jnp.where(masked, jnp.zeros((), x.dtype), x)


def _masks(key: Array, count: int, share: float, size: Array, n: int) -> Array:
    """Draw `count` masks for each item along an axis of `n` places of which ``size [item]`` count: ``[item, n]``."""
    width_key, place_key = jax.random.split(key)
    width = jax.random.uniform(width_key, (count, len(size), 1), maxval=share) * size[:, None]
    begin = jax.random.uniform(place_key, width.shape) * (size[:, None] - width)
    place = jnp.arange(n, dtype=jnp.float32) + 0.5  # the middle of each, so that the first one counts like the last
    return ((place >= begin) & (place < begin + width)).any(0)


@layer
class FrequencyWarp(_InTraining):
    """With ``train=True``, stretch and shift the bands of each clip: ``[*batch, time, channel]`` as it comes.

    Another vocal tract, or another size of instrument, moves resonances along the mel scale. Band f becomes what the
    input has, interpolated, at band ``a f + b``, with a drawn evenly from ``1 - stretch`` to ``1 + stretch`` and b from
    ``-shift`` to ``shift``; beyond the lowest and the highest band their values go on.

    Args:
        stretch: from 0 to below 1.
        shift: as a share of all channels.

    Reference:
        Jaitly and Hinton 2013, *Vocal tract length perturbation*, with an affine warp of the mel scale.
    """

    stretch: float = 0.1
    shift: float = 0.06

    def __post_init__(self) -> None:
        if not 0 <= self.stretch < 1 or not 0 <= self.shift <= 1:
            refuse(self, "stretch from 0 to below 1, shift from 0 to 1", f"{self.stretch} and {self.shift}")

    def vary(self, key: Array, x: Array, length: Array) -> Array:
        a_key, b_key = jax.random.split(key)
        channels, one = x.shape[2], (len(x), 1)
        a = 1 + jax.random.uniform(a_key, one, minval=-self.stretch, maxval=self.stretch)
        b = channels * jax.random.uniform(b_key, one, minval=-self.shift, maxval=self.shift)
        band = jnp.arange(channels, dtype=jnp.float32)
        source = jnp.clip(a * band + b, 0, channels - 1)
        # One small matrix for each clip, [from, to]: a product is far cheaper than a gather.
        weights = jnp.maximum(0, 1 - jnp.abs(source[:, None, :] - band[:, None]))
        return x @ weights.astype(x.dtype)


@layer
class FilterAugment(_InTraining):
    """With ``train=True``, colour each clip by a filter of its own: ``[*batch, time, channel]`` as it comes.

    Another microphone, room or distance raises some bands and lowers others, the same in all of a recording. A random
    gain is drawn for each of some bands from the lowest to the highest, and those between lie on straight lines.

    Args:
        gain: the largest, up and down, in the units of what comes in: decibels behind `LogMel`.
        knots: bands whose gain is drawn.
        share: of the clips that are coloured.

    Reference:
        Nam, Kim and Park 2022, *FilterAugment: an acoustic environmental data augmentation method*, the linear type,
        with bands at equal distances.
    """

    gain: float = 6.0
    knots: int = 6
    share: float = 1.0

    def __post_init__(self) -> None:
        if self.gain < 0 or self.knots < 2:
            refuse(self, "gain of 0 or more and 2 knots or more", f"{self.gain} and {self.knots}")
        if not 0 <= self.share <= 1:
            refuse(self, "share from 0 to 1", str(self.share))

    def vary(self, key: Array, x: Array, length: Array) -> Array:
        gain_key, share_key = jax.random.split(key)
        gains = jax.random.uniform(gain_key, (len(x), self.knots), minval=-self.gain, maxval=self.gain)
        gains = jnp.where(jax.random.bernoulli(share_key, self.share, (len(x), 1)), gains, 0)
        place = np.linspace(0, self.knots - 1, x.shape[2])
        between = np.maximum(0, 1 - np.abs(place - np.arange(self.knots)[:, None]))
        return x + (gains @ between.astype(np.float32))[:, None].astype(x.dtype)
