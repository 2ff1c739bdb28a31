"""Per-channel energy normalisation."""

from __future__ import annotations

import functools
import math

import jax.numpy as jnp

from jaxlisten.errors import InputError
from jaxlisten.features.inputs import counts, require, spectra
from jaxlisten.ops import linear_recurrence, safe_power, widened
from jaxlisten.types import Array


def pcen(
    S: Array,
    *,
    sr: float = 22050,
    hop_length: int = 512,
    gain: float = 0.98,
    bias: float = 2.0,
    power: float = 0.5,
    time_constant: float = 0.4,
    eps: float = 1e-6,
    b: float | None = None,
    max_size: int = 1,
    ref: Array | None = None,
    axis: int = -1,
    max_axis: int | None = None,
    zi: Array | None = None,
    return_zf: bool = False,
) -> Array | tuple[Array, Array]:
    """Normalise each channel by its own recent energy, and compress it.

    ``(S / (eps + M) ** gain + bias) ** power - bias ** power`` with ``M_t = (1 - b) M_{t-1} + b ref_t``

    Args:
        S: ``[*batch, freq, time]``, at least 0. librosa advises to scale sound that was read as floats by 2 ** 31.
        sr: sample rate in Hz; with `hop_length` it gives the time of a step.
        hop_length: samples a step.
        gain: how far loudness is taken out, at least 0.
        bias: at least 0; the larger, the less soft sounds are raised.
        power: exponent of the compression, at least 0; 0 takes a logarithm.
        time_constant: of the smoother in seconds, above 0.
        eps: the least energy that is told from silence, above 0.
        b: the smoother's rate from 0 to 1; None: that of `time_constant`.
        max_size: width of a maximum filter along `max_axis` before smoothing; 1: none.
        ref: what is smoothed, of the shape of `S`; None: `S`.
        axis: time.
        max_axis: None: the other one of the last two axes.
        zi: where the smoother stands, ``(1 - b) M_{-1}``, of the shape of `S` with 1 step; None: as after a long time
            of energy 1.
        return_zf: return as well where the smoother stands at the end, which the next piece of a stream takes as `zi`.

    Returns:
        The shape and dtype of `S`; with `return_zf` also the new `zi`, in float32 at least.

    Raises:
        InputError: `S` is not real and floating, or a setting is out of its range.

    Example:
        >>> loud = pcen(jnp.array([[1.0, 1.0, 9.0, 1.0]]), bias=1.0, gain=0.5, b=0.5)
        >>> bool(loud.argmax() == 2)
        True

    Reference:
        `librosa.pcen` of one clip at a time, within 1e-4 of the largest value; Wang et al. 2017, equations 1 and 2.
    """
    S = spectra("pcen", S)
    _check(gain, bias, power, time_constant, eps, max_size)
    if b is None:
        steps = time_constant * sr / hop_length
        b = (math.sqrt(1 + 4 * steps**2) - 1) / (2 * steps**2)
    require(0 <= b <= 1, "pcen", "b from 0 to 1", b)
    x = jnp.moveaxis(widened(S), axis, -2)
    energy = widened(S if ref is None else spectra("pcen", ref))
    require(energy.shape == S.shape, "pcen", f"ref of the shape of S, {S.shape}", energy.shape)
    smoothed = _smoothed(jnp.moveaxis(_loudest(energy, max_size, axis, max_axis), axis, -2), b, zi, axis)
    louder = x * jnp.exp(-gain * (math.log(eps) + jnp.log1p(smoothed / eps)))
    if power == 0:
        y = jnp.log1p(louder)
    elif bias == 0:
        y = safe_power(louder, power)
    else:
        y = bias**power * jnp.expm1(power * jnp.log1p(louder / bias))
    y = jnp.moveaxis(y, -2, axis).astype(S.dtype)
    return (y, jnp.moveaxis((1 - b) * smoothed[..., -1:, :], -2, axis)) if return_zf else y


def _check(gain: float, bias: float, power: float, time_constant: float, eps: float, max_size: int) -> None:
    for name, value in {"gain": gain, "bias": bias, "power": power}.items():
        require(value >= 0, "pcen", f"{name} of at least 0", value)
    for name, value in {"time_constant": time_constant, "eps": eps}.items():
        require(value > 0, "pcen", f"{name} above 0", value)
    counts("pcen", max_size=max_size)


def _smoothed(x: Array, b: float, zi: Array | None, axis: int) -> Array:
    """Smooth ``[*batch, time, freq]`` along time."""
    start = jnp.asarray(1 - b, x.dtype) if zi is None else jnp.moveaxis(jnp.asarray(zi, x.dtype), axis, -2)
    if zi is not None and start.shape != (*x.shape[:-2], 1, x.shape[-1]):
        raise InputError(f"pcen: expected zi of the shape of S with one step, got {jnp.shape(zi)}")
    first, rest = b * x[..., :1, :] + start, b * x[..., 1:, :]
    energy = jnp.concatenate([first, rest], axis=-2)
    return linear_recurrence(jnp.full_like(x, 1 - b), energy, jnp.zeros_like(x[..., 0, :]))


def _loudest(ref: Array, size: int, axis: int, max_axis: int | None) -> Array:
    """Take the maximum over `size` neighbours along an axis; the ends are mirrored, as `scipy.ndimage` does."""
    if size == 1:
        return ref
    along = 2 * ref.ndim - 3 - axis % ref.ndim if max_axis is None else max_axis
    x = jnp.moveaxis(ref, along, -1)
    padded = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(size // 2, size - 1 - size // 2)], mode="symmetric")
    highest = functools.reduce(jnp.maximum, [padded[..., k : k + x.shape[-1]] for k in range(size)])
    return jnp.moveaxis(highest, -1, along)
