"""The sections on numbers over time."""

from __future__ import annotations

import functools

import numpy as np

from jaxlisten.evaluate import plot
from jaxlisten.evaluate.base import WORST
from jaxlisten.evaluate.contours import ContourReport
from jaxlisten.evaluate.page.pictures import picture
from jaxlisten.evaluate.page.text import Section, cell, count, figure, listing, significant, text

_SHOWN_SECONDS = 20.0
"""What a picture shows of a recording at most."""
_WORST, _TYPICAL = 2, 2
_SHOWN_NUMBERS = 3
"""How many numbers of a recording are drawn at most."""


def courses(report: ContourReport) -> Section:
    """Draw the recordings with the largest errors, and some in the middle."""
    order = report.recordings
    middle = max(_WORST, (len(order) - _TYPICAL) // 2)
    typical = range(middle, min(len(order), middle + _TYPICAL))
    chosen = [("Largest error", k) for k in range(min(_WORST, len(order)))] + [("Typical", k) for k in typical]
    body = ""
    for heading, k in chosen:
        one = order[k]
        truth, said, start = _part(report, one.index)
        where = (
            f", {start:.1f} to {start + len(truth) * report.period:.1f} s of it"
            if start or len(truth) < len(report.truths[one.index])
            else ""
        )
        drawn = "".join(
            picture(
                functools.partial(plot.contour, truth[:, j], said[:, j], period=report.period, start=start, name=name),
                name=f"course {k} {j}",
                size=(5.2, 1.9),
            )
            for j, name in enumerate(report.classes[:_SHOWN_NUMBERS])
        )
        told = f"mean absolute error {significant(one.mae)}, concordance {figure(one.concordance)}{where}"
        body += f'<h3>{heading}: {text(one.path)}</h3><p class="path">{told}</p><div class="curves">{drawn}</div>'
    return Section("Over time", body, "What is true and what was said; nothing is drawn where the truth is not known.")


def _part(report: ContourReport, index: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Choose what is shown of a recording: of a long one the part where most is known."""
    truth, n = report.truths[index], round(_SHOWN_SECONDS / report.period)
    known = np.asarray(np.isfinite(truth).all(axis=1))
    said = np.where(known[:, None], report.predictions[index], np.nan)
    if len(truth) <= n:
        return truth, said, 0.0
    starts = range(0, len(truth) - n + 1, max(1, n // 4))
    first = max(starts, key=lambda start: int(known[start : start + n].sum()))
    return truth[first : first + n], said[first : first + n], first * report.period


def recordings(report: ContourReport) -> Section:
    """List the recordings, the one with the largest error first."""
    rows = [
        (text(one.path), [cell(f"{one.seconds:.1f} s"), cell(significant(one.mae)), cell(figure(one.concordance))])
        for one in report.recordings[:WORST]
    ]
    listed = "All of them" if len(rows) == report.n else f"{len(rows)} of {count(report.n)}"
    head = ("Recording", "Known", "MAE", "Concordance")
    return Section("Recordings", listing(head, rows, first="path"), f"{listed}, the largest error first.")
