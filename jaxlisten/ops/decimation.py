"""Filtering and keeping every so-manieth sample."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from jaxlisten.types import Array


def decimate(x: Array, taps: np.ndarray, factor: int) -> Array:
    """Filter a signal and keep every `factor`-th sample: ``y[n] = sum over k of taps[R + n * factor - k] x[k]``.

    The filter stands with its middle, R, on the samples that are kept, and sees zeros beyond both ends. Computed by
    FFT, because a filter that is good enough for music has hundreds of taps.

    Args:
        x: ``[..., time]``, float32 or float64.
        taps: ``[2 R + 1]``, on the host.
        factor: samples in for a sample out.

    Returns:
        ``[..., ceil(time / factor)]``, in the dtype of `x`.

    Reference:
        ``scipy.signal.upfirdn(taps, x, down=factor)`` from the middle of the filter on, within 1e-6 of the largest.
    """
    time, reach = x.shape[-1], len(taps) // 2
    size = 1 << (time + 2 * reach - 1).bit_length()
    response = np.fft.rfft(np.asarray(taps, np.float64), size).astype(np.result_type(x.dtype, np.complex64))
    filtered = jnp.fft.irfft(jnp.fft.rfft(x, size) * response.reshape([1] * (x.ndim - 1) + [-1]), size)
    return filtered[..., reach : reach + time : factor]
