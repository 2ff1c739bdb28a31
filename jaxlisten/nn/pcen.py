"""Per-channel energy normalisation with trained settings."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from jaxlisten import ops
from jaxlisten.errors import refuse
from jaxlisten.nn.combine import Serial, serial
from jaxlisten.nn.front_end import Mel
from jaxlisten.nn.layer import channels_of, layer, positive, same_channels
from jaxlisten.nn.time import Stepwise, silenced
from jaxlisten.types import Array, Chunk, Params, State


@layer
class PCEN(Stepwise):
    """Per-channel energy normalisation: ``[*batch, time, channel]`` of energies to the same shape.

    Each channel is divided by a leaky mean of its past, which takes away level and steady noise, and is compressed::

        M_t = (1 - s) M_{t-1} + s E_t,      y_t = (E_t / (eps + M_t)^gain + bias)^power - bias^power

    s, gain, bias and power are trained for each channel: s as the logit, the others as logarithms, so that they stay in
    their ranges. Put it behind a `Mel`, as `PCENMel` does. It sees no future, so it streams without delay. Energies
    below 0 count as 0.

    Args:
        sr: sample rate of the sound in Hz.
        hop_length: samples between two steps.
        gain, bias, power: where these settings start, above 0.
        time_constant: where the time constant of the mean starts, in seconds.
        eps: added to the mean, above 0.
        initial: M before the first step. None: the first step itself, so that no level is favoured.

    Reference:
        Wang et al. 2017, equations 1 and 2. At the start it equals ``librosa.pcen(E.T, ...).T`` of the same settings:
        with ``initial=1.0`` by default, with None for ``zi=(1 - s) * E.T[:, :1]``; within 1e-5 of the largest value.
    """

    sr: int
    hop_length: int = 160
    gain: float = 0.98
    bias: float = 2.0
    power: float = 0.5
    time_constant: float = 0.4
    eps: float = 1e-6
    initial: float | None = None

    def __post_init__(self) -> None:
        positive(self, "sr", "hop_length")
        for name in ("gain", "bias", "power", "time_constant", "eps"):
            if getattr(self, name) <= 0:
                refuse(self, f"{name} above 0", str(getattr(self, name)))
        if self.initial is not None and self.initial < 0:
            refuse(self, "initial None or at least 0", str(self.initial))

    def init(self, key: Array, x: Any) -> tuple[Params, State]:
        channels = channels_of(self, x, least_ndim=2)
        steps = self.time_constant * self.sr / self.hop_length
        rate = (math.sqrt(1 + 4 * steps**2) - 1) / (2 * steps**2)
        starts = {
            "rate_logit": math.log(rate / (1 - rate)),
            "log_gain": math.log(self.gain),
            "log_bias": math.log(self.bias),
            "log_power": math.log(self.power),
        }
        return {name: jnp.full(channels, value) for name, value in starts.items()}, {}

    def forward(
        self, params: Params, state: State, x: Array, valid: Array | None, *, key: Array | None, train: bool
    ) -> tuple[Array, State]:
        return self._run(params, self._rest(x), x, valid)[1], state

    def start(self, params: Params, state: State, x: Chunk) -> Any:
        return self._rest(x.values)

    def step(self, params: Params, state: State, carry: Any, chunk: Chunk) -> tuple[Any, Chunk]:
        carry, y = self._run(params, carry, silenced(chunk.values, chunk.valid), chunk.valid)
        return carry, Chunk(y, chunk.valid)

    def settings(self, params: Params) -> tuple[Array, Array, Array, Array]:
        """Return s, gain, bias and power as they are now, each ``[channel]``."""
        gain, bias, power = (jnp.exp(params[f"log_{name}"]) for name in ("gain", "bias", "power"))
        return jax.nn.sigmoid(params["rate_logit"]), gain, bias, power

    def _rest(self, x: Array) -> tuple[Array, Array]:
        dtype = jax.eval_shape(ops.widened, x).dtype
        mean = jnp.full((*x.shape[:-2], x.shape[-1]), self.initial or 0.0, dtype)
        return mean, jnp.full(x.shape[:-2], self.initial is not None)

    def _run(self, params: Params, carry: Any, x: Array, valid: Array | None) -> tuple[Any, Array]:
        channels_of(self, x, least_ndim=2)
        same_channels(self, x, params["rate_logit"].shape[0])
        energy = jnp.maximum(ops.widened(x), 0.0)
        rate, gain, bias, power = (a.astype(energy.dtype) for a in self.settings(params))
        carry, mean = ops.exponential_smoother(energy, rate, carry, valid)
        # Logarithms keep (eps + M)^gain and the difference of the two powers exact where they are small.
        divisor = jnp.exp(gain * (math.log(self.eps) + jnp.log1p(mean / self.eps)))
        y = bias**power * jnp.expm1(power * jnp.log1p(energy / divisor / bias))
        return carry, y.astype(x.dtype)


def PCENMel(
    sr: int,
    n_fft: int = 512,
    hop_length: int = 160,
    n_mels: int = 64,
    win_length: int | None = None,
    fmin: float = 0.0,
    fmax: float | None = None,
    **settings: Any,
) -> Serial:
    """Return a `Mel` of magnitudes with a `PCEN` behind it: ``[*batch, time]`` to ``[*batch, frames, n_mels]``.

    It stands where a `LogMel` stands. It is the chain of the two layers, whose names in it are ``mel`` and ``pcen``.

    Args:
        sr: sample rate of the input in Hz.
        n_fft, hop_length, n_mels, win_length, fmin, fmax: as in `Mel`.
        settings: others of `PCEN`, by name: gain, bias, power, time_constant, eps, initial.

    Reference:
        At the start ``librosa.pcen(librosa.feature.melspectrogram(..., power=1), ...).T``, as in `PCEN`; within 1e-4 of
        the largest value.

    Example:
        >>> import jax, jaxlisten as jl
        >>> front = jl.PCENMel(sr=16_000)
        >>> params, state = front.init(jax.random.key(0), jax.numpy.zeros(16_000))
        >>> front.apply(params, state, jax.numpy.zeros(16_000))[0].shape
        (101, 64)
    """
    mel = Mel(sr, n_fft, hop_length, n_mels, win_length, fmin, fmax, power=1.0)
    return serial(mel, PCEN(sr, hop_length, **settings))
