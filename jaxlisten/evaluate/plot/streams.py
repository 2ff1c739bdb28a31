"""Pictures of detectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jaxlisten.errors import InputError
from jaxlisten.evaluate.plot.axes import BLUE, RUST, axes_for, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from jaxlisten.evaluate.streams import StreamReport


def tradeoff(report: StreamReport, *, ax: Axes | None = None) -> Axes:
    """Draw the sounds that are missed against the false alarms an hour, for every threshold.

    Args:
        report: on streams.
        ax: where to draw; None: on a new figure.

    Returns:
        The Matplotlib axes, with the detector of the report as a dot.

    Raises:
        InputError: nothing was to be found in the recordings.

    Reference:
        Martin et al. 1997, *The DET curve in assessment of detection task performance*; with false alarms by the hour
        in place of their share, as is usual for keywords.
    """
    if not report.score.events:
        raise InputError("tradeoff: nothing was to be found in the recordings, so nothing could be missed")
    ax = axes_for(ax)
    rates = np.array([(made.false_alarms_per_hour, made.miss_rate) for _, made in report.tradeoff])
    rates = rates[rates[:, 1].argmin() :]  # below that threshold one sound runs into the next
    ax.plot(rates[:, 0], 100 * rates[:, 1], color=BLUE, linewidth=1.6)
    mine = report.score
    ax.plot(
        mine.false_alarms_per_hour, 100 * mine.miss_rate, "o", color=RUST, markersize=7, clip_on=False, label="chosen"
    )
    # Near the axis the scale is even, so that no false alarm at all has its place.
    ax.set_xscale("symlog", linthresh=1, linscale=0.5)
    ax.set_xlim(0, max(10.0, float(rates[:, 0].max())))
    ax.set_ylim(0, min(100.0, 1.1 * max(10.0, 100 * float(rates[:, 1].max()))))
    ax.set_xticks([tick for tick in (0, 1, 10, 100, 1000, 10000) if tick <= ax.get_xlim()[1]])
    ax.xaxis.set_major_formatter("{x:g}")
    ax.legend(frameon=False)
    return tidy(ax, title="Detection error trade-off", x="false alarms an hour", y="sounds missed (%)", grid="both")
