"""The end of every training: the report on what was held out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from jaxlisten import data
from jaxlisten.cli import say
from jaxlisten.data import Dataset, Partition
from jaxlisten.evaluate import evaluate
from jaxlisten.evaluate.maps import Method
from jaxlisten.runs import Fitted


def report_on(
    fitted: Fitted, clips: Dataset, parts: Partition, out: str, source: str, *, map: Method | None = None
) -> None:
    """Score the test clips, or where there are none those of validation, write both reports, and tell of them.

    Args:
        fitted: what was trained.
        clips: all that was read, whose health is told.
        parts: their partition.
        out: the run folder.
        source: what the user calls the data.
        map: as `evaluate` takes it.
    """
    folder, part = Path(out), "validation" if parts.test is None else "test"
    scored = {"data": source, "part": part}
    report = evaluate(fitted, parts.test or parts.validation, title=folder.name, about=scored, map=map)
    report = replace(report, health=data.health(clips).to_dict())
    report.save(folder / "report.html")
    report.save(folder / "report.json")
    best = f"from epoch {fitted.best_epoch} of {len(fitted.history)}"
    say.note(f"{part}: {report.headline}, {best}; see {folder / 'report.html'}")
