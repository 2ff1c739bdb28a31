"""``jaxlisten train --streaming``: what it does besides training a classifier."""

from __future__ import annotations

import argparse
import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jaxlisten import data, detect, runs
from jaxlisten.cli import say
from jaxlisten.data import Partition
from jaxlisten.detect import Hearing
from jaxlisten.errors import InputError
from jaxlisten.evaluate.streams import stream_report
from jaxlisten.runs import Fitted
from jaxlisten.train import ForStreams, for_streams

_SCENES, _SECONDS = 18, 600
"""How many scenes the threshold is chosen on, and how long each is."""
_ALARMS_PER_HOUR = 1.0


def prepare(parts: Partition, options: argparse.Namespace) -> ForStreams:
    """Make the clips into what a detector hears."""
    if options.folds is not None:
        raise InputError("--streaming chooses a threshold on validation clips; leave out --folds")
    background = data.recordings(options.background, sr=parts.train.sr) if options.background else []
    if not background and not any(map(data.is_background, parts.train.classes)):
        say.note("no --background and no class _background_ or _silence_: training with noise in their place")
    return for_streams(parts, background, seed=options.seed)


def at_once(build: Callable[..., Any]) -> Callable[..., Any]:
    """Let a model or a front end answer without waiting for what comes later, where it can."""
    settings = inspect.signature(build).parameters
    if "causal" in settings:
        return functools.partial(build, causal=True)
    return functools.partial(build, lookahead=0) if "lookahead" in settings else build


def choose(fitted: Fitted, made: ForStreams, options: argparse.Namespace) -> None:
    """Choose the threshold on scenes of validation clips, keep it, and report on the scenes."""
    hearing, recordings = Hearing(fitted), []
    for k in range(_SCENES):
        scene = data.scene(made.validation, made.background[1], seconds=_SECONDS, seed=options.seed * 1009 + k)
        recordings.append(detect.listened(hearing, f"scene {k}", [scene.samples], scene.events))
    finder, _ = detect.choose(recordings, detect.detector(fitted.classes), false_alarms_per_hour=_ALARMS_PER_HOUR)
    runs.remember(options.out, fitted, detector=finder.to_dict())
    about = {"data": options.data, "part": "validation"}
    report = stream_report(recordings, finder, title=Path(options.out).name, about=about)
    page = Path(options.out) / "stream.html"
    report.save(page)
    say.note(
        f"threshold {finder.thresholds[0]:.3f}, chosen on scenes of validation clips: {report.headline}; see {page}"
    )
