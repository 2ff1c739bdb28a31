"""``jaxlisten train --task contrast``: what can be learned from clips without labels, for ``--from``."""

from __future__ import annotations

import argparse
from pathlib import Path

import jax

from jaxlisten import data, devices, models, runs, tasks
from jaxlisten.cli import say
from jaxlisten.cli.again import Asked
from jaxlisten.cli.scored import report_on
from jaxlisten.errors import InputError
from jaxlisten.nn import BFloat16, serial
from jaxlisten.train import TensorBoard, fit

_BATCH = 64
"""Clips a step: each piece is to be found among those of all others."""
_FEATURES = 64
"""Numbers that pieces are compared by."""


def train(options: argparse.Namespace, asked: Asked) -> int:
    """Train on clips of which nothing is known; labels that they have are not looked at."""
    for name in ("folds", "seeds", "streaming", "background", "units"):
        if getattr(options, name):
            raise InputError(f"--task contrast trains one model on clips alone; leave out --{name}")
    for name, known in (("model", models.MODELS), ("front_end", models.FRONT_ENDS)):
        if (value := getattr(options, name)) is not None and value not in known:
            raise InputError(f"--{name.replace('_', '-')}: expected one of {', '.join(known)}, got {value!r}")
    devices.agreed(lambda: runs.create(options.out, resume=options.resume) if devices.is_first() else None)
    clips = data.unlabelled(options.data, group_by=options.group_by, from_files=options.from_files)
    say.skipped(clips)
    about = {"command": asked.command(clips)}
    if len(clips) < 4:
        raise InputError(
            f"'{options.data}' holds {say.count(len(clips), 'usable clip')}, and a piece of one has to be told from "
            "pieces of others; give at least four clips"
        )
    parts = data.partition(clips, seed=options.seed)
    usual = "raw" if options.model == "crnn" else "log_mel"
    network = models.MODELS[options.model](_FEATURES)
    if options.precision == "bfloat16":
        network = BFloat16(network)
    front_end = models.FRONT_ENDS[options.front_end or usual](clips.sr)
    model = asked.model(clips, 0) or serial(front_end, network)
    sizes = [f"{len(part)} for {name}" for name, part in parts._asdict().items() if part is not None]
    say.note(f"clips without labels at {clips.sr} Hz: {', '.join(sizes)}")
    watched = options.tensorboard and devices.is_first()
    fitted = fit(
        model,
        parts.train,
        parts.validation,
        key=jax.random.key(options.seed),
        task=tasks.contrast(),
        epochs=options.epochs,
        batch_size=_BATCH,
        callbacks=[TensorBoard(Path(options.out) / "tensorboard", parts.validation, model)] if watched else [],
        run_dir=options.out,
        resume=options.resume,
        about=about,
        report=False,
    )
    if devices.is_first():
        report_on(fitted, clips, parts, options.out, options.data)
        say.note(f"next: jaxlisten train DATA --from {options.out} --out RUN, where DATA has labels")
    return 0
