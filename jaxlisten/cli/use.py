"""``jaxlisten evaluate``, ``predict`` and ``export``."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from jaxlisten import data, runs
from jaxlisten.cli.train import _tell_skipped
from jaxlisten.deploy import Listener, load
from jaxlisten.errors import InputError
from jaxlisten.evaluate import evaluate as score


def evaluate(options: argparse.Namespace) -> int:
    """Score every clip of a data set."""
    fitted = runs.read(options.folder)
    if options.report and Path(options.report).suffix.lower() != ".html":
        raise InputError(f"--report: expected a name that ends in .html, got {options.report!r}")
    clips = data.load(options.data, sr=fitted.sr, classes=fitted.classes)
    _tell_skipped(clips)
    if options.split:
        clips = clips.part(options.split)
    about = {"run": options.folder, "data": options.data, "part": options.split or "all clips"}
    report = score(fitted, clips, title=Path(options.folder).name, about=about)
    if options.report:
        report.save(options.report)
    print(json.dumps(report.to_dict(), ensure_ascii=False) if options.json else report)
    return 0


def predict(options: argparse.Namespace) -> int:
    """Say what each file is. A file that can't be read is an error of its own, and the others are still heard."""
    if options.top < 1:
        raise InputError(f"--top: expected at least 1, got {options.top}")
    listener, failed = load(options.folder), 0
    for path in options.files:
        try:
            line = _heard(listener, path, options.top)
        except InputError as error:
            failed += 1
            line = {"path": path, "error": str(error)}
        if options.json:
            print(json.dumps(line, ensure_ascii=False), flush=True)
        elif "error" in line:
            print(f"jaxlisten: {line['error']}", file=sys.stderr)
        else:
            others = "".join(f"  {one['label']} {one['probability']:.1%}" for one in line["top"][1:])
            print(f"{path}  {line['label']} {line['probability']:.1%}{others}", flush=True)
    return 2 if failed else 0


def export(options: argparse.Namespace) -> int:
    """Write a file, run it, and compare it with the run folder before saying so."""
    listener = load(options.folder)
    clips = [data.read(path, sr=listener.sr)[0] for path in options.clips] or _remembered(listener)
    done = listener.export(options.out, clips=clips)
    heard = "recordings" if clips else "clips of noise (give recordings with --clips)"
    print(
        f"{done.path}: {done.bytes:,} bytes; its probabilities differ from the run's by at most {done.difference:.1g} "
        f"on {done.clips} {heard}"
    )
    return 0


def _heard(listener: Listener, path: str, top: int) -> dict[str, Any]:
    said = listener.predict(path)
    return {
        "path": path,
        "label": said.label,
        "probability": said.probability,
        "top": [{"label": label, "probability": probability} for label, probability in said.top[:top]],
    }


def _remembered(listener: Listener) -> list[Any]:
    """Read the validation clips that the run names, where they are still there."""
    found = []
    for path in listener.fitted.about.get("examples", ()):
        try:
            found.append(data.read(path, sr=listener.sr)[0])
        except InputError:
            continue
    return found
