"""Many runs of one training: seeds, folds, learning rates and other settings."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from jaxlisten import devices
from jaxlisten.augment import Augmentation
from jaxlisten.data import Dataset, union
from jaxlisten.errors import InputError, TrainingError
from jaxlisten.nn import Layer
from jaxlisten.runs import Fitted
from jaxlisten.tasks import Task
from jaxlisten.train.fit import train_to_the_end
from jaxlisten.train.job import prepare
from jaxlisten.train.run import Run
from jaxlisten.train.step import Optimizer
from jaxlisten.train.store import Kept, fits, put
from jaxlisten.train.together import train_together
from jaxlisten.types import Array


def fit_many(
    model: Layer,
    train: Dataset | Sequence[Dataset],
    validation: Dataset | Sequence[Dataset] | None = None,
    *,
    key: Array,
    settings: Mapping[str, ArrayLike] | None = None,
    optimizer: Optimizer | None = None,
    task: Task | str | None = None,
    epochs: int | None = None,
    batch_size: int = 32,
    augment: Augmentation | None = None,
    average: float | None = None,
    patience: int | None = None,
    run_dir: str | os.PathLike[str] | None = None,
    resume: bool = False,
    together: bool | None = None,
    about: Mapping[str, Any] | None = None,
    report: bool = True,
    progress: bool = True,
) -> list[Fitted]:
    """Train one model many times: with several seeds, on several folds, with several settings of the optimizer.

    Whatever is given several times differs from run to run; what is given once is the same for all. On an accelerator
    the runs are one compiled program, which takes little longer than one of them; several devices share the runs out if
    their number divides that of the runs. On a CPU, which one run keeps busy, and on several devices otherwise, runs go
    one after another through one compiled step. A run whose loss is no longer finite ends there, with a note,
    and the others go on. All have the epochs and the schedule of the one with most clips.

    Args:
        model: from ``x`` to logits.
        train: the clips; or one data set for each run. What data sets share, as folds do, is on the device once.
        validation: clips to choose by; or one data set for each run; None: there are none.
        key: decides everything random of all runs; or keys ``[runs]``.
        settings: numbers by name, each ``[runs]``, that `optimizer` is made of, such as ``{"lr": [1e-2, 1e-3]}``.
        optimizer: with settings a function from a dict of scalars to an optimizer of optax, which is called inside the
            compiled step: ``lambda h: optax.adamw(h["lr"])``. Without, as for `fit`.
        task, epochs, batch_size, augment, average, patience: as for `fit`.
        run_dir: a folder for the folders ``run0``, ``run1``, ... of the runs; None: nothing is written.
        resume: go on with the runs in `run_dir`.
        together: train all runs in one compiled program, or one after another; None: what is quicker.
        about: as for `fit`, the same for all.
        report: as in `fit`.
        progress: tell of each epoch on standard error.

    Returns:
        The trained listener of each run.

    Raises:
        InputError: there is no or no single number of runs, or what `fit` raises.
        TrainingError: the loss of every run is no longer finite.

    Example:
        Eight seeds, five folds, three learning rates::

            jl.fit_many(model, train, validation, key=jax.random.split(key, 8))
            jl.fit_many(model, [p.train for p in folds], [p.validation for p in folds], key=key)
            jl.fit_many(model, train, validation, key=key, settings={"lr": [1e-2, 3e-3, 1e-3]},
                        optimizer=lambda h: optax.adamw(h["lr"]))
    """
    columns = {name: np.asarray(values, np.float32) for name, values in (settings or {}).items()}
    n = _runs(train, validation, key, columns)
    trains, validations = (_for_each(x, n) for x in (train, validation))
    keys = list(key) if _keys(key) else [key] * n
    each = [{name: jnp.asarray(column[i]) for name, column in columns.items()} or None for i in range(n)]
    folders = [None if run_dir is None else Path(run_dir) / f"run{i}" for i in range(n)]
    if optimizer is None and settings is not None:
        raise InputError("fit_many: expected an optimizer that takes the settings: lambda h: optax.adamw(h['lr'])")
    jobs = prepare(
        model,
        trains,
        validations,
        optimizer=optimizer,
        task=task,
        epochs=epochs,
        batch_size=batch_size,
        augment=augment,
        average=average,
        patience=patience,
    )
    # Each run's folder is made, or read, before the first of them begins.
    runs = [Run(*given, resume, about) for given in zip(jobs, keys, each, folders, strict=True)]
    clips, members = union(trains)
    lengths = jobs[0].lengths
    store = put(clips, lengths) if fits(clips, lengths) else None
    kept = None if store is None else [Kept(store, mine) for mine in members]
    between_epochs = not any(run.memory.begun.steps for run in runs)
    possible = kept is not None and between_epochs and len(runs) % devices.count(devices.mesh()) == 0
    if together is None:
        together = jax.default_backend() != "cpu" and possible
    progress = progress and devices.is_first()
    if not together:
        failures = _one_by_one(runs, kept, progress)
    elif kept is not None and possible:
        failures = train_together(runs, kept, progress=progress)
    else:
        raise InputError(
            "fit_many: only runs whose number the devices divide, on clips that they have room for, and that were not "
            "stopped within an epoch, can be trained together; give together=False"
        )
    for i, error in failures.items() if devices.is_first() else ():
        print(f"run {i} has ended early: {error}", file=sys.stderr)
    if len(failures) == n:
        raise failures[0]
    return [run.finished(report=report) for run in runs]


def _one_by_one(runs: list[Run], kept: list[Kept] | None, progress: bool) -> dict[int, TrainingError]:
    failures = {}
    for i, run in enumerate(runs):
        if progress:
            print(f"run {i} of {len(runs)}", file=sys.stderr)
        try:
            train_to_the_end(run, (), progress=progress, kept=None if kept is None else kept[i])
        except TrainingError as error:
            failures[i] = error
    return failures


def _for_each(given: Any, n: int) -> list[Any]:
    return list(given) if _several(given) else [given] * n


def _several(given: Any) -> bool:
    return isinstance(given, Sequence)


def _keys(key: Array) -> bool:
    """Whether there are several keys, of the new kind or of the old one, whose last axis is the words."""
    return key.ndim > (0 if jnp.issubdtype(key.dtype, jax.dtypes.prng_key) else 1)


def _runs(train: Any, validation: Any, key: Array, columns: dict[str, np.ndarray]) -> int:
    """Find how many runs there are."""
    if any(column.ndim != 1 for column in columns.values()):
        shapes = {name: column.shape for name, column in columns.items()}
        raise InputError(f"fit_many: expected a number for each run in every setting, [runs], got shapes {shapes}")
    counts = {name: len(column) for name, column in columns.items()}
    counts |= {name: len(x) for name, x in (("train", train), ("validation", validation)) if _several(x)}
    counts |= {"key": len(key)} if _keys(key) else {}
    if len(set(counts.values())) != 1 or 0 in counts.values():
        got = ", ".join(f"{n} of {name}" for name, n in counts.items()) or "one of everything"
        raise InputError(
            f"fit_many: expected as many keys, settings, or data sets for training and validation as there are runs, "
            f"or one for all, got {got}; for a single run there is jaxlisten.fit"
        )
    return next(iter(counts.values()))
