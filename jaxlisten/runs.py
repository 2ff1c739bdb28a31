"""The run folder that keeps a `Fitted` listener.

A run folder holds ``config.json`` (the expanded layer tree and all that is needed to rebuild it),
``weights.safetensors``, ``clips.safetensors`` (which clips were heard: see `jaxlisten.heard`) and ``metrics.csv``;
training adds reports and checkpoints. Every file is replaced as a whole.
Reading one executes nothing: names resolve in the registry of layers only.
"""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import platform
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxlisten import tasks
from jaxlisten.errors import InputError, LayerError
from jaxlisten.files import replacing
from jaxlisten.fitted import Fitted, best_epoch
from jaxlisten.heard import read_heard, write_heard
from jaxlisten.nn import Layer, from_config, to_config
from jaxlisten.types import Params, State
from jaxlisten.version import __version__

__all__ = [
    "FORMAT",
    "Fitted",
    "best_epoch",
    "check_same",
    "create",
    "flatten",
    "read",
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
_LARGEST = 2**20
"""No whole number in a stored layer is larger: a damaged or hostile one could ask for any amount of memory."""
_LONGEST = 2**31 - 1
"""The largest axis of an input, the most that JAX indexes."""


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
            if not any((folder / "config.json").exists() for folder in (run, run / "run0")):
                raise InputError(
                    f"{run} holds other things than a run, so there is nothing to resume; give another folder"
                )
        run.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=run).close()  # can it be written to?
    except OSError as error:
        raise InputError(f"can't write to {run}: {error.strerror}; give another folder") from error
    return run


def write(run: Path, fitted: Fitted) -> None:
    """Write a whole listener."""
    write_config(run, fitted)
    write_weights(run, fitted.params, fitted.state)
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
    ours, theirs = (_identity(config) for config in (_config(fitted), _read_config(run)))
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


def write_weights(run: Path, params: Params, state: State) -> None:
    """Write ``weights.safetensors``, with names such as ``params/block0/conv1d/kernel``."""
    from safetensors.numpy import save

    with replacing(run / "weights.safetensors") as path:
        path.write_bytes(save(flatten({"params": params, "state": state})))


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
    config = _read_config(run)
    item, n_classes = tuple(config["item"]), len(config["classes"])
    if model is None:
        model, wanted = _rebuilt(run / "config.json", config.get("model"), item, n_classes)
    else:
        wanted = _shapes(model, item, n_classes)
    params, state = _read_weights(run / "weights.safetensors", wanted)
    about = {key: value for key, value in config.items() if key not in {*_REQUIRED, "model"}}
    return Fitted(
        model=model,
        params=params,
        state=state,
        task=tasks.TASKS[config["task"]],
        classes=tuple(config["classes"]),
        sr=config["sr"],
        item=item,
        history=_read_metrics(run),
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
    return config


def _sound(key: str, value: Any, kind: type) -> bool:
    """Whether a field of ``config.json`` can be what `write_config` wrote."""
    if not isinstance(value, kind) or isinstance(value, bool):
        return False
    if key == "task":
        return value in tasks.TASKS
    if key == "sr":
        return 0 <= value <= _LONGEST
    if key == "item":
        return bool(value) and all(type(n) is int and 0 < n <= _LONGEST for n in value)
    if key == "classes":
        return bool(value) and all(isinstance(name, str) for name in value) and len(set(value)) == len(value)
    return True


def _rebuilt(
    path: Path, tree: Any, item: tuple[int, ...], n_classes: int
) -> tuple[Layer, dict[str, jax.ShapeDtypeStruct]]:
    """Build the stored model, and what its weights must be; whatever goes wrong with it is a damaged file."""
    if tree is None:
        raise InputError(
            f"{path.parent}: its model has a layer that can't be stored; give it: jl.load(run, model=model)"
        )
    try:
        if max(_whole_numbers(tree), default=0) > _LARGEST:
            raise InputError(f"a setting is above {_LARGEST:,}")
        model = from_config(tree)
        if not isinstance(model, Layer):
            raise InputError("it is no layer")
        return model, _shapes(model, item, n_classes)
    except Exception as error:
        reason = str(error) if isinstance(error, InputError | LayerError) else type(error).__name__
        raise InputError(
            f"{path}: the model in it can't be built ({reason}); restore it, or train the run again"
        ) from error


def _whole_numbers(tree: Any) -> Iterator[int]:
    """Yield the size of every whole number in a tree of JSON values."""
    if isinstance(tree, dict | list):
        for branch in tree.values() if isinstance(tree, dict) else tree:
            yield from _whole_numbers(branch)
    elif isinstance(tree, int):
        yield abs(tree)


def _shapes(model: Layer, item: tuple[int, ...], n_classes: int) -> dict[str, jax.ShapeDtypeStruct]:
    """Return the shape and dtype of each weight of a model, by its path; refuse one with another number of logits."""

    def run(x: Any) -> Any:
        params, state = model.init(jax.random.key(0), x)
        return params, state, model.apply(params, state, x)[0]

    params, state, logits = jax.eval_shape(run, jax.ShapeDtypeStruct((1, *item), jnp.float32))
    if logits.shape[-1] != n_classes:
        raise InputError(f"it has {logits.shape[-1]} logits for {n_classes} classes")
    return dict(_leaves({"params": params, "state": state}))


def _read_weights(path: Path, wanted: dict[str, jax.ShapeDtypeStruct]) -> tuple[Params, State]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    if not path.is_file():
        raise InputError(f"{path.parent} has no weights.safetensors; restore it, or train the run again")
    try:
        found = load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is damaged ({error}); restore it, or train the run again") from None
    for name in sorted(wanted.keys() | found.keys()):
        want, have = (_described(tree.get(name)) for tree in (wanted, found))
        if want != have:
            raise InputError(f"{path}: at {name} the model expects {want}, the file has {have}; is it another run's?")
        if not np.isfinite(found[name]).all():
            raise InputError(f"{path}: {name} holds numbers that are not finite; restore it, or train the run again")
    tree = unflatten(found)
    return tree.get("params", {}), tree.get("state", {})


def _described(array: Any) -> str:
    return "nothing" if array is None else f"{array.dtype} {list(array.shape)}"


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
            rows = tuple({name: float(value) for name, value in row.items()} for row in csv.DictReader(file))
        if [row["epoch"] for row in rows] != list(range(1, len(rows) + 1)):
            raise ValueError
        return rows
    except (OSError, ValueError, TypeError, KeyError, csv.Error):
        raise InputError(f"{path} is damaged; restore it, or delete it to go on without the curves") from None


def with_weights(fitted: Fitted, params: Params, state: State, history: Iterable[dict[str, float]]) -> Fitted:
    """Return the same listener with other weights and history."""
    return dataclasses.replace(fitted, params=params, state=state, history=tuple(history))
