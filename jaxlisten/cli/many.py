"""``jaxlisten train --folds`` and ``--seeds``: many runs, and what they say together."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxlisten import data, devices, runs
from jaxlisten.cli import say
from jaxlisten.data import Dataset, Partition
from jaxlisten.evaluate import BaseReport, evaluate, pooled
from jaxlisten.nn import Layer
from jaxlisten.runs import Fitted
from jaxlisten.tasks import Task
from jaxlisten.train import default_task, ensemble, fit_many

_MAIN = {
    "class": "accuracy",
    "labels": "average_precision",
    "numbers": "mae",
    "transcripts": "label_error_rate",
}
"""The figure that runs are compared by, for each kind of target."""


def train(
    model: Layer,
    task: Task,
    clips: Dataset,
    parts: Sequence[Partition],
    options: argparse.Namespace,
    about: dict[str, Any],
    recipe: dict[str, Any],
) -> Fitted:
    """Train a run for each fold and seed, and return what the folder of all is too: a listener, the mean of theirs."""
    names = [f"fold {i + 1}" for i in range(len(parts))] if options.folds else ["all clips"]
    seeds = [options.seed + i for i in range(options.seeds or 1)]
    each = [(name, part, seed) for name, part in zip(names, parts, strict=True) for seed in seeds]
    out = Path(options.out)
    say.note(f"{len(each)} runs on {say.count(len(clips), 'clip')} of {len(clips.classes)} {task.things}")
    listeners = fit_many(
        model,
        [part.train for _, part, _ in each],
        [part.validation for _, part, _ in each],
        key=jax.numpy.stack([jax.random.key(seed % 2**32) for _, _, seed in each]),
        task=default_task(task),
        epochs=options.epochs,
        run_dir=out,
        resume=options.resume,
        about=about,
        report=False,
        **recipe,
    )
    together = ensemble(listeners)
    together = replace(together, about=about | together.about)
    if not devices.is_first():
        return together
    named = _MAIN[task.kind]
    part = "validation" if parts[0].test is None else "test"
    rows, reports = [], []
    for i, ((name, clips_of, seed), listener) in enumerate(zip(each, listeners, strict=True)):
        scored = {"data": options.data, "part": part, "clips": name, "seed": seed}
        report = evaluate(listener, _held_out(clips_of), title=f"{out.name}/run{i}", about=scored)
        report.save(out / f"run{i}" / "report.html")
        report.save(out / f"run{i}" / "report.json")
        reports.append(report)
        rows.append({"run": f"run{i}", "clips": name, "seed": seed, "n": report.n, named: getattr(report, named)})
        say.note(f"run{i}, {name}, seed {seed}, {part}: {report.headline}")
    runs.write_table(out / "runs.csv", rows)
    runs.write(out, together)
    scored = {"data": options.data, "part": part, "runs": len(each)}
    whole = _whole(names, parts, listeners, reports, out.name, scored)
    whole = replace(whole, health=data.health(clips).to_dict())
    whole.save(out / "report.html")
    whole.save(out / "report.json")
    figures = np.array([row[named] for row in rows])
    spread = f"{figures.mean():.4f}, standard deviation {figures.std(ddof=1):.4f}"
    say.note(f"{named.replace('_', ' ')} of the runs, on average: {spread}")
    what = "each clip by the runs that have not heard it" if options.folds else "all runs together"
    say.note(f"{part}, {what}: {whole.headline}; see {out / 'report.html'}")
    return together


def _held_out(part: Partition) -> Dataset:
    return part.validation if part.test is None else part.test


def _whole(
    names: list[str],
    parts: Sequence[Partition],
    listeners: list[Fitted],
    reports: list[BaseReport],
    title: str,
    about: dict[str, Any],
) -> BaseReport:
    """Score each part's held out clips with the mean of its runs, and make one report of all."""
    size = len(listeners) // len(parts)
    if size > 1:
        means = [ensemble(listeners[i : i + size]) for i in range(0, len(listeners), size)]
        reports = [
            evaluate(mean, _held_out(part), title=title, about=about) for mean, part in zip(means, parts, strict=True)
        ]
    return reports[0] if len(parts) == 1 else pooled(dict(zip(names, reports, strict=True)), title=title, about=about)
