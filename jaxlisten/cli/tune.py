"""``jaxlisten tune``."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from jaxlisten import data, runs, tasks
from jaxlisten.cli import say
from jaxlisten.cli.again import Asked, usual
from jaxlisten.cli.checks import check_classes, check_least, check_seed
from jaxlisten.cli.train import stopping
from jaxlisten.data.targets import OF_WHOLE_CLIPS
from jaxlisten.errors import InputError
from jaxlisten.train.space import read_space
from jaxlisten.train.tune import tune as search

_TEST = 0.15
"""The share of the clips to score what is chosen on, where no clips are named for the test."""


def tune(options: argparse.Namespace) -> int:
    """Search for settings, train the best, and score it beside the default recipe."""
    check_least(options, configurations=2, factor=2, epochs=1)
    check_seed(options)
    space = None if options.space is None else read_space(options.space)
    if not options.resume:
        runs.create(options.out)
    clips = data.load(options.data, group_by=options.group_by)
    say.skipped(clips)
    if clips.kind not in OF_WHOLE_CLIPS:
        raise InputError(f"'{options.data}' gives clips {clips.kind}: tune is for classes, labels and numbers")
    check_classes(clips, options.data)
    parts = data.partition(clips, test=_TEST, seed=options.seed)
    check_classes(parts.train, options.data, " for training")
    say.note(f"{len(clips.classes)} {tasks.infer(clips.targets).things} at {clips.sr} Hz, clips: {say.sizes(parts)}")
    out = Path(options.out)
    with stopping(f"{out} keeps what is done: go on with the same command and --resume"):
        found = search(
            *parts,
            configurations=options.configurations,
            factor=options.factor,
            epochs=options.epochs,
            space=space,
            seed=options.seed,
            run_dir=out,
            resume=options.resume,
            title=out.name,
            about={"data": options.data, "group_by": options.group_by},
        )
    asked = usual(data=options.data, seed=options.seed, group_by=options.group_by, test=_TEST, epochs=found.budgets[-1])
    vars(asked).update({name: value for name, value in found.settings.items() if name != "n_mels"})
    runs.remember(out, found.fitted, command=Asked(asked).command(clips))
    report = replace(found.report, health=data.health(clips).to_dict())
    for name in ("report.html", "report.json"):
        report.save(out / name)
    if options.json:
        say.json_result(found.to_dict())
    else:
        say.result(found)
    say.note(f"see {out / 'tune.html'}; again: jaxlisten train --config {out / 'config.json'} --out RUN")
    return 0
