"""The filters that a listener begins with: of a front end, or learned from the samples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from jaxlisten.features import mel_filters
from jaxlisten.nn import Conv1D, FilterBank, Frozen, Serial, Wrapper
from jaxlisten.nn.front_end import MelFrames
from jaxlisten.runs import Fitted
from jaxlisten.types import Params, State


class Filters(NamedTuple):
    """The filters that a listener begins with; those that are learned in the order of what they let pass best.

    Attributes:
        kind: "mel" bands, a "bank" that is learned (`jaxlisten.FilterBank`), or a "convolution" of samples.
        frequencies: in Hz, ``[bins]``, from 0 to half the sample rate.
        response: how much of each a filter lets pass, ``[filters, bins]``, relative to its peak, from 0 to 1.
        seconds: the time of each tap, ``[taps]``; of mel bands none.
        impulses: the impulse response of each filter, ``[filters, taps]``; of a bank its real part.
    """

    kind: Literal["mel", "bank", "convolution"]
    frequencies: NDArray[np.float64]
    response: NDArray[np.float64]
    seconds: NDArray[np.float64]
    impulses: NDArray[np.float32]

    @property
    def peaks_hz(self) -> NDArray[np.float64]:
        """The frequency that each filter lets pass best, ``[filters]``."""
        return self.frequencies[self.response.argmax(axis=1)]


def filters_of(layer: Any, params: Params | None, state: State | None = None, *, sr: int = 0) -> Filters | None:
    """Find the filters that a model begins with.

    Args:
        layer: the model.
        params, state: its weights; params of None are those that a front end starts with.
        sr: sample rate in Hz, for a model whose first layer doesn't know it; 0: it isn't known.

    Returns:
        Those of its first front end, or of a convolution of samples; None: it begins with neither.
    """
    layer, params = first_front_end(layer, params, state) or (None, None)
    if isinstance(layer, MelFrames):
        weights = mel_filters(sr=layer.sr, n_fft=layer.n_fft, n_mels=layer.n_mels, fmin=layer.fmin, fmax=layer.fmax)
        frequencies, nothing = np.linspace(0, layer.sr / 2, weights.shape[1]), np.empty((len(weights), 0), np.float32)
        return Filters("mel", frequencies, _of_peak(weights), nothing[0], nothing)
    if isinstance(layer, FilterBank):
        real, imaginary = np.split(np.asarray(layer.kernels(bank_params(layer, params)))[:, 0].T, 2)
        return _learned("bank", layer.sr, real, real + 1j * imaginary)
    kernel = np.asarray((params or {}).get("kernel", np.empty((0, 0, 0))))
    if not isinstance(layer, Conv1D) or kernel.shape[1] != 1 or not sr:
        return None
    impulses = kernel[::-1, 0].T  # a layer correlates: its impulse response is the kernel backwards
    return _learned("convolution", sr, impulses, impulses)


def learned_filters(fitted: Fitted) -> Filters | None:
    """Find what a listener has learned to hear samples with; None: it begins with nothing that is learned."""
    found = filters_of(fitted.model, fitted.params, fitted.state, sr=fitted.sr)
    return None if found is None or found.kind == "mel" else found


def _learned(kind: Any, sr: int, impulses: NDArray[np.float32], kernels: NDArray[Any]) -> Filters:
    taps = kernels.shape[1]
    n_fft = max(1024, 2 ** (4 * taps).bit_length())
    spectrum = np.abs(np.fft.fft(kernels, n_fft))[:, : n_fft // 2 + 1]
    order = np.argsort(spectrum.argmax(axis=1), kind="stable")
    frequencies = np.linspace(0, sr / 2, n_fft // 2 + 1)
    return Filters(kind, frequencies, _of_peak(spectrum[order]), np.arange(taps) / sr, impulses[order])


def _of_peak(response: NDArray[Any]) -> NDArray[Any]:
    return response / np.maximum(response.max(axis=1, keepdims=True), 1e-30)


def bank_params(layer: FilterBank, params: Params | None) -> Params:
    """Return the params of a `FilterBank`: those given, or those that it starts with."""
    return params or layer.init(jax.random.key(0), jax.ShapeDtypeStruct((1,), jnp.float32))[0]


def first_front_end(layer: Any, params: Params | None, state: State | None) -> tuple[Any, Params | None] | None:
    """Find the first front end with bands in a model, or the convolution that it begins with, and its params."""
    return next(_front_ends(layer, params, state), None)


def _front_ends(layer: Any, params: Params | None, state: State | None) -> Iterator[tuple[Any, Params | None]]:
    if isinstance(layer, MelFrames | FilterBank | Conv1D):
        yield layer, params
    elif isinstance(layer, Frozen):
        held = state or {}
        yield from _front_ends(layer.inner, held.get("params"), held.get("state"))
    elif isinstance(layer, Wrapper):
        yield from _front_ends(layer.inner, params, state)
    elif isinstance(layer, Serial):
        for name, child in layer.children():
            yield from _front_ends(child, (params or {}).get(name), (state or {}).get(name))
