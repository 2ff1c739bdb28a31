"""The sections on how good a detector is."""

from __future__ import annotations

import statistics

from jaxlisten.evaluate import plot
from jaxlisten.evaluate.base import WORST
from jaxlisten.evaluate.page.pictures import picture
from jaxlisten.evaluate.page.text import Section, cell, count, listing, percent, text
from jaxlisten.evaluate.streams import StreamReport


def tradeoff(report: StreamReport) -> Section:
    """Draw misses against false alarms."""
    if not report.score.events:
        return Section("Trade-off", "")
    drawing = picture(plot.tradeoff, report, name="trade-off", size=(5.2, 3.2))
    note = (
        "What each threshold would give: a low one finds more and says more that is not there. Choose it on other "
        "recordings than those that it is measured on."
    )
    return Section("Trade-off", drawing, note)


def classes(report: StreamReport) -> Section:
    """List the classes, the most missed first."""
    rows = []
    for name, row in sorted(report.per_class.items(), key=lambda item: -item[1]["miss_rate"]):
        figures = count(row["events"]), count(row["found"]), percent(row["miss_rate"]), count(row["false_alarms"])
        rows.append((text(name), list(map(cell, figures))))
    return Section("Classes", listing(("Class", "Sounds", "Found", "Missed", "False alarms"), rows))


def alarms(report: StreamReport) -> Section:
    """List the false alarms."""
    if not report.false_alarms:
        return Section("False alarms", "")
    rows = []
    for alarm in report.false_alarms[:WORST]:
        said = _clock(alarm.time), text(alarm.label), text(alarm.event or "background"), f"{alarm.probability:.3f}"
        rows.append((text(alarm.path), list(map(cell, said))))
    head = ("Recording", "Time", "Said", "In truth", "Probability")
    return Section("False alarms", listing(head, rows, first="name"), "The most confident first.")


def rule(report: StreamReport) -> Section:
    """Say by which rule sounds are found and counted."""
    found = report.detector
    each = {
        threshold for name, threshold in zip(found.classes, found.thresholds, strict=True) if name in report.classes
    }
    ends = f"{min(each):.3f}" if len(each) == 1 else f"{min(each):.3f} to {max(each):.3f}"
    return Section(
        "Rule",
        f"<p>Probabilities are averaged over {found.smooth:g} s. A sound is found where its average reaches the "
        f"threshold ({ends}), and again when it has fallen below half of that; after a detection nothing is found "
        f"for {found.refractory:g} s. A detection counts from the beginning of a sound of its class until "
        f"{report.tolerance:g} s behind its end, and once; every other one is a false alarm.</p>",
    )


def latency(report: StreamReport) -> str:
    """Write the median latency."""
    return f"{statistics.median(report.latencies):+.2f} s" if report.latencies else "–"


def duration(seconds: float) -> str:
    """Write a length of time in the unit that suits it."""
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.1f} min"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes // 60)}:{int(minutes % 60):02}:{rest:05.2f}"
