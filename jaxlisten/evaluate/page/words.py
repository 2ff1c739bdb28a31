"""The summary: what was measured, how good it is, what is confused, and what is worth a look, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from functools import singledispatch
from typing import Any

import numpy as np

from jaxlisten.evaluate.contrast import ContrastReport
from jaxlisten.evaluate.events import EventReport
from jaxlisten.evaluate.labels import LabelReport
from jaxlisten.evaluate.numbers import NumberFigures
from jaxlisten.evaluate.page.text import count, counted, percent, significant, text
from jaxlisten.evaluate.plot.scores import best_epoch
from jaxlisten.evaluate.report import Report
from jaxlisten.evaluate.streams import StreamReport
from jaxlisten.evaluate.transcripts import TranscriptReport

_ADVICE = 3
"""Sentences of advice at most: who is told everything is told nothing."""
_WIDE = 0.1
"""An interval of this width or more says that there are too few clips."""
_UNEVEN = 0.05
"""How far accuracy and balanced accuracy may be apart."""
_UNSURE = 0.05
"""The calibration error from which on probabilities shouldn't be taken at their word."""
_RARELY = 0.5
"""A class that is found in less than this share of its clips is called poorly known."""


def summary(report: Any) -> str:
    """Say in a few sentences what a report says, and what is worth a look, as HTML."""
    told = " ".join(sentence for sentence in (*_measured(report), *findings(report)) if sentence)
    advice = "".join(f"<li>{sentence}</li>" for sentence in list(_advice(report))[:_ADVICE])
    looks = f'<p class="look">Worth a look:</p><ul>{advice}</ul>' if advice else ""
    return f'<section class="summary"><p>{told}</p>{looks}</section>\n'


def _measured(report: Any) -> Iterator[str]:
    """Say what was trained, and on what it was measured."""
    about, best = report.about, best_epoch(report)
    data, part = about.get("data"), about.get("part")
    epochs = len(report.history)
    if epochs:
        trained = data.get("clips") if isinstance(data, dict) else None
        on = f" on {counted(trained, 'clip')}" if isinstance(trained, int) else ""
        kept = f" and has the weights of epoch {best:g}" if best is not None else ""
        yield f"The listener was trained{on} for {counted(epochs, 'epoch')}{kept}."
    where = f" of the {text(part)} part" if isinstance(part, str) else ""
    source = f" of {text(data)}" if isinstance(data, str) else ""
    seconds = "" if report.data is None else f" ({_duration(report.data.lengths.sum() / report.data.sr)})"
    thing = "recording" if isinstance(report, StreamReport | EventReport) else "clip"
    yield f"It was measured on {counted(report.n, thing)}{where}{source}{seconds}."


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.1f} minutes"


@singledispatch
def findings(report: Any) -> Iterator[str]:
    """Say how good it is, and where it goes wrong."""
    yield f"{text(report.headline)}."


@findings.register
def _(report: Report) -> Iterator[str]:
    low, high = report.accuracy_interval
    yield (
        f"It tells {counted(len(report.classes), 'class')} apart, and was right on <b>{percent(report.accuracy)}</b> "
        f"of the clips; their number leaves room for {100 * low:.1f} to {percent(high)} (95 % interval)."
    )
    wrong = report.confusion * ~np.eye(len(report.classes), dtype=bool)
    if not wrong.any():
        yield "It made no mistake."
        return
    i, j = np.unravel_index(wrong.argmax(), wrong.shape)
    yield (
        f"Most often it hears {_name(report, j)} where {_name(report, i)} is: "
        f"{count(int(wrong[i, j]))} of {counted(int(report.confusion[i].sum()), 'clip')}."
    )


@findings.register
def _(report: LabelReport) -> Iterator[str]:
    yield (
        f"It knows {counted(len(report.classes), 'label')}, with a mean average precision of "
        f"<b>{report.average_precision:.3f}</b>; every label is right in {percent(report.exact_match)} of the clips."
    )
    truths = report.targets.astype(bool)
    missed, false = (truths & ~report.predictions).sum(axis=0), (report.predictions & ~truths).sum(axis=0)
    if missed.any():
        k = int(missed.argmax())
        clips = counted(int(truths[:, k].sum()), "clip")
        yield f"Most often it misses {_name(report, k)}: in {count(int(missed[k]))} of {clips}."
    if false.any():
        k = int(false.argmax())
        yield f"Most false alarms are of {_name(report, k)}: {count(int(false[k]))}."


@findings.register
def _(report: NumberFigures) -> Iterator[str]:
    several = len(report.classes) > 1
    yield (
        f"It is off by <b>{significant(report.mae)}</b> on average (root mean squared error {significant(report.rmse)})"
        + (f", over {len(report.classes)} numbers." if several else ".")
    )
    if np.isfinite(report.r2):
        yield f"It explains {percent(max(report.r2, 0))} of how the truth varies from {report.each} to {report.each}."


@findings.register
def _(report: ContrastReport) -> Iterator[str]:
    yield (
        f"Of two pieces of each clip, each changed on its own, it found the second by the first among those of all "
        f"clips for <b>{percent(report.found)}</b> of them, where guessing would for {percent(report.chance)}."
    )
    yield (
        "That it has learned to tell clips apart says nothing of what it is worth for your classes: a listener that "
        "begins with it does, beside one that begins with nothing."
    )


@findings.register
def _(report: TranscriptReport) -> Iterator[str]:
    total = report.total
    yield (
        f"Of {counted(total.symbols, 'symbol')} that are said, it took {count(total.substitutions)} for others, missed "
        f"{count(total.deletions)} and made up {count(total.insertions)}: a label error rate of "
        f"<b>{percent(total.rate)}</b>. {percent(report.exact_match)} of the transcripts are right from beginning to "
        "end."
    )
    if report.confusions:
        truth, said, n = report.confusions[0]
        yield f"Most often it hears {_quoted(said)} where {_quoted(truth)} is said: {count(n)} times."


@findings.register
def _(report: StreamReport) -> Iterator[str]:
    found = report.score
    if found.events:
        yield (
            f"It found <b>{percent(1 - found.miss_rate)}</b> of {counted(found.events, 'sound')}, and made "
            f"{counted(found.false_alarms, 'false alarm')} in {found.hours:.2f} hours."
        )
    else:
        yield f"There was nothing to find; it made {counted(found.false_alarms, 'false alarm')}."
    yield (
        f"That many hours leave room for up to {significant(found.false_alarms_bound)} false alarms an hour (95 % "
        "confidence)."
    )
    missed = [name for name, row in report.per_class.items() if row["miss_rate"] > _RARELY]
    if missed:
        yield f"More than half of the sounds were missed of {', '.join(map(text, missed))}."


@findings.register
def _(report: EventReport) -> Iterator[str]:
    both = report.event_based
    n = int(both.truth.sum())
    if not n:
        yield f"There was nothing to find; it made {counted(int(both.found.sum()), 'false alarm')}."
        return
    yield (
        f"It found <b>{percent(both.recall)}</b> of {counted(n, 'event')} with beginning and end in time, and "
        f"{percent(both.precision)} of what it found is right: an F1 of <b>{percent(both.f1)}</b>."
    )
    rows = {name: row for name, row in report.per_class.items() if row["events"]}
    worst = min(rows, key=lambda name: rows[name]["f1"])
    if rows[worst]["f1"] < both.f1 and len(rows) > 1:
        hits = f"{count(int(rows[worst]['hits']))} of {count(int(rows[worst]['events']))}"
        yield f"Worst known is {_quoted(worst)}, with {hits} found, and an F1 of {percent(rows[worst]['f1'])}."


def _advice(report: Any) -> Iterator[str]:
    """Say what is worth a look, the gravest first."""
    if report.trained_on:
        yield (
            f"It was trained on {count(len(report.trained_on))} of these {counted(report.n, 'clip')}, such as "
            f"{text(report.trained_on[0])}: of others it is right less often."
        )
    problems = (report.health or {}).get("problems", ())
    if problems:
        yield f"The data has {counted(len(problems), 'problem')}: see <a href='#data-health'>Data health</a>."
    if isinstance(report, Report | LabelReport):
        yield from _weak(report)
        yield from _far_off(report)
    if isinstance(report, Report):
        yield from _few(report)
    if isinstance(report, Report | LabelReport) and report.calibration.ece > _UNSURE:
        yield (
            f"Its probabilities are off by {100 * report.calibration.ece:.0f} points on average, so choose "
            "<a href='#calibration'>thresholds</a> by measurement and not by their face value."
        )
    best, last = best_epoch(report), len(report.history)
    if best is not None and best == last >= 2:
        yield "The last epoch was the best one: more epochs may bring more."
    if report.chosen_by:
        yield (
            f"Its best epoch was chosen by {count(len(report.chosen_by))} of these {counted(report.n, 'clip')}, so "
            "others are heard a little worse: hold some out as a test."
        )


def _weak(report: Report | LabelReport) -> Iterator[str]:
    rows = [(row["recall"], name, row) for name, row in report.per_class.items() if row["support"]]
    if not rows:  # clips without any label
        return
    recall, name, row = min(rows, key=lambda item: item[0])
    if recall < _RARELY:
        others = sum(other < _RARELY for other, *_ in rows) - 1
        found = f"{count(round(recall * row['support']))} of {counted(int(row['support']), 'clip')}"
        more = f", and {counted(others, 'other')} in less than half" if others else ""
        yield f"{_quoted(name)} is found in only {found}{more}."


def _far_off(report: Report | LabelReport) -> Iterator[str]:
    """Tell of a group whose interval ends below what all clips have."""
    found = report.by_group
    whole = report.accuracy if isinstance(report, Report) else report.exact_match
    name = min(found, key=lambda name: found[name]["high"], default=None)
    if name is not None and len(found) > 1 and found[name]["high"] < whole:
        yield (
            f"The group {_quoted(name)} is heard far worse than the others: {percent(found[name]['accuracy'])} of "
            f"{counted(int(found[name]['n']), 'clip')}."
        )


def _few(report: Report) -> Iterator[str]:
    low, high = report.accuracy_interval
    if report.accuracy - report.balanced_accuracy > _UNEVEN:
        yield (
            f"Rare classes are heard worse than common ones: the mean recall of the classes is "
            f"{percent(report.balanced_accuracy)}."
        )
    if high - low > _WIDE:
        points = f"{50 * (high - low):.0f}"
        yield f"With {counted(report.n, 'clip')} the accuracy is known to {points} points only: measure on more."


def _name(report: Any, k: Any) -> str:
    return _quoted(report.classes[int(k)])


def _quoted(name: str) -> str:
    return f"‘{text(name)}’"
