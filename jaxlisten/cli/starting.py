"""``jaxlisten train --from``: a run that begins with what another one has learned."""

from __future__ import annotations

import argparse

import jax
import numpy as np

from jaxlisten import runs
from jaxlisten.data import Dataset
from jaxlisten.data.targets import OF_WHOLE_CLIPS
from jaxlisten.errors import InputError
from jaxlisten.nn import serial
from jaxlisten.runs import Fitted
from jaxlisten.train import Start, default_units, transfer
from jaxlisten.types import Padded


def check(options: argparse.Namespace) -> None:
    """Refuse options that ask for another model than that of the run to begin with, or for something else to train."""
    if options.start is None:
        return
    for name in ("model", "front_end", "precision"):
        if getattr(options, name) is not None:
            raise InputError(f"--from brings the model of its run; leave out --{name.replace('_', '-')}")
    for name in ("task", "streaming", "folds", "seeds"):
        if getattr(options, name) is not None:
            raise InputError(f"--from does not go with --{name}: it trains one listener for whole clips")


def read(run: str) -> Fitted:
    """Read the run to begin with.

    Raises:
        InputError: it can't be read, or it has learned no sound.
    """
    fitted = runs.read(run)
    if not fitted.sr:
        raise InputError(f"{run} was not trained on sound, so it can't be the beginning of a listener")
    return fitted


def begun(source: Fitted, train: Dataset, *, freeze: bool) -> Start:
    """Lay a new end over what a run has learned.

    Raises:
        InputError: its model, or the targets, are not of whole clips.
    """
    if train.kind not in OF_WHOLE_CLIPS:
        raise InputError(f"--from goes with classes, labels or numbers of whole clips, got targets of {train.kind}")
    start = transfer(source, len(train.classes), freeze=freeze)
    if train.kind == "numbers":
        start = start._replace(model=serial(start.model, units=default_units(train.targets)))

    def logits(x: jax.ShapeDtypeStruct):
        return start.model.apply(*start.model.init(jax.random.key(0), x), x)[0]

    shape = jax.eval_shape(logits, jax.ShapeDtypeStruct(source.item, np.float32))
    if isinstance(shape, Padded) or shape.ndim != 1:
        raise InputError(
            f"--from wants a run that answers for whole clips; this one has learned {source.task.target}, and answers "
            "at every step"
        )
    return start
