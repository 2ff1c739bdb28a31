"""``jaxlisten evaluate``."""

from __future__ import annotations

import argparse
import math
from dataclasses import replace
from pathlib import Path

from jaxlisten import data, detect, runs
from jaxlisten.cli import anomaly, say, timed
from jaxlisten.cli.listen import thresholds
from jaxlisten.errors import InputError
from jaxlisten.evaluate import BaseReport
from jaxlisten.evaluate import evaluate as score
from jaxlisten.evaluate import evaluate_stream as score_stream
from jaxlisten.runs import Fitted


def evaluate(options: argparse.Namespace) -> int:
    """Score every clip of a data set."""
    if options.stream:
        return evaluate_stream(options)
    if options.threshold is not None or options.choose is not None:
        raise InputError("--threshold and --choose are for detectors; add --stream")
    if options.map and not options.report:
        raise InputError("--map draws into the page; add --report FILE.html")
    fitted = runs.read(options.folder)
    _check_report(options.report)
    clips = labelled(fitted, options.data)
    say.skipped(clips)
    if options.split:
        clips = part(clips, options.split, options.data)
    about = {"run": options.folder, "data": options.data, "part": options.split or "all clips"}
    report = score(fitted, clips, title=Path(options.folder).name, about=about, beam=options.beam, map=options.map)
    return _told(report, options)


def labelled(fitted: Fitted, source: str) -> data.Dataset:
    """Read the clips that a listener is to be scored on, at its rate and with its classes."""
    if fitted.task.name == "contrast":
        return data.unlabelled(source, sr=fitted.sr)
    if fitted.task.kind == "none":
        return anomaly.load(source, sr=fitted.sr)
    return timed.LOADERS.get(fitted.task.kind, data.load)(source, sr=fitted.sr, classes=fitted.classes)


def evaluate_stream(options: argparse.Namespace) -> int:
    """Listen to long recordings, and count what is found, missed and made up."""
    if options.split:
        raise InputError("--split names clips; with --stream, give a table of the recordings that are wanted")
    if options.choose is not None and not 0 <= options.choose < math.inf:
        raise InputError(f"--choose: expected a number of false alarms an hour, 0 or more, got {options.choose:g}")
    fitted = runs.read(options.folder)
    _check_report(options.report)
    about = {"run": options.folder, "data": options.data}
    report = score_stream(
        fitted,
        data.events(options.data),
        threshold=thresholds(options.threshold),
        title=Path(options.folder).name,
        about=about,
    )
    if options.choose is not None:
        chosen, _ = detect.choose(report.recordings, report.detector, false_alarms_per_hour=options.choose)
        report = replace(report, detector=chosen)
        runs.remember(options.folder, fitted, detector=chosen.to_dict())
        say.note(f"threshold {chosen.thresholds[0]:.3f}, kept in {options.folder}")
    return _told(report, options)


def _told(report: BaseReport, options: argparse.Namespace) -> int:
    """Save a report where that is asked for, and print it."""
    if options.report:
        report.save(options.report)
    if options.json:
        say.json_result(report.to_dict())
    else:
        say.result(report)
    return 0


def part(clips: data.Dataset, split: str, source: str) -> data.Dataset:
    """Take the clips of a split that the user names."""
    found = sorted(set(clips.splits or ()))
    if split not in found:
        raise InputError(
            f"--split: '{source}' has no clips of the split '{split}' but {', '.join(found) or 'no splits at all'}; "
            "leave --split out to score all clips"
        )
    return clips.part(split)


def _check_report(report: str | None) -> None:
    """Refuse what could not be saved before the work, and not after it."""
    if report is None:
        return
    if Path(report).suffix.lower() != ".html":
        raise InputError(f"--report: expected a name that ends in .html, got {report!r}")
    if not Path(report).parent.is_dir():
        raise InputError(f"--report: there is no folder '{Path(report).parent}'; make it first")
