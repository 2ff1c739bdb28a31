"""A report as one HTML file: nothing loaded from elsewhere, light and dark, from 360 px to print.

There is no script, but on a page with a map the one that plays its clips.
"""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING, Any

from jaxlisten.evaluate.anomaly import AnomalyReport
from jaxlisten.evaluate.contours import ContourReport
from jaxlisten.evaluate.contrast import ContrastReport
from jaxlisten.evaluate.events import EventReport
from jaxlisten.evaluate.labels import LabelReport
from jaxlisten.evaluate.numbers import NumberFigures, NumberReport
from jaxlisten.evaluate.page import about, anomaly, contours, events, maps, scores, streams
from jaxlisten.evaluate.page.aligned import symbols
from jaxlisten.evaluate.page.filters import filters
from jaxlisten.evaluate.page.frame import framed
from jaxlisten.evaluate.page.mistakes import mistakes
from jaxlisten.evaluate.page.text import Section, count, counted, figure, percent, significant
from jaxlisten.evaluate.page.words import summary
from jaxlisten.evaluate.report import Report
from jaxlisten.evaluate.streams import StreamReport
from jaxlisten.evaluate.transcripts import TranscriptReport

if TYPE_CHECKING:
    from jaxlisten.evaluate.base import BaseReport


def render(report: BaseReport) -> str:
    """Render a report as one self-contained HTML page.

    Args:
        report: what to show. Class names, paths and the rest of its text are escaped.

    Returns:
        The whole page.
    """
    heading = report.title or "Listening report"
    learned = filters({} if report.filters is None else {"": report.filters})
    ending = [learned, about.health(report.health), about.settings(report), about.model(report)]
    sections = [section for section in [*middle(report), maps.clips(report), *ending] if section.body]
    top = f"{summary(report)}{scores.headline(figures(report))}"
    policy = maps.policy() if any(section.title == "Map" for section in sections) else ""
    return framed(heading, "Evaluation", top, sections, policy=policy)


@singledispatch
def figures(report: Any) -> list[scores.Figure]:
    """Return the main figures of a report."""
    raise NotImplementedError(type(report).__name__)


@singledispatch
def middle(report: Any) -> list[Section]:
    """Return the sections on how good it is, in their order."""
    raise NotImplementedError(type(report).__name__)


@figures.register
def _(report: Report) -> list[scores.Figure]:
    return [
        ("Accuracy", percent(report.accuracy), scores.interval(*report.accuracy_interval)),
        ("Balanced accuracy", percent(report.balanced_accuracy), "<p>mean recall of the classes</p>"),
        ("Macro F1", figure(report.macro_f1), "<p>mean F1 of the classes</p>"),
        ("AUC", figure(report.auc), "<p>mean area under the ROC curves</p>"),
        ("Clips", count(report.n), f"<p>in {counted(len(report.classes), 'class')}</p>"),
    ]


@middle.register
def _(report: Report) -> list[Section]:
    return [
        scores.training(report),
        scores.confusion(report),
        scores.classes(report),
        scores.groups(report),
        mistakes(report),
        scores.curves(report),
        scores.calibration(report),
    ]


@figures.register
def _(report: LabelReport) -> list[scores.Figure]:
    return [
        ("Average precision", figure(report.average_precision), "<p>mean over the labels (mAP)</p>"),
        ("AUC", figure(report.auc), "<p>mean area under the ROC curves</p>"),
        ("Micro F1", figure(report.micro_f1), "<p>of all decisions together</p>"),
        ("Macro F1", figure(report.macro_f1), "<p>mean F1 of the labels</p>"),
        ("All right", percent(report.exact_match), "<p>clips with every label right</p>"),
        ("Clips", count(report.n), f"<p>with {counted(len(report.classes), 'label')}</p>"),
    ]


@middle.register
def _(report: LabelReport) -> list[Section]:
    return [
        scores.training(report),
        scores.classes(report),
        scores.groups(report),
        mistakes(report),
        scores.curves(report),
        scores.calibration(report),
    ]


@figures.register
def _(report: NumberFigures) -> list[scores.Figure]:
    return [
        ("Mean error", significant(report.mae), "<p>mean absolute error</p>"),
        ("RMSE", significant(report.rmse), "<p>root mean squared error</p>"),
        ("R²", figure(report.r2), "<p>share of the variance that is explained</p>"),
        ("Correlation", figure(report.pearson), "<p>of truth and prediction</p>"),
        ("Concordance", figure(report.concordance), "<p>1 only where all is right</p>"),
        ("Clips", count(report.n), f"<p>with {counted(len(report.classes), 'number')}</p>"),
    ]


@middle.register
def _(report: NumberReport) -> list[Section]:
    return [scores.training(report), scores.numbers(report), scores.groups(report), mistakes(report)]


@middle.register
def _(report: ContourReport) -> list[Section]:
    return [
        scores.training(report),
        contours.courses(report),
        scores.numbers(report),
        scores.groups(report),
        contours.recordings(report),
    ]


@figures.register
def _(report: ContrastReport) -> list[scores.Figure]:
    return [
        ("Found at once", percent(report.found), scores.interval(*report.found_interval)),
        ("Among five", percent(report.among_five), "<p>the other piece is one of the five nearest</p>"),
        ("By chance", percent(report.chance), "<p>found at once, if nothing were known</p>"),
        ("Clips", count(report.n), "<p>of two pieces each</p>"),
    ]


@middle.register
def _(report: ContrastReport) -> list[Section]:
    return [scores.training(report)]


@figures.register
def _(report: TranscriptReport) -> list[scores.Figure]:
    total = report.total
    words = ("Word error rate", percent(report.word_error_rate), "<p>errors for each word</p>")
    return [
        ("Label error rate", percent(total.rate), f"<p>{counted(total.errors, 'error')}</p>"),
        *([words] if report.word_error_rate != report.label_error_rate else []),
        ("Substitutions", count(total.substitutions), "<p>taken for others</p>"),
        ("Deletions", count(total.deletions), "<p>missed</p>"),
        ("Insertions", count(total.insertions), "<p>made up</p>"),
        ("All right", percent(report.exact_match), "<p>of the clips</p>"),
        ("Clips", count(report.n), f"<p>with {counted(total.symbols, 'symbol')}</p>"),
    ]


@middle.register
def _(report: TranscriptReport) -> list[Section]:
    return [scores.training(report), symbols(report), scores.groups(report), mistakes(report)]


@figures.register
def _(report: StreamReport) -> list[scores.Figure]:
    found, wrong = report.score, report.confusions
    return [
        ("Found", percent(1 - found.miss_rate), f"<p>{count(found.found)} of {counted(found.events, 'sound')}</p>"),
        ("False alarms", significant(found.false_alarms_per_hour), f"<p>an hour; {counted(wrong, 'confusion')}</p>"),
        ("At most", significant(found.false_alarms_bound), "<p>an hour, with 95 % confidence</p>"),
        ("Latency", streams.latency(report), "<p>median, from the end of a sound</p>"),
        ("Heard", streams.duration(3600 * found.hours), f"<p>in {counted(report.n, 'recording')}</p>"),
    ]


@middle.register
def _(report: StreamReport) -> list[Section]:
    return [streams.tradeoff(report), streams.classes(report), streams.alarms(report), streams.rule(report)]


@figures.register
def _(report: EventReport) -> list[scores.Figure]:
    both, segment = report.event_based, report.segment_based
    return [
        (
            "Event F1",
            percent(both.f1),
            f"<p>{count(int(both.hits.sum()))} of {counted(int(both.truth.sum()), 'event')}</p>",
        ),
        ("Error rate", figure(both.error_rate, 2), "<p>of events: missed, made up, confused</p>"),
        ("Onset F1", percent(report.onset_based.f1), "<p>of events, whatever their end</p>"),
        ("Segment F1", percent(segment.f1), f"<p>of segments of {report.segment:g} s</p>"),
        ("Segment ER", figure(segment.error_rate, 2), f"<p>in {counted(report.n, 'recording')}</p>"),
    ]


@middle.register
def _(report: EventReport) -> list[Section]:
    return [
        scores.training(report),
        events.timelines(report),
        events.classes(report),
        events.recordings(report),
        events.errors(report),
        events.rule(report),
    ]


@figures.register
def _(report: AnomalyReport) -> list[scores.Figure]:
    return [
        ("AUC", figure(report.auc), anomaly.interval_or_reason(report)),
        ("Partial AUC", figure(report.partial_auc), "<p>up to 10 % false alarms</p>"),
        ("Found", percent(report.found), f"<p>of {count(int(report.anomalous.sum()))} anomalies</p>"),
        (
            "False alarms",
            percent(report.false_alarms),
            f"<p>of {count(int((~report.anomalous).sum()))} normal clips</p>",
        ),
        ("AUC of the error", figure(report.error_auc), "<p>of the reconstruction alone</p>"),
    ]


@middle.register
def _(report: AnomalyReport) -> list[Section]:
    return [
        scores.training(report),
        anomaly.novelties(report),
        anomaly.classes(report),
        mistakes(report),
    ]
