"""The section on what a listener has learned to hear samples with."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from jaxlisten.evaluate import plot
from jaxlisten.evaluate.filters import Filters
from jaxlisten.evaluate.page.pictures import picture
from jaxlisten.evaluate.page.text import Section, count, counted, text

_SIZE = (4.1, 3.6)


def filters(found: Mapping[str, Filters]) -> Section:
    """Draw the impulse responses of learned filters, and beside them what they let pass.

    Args:
        found: of each listener, by its name; one alone needs none.
    """
    body = ""
    for name, one in found.items():
        pictures = "".join(
            picture(draw, one, name=f"{draw.__name__} {name}", size=_SIZE)
            for draw in (plot.impulse_responses, plot.filters)
        )
        heading = f"<h3>{text(name)}</h3>" if name else ""
        body += f'{heading}<p>{_told(one)}</p><div class="curves">{pictures}</div>'
    note = (
        "What is learned in the place of a front end. At the bottom is the filter that lets pass the lowest frequency "
        "best."
    )
    return Section("Learned filters", body, note)


def _told(found: Filters) -> str:
    peaks, n = np.sort(found.peaks_hz), len(found.response)
    low, middle, high = (f"{count(round(hz))} Hz" for hz in np.quantile(peaks, (0.25, 0.5, 0.75)))
    rows = "a row each, bright where it lets pass, over 30 dB" if found.kind == "convolution" else "a line each"
    return (
        f"{counted(n, 'filter')}, {rows}. A quarter of them lets pass a frequency below {low} best, half one below "
        f"{middle}, and a quarter one above {high}."
    )
