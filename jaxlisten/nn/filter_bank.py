"""A front end that learns its own filters."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxlisten import ops
from jaxlisten.errors import refuse
from jaxlisten.features.decibel import power_to_db
from jaxlisten.features.spectral import window_samples
from jaxlisten.nn.front_end import CentredFrames, check_amin, check_band
from jaxlisten.nn.layer import layer, positive
from jaxlisten.nn.time import Reach
from jaxlisten.types import Array, Params, State


@layer
class FilterBank(CentredFrames):
    """Learned band-pass filters, in dB: ``[*batch, time]`` to ``[*batch, frames, n_filters]``.

    Each filter is a complex tone under a bell (a Gabor filter) whose centre frequency and bandwidth are trained::

        g[n] = exp(-n^2 / (2 s^2)) / (sqrt(2 pi) s) exp(2 pi i f n / sr),   s = sqrt(2 ln 2) sr / (pi bandwidth)

    The squared magnitude of what passes is averaged by a Hann window every `hop_length` samples: a tone at f of
    amplitude A has the level ``10 log10(A^2 / 2)`` dB. Frames are centred and see zeros beyond the ends of the clip. A
    clip of n samples has ``1 + n // hop_length``, as with `LogMel`. The filters start on the mel scale.

    Args:
        sr: sample rate of the input in Hz.
        n_filters: filters.
        hop_length: samples between two frames.
        win_length: samples of a filter, and of the window of the average. Below ``sr / win_length`` or so, a filter
            can't be narrower.
        stride: evaluate the filters at every stride-th sample only; divides `hop_length`. The work falls by as much,
            and nothing is lost while ``sr / stride`` is above twice the bandwidth.
        fmin, fmax: edges of the lowest and the highest filter at the start, in Hz; None: ``sr / 2``.
        amin: the least power that is told from silence: levels never fall below ``10 log10(amin)`` dB.

    Reference:
        Zeghidour et al. 2021 (LEAF), equations 3 and 4, with one fixed window for the average.

    Example:
        >>> import jax, jaxlisten as jl
        >>> layer = jl.FilterBank(sr=16_000, stride=8)
        >>> params, state = layer.init(jax.random.key(0), jax.numpy.zeros(16_000))
        >>> layer.apply(params, state, jax.numpy.zeros(16_000))[0].shape
        (101, 40)
    """

    sr: int
    n_filters: int = 40
    hop_length: int = 160
    win_length: int = 400
    stride: int = 1
    fmin: float = 60.0
    fmax: float | None = None
    amin: float = 1e-10

    def __post_init__(self) -> None:
        positive(self, "sr", "n_filters", "hop_length", "win_length", "stride")
        if self.hop_length % self.stride:
            refuse(self, f"a stride that divides hop_length={self.hop_length}", str(self.stride))
        check_band(self, self.fmin, self.fmax, self.sr)
        check_amin(self)

    def init(self, key: Array, x: Any) -> tuple[Params, State]:
        import librosa

        fmax = self.sr / 2 if self.fmax is None else self.fmax
        edges = librosa.mel_frequencies(n_mels=self.n_filters + 2, fmin=self.fmin, fmax=fmax)
        place = edges[1:-1] / (self.sr / 2)
        return {
            "centre_logit": jnp.asarray(np.log(place / (1 - place)), jnp.float32),
            "log_bandwidth": jnp.asarray(np.log((edges[2:] - edges[:-2]) / 2), jnp.float32),
        }, {}

    def frequencies(self, params: Params) -> tuple[Array, Array]:
        """Return the centre of each filter and its bandwidth (full width at half maximum) in Hz, ``[n_filters]``."""
        return jax.nn.sigmoid(params["centre_logit"]) * (self.sr / 2), jnp.exp(params["log_bandwidth"])

    def kernels(self, params: Params) -> Array:
        """Return the filters' real parts and then their imaginary ones, ``[taps, 1, 2 * n_filters]``, times sqrt(2)."""
        centre, bandwidth = self.frequencies(params)
        half = self.win_length // 2
        n = jnp.arange(-half, half + 1, dtype=centre.dtype)[:, None]
        spread = np.sqrt(2 * np.log(2)) * self.sr / (np.pi * bandwidth)
        bell = jnp.exp(-0.5 * jnp.square(n / spread)) / (np.sqrt(np.pi) * spread)
        phase = 2 * np.pi / self.sr * n * centre
        return jnp.concatenate([bell * jnp.cos(phase), bell * jnp.sin(phase)], axis=-1)[:, None]

    def average(self) -> np.ndarray:
        """Return the window of the average over the filters' outputs, an odd number of weights that add up to 1."""
        steps = 2 * (self.win_length // 2 // self.stride) + 1
        window = window_samples("hann", steps + 1, steps + 1)[1:]  # symmetric, without the zero at its edge
        return window / window.sum()

    def reach(self) -> Reach:
        side = self.win_length // 2 + self.win_length // 2 // self.stride * self.stride
        return Reach(side, side, self.hop_length)

    def forward(
        self, params: Params, state: State, x: Array, valid: Array, *, key: Array | None, train: bool
    ) -> tuple[Array, State]:
        wide = ops.widened(x)
        with jax.default_matmul_precision("highest"):
            passed = ops.conv1d(wide[..., None], self.kernels(params).astype(wide.dtype), stride=self.stride)
            real, imaginary = jnp.split(jnp.square(passed), 2, axis=-1)
            power = jnp.swapaxes(real + imaginary, -1, -2)[..., None]  # each filter's output as a signal of its own
            window = jnp.asarray(self.average(), wide.dtype)[:, None, None]
            mean = ops.conv1d(power, window, stride=self.hop_length // self.stride)[..., 0]
        return power_to_db(jnp.swapaxes(mean, -1, -2), amin=self.amin, top_db=None).astype(x.dtype), state
