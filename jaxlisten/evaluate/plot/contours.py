"""Pictures of numbers over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from jaxlisten.errors import InputError
from jaxlisten.evaluate.plot.axes import BLUE, RUST, axes_for, plain, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def contour(
    truth: ArrayLike,
    said: ArrayLike | None = None,
    *,
    period: float,
    start: float = 0.0,
    name: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw a number over time, and what was said of it.

    Args:
        truth: ``[steps]``, NaN where it is not known.
        said: ``[steps]``, what a listener says; None: only the truth is drawn.
        period: seconds from one step to the next.
        start: when the first step is, in seconds.
        name: of the number, with its unit.
        ax: where to draw; None: on a new figure.

    Returns:
        The Matplotlib axes.

    Raises:
        InputError: these are no such rows, or the period is not above 0.

    Example:
        >>> contour([60.0, 61.0, np.nan, 64.0], [60.5, 61.0, 62.0, 63.0], period=0.1, name="pitch").get_ylabel()
        'pitch'
    """
    rows = [np.asarray(row, np.float64) for row in (truth, said) if row is not None]
    if rows[0].ndim != 1 or rows[0].shape != rows[-1].shape or not len(rows[0]) or not period > 0:
        raise InputError(
            f"contour: expected numbers [steps], equally many of truth and of what was said, and a period above 0, got "
            f"{' and '.join(str(row.shape) for row in rows)} and {period}"
        )
    ax = axes_for(ax)
    times = start + (np.arange(len(rows[0])) + 0.5) * period
    ax.plot(times, rows[0], color=RUST, linewidth=2.4, alpha=0.75, label="truth")
    if said is not None:
        ax.plot(times, rows[1], color=BLUE, linewidth=1.1, label="said")
        ax.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
    ax.set_xlim(start, start + len(rows[0]) * period)
    return tidy(ax, title="", x="time (s)", y=plain(name), grid="y")
