"""``jaxlisten predict``: what recordings are, as lines for people, as JSON or as CSV."""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import os
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from jaxlisten.cli import say
from jaxlisten.data.finding import sound_files
from jaxlisten.deploy import Listener, Prediction, load
from jaxlisten.deploy.prediction import check_answers
from jaxlisten.errors import InputError


class Answer(NamedTuple):
    """What is said about a recording or a window of one: a prediction, or why there is none."""

    path: str
    said: Prediction | InputError
    start: float | None = None
    end: float | None = None


Answers = Generator[Answer, None, None]


def predict(options: argparse.Namespace) -> int:
    """Say what each file is. A file that can't be read is an error of its own, and the others are still heard."""
    if options.top < 1:
        raise InputError(f"--top: expected at least 1, got {options.top}")
    listener, failed = load(options.folder), False
    if not listener.sr:
        raise InputError(f"{options.folder} was trained on features, not on sound; predict takes a run of recordings")
    check_answers(listener.fitted)
    if options.windows and listener.fitted.task.in_time:
        raise InputError(f"--windows: this run finds {listener.fitted.task.target}, and says when; leave it out")
    told = _windows(listener, options.files) if options.windows else _whole(listener, options.files, options.beam)
    form = _Table(listener, options.top, options.windows) if options.csv else None
    with contextlib.closing(told):
        for answer in told:
            failed |= isinstance(answer.said, InputError)
            line = _line(answer, listener.fitted.task.kind, options.top)
            if form is not None:
                form.row(line)
            elif options.json:
                say.json_result(line)
            elif "error" in line:
                say.note(f"jaxlisten: {line['error']}")
            else:
                for words in _in_lines(line):
                    say.result("  ".join([answer.path, *_span(answer), words]))
    return 2 if failed else 0


def _whole(listener: Listener, files: Iterable[str], beam: int) -> Answers:
    found = list(_found(files))
    heard = listener.predict_many((path for path, error in found if error is None), beam=beam)
    for path, error in found:
        yield Answer(path, error or next(heard)[1])


def _windows(listener: Listener, files: Iterable[str]) -> Answers:
    for path, error in _found(files):
        try:
            if error is not None:
                raise error
            for window in listener.windows(path):
                yield Answer(path, window.said, window.start, window.end)
        except InputError as reason:
            yield Answer(path, reason)


def _found(files: Iterable[str]) -> Iterator[tuple[str, InputError | None]]:
    """Yield each file, and of each folder the sound files in it, or why there are none."""
    for file in files:
        if not os.path.isdir(file):
            yield file, None
            continue
        closed: list[OSError] = []
        inside = [str(path) for path in sound_files(Path(file), closed.append)]
        yield from ((path, None) for path in inside)
        for error in closed:
            yield (
                str(error.filename),
                InputError(f"the folder '{error.filename}' can't be read ({error.strerror}); change its permissions"),
            )
        if not inside and not closed:
            yield file, InputError(f"there are no sound files in the folder '{file}'; name one that has some")


def _line(answer: Answer, kind: str, top: int) -> dict[str, Any]:
    """Return an answer as the JSON object that the command prints."""
    line: dict[str, Any] = {"path": answer.path}
    said = answer.said
    if isinstance(said, InputError):
        return line | {"error": str(said)}
    if answer.start is not None and answer.end is not None:
        line |= {"start": round(answer.start, 6), "end": round(answer.end, 6)}
    if kind == "numbers":
        return line | {"label": None, "probability": None, "top": [], "numbers": dict(said.numbers)}
    if kind == "contours":
        names = ("time", *(name for name, _ in said.numbers))
        return line | {"contour": [dict(zip(names, row, strict=True)) for row in said.contour]}
    if kind == "none":
        said_of = {"novelty": said.novelty, "threshold": said.threshold}
        return line | {"label": said.label, "probability": None, "top": [], **said_of}
    if kind == "transcripts":
        return line | {"transcript": said.transcript, "symbols": list(said.symbols)}
    line |= {"label": said.label, "probability": said.probability, "top": _named(said.top[:top])}
    if kind == "events":
        line["events"] = [event._asdict() for event in said.events]
    if kind == "labels":
        chosen = dict(said.top)
        line["labels"] = _named([(label, chosen[label]) for label in said.labels])
    return line


def _named(pairs: Iterable[tuple[str, float]]) -> list[dict[str, Any]]:
    return [{"label": label, "probability": probability} for label, probability in pairs]


def _span(answer: Answer) -> list[str]:
    return [] if answer.start is None else [f"{answer.start:.2f} to {answer.end:.2f} s"]


def _in_lines(line: dict[str, Any]) -> list[str]:
    """Say what was heard in a line, or of events in one for each, and of numbers over time in one for each step."""
    if "contour" in line:
        return [f"{row.pop('time'):.2f} s  {_in_words({'numbers': row})}" for row in line["contour"]]
    if "events" not in line:
        return [_in_words(line)]
    events = [
        f"{one['start']:.2f} to {one['end']:.2f} s  {one['label']} {one['probability']:.1%}" for one in line["events"]
    ]
    return events or ["no events"]


def _in_words(line: dict[str, Any]) -> str:
    """Say what was heard: the numbers, the labels that hold, or the most probable classes."""
    if "numbers" in line:
        return "  ".join(f"{name} {value:.4g}" for name, value in line["numbers"].items())
    if "novelty" in line:
        return f"{line['label']}  novelty {line['novelty']:.3g} (threshold {line['threshold']:.3g})"
    if "transcript" in line:
        return line["transcript"] or "nothing is said"
    shown = line.get("labels", line["top"])
    return "  ".join(f"{one['label']} {one['probability']:.1%}" for one in shown) or "none of the labels"


class _Table:
    """CSV on standard output: ``path,label,probability,error``, and then what the listener says besides."""

    def __init__(self, listener: Listener, top: int, windows: bool):
        kind, n = listener.fitted.task.kind, len(listener.classes)
        columns = ["path", "start", "end"] if windows else ["path"]
        columns += {
            "events": ["label", "start", "end", "probability"],
            "contours": ["time"],
            "transcripts": ["transcript"],
            "none": ["label", "novelty", "threshold"],
        }.get(kind, ["label", "probability"])
        columns += ["error"]
        if kind in ("numbers", "contours"):
            columns += listener.classes
        elif kind not in ("events", "transcripts", "none"):
            columns += ["labels"] if kind == "labels" else []
            columns += [name for i in range(2, min(top, n) + 1) for name in (f"label_{i}", f"probability_{i}")]
        self._columns = columns
        self._print(columns)

    def row(self, line: dict[str, Any]) -> None:
        """Print an answer; of events, and of steps, one in each row; where there is no event a row without a label."""
        if "events" in line or "contour" in line:
            for event in line.get("events", line.get("contour")) or [{}]:
                self._print([({"path": line["path"]} | event).get(column) for column in self._columns])
            return
        cells = line | line.get("numbers", {})
        if "labels" in line:
            cells["labels"] = ";".join(one["label"] for one in line["labels"])
        for i, one in enumerate(line.get("top", []), start=1):
            cells |= {f"label_{i}": one["label"], f"probability_{i}": one["probability"]}
        self._print([cells.get(column) for column in self._columns])

    def _print(self, cells: list[Any]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="").writerow(cells)
        say.result(text.getvalue())
