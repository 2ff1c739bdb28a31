"""The sections on events in time."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from jaxlisten.evaluate import plot
from jaxlisten.evaluate.base import WORST
from jaxlisten.evaluate.events import EventReport
from jaxlisten.evaluate.page.pictures import picture
from jaxlisten.evaluate.page.text import Section, bar, cell, count, figure, listing, percent, text
from jaxlisten.metrics import EventCounts

_SHOWN_SECONDS = 30.0
"""What a picture shows of a recording at most."""
_WORST, _TYPICAL = 2, 2
_ROWS = 12
"""Classes in a picture at most."""


def timelines(report: EventReport) -> Section:
    """Draw the recordings with the most mistakes, and some in the middle."""
    order = report.recordings
    middle = (len(order) - _TYPICAL) // 2
    typical = list(range(max(_WORST, middle), min(len(order), max(_WORST, middle) + _TYPICAL)))
    chosen = [("Most mistakes", k) for k in range(min(_WORST, len(order)))] + [("Typical", k) for k in typical]
    body = ""
    for heading, k in chosen:
        one = order[k]
        span = _span(report, one.index)
        said = f"{one.hits} of {one.events} events found, {one.found - one.hits} made up"
        part = "" if span[1] - span[0] >= _length(report, one.index) else f", {span[0]:.1f} to {span[1]:.1f} s of it"
        drawing = picture(
            functools.partial(_drawn, report, one.index, span), name=f"timeline {k}", size=_size(report, one.index)
        )
        body += f'<h3>{heading}: {text(one.path)}</h3><p class="path">{said}{part}</p>{drawing}'
    note = "Of each class what is there, above, and what was found, below it; the line is the probability."
    return Section("Timelines", body, note)


def _drawn(report: EventReport, index: int, span: tuple[float, float], *, ax: Any) -> Any:
    hits = set(report.pairs(index).values())
    found = report.found(index)
    names = _names(report, index)
    columns = [report.classes.index(name) for name in names]
    shown = [(one, k in hits) for k, one in enumerate(found) if one.label in names]
    sound = {} if report.data is None else {"clip": report.data.audio[index], "sr": report.data.sr}
    return plot.timeline(
        [event for event in report.events(index) if event.label in names],
        [one for one, _ in shown],
        right=[right for _, right in shown],
        classes=names,
        probabilities=report.probabilities[index][:, columns],
        period=report.period,
        span=span,
        ax=ax,
        **sound,
    )


def _names(report: EventReport, index: int) -> list[str]:
    """Choose the classes that are there or were found, the most frequent of many."""
    rows = np.concatenate([report.truths[index][:, 2], report.rows[index][:, 2]]).astype(int)
    often = np.bincount(rows, minlength=len(report.classes))
    chosen = [k for k in np.argsort(-often, kind="stable")[:_ROWS] if often[k]] or list(range(len(often)))[:_ROWS]
    return [report.classes[k] for k in sorted(chosen)]


def _size(report: EventReport, index: int) -> tuple[float, float]:
    return 5.2, 0.8 + 0.28 * len(_names(report, index)) + (0.0 if report.data is None else 0.45)


def _length(report: EventReport, index: int) -> float:
    return max(report.period, len(report.probabilities[index]) * report.period)


def _span(report: EventReport, index: int) -> tuple[float, float]:
    """Choose what is shown of a long recording: where most is missed or made up."""
    seconds = _length(report, index)
    if seconds <= _SHOWN_SECONDS:
        return 0.0, seconds
    pairs = report.pairs(index)
    missed = [start for i, start in enumerate(report.truths[index][:, 0]) if i not in pairs]
    times = np.array(missed + [start for j, start in enumerate(report.rows[index][:, 0]) if j not in pairs.values()])
    starts = np.arange(0, seconds - _SHOWN_SECONDS + 1, _SHOWN_SECONDS / 4)
    wrong = [int(((times >= start) & (times < start + _SHOWN_SECONDS)).sum()) for start in starts]
    start = float(starts[int(np.argmax(wrong))])
    return start, min(seconds, start + _SHOWN_SECONDS)


def classes(report: EventReport) -> Section:
    """List the classes, the worst first."""
    rows = []
    for name, row in sorted(report.per_class.items(), key=lambda item: item[1]["f1"]):
        counts = [cell(count(row[key])) for key in ("events", "found", "hits")]
        scores = [bar(row["f1"]), cell(figure(row["error_rate"], 2)), bar(row["onset_f1"]), bar(row["segment_f1"])]
        rest = [
            cell(figure(row["segment_error_rate"], 2)),
            cell(f"{row['threshold']:.2f}"),
            cell(f"{row['median']:.2f} s"),
        ]
        rows.append((text(name), [*counts, *scores, *rest]))
    head = (
        "Class",
        "Events",
        "Found",
        "Right",
        "F1",
        "ER",
        "Onset F1",
        "Segment F1",
        "Segment ER",
        "Threshold",
        "Median",
    )
    return Section("Classes", listing(head, rows))


def recordings(report: EventReport) -> Section:
    """List the recordings, the one with the most mistakes first."""
    rows = [
        (text(one.path), [*(cell(count(n)) for n in (one.events, one.found, one.hits)), bar(one.f1)])
        for one in report.recordings[:WORST]
    ]
    listed = "All of them" if len(rows) == report.n else f"{len(rows)} of {count(report.n)}"
    head = ("Recording", "Events", "Found", "Right", "F1")
    return Section("Recordings", listing(head, rows, first="path"), f"{listed}, the most mistakes first.")


def errors(report: EventReport) -> Section:
    """Take the scores apart."""
    kinds = {
        "Events": report.event_based,
        "Events, onset alone": report.onset_based,
        f"Segments of {report.segment:g} s": report.segment_based,
    }
    head = (
        "Counted in",
        "F1",
        "Mean F1 of classes",
        "Precision",
        "Recall",
        "Error rate",
        "Substitutions",
        "Deletions",
        "Insertions",
    )
    return Section("Errors", listing(head, [(name, _cells(counts)) for name, counts in kinds.items()]))


def _cells(counts: EventCounts) -> list[str]:
    shares = [percent(value) for value in (counts.f1, counts.macro_f1, counts.precision, counts.recall)]
    numbers = [count(n) for n in (counts.substitutions, counts.deletions, counts.insertions)]
    return [cell(value) for value in (*shares, figure(counts.error_rate, 2), *numbers)]


def rule(report: EventReport) -> Section:
    """Say by which rule events are found and counted."""
    return Section(
        "Rule",
        f"<p>The model answers every {1000 * report.period:g} ms. A class is there where its probability reaches its "
        "threshold, after a median filter; both are chosen for each class by the F1 of events on validation "
        f"recordings. An event is found by one of its class that begins at most {1000 * report.onset_collar:g} ms off "
        f"and ends at most {1000 * report.onset_collar:g} ms, or {report.offset_share:.0%} of its length, off; as many "
        "pairs are made as possible. What is found in the right place under the wrong name is a substitution, what "
        "is missed a deletion, what is made up an insertion; their sum over the number of events is the error rate. "
        "These are the parameters and the numbers of sed_eval.</p>",
    )
