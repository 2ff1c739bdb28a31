"""Pictures of events in time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxlisten.errors import InputError
from jaxlisten.evaluate.plot.axes import BLUE, GREEN, GREY, RUST, axes_for, plain, tidy
from jaxlisten.evaluate.plot.sound import spectrogram
from jaxlisten.types import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SPECTROGRAM = 1.6
"""How high the spectrogram is, in rows of classes."""
_NAME = 24
"""Letters of a name that are shown at most."""


def timeline(
    truth: Sequence[Any],
    found: Sequence[Any] = (),
    *,
    right: Sequence[bool] | None = None,
    classes: Sequence[str] | None = None,
    probabilities: Array | None = None,
    period: float | None = None,
    clip: Array | None = None,
    sr: int | None = None,
    span: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw what is in a recording, and below it what was found, in a row for each class.

    Args:
        truth: events, such as `jaxlisten.data.Event`: whatever has ``label``, ``start`` and ``end`` in seconds.
        found: events that were found, likewise.
        right: of each found event whether it is right, to draw the others in another colour; None: nothing is known.
        classes: the rows, from the top; None: the labels that occur, in the order of their names.
        probabilities: ``[steps, classes]``, drawn as a line in the row of each class; it needs `classes` and `period`.
        period: seconds from one step to the next.
        clip: ``[time]``, whose spectrogram is drawn above the rows; it needs `sr`.
        sr: sample rate in Hz.
        span: the seconds that are shown; None: all.
        ax: where to draw; None: on a new figure.

    Returns:
        The Matplotlib axes.

    Raises:
        InputError: there is nothing to draw, or a label is not one of `classes`.

    Example:
        >>> import jaxlisten as jl
        >>> truth = [jl.data.Event("dog", 0.5, 1.0), jl.data.Event("rain", 0.2, 2.0)]
        >>> jl.plot.timeline(truth, [jl.data.Event("dog", 0.5, 1.1)]).get_xlabel()
        'time (s)'
    """
    said = np.zeros((0, 0)) if probabilities is None else np.asarray(probabilities)
    names = sorted({event.label for event in (*truth, *found)}) if classes is None else list(classes)
    low, high = _span(span, truth, found, len(said) * (period or 0), 0 if clip is None or not sr else len(clip) / sr)
    if not names:
        raise InputError("timeline: expected events, or classes= for a recording without any")
    if unknown := sorted({event.label for event in (*truth, *found)}.difference(names)):
        raise InputError(f"timeline: expected events of {', '.join(names)}, got {', '.join(unknown)}")
    if len(said) and (said.ndim != 2 or said.shape[1] != len(names) or not period):
        raise InputError(
            f"timeline: expected probabilities [steps, {len(names)}] and their period, got {said.shape} and {period}"
        )
    ax, top = axes_for(ax), float(len(names))
    if clip is not None and sr:
        top += _SPECTROGRAM
        _strip(np.asarray(clip), sr, (low, high), (float(len(names)) + 0.1, top), ax)
    row_of = {name: len(names) - 1 - k for k, name in enumerate(names)}
    marks = [True] * len(found) if right is None else list(right)
    kinds = [
        ("there", truth, 0.53, BLUE),
        ("found", [one for one, good in zip(found, marks, strict=True) if good], 0.13, GREEN),
        ("found, wrong", [one for one, good in zip(found, marks, strict=True) if not good], 0.13, RUST),
    ]
    for k in range(len(names) if len(said) else 0):
        start = max(0, math.floor(low / (period or 1)))
        own = said[start : math.ceil(high / (period or 1)) + 1, k]
        times = (start + np.arange(len(own)) + 0.5) * (period or 1)
        ax.plot(times, row_of[names[k]] + 0.08 + 0.84 * own, color=GREY, linewidth=0.7)
    for label, events, height, colour in kinds:
        for name in names:
            spans = [(one.start, one.end - one.start) for one in events if one.label == name]
            ax.broken_barh(spans, (row_of[name] + height, 0.34), facecolors=colour)
        if events:
            ax.plot([], [], color=colour, linewidth=5, label=label)
    if len(said):
        ax.plot([], [], color=GREY, linewidth=1, label="probability")
    ax.set(xlim=(low, high), ylim=(0, top))
    ax.set_yticks([row_of[name] + 0.5 for name in names], [plain(_short(name)) for name in names])
    for row in range(len(names) + 1):
        ax.axhline(row, color=GREY, linewidth=0.4, alpha=0.4)
    if truth or found:
        ax.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=4)
    tidy(ax, title="Events", x="time (s)", y="", grid="x")
    ax.set_title(ax.get_title(), pad=24)  # above the legend
    return ax


def _short(name: str) -> str:
    return name if len(name) <= _NAME else f"{name[: _NAME - 1]}…"


def _span(span: tuple[float, float] | None, truth: Any, found: Any, *ends: float) -> tuple[float, float]:
    low, high = span or (0.0, max([*ends, *(event.end for event in (*truth, *found))]))
    if not 0 <= low < high < math.inf:
        raise InputError(f"timeline: expected a span of seconds, the smaller one first, got {low:g} to {high:g}")
    return low, high


def _strip(clip: np.ndarray, sr: int, span: tuple[float, float], rows: tuple[float, float], ax: Axes) -> None:
    """Draw the spectrogram of a part of a recording above the rows of the classes."""
    part = clip[round(span[0] * sr) : round(span[1] * sr)]
    if not len(part):
        return
    image = spectrogram(part, sr, ax=ax).images[0]
    ax.set_yticks([])
    image.set_extent((span[0], span[0] + len(part) / sr, *rows))
