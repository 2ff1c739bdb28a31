"""``jaxlisten train --task contrast``: what can be learned from clips without labels, for ``--from``."""

from __future__ import annotations

import argparse

import jax

from jaxlisten import data, devices, models, runs, tasks
from jaxlisten.cli import say
from jaxlisten.cli.again import Asked
from jaxlisten.cli.building import board, usual_front_end
from jaxlisten.cli.checks import RATES, check_left_out, named
from jaxlisten.cli.scored import report_on
from jaxlisten.errors import InputError
from jaxlisten.nn import BFloat16, serial
from jaxlisten.train import fit

_BATCH = 64
"""Clips a step: each piece is to be found among those of all others."""
_FEATURES = 64
"""Numbers that pieces are compared by."""


def train(options: argparse.Namespace, asked: Asked) -> int:
    """Train on clips of which nothing is known; labels that they have are not looked at."""
    left_out = ("folds", "seeds", "streaming", "background", "units", *RATES)
    check_left_out(options, "trains one model on clips alone, by one recipe", *left_out)
    network = named("--model", options.model, models.MODELS)(_FEATURES)
    front_end = named("--front-end", options.front_end or usual_front_end(options), models.FRONT_ENDS)
    devices.agreed(lambda: runs.create(options.out, resume=options.resume) if devices.is_first() else None)
    clips = data.unlabelled(options.data, group_by=options.group_by, from_files=options.from_files)
    say.skipped(clips)
    about = {"command": asked.command(clips)}
    if len(clips) < 4:
        raise InputError(
            f"'{options.data}' holds {say.count(len(clips), 'usable clip')}, and a piece of one has to be told from "
            "pieces of others; give at least four clips"
        )
    parts = data.partition(clips, test=options.test, seed=options.seed)
    if options.precision == "bfloat16":
        network = BFloat16(network)
    model = asked.model(clips, 0) or serial(front_end(clips.sr), network)
    say.note(f"clips without labels at {clips.sr} Hz: {say.sizes(parts)}")
    fitted = fit(
        model,
        parts.train,
        parts.validation,
        key=jax.random.key(options.seed),
        task=tasks.contrast(),
        epochs=options.epochs,
        batch_size=_BATCH,
        callbacks=board(options, parts.validation, model),
        run_dir=options.out,
        resume=options.resume,
        about=about,
        report=False,
    )
    if devices.is_first():
        report_on(fitted, clips, parts, options.out, options.data)
        say.note(f"next: jaxlisten train DATA --from {options.out} --out RUN, where DATA has labels")
    return 0
