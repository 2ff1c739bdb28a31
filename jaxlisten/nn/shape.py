"""From spectrograms to images of one channel, and from images back to steps of features."""

from __future__ import annotations

from typing import Any

from jaxlisten.errors import refuse
from jaxlisten.nn.layer import channels_of, check_bands, layer
from jaxlisten.nn.time import Stepwise
from jaxlisten.types import Array, Params, State


@layer
class AddChannel(Stepwise):
    """Add an axis of one channel: ``[*batch, time, freq]`` to ``[*batch, time, freq, 1]``.

    Example:
        >>> import jaxlisten as jl
        >>> model = jl.serial(jl.LogMel(8000, n_mels=40), jl.AddChannel(), jl.Conv2D(8, (3, 3)))
        >>> jl.summary(model, (8000,)).rows[-1].output
        (51, 40, 8)
    """

    def init(self, key: Array, x: Any) -> tuple[Params, State]:
        channels_of(self, x, least_ndim=2)
        return {}, {}

    def forward(
        self, params: Params, state: State, x: Array, valid: Array | None, *, key: Array | None, train: bool
    ) -> tuple[Array, State]:
        if x.ndim < 2 or (valid is not None and x.ndim != valid.ndim + 1):
            refuse(self, "x [*batch, time, freq]", str(tuple(x.shape)), "is the front end missing?")
        return x[..., None], state


@layer
class MergeFrequency(Stepwise):
    """Make one axis of frequency and channel: ``[*batch, time, freq, channel]`` to ``[*batch, time, freq * channel]``.

    Channels of one band stay together. It leads from a layer over time and frequency to a recurrent one.

    Example:
        >>> import jaxlisten as jl
        >>> jl.summary(jl.MergeFrequency(), (98, 10, 32)).rows[0].output
        (98, 320)
    """

    def init(self, key: Array, x: Any) -> tuple[Params, State]:
        channels_of(self, x, least_ndim=3)
        return {}, {}

    def forward(
        self, params: Params, state: State, x: Array, valid: Array | None, *, key: Array | None, train: bool
    ) -> tuple[Array, State]:
        check_bands(self, x, valid)
        return x.reshape(*x.shape[:-2], x.shape[-2] * x.shape[-1]), state
