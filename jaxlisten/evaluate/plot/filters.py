"""Pictures of the filters that a listener begins with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from jaxlisten.errors import InputError
from jaxlisten.evaluate.filters import Filters, filters_of
from jaxlisten.evaluate.plot.axes import BLUE, axes_for, tidy
from jaxlisten.types import Params

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_RANGE_DB = 30.0
"""What a filter of a convolution lets pass by so much less than its best is drawn as nothing."""
_TITLES = {"mel": "Mel filters", "bank": "Learned filters", "convolution": "Frequency responses"}


def filters(front_end: Any, params: Params | None = None, *, ax: Axes | None = None) -> Axes:
    """Draw what each filter that a listener begins with lets pass over frequency, relative to its peak.

    Bands are lines. The filters of a convolution of samples are no bands: they are the rows of an image in dB, the one
    that lets pass the lowest frequency best at the bottom.

    Args:
        front_end: a `LogMel`, `Mel`, `MFCC` or `FilterBank`, a model that begins with one, or what `jaxlisten.fit`
            returns, which may begin with a convolution of samples too.
        params: of `front_end`; None: those that it starts with, or was fitted with.
        ax: where to draw; None: on a new figure.

    Returns:
        The Matplotlib axes, with a line for each filter, or the image as ``.images[0]``.

    Raises:
        InputError: there are no such filters in it.

    Example:
        >>> import jaxlisten as jl
        >>> len(jl.plot.filters(jl.LogMel(sr=16_000, n_mels=40)).lines)
        40
    """
    found, ax = _found("filters", front_end, params), axes_for(ax)
    khz = found.frequencies / 1000
    if found.kind == "convolution":
        levels = 20 * np.log10(np.maximum(found.response, 10 ** (-_RANGE_DB / 20)))
        sides = (0, khz[-1], 0.5, len(levels) + 0.5)
        ax.imshow(levels, origin="lower", aspect="auto", cmap="magma", interpolation="none", extent=sides)
        return tidy(ax, title=_TITLES[found.kind], x="frequency (kHz)", y="filter", grid=None)
    for line, colour in zip(found.response, _gradient(len(found.response)), strict=True):
        ax.plot(khz, line, color=colour, linewidth=1.0)
    ax.set(xlim=(0, khz[-1]), ylim=(0, 1.04))
    return tidy(ax, title=_TITLES[found.kind], x="frequency (kHz)", y="response (of its peak)")


def impulse_responses(front_end: Any, params: Params | None = None, *, ax: Axes | None = None) -> Axes:
    """Draw the impulse response of each filter that a listener has learned, in the order and the rows of `filters`.

    Args:
        front_end: what begins with a `FilterBank`, or what `jaxlisten.fit` returns, which may begin with a convolution
            of samples too.
        params: as in `filters`.
        ax: where to draw; None: on a new figure.

    Returns:
        The Matplotlib axes, with a line for each filter, each as high as its row; of a bank the real part.

    Raises:
        InputError: there are no such filters in it.

    Example:
        >>> import jaxlisten as jl
        >>> len(jl.plot.impulse_responses(jl.FilterBank(sr=16_000, n_filters=20)).lines)
        20
    """
    found, ax = _found("impulse_responses", front_end, params), axes_for(ax)
    if found.kind == "mel":
        raise InputError("impulse_responses: expected filters on samples, got mel bands, which are sums of a spectrum")
    peaks = np.maximum(np.abs(found.impulses).max(axis=1, keepdims=True), 1e-30)
    for row, line in enumerate(found.impulses / (2 * peaks), start=1):
        ax.plot(1000 * found.seconds, row + line, color=BLUE, linewidth=0.8)
    ax.set(xlim=(0, 1000 * found.seconds[-1]), ylim=(0.5, len(found.impulses) + 0.5))
    return tidy(ax, title="Impulse responses", x="time (ms)", y="filter", grid=None)


def _found(function: str, given: Any, params: Params | None) -> Filters:
    if isinstance(given, Filters):
        return given
    fitted = getattr(given, "fitted", given)  # a `Listener` holds one
    layer, weights = getattr(fitted, "model", fitted), params or getattr(fitted, "params", None)
    found = filters_of(layer, weights, getattr(fitted, "state", None), sr=getattr(fitted, "sr", 0))
    if found is None:
        raise InputError(
            f"{function}: expected a front end with mel bands or a FilterBank, or a trained listener that begins with "
            f"a convolution of samples, got {type(layer).__name__}"
        )
    return found


def _gradient(n: int) -> np.ndarray:
    """Return colours from dark to light blue-green that can be told from white, ``[n, 4]``."""
    import matplotlib

    return matplotlib.colormaps["viridis"](np.linspace(0, 0.8, n))
