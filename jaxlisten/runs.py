"""What training leaves behind: a `Fitted` listener, and the run folder that keeps it.

A run folder holds ``config.json`` (the expanded layer tree and all that is needed to rebuild it), ``weights.safetensors``
and ``metrics.csv``; training adds reports and checkpoints. Every file is replaced as a whole. Reading one executes
nothing: names resolve in the registry of layers only.
"""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import platform
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxlisten import tasks
from jaxlisten.errors import InputError
from jaxlisten.files import replacing
from jaxlisten.nn import Layer, from_config, to_config
from jaxlisten.tasks import Task
from jaxlisten.types import Params, State
from jaxlisten.version import __version__

FORMAT = 1
"""The version of the layout of a run folder."""

_REQUIRED = {"format": int, "task": str, "classes": list, "sr": int, "item": list}


@dataclass(frozen=True, eq=False)
class Fitted:
    """A trained listener and where it comes from.

    Attributes:
        model: from the input to logits.
        params, state: its weights, as NumPy arrays, of the best epoch.
        task: what the logits mean.
        classes: the name of each logit.
        sr: sample rate of the input in Hz; 0 where the input is no sound.
        item: shape of the longest input that was trained on, ``(samples,)`` for raw sound.
        history: a row an epoch: ``epoch``, ``train_loss``, and with validation ``val_loss`` and ``val_accuracy``.
        about: anything else worth keeping that JSON can hold: the data's summary, the seed, the settings.
    """

    model: Layer
    params: Params
    state: State
    task: Task
    classes: tuple[str, ...]
    sr: int
    item: tuple[int, ...]
    history: tuple[dict[str, float], ...] = ()
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def longest(self) -> int:
        """Samples of the longest clip that was trained on."""
        return self.item[0]

    @property
    def best_epoch(self) -> int | None:
        """The epoch whose weights these are; None before the first."""
        return best_epoch(self.task, self.history)


def best_epoch(task: Task, history: Iterable[Mapping[str, float]]) -> int | None:
    """Find the epoch with the best figure of the task, and among equals the least validation loss, then the first.

    Without validation it is the last one. Epochs count from 1; None: there is none.
    """
    rows = list(history)
    if not rows or any(task.metric not in row for row in rows):
        return len(rows) or None
    sign = -1.0 if task.maximize else 1.0
    return 1 + min(range(len(rows)), key=lambda i: (sign * rows[i][task.metric], rows[i].get("val_loss", 0.0), i))


def create(run_dir: str | os.PathLike[str], *, resume: bool = False) -> Path:
    """Make the folder of a run.

    Raises:
        InputError: it exists and holds something (unless `resume`), or can't be made or written to.
    """
    run = Path(run_dir)
    try:
        if run.exists() and not run.is_dir():
            raise InputError(f"{run} is a file; give the run another folder")
        if not resume and run.is_dir() and any(run.iterdir()):
            raise InputError(f"{run} exists and is not empty; give another folder, or resume the run that is in it")
        run.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=run).close()  # can it be written to?
    except OSError as error:
        raise InputError(f"can't write to {run}: {error.strerror}; give another folder") from error
    return run


def write_config(run: Path, fitted: Fitted) -> None:
    """Write ``config.json``. A model with a layer that isn't registered is stored as null, and needs ``model=`` to load."""
    try:
        tree = to_config(fitted.model)
    except InputError:
        tree = None
    config = {
        "format": FORMAT,
        "model": tree,
        "task": fitted.task.name,
        "classes": list(fitted.classes),
        "sr": fitted.sr,
        "item": list(fitted.item),
        **fitted.about,
        "versions": versions(),
    }
    with replacing(run / "config.json") as path:
        path.write_text(json.dumps(config, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def write_weights(run: Path, params: Params, state: State) -> None:
    """Write ``weights.safetensors``, with names such as ``params/block0/conv1d/kernel``."""
    from safetensors.numpy import save

    with replacing(run / "weights.safetensors") as path:
        path.write_bytes(save(flatten({"params": params, "state": state})))


def write_metrics(run: Path, history: Iterable[Mapping[str, float]]) -> None:
    """Write ``metrics.csv``, a row an epoch."""
    rows = list(history)
    with replacing(run / "metrics.csv") as path, path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]) if rows else ["epoch"])
        writer.writeheader()
        writer.writerows(rows)


def read(run_dir: str | os.PathLike[str], *, model: Layer | None = None) -> Fitted:
    """Read a run folder.

    Args:
        run_dir: the folder.
        model: the model, for a run that has an unregistered layer; otherwise it is built from ``config.json``.

    Raises:
        InputError: a file is missing, damaged or of another format, or the weights don't fit the model.
        LayerError: a stored setting is refused by its layer.
    """
    run = Path(run_dir)
    config = _read_config(run)
    if model is None:
        if config.get("model") is None:
            raise InputError(f"{run}: its model has a layer that can't be stored; give it: jl.load(run, model=model)")
        model = from_config(config["model"])
    if not isinstance(model, Layer):
        raise InputError(f"{run / 'config.json'}: 'model' is no layer; train the run again")
    item = tuple(config["item"])
    params, state = _read_weights(run, model, item)
    about = {key: value for key, value in config.items() if key not in {*_REQUIRED, "model"}}
    return Fitted(
        model=model,
        params=params,
        state=state,
        task=tasks.find(config["task"]),
        classes=tuple(config["classes"]),
        sr=config["sr"],
        item=item,
        history=_read_metrics(run),
        about=about,
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


def flatten(tree: Any, prefix: str = "") -> dict[str, np.ndarray]:
    """Turn nested dicts of arrays into one dict with paths joined by "/"."""
    if not isinstance(tree, dict):
        return {prefix: np.asarray(tree, order="C")}
    flat: dict[str, np.ndarray] = {}
    for name, branch in tree.items():
        flat |= flatten(branch, f"{prefix}/{name}" if prefix else name)
    return flat


def unflatten(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Undo `flatten`."""
    tree: dict[str, Any] = {}
    for path, leaf in flat.items():
        *above, name = path.split("/")
        branch = tree
        for part in above:
            branch = branch.setdefault(part, {})
        branch[name] = leaf
    return tree


def _read_config(run: Path) -> dict[str, Any]:
    if not run.is_dir():
        raise InputError(f"{run}: there is no such run folder; make one with `jaxlisten train`")
    path = run / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{run} has no config.json: it is no run folder, or its training never began") from None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} can't be read ({type(error).__name__}); restore it, or train the run again") from None
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        found = config.get("format") if isinstance(config, dict) else None
        raise InputError(f"{path}: expected format {FORMAT}, got {found!r}; was it written by another version?")
    for key, kind in _REQUIRED.items():
        if not isinstance(config.get(key), kind):
            raise InputError(f"{path}: '{key}' is missing or damaged; restore it, or train the run again")
    if not all(isinstance(n, int) and n > 0 for n in config["item"]) or not config["item"]:
        raise InputError(f"{path}: 'item' is damaged; restore it, or train the run again")
    if not config["classes"] or not all(isinstance(name, str) for name in config["classes"]):
        raise InputError(f"{path}: 'classes' is damaged; restore it, or train the run again")
    return config


def _read_weights(run: Path, model: Layer, item: tuple[int, ...]) -> tuple[Params, State]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    path = run / "weights.safetensors"
    if not path.is_file():
        raise InputError(f"{run} has no weights.safetensors; restore it, or train the run again")
    try:
        found = load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise InputError(f"{path} is damaged ({error}); restore it, or train the run again") from None
    sample = jax.ShapeDtypeStruct((1, *item), jnp.float32)
    wanted = dict(zip(("params", "state"), jax.eval_shape(model.init, jax.random.key(0), sample), strict=True))
    shapes = {name: leaf.shape for name, leaf in _leaves(wanted)}
    for name in sorted(shapes.keys() | found.keys()):
        have = found[name].shape if name in found else "nothing"
        if have != shapes.get(name, "nothing"):
            want = shapes.get(name, "nothing")
            raise InputError(f"{path}: at {name} the model expects {want}, the file has {have}; is it another run's?")
    tree = unflatten(found)
    return tree.get("params", {}), tree.get("state", {})


def _leaves(tree: Any, prefix: str = "") -> Iterable[tuple[str, Any]]:
    if not isinstance(tree, dict):
        yield prefix, tree
    else:
        for name, branch in tree.items():
            yield from _leaves(branch, f"{prefix}/{name}" if prefix else name)


def _read_metrics(run: Path) -> tuple[dict[str, float], ...]:
    path = run / "metrics.csv"
    if not path.is_file():
        return ()
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return tuple({name: float(value) for name, value in row.items()} for row in csv.DictReader(file))
    except (OSError, ValueError, TypeError, csv.Error):
        raise InputError(f"{path} is damaged; restore it, or delete it to go on without the curves") from None


def with_weights(fitted: Fitted, params: Params, state: State, history: Iterable[dict[str, float]]) -> Fitted:
    """Return the same listener with other weights and history."""
    return dataclasses.replace(fitted, params=params, state=state, history=tuple(history))
