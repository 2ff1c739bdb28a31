"""The run folder that keeps a `Fitted` listener.

A run folder holds ``config.json`` (the expanded layer tree and all that is needed to rebuild it),
``weights.safetensors``, ``clips.safetensors`` (which clips were heard: see `jaxlisten.heard`) and ``metrics.csv``;
training adds reports and checkpoints. Every file is replaced as a whole.
Reading one executes nothing: names resolve in the registry of layers only.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
import os
import platform
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxlisten import tasks
from jaxlisten.data.limits import read_text
from jaxlisten.errors import InputError, LayerError
from jaxlisten.files import replacing, sweep
from jaxlisten.fitted import Fitted, best_epoch
from jaxlisten.heard import read_heard, write_heard
from jaxlisten.nn import Layer, from_config, to_config
from jaxlisten.nn.sizes import LARGEST_SR, check_sizes
from jaxlisten.types import Padded, Params, State
from jaxlisten.version import __version__
from jaxlisten.weights import flatten, paths, read_weights, unflatten, write_weights

__all__ = [
    "FORMAT",
    "Fitted",
    "best_epoch",
    "check_same",
    "create",
    "flatten",
    "read",
    "read_config",
    "rebuilt",
    "remember",
    "unflatten",
    "versions",
    "with_weights",
    "write",
    "write_config",
    "write_heard",
    "write_metrics",
    "write_table",
    "write_weights",
]

FORMAT = 1
"""The version of the layout of a run folder."""

_REQUIRED = {"format": int, "task": str, "classes": list, "sr": int, "item": list}
_LONGEST = 2**28
"""The largest axis of an input: an hour and a half at 48 kHz."""


def create(run_dir: str | os.PathLike[str], *, resume: bool = False) -> Path:
    """Make the folder of a run.

    Raises:
        InputError: it exists and holds something (with `resume`: something other than a run), or can't be made or
            written to.
    """
    run = Path(run_dir)
    try:
        if run.exists() and not run.is_dir():
            raise InputError(f"{run} is a file; give the run another folder")
        if run.is_dir() and any(run.iterdir()):
            if not resume:
                raise InputError(
                    f"{run} exists and is not empty; give another folder, or resume the run in it (--resume)"
                )
            for folder in (run, run / "run0"):
                sweep(folder)
            if not _begun(run):
                raise InputError(
                    f"{run} holds other things than a run, so there is nothing to resume; give another folder"
                )
        run.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=run).close()  # can it be written to?
    except OSError as error:
        raise InputError(f"can't write to {run}: {error.strerror}; give another folder") from error
    return run


def _begun(run: Path) -> bool:
    """Whether a folder holds a run, or nothing yet: it was killed before it wrote anything."""
    first = run / "run0"
    written = any((folder / "config.json").exists() for folder in (run, first))
    return written or all(path == first and not any(first.iterdir()) for path in run.iterdir())


def write(run: Path, fitted: Fitted) -> None:
    """Write a whole listener."""
    write_config(run, fitted)
    write_weights(run, fitted.params, fitted.state, epoch=fitted.best_epoch)
    if fitted.history:
        write_metrics(run, fitted.history)
    if fitted.heard is not None:
        write_heard(run, fitted.heard)


def write_config(run: Path, fitted: Fitted) -> None:
    """Write ``config.json``. A model with an unregistered layer is stored as null, and needs ``model=`` to load."""
    text = json.dumps(_config(fitted) | {"versions": versions()}, ensure_ascii=False, indent=1) + "\n"
    with replacing(run / "config.json") as path:
        # File names that are no UTF-8 reach us as lone surrogates; \udcff is also how JSON escapes them.
        path.write_text(text, encoding="utf-8", errors="backslashreplace")


def remember(run_dir: str | os.PathLike[str], fitted: Fitted, **more: Any) -> Fitted:
    """Add to what a stored run knows about itself.

    Args:
        run_dir: its folder.
        fitted: the listener that was read from it, or trained into it.
        **more: what JSON can hold, by name.

    Returns:
        The listener with that.
    """
    fitted = dataclasses.replace(fitted, about=fitted.about | more)
    write_config(Path(run_dir), fitted)
    return fitted


def check_same(run: Path, fitted: Fitted) -> None:
    """Refuse to go on with a run that was begun with something else than `fitted`; more or fewer epochs are welcome.

    Raises:
        InputError: the model, the task, the data, the seed or the batch size differ, or ``config.json`` can't be read.
    """
    if not (run / "config.json").exists():
        return
    ours, theirs = (_identity(config) for config in (_config(fitted), read_config(run / "config.json")))
    differing = [what for what, value in ours.items() if theirs[what] != value]
    if differing:
        raise InputError(
            f"{run} was begun with another {' and '.join(differing)}; resume it with the same, or give another folder"
        )


def _config(fitted: Fitted) -> dict[str, Any]:
    try:
        tree = to_config(fitted.model)
    except InputError:
        tree = None
    return {
        "format": FORMAT,
        "model": tree,
        "task": fitted.task.name,
        "classes": list(fitted.classes),
        "sr": fitted.sr,
        "item": list(fitted.item),
        **fitted.about,
    }


def _identity(config: dict[str, Any]) -> dict[str, Any]:
    """Return what a run must keep when it is resumed, by what to call it."""

    def inside(section: str, key: str) -> Any:
        return config[section].get(key) if isinstance(config.get(section), dict) else None

    return {
        "seed": config.get("seed"),
        "model": config.get("model"),
        "task": config["task"],
        "set of clips": (config["classes"], config["sr"], config["item"], inside("data", "fingerprint")),
        "batch size": inside("training", "batch_size"),
    }


def write_metrics(run: Path, history: Iterable[Mapping[str, float]]) -> None:
    """Write ``metrics.csv``, a row an epoch."""
    write_table(run / "metrics.csv", list(history), columns=["epoch"])


def write_table(path: Path, rows: Sequence[Mapping[str, Any]], *, columns: Sequence[str] = ()) -> None:
    """Write rows as a CSV file, whose columns are those of the first row, or `columns` where there is none."""
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0] if rows else columns))
        writer.writeheader()
        writer.writerows(rows)


def read(run_dir: str | os.PathLike[str], *, model: Layer | None = None) -> Fitted:
    """Read a run folder.

    Args:
        run_dir: the folder.
        model: the model, for a run that has an unregistered layer; otherwise it is built from ``config.json``.

    Raises:
        InputError: a file is missing, damaged or of another format, or the weights don't fit the model.
        LayerError: the model given refuses the run's input.
    """
    run = Path(run_dir)
    config = read_config(run / "config.json")
    if model is None:
        model = rebuilt(run / "config.json", config)
    wanted = _shapes(model, config)
    params, state, epoch = read_weights(run / "weights.safetensors", wanted)
    task = tasks.TASKS[config["task"]]
    about = {key: value for key, value in config.items() if key not in {*_REQUIRED, "model"}}
    return Fitted(
        model=model,
        params=params,
        state=state,
        task=task,
        classes=tuple(config["classes"]),
        sr=config["sr"],
        item=tuple(config["item"]),
        history=_until(epoch, _read_metrics(run), task),
        about=about,
        heard=read_heard(run),
    )


def versions() -> dict[str, str]:
    """Return the versions of what decides the numbers of a run."""
    import optax

    return {
        "jaxlisten": __version__,
        "jax": jax.__version__,
        "optax": optax.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


def read_config(path: Path) -> dict[str, Any]:
    """Read a ``config.json``.

    Raises:
        InputError: it is missing, damaged or of another format.
    """
    run = path.parent
    if not run.is_dir():
        raise InputError(f"{run}: there is no such run folder; make one with `jaxlisten train`")
    try:
        if not path.exists():
            raise InputError(f"{run} has no {path.name}: it is no run folder, or its training never began")
        config = json.loads(read_text(path))
    except InputError:  # a ValueError too
        raise
    except OSError as error:
        raise InputError(f"{path} can't be read ({error.strerror}); restore it, or train the run again") from None
    except (ValueError, RecursionError):
        raise InputError(f"{path} is damaged, it is not valid JSON; restore it, or train the run again") from None
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        found = config.get("format") if isinstance(config, dict) else None
        raise InputError(f"{path}: expected format {FORMAT}, got {found!r}; was it written by another version?")
    for key, kind in _REQUIRED.items():
        if not _sound(key, config.get(key), kind):
            raise InputError(f"{path}: '{key}' is missing or damaged; restore it, or train the run again")
    if bool(config["classes"]) == (tasks.TASKS[config["task"]].kind == "none"):
        raise InputError(f"{path}: 'classes' is missing or damaged; restore it, or train the run again")
    return config


def _sound(key: str, value: Any, kind: type) -> bool:
    """Whether a field of ``config.json`` can be what `write_config` wrote."""
    if not isinstance(value, kind) or isinstance(value, bool):
        return False
    if key == "task":
        return value in tasks.TASKS
    if key == "sr":
        return 0 <= value <= LARGEST_SR
    if key == "item":
        whole = all(type(n) is int and 0 < n <= _LONGEST for n in value)
        return whole and 0 < len(value) <= 8 and math.prod(value) <= _LONGEST
    if key == "classes":
        return all(isinstance(name, str) for name in value) and len(set(value)) == len(value)
    return True


def rebuilt(path: Path, config: Mapping[str, Any]) -> Layer:
    """Build the stored model; whatever goes wrong with it is a damaged file.

    Args:
        path: of the ``config.json``.
        config: what `read_config` found in it.

    Raises:
        InputError: it can't be built, or it has a layer that is not registered.
    """
    tree = config.get("model")
    if tree is None:
        raise InputError(
            f"{path.parent}: its model has a layer that can't be stored; give it: jl.load(run, model=model)"
        )
    try:
        check_sizes(tree)
        model = from_config(tree)
        if not isinstance(model, Layer):
            raise InputError("it is no layer")
        _shapes(model, config)
    except Exception as error:
        reason = str(error) if isinstance(error, InputError | LayerError) else type(error).__name__
        raise InputError(
            f"{path}: the model in it can't be built ({reason}); restore it, or train the run again"
        ) from error
    return model


def _shapes(model: Layer, config: Mapping[str, Any]) -> dict[str, jax.ShapeDtypeStruct]:
    """Return the shape and dtype of each weight of a model, by its path; refuse one with another number of logits."""

    def run(x: Any) -> Any:
        params, state = model.init(jax.random.key(0), x)
        return params, state, model.apply(params, state, x)[0]

    params, state, logits = jax.eval_shape(run, jax.ShapeDtypeStruct((1, *config["item"]), jnp.float32))
    n, n_classes, task = logits_of(logits).shape[-1], len(config["classes"]), tasks.TASKS[config["task"]]
    if task.kind != "none" and n != n_classes + task.special:
        raise InputError(f"it has {n} logits for {n_classes} classes")
    return paths({"params": params, "state": state})


def logits_of(y: Any) -> Any:
    """Return the array of logits that a model gives, also where it gives a `Padded`."""
    return y.values if isinstance(y, Padded) else y


def _read_metrics(run: Path) -> tuple[dict[str, float], ...]:
    path = run / "metrics.csv"
    if not path.is_file():
        return ()
    try:
        table = csv.DictReader(io.StringIO(read_text(path), newline=""))
        rows = tuple({name: float(value) for name, value in row.items()} for row in table)
        if [row["epoch"] for row in rows] != list(range(1, len(rows) + 1)):
            raise ValueError
        return rows
    except (OSError, ValueError, TypeError, KeyError, csv.Error):
        raise InputError(f"{path} is damaged; restore it, or delete it to go on without the curves") from None


def _until(epoch: str | None, history: tuple[dict[str, float], ...], task: tasks.Task) -> tuple[dict[str, float], ...]:
    """Leave out the last rows where the weights are not of their best epoch: a run was killed between the two files."""
    for n in range(len(history), -1, -1):
        if str(best_epoch(task, history[:n]) or 0) == epoch:
            return history[:n]
    return history


def with_weights(fitted: Fitted, params: Params, state: State, history: Iterable[dict[str, float]]) -> Fitted:
    """Return the same listener with other weights and history."""
    return dataclasses.replace(fitted, params=params, state=state, history=tuple(history))
