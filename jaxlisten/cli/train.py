"""``jaxlisten train`` and ``jaxlisten demo``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax

from jaxlisten import data, models, runs
from jaxlisten.data import Dataset, Partition
from jaxlisten.errors import InputError, TrainingError
from jaxlisten.evaluate import evaluate
from jaxlisten.nn import serial
from jaxlisten.train import fit

_LISTED = 20
"""Bad clips that are named one by one."""


def train(options: argparse.Namespace) -> int:
    """Train on the user's recordings with the default recipe."""
    network = _named("--model", options.model, models.MODELS)
    front_end = _named("--front-end", options.front_end, models.FRONT_ENDS)
    if options.epochs < 1:
        raise InputError(f"--epochs: expected at least 1, got {options.epochs}")
    runs.create(options.out, resume=options.resume)
    clips = data.load(options.data, group_by=options.group_by)
    _tell_skipped(clips)
    parts = data.partition(clips, seed=options.seed)
    model = serial(front_end(clips.sr), network(len(clips.classes)))
    return _run(model, parts, options.out, options.epochs, options.seed, options.resume, source=options.data)


def demo(out: str | None) -> int:
    """Train on the built-in synthetic sounds."""
    if out is None:
        names = ("jaxlisten-demo", *(f"jaxlisten-demo-{i}" for i in range(2, 1000)))
        out = next(name for name in names if not Path(name).exists())
    runs.create(out)
    clips = data.synthetic()
    model = serial(models.log_mel(clips.sr), models.cnn1d(len(clips.classes)))
    code = _run(model, data.partition(clips), out, epochs=12, seed=0, resume=False, source="synthetic")
    print(f"next: jaxlisten train DATA --out RUN, where DATA has a sub-folder of recordings for each class\n{out}")
    return code


def _run(model: Any, parts: Partition, out: str, epochs: int, seed: int, resume: bool, *, source: str) -> int:
    sizes = [f"{len(part)} for {name}" for name, part in parts._asdict().items() if part is not None]
    print(f"{len(parts.train.classes)} classes at {parts.train.sr} Hz, clips: {', '.join(sizes)}", file=sys.stderr)
    try:
        fitted = fit(
            model,
            parts.train,
            parts.validation,
            key=jax.random.key(seed),
            epochs=epochs,
            run_dir=out,
            resume=resume,
        )
    except KeyboardInterrupt:
        remedy = "the best weights so far are kept; go on with the same command and --resume"
        raise TrainingError(f"interrupted: in {out} {remedy}") from None
    part = "validation" if parts.test is None else "test"
    report = evaluate(fitted, parts.test or parts.validation, title=Path(out).name, about={"data": source, "part": part})
    report.save(Path(out) / "report.html")
    report.save(Path(out) / "report.json")
    low, high = report.accuracy_interval
    print(
        f"{part} accuracy {report.accuracy:.1%} on {report.n} clips (95 % interval {low:.1%} to {high:.1%}), "
        f"from epoch {fitted.best_epoch} of {len(fitted.history)}; see {Path(out) / 'report.html'}",
        file=sys.stderr,
    )
    return 0


def _named(option: str, name: str, known: Mapping[str, Any]) -> Any:
    if name not in known:
        raise InputError(f"{option}: expected one of {', '.join(known)}, got {name!r}")
    return known[name]


def _tell_skipped(clips: Dataset) -> None:
    if clips.skipped:
        print(f"skipped {len(clips.skipped)} clips that can't be used:", file=sys.stderr)
    for bad in clips.skipped[:_LISTED]:
        print(f"  {bad.reason}", file=sys.stderr)
    if len(clips.skipped) > _LISTED:
        print(f"  ... and {len(clips.skipped) - _LISTED} more", file=sys.stderr)
