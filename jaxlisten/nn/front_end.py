"""Front ends: from raw sound ``[*batch, time]`` to features ``[*batch, time, channel]``, inside the model."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np

from jaxlisten.errors import refuse
from jaxlisten.features.cepstral import mfcc
from jaxlisten.features.decibel import power_to_db
from jaxlisten.features.spectral import mel_filters, mel_product, power_spectrum, window_samples
from jaxlisten.nn.layer import layer, positive, where_present
from jaxlisten.nn.time import Reach, Windowed
from jaxlisten.ops import frame
from jaxlisten.types import Array, Params, State


@layer
class Raw(Windowed):
    """The samples themselves, as steps of one channel: ``[*batch, time]`` to ``[*batch, time, 1]``.

    It lets a model of convolutions begin at the waveform: ``serial(Raw(), Conv1D(64, 80, stride=16), ...)``.
    """

    step_ndim: ClassVar[int] = 0

    def reach(self) -> Reach:
        return Reach(0, 0)

    def forward(
        self, params: Params, state: State, x: Array, valid: Array, *, key: Array | None, train: bool
    ) -> tuple[Array, State]:
        return x[..., None], state


class CentredFrames(Windowed):
    """What front ends with frames share: n samples have ``1 + n // hop_length``, frame t centred on ``t * hop_length``.

    Frames see zeros beyond the ends of the clip.
    """

    hop_length: int

    step_ndim: ClassVar[int] = 0

    def out_length(self, n: Any) -> Any:
        return where_present(n, 1 + n // self.hop_length)

    def emits(self, valid: Array) -> Array:
        # A frame exists if its centre is in the clip, or is the first sample behind it.
        shifted = jnp.concatenate([jnp.zeros_like(valid[..., :1]), valid[..., :-1]], axis=-1)
        return super().emits(valid | shifted)


class MelFrames(CentredFrames):
    """What front ends on a mel scale share: their settings, and the energy in each band."""

    sr: int
    n_fft: int
    hop_length: int
    n_mels: int
    win_length: int | None
    fmin: float
    fmax: float | None

    def __post_init__(self) -> None:
        positive(self, "sr", "n_fft", "hop_length", "n_mels")
        if self.n_fft % 2:
            refuse(self, "an even n_fft, so that frames have a centre", str(self.n_fft))
        if self.win_length is not None and not 0 < self.win_length <= self.n_fft:
            refuse(self, f"win_length from 1 to n_fft={self.n_fft}", str(self.win_length))
        check_band(self, self.fmin, self.fmax, self.sr)

    def reach(self) -> Reach:
        return Reach(self.n_fft // 2, self.n_fft - 1 - self.n_fft // 2, self.hop_length)

    def mel(self, x: Array, power: float = 2.0) -> Array:
        """Return the energy in each band of every whole frame, ``[*batch, frames, n_mels]``, in float32 at least."""
        filters = mel_filters(sr=self.sr, n_fft=self.n_fft, n_mels=self.n_mels, fmin=self.fmin, fmax=self.fmax)
        window = window_samples("hann", self.win_length or self.n_fft, self.n_fft)
        return mel_product(power_spectrum(frame(x, self.n_fft, self.hop_length), window, power), filters)


def check_band(layer: object, fmin: float, fmax: float | None, sr: int) -> None:
    """Refuse a layer whose band of frequencies is empty or not below half the sample rate."""
    if not 0 <= fmin < (sr / 2 if fmax is None else fmax) <= sr / 2:
        refuse(layer, f"0 <= fmin < fmax <= sr / 2 = {sr / 2:g} Hz", f"fmin={fmin}, fmax={fmax}")


def check_amin(layer: Any) -> None:
    """Refuse a layer whose least power is not above 0."""
    if layer.amin <= 0:
        refuse(layer, "amin above 0", str(layer.amin))


@layer
class Mel(MelFrames):
    """Mel spectrogram: ``[*batch, time]`` to the energy in each band, ``[*batch, frames, n_mels]``, at least 0.

    Frames are centred and see zeros beyond the ends of the clip. A clip of n samples has ``1 + n // hop_length``.
    Energies span many orders of magnitude: follow it with `PCEN`, or take a `LogMel`.

    Args:
        sr: sample rate of the input in Hz.
        n_fft: samples a frame, after zero-padding the window; even.
        hop_length: samples between two frames.
        n_mels: mel bands.
        win_length: samples of the Hann window; None: `n_fft`.
        fmin, fmax: edges of the lowest and the highest band in Hz; None: ``sr / 2``.
        power: exponent of the magnitude: 2 for power, 1 for magnitude.

    Reference:
        ``librosa.feature.melspectrogram(...).T``, within 1e-5 of the largest value.
    """

    sr: int
    n_fft: int = 512
    hop_length: int = 160
    n_mels: int = 64
    win_length: int | None = None
    fmin: float = 0.0
    fmax: float | None = None
    power: float = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.power <= 0:
            refuse(self, "power above 0", str(self.power))

    def forward(
        self, params: Params, state: State, x: Array, valid: Array, *, key: Array | None, train: bool
    ) -> tuple[Array, State]:
        return self.mel(x, self.power).astype(x.dtype), state


@layer
class LogMel(MelFrames):
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
        ``librosa.power_to_db(librosa.feature.melspectrogram(...), amin=amin, top_db=None).T``, within 1e-3 dB down to
        80 dB below the peak of the clip. Bands that a lossy codec has emptied lie further down, and differ by up to
        0.05 dB.
    """

    sr: int
    n_fft: int = 512
    hop_length: int = 160
    n_mels: int = 64
    win_length: int | None = None
    fmin: float = 0.0
    fmax: float | None = None
    amin: float = 1e-10

    def __post_init__(self) -> None:
        super().__post_init__()
        check_amin(self)

    def forward(
        self, params: Params, state: State, x: Array, valid: Array, *, key: Array | None, train: bool
    ) -> tuple[Array, State]:
        return power_to_db(self.mel(x), amin=self.amin, top_db=None).astype(x.dtype), state


@layer
class MFCC(MelFrames):
    """Mel-frequency cepstral coefficients: ``[*batch, time]`` to ``[*batch, frames, n_mfcc]``.

    The orthonormal cosine transform of the levels that a `LogMel` of the same settings gives, its first coefficients.

    Args:
        sr: sample rate of the input in Hz.
        n_mfcc: coefficients, at most `n_mels`.
        n_fft, hop_length, n_mels, win_length, fmin, fmax, amin: as in `LogMel`.
        lifter: 0, or L: coefficient i, counted from 1, is multiplied by ``1 + L / 2 sin(pi i / L)``.

    Reference:
        ``librosa.feature.mfcc(S=librosa.power_to_db(librosa.feature.melspectrogram(...), top_db=None), ...).T``, within
        1e-5 of the largest value.

    Example:
        >>> import jax, jaxlisten as jl
        >>> jl.MFCC(sr=16_000, n_mfcc=13).apply({}, {}, jax.numpy.zeros(16_000))[0].shape
        (101, 13)
    """

    sr: int
    n_mfcc: int = 20
    n_fft: int = 512
    hop_length: int = 160
    n_mels: int = 64
    win_length: int | None = None
    fmin: float = 0.0
    fmax: float | None = None
    amin: float = 1e-10
    lifter: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_amin(self)
        positive(self, "n_mfcc")
        if self.n_mfcc > self.n_mels:
            refuse(self, f"n_mfcc of at most n_mels={self.n_mels}", str(self.n_mfcc))
        if self.lifter < 0:
            refuse(self, "lifter of at least 0", str(self.lifter))

    def basis(self) -> np.ndarray:
        """Return what the levels are multiplied by, ``[n_mels, n_mfcc]``, float32."""
        return np.asarray(self._coefficients(jnp.eye(self.n_mels)))

    def of_constant(self) -> np.ndarray:
        """Return the coefficients of levels that are all 1, ``[n_mfcc]``, float32: only the first is not 0."""
        first = math.sqrt(self.n_mels)
        if self.lifter:
            first *= 1 + self.lifter / 2 * math.sin(math.pi / self.lifter)
        return np.where(np.arange(self.n_mfcc) == 0, np.float32(first), np.float32(0))

    def forward(
        self, params: Params, state: State, x: Array, valid: Array, *, key: Array | None, train: bool
    ) -> tuple[Array, State]:
        levels = power_to_db(self.mel(x), amin=self.amin, top_db=None)
        # Levels lie far below 0 dB: without their mean, which is in the first coefficient only, little is lost in sums.
        mean = jnp.mean(levels, axis=-1, keepdims=True)
        mfcc = self._coefficients(levels - mean) + mean * self.of_constant().astype(levels.dtype)
        return mfcc.astype(x.dtype), state

    def _coefficients(self, levels: Array) -> Array:
        return jnp.swapaxes(mfcc(S=jnp.swapaxes(levels, -1, -2), n_mfcc=self.n_mfcc, lifter=self.lifter), -1, -2)
