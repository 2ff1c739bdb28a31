"""Front ends: from raw sound ``[*batch, time]`` to features ``[*batch, time, channel]``, inside the model."""

from __future__ import annotations

from typing import Any, ClassVar

import jax.numpy as jnp

from jaxlisten.errors import refuse
from jaxlisten.features.decibel import power_to_db
from jaxlisten.features.spectral import mel_filters, mel_product, power_spectrum, window_samples
from jaxlisten.nn.layer import layer, positive, where_present
from jaxlisten.nn.time import Reach, Windowed
from jaxlisten.ops import frame
from jaxlisten.types import Array, Params, State


@layer
class LogMel(Windowed):
    """Log-mel spectrogram in dB: ``[*batch, time]`` to ``[*batch, frames, n_mels]``.

    Frames are centred and see zeros beyond the ends of the clip. A clip of n samples has ``1 + n // hop_length``.

    Args:
        sr: sample rate of the input in Hz.
        n_fft: samples a frame, after zero-padding the window; even.
        hop_length: samples between two frames.
        n_mels: mel bands.
        win_length: samples of the Hann window; None: `n_fft`.
        fmin, fmax: edges of the lowest and the highest band in Hz; None: ``sr / 2``.
        amin: the least power that is told from silence: levels never fall below ``10 log10(amin)`` dB.

    Reference:
        ``librosa.power_to_db(librosa.feature.melspectrogram(...), amin=amin, top_db=None).T``, within 1e-3 dB.
    """

    sr: int
    n_fft: int = 512
    hop_length: int = 160
    n_mels: int = 64
    win_length: int | None = None
    fmin: float = 0.0
    fmax: float | None = None
    amin: float = 1e-10

    step_ndim: ClassVar[int] = 0

    def __post_init__(self) -> None:
        positive(self, "sr", "n_fft", "hop_length", "n_mels")
        if self.n_fft % 2:
            refuse(self, "an even n_fft, so that frames have a centre", str(self.n_fft))
        if self.win_length is not None and not 0 < self.win_length <= self.n_fft:
            refuse(self, f"win_length from 1 to n_fft={self.n_fft}", str(self.win_length))
        if not 0 <= self.fmin < (self.sr / 2 if self.fmax is None else self.fmax) <= self.sr / 2:
            refuse(self, f"0 <= fmin < fmax <= sr / 2 = {self.sr / 2:g} Hz", f"fmin={self.fmin}, fmax={self.fmax}")
        if self.amin <= 0:
            refuse(self, "amin above 0", str(self.amin))

    def reach(self) -> Reach:
        return Reach(self.n_fft // 2, self.n_fft - 1 - self.n_fft // 2, self.hop_length)

    def out_length(self, n: Any) -> Any:
        return where_present(n, 1 + n // self.hop_length)

    def emits(self, valid: Array) -> Array:
        # A frame exists if its centre is in the clip, or is the first sample behind it.
        shifted = jnp.concatenate([jnp.zeros_like(valid[..., :1]), valid[..., :-1]], axis=-1)
        return super().emits(valid | shifted)

    def forward(
        self, params: Params, state: State, x: Array, valid: Array, *, key: Array | None, train: bool
    ) -> tuple[Array, State]:
        filters = mel_filters(sr=self.sr, n_fft=self.n_fft, n_mels=self.n_mels, fmin=self.fmin, fmax=self.fmax)
        window = window_samples("hann", self.win_length or self.n_fft, self.n_fft)
        frames = frame(x, self.n_fft, self.hop_length)
        levels = power_to_db(mel_product(power_spectrum(frames, window), filters), amin=self.amin, top_db=None)
        return levels.astype(x.dtype), state
