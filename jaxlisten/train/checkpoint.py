"""What a run needs to go on exactly where it stopped.

``checkpoints/7`` is all of a run after its epoch 7: ``arrays``, which orbax writes, ``history.json``, and
``SHA256SUMS`` of both. ``checkpoints/7.1250`` is all of it 1,250 steps later, with ``begun.json`` besides: what these
steps come to. A checkpoint is written under another name and then renamed, so that it is there as a whole or not at
all; the last two are kept. Reading one executes nothing: arrays are read as arrays of the shapes that the run has, and
the rest is JSON.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxlisten.errors import InputError
from jaxlisten.files import remove, replacing, sweep
from jaxlisten.train.step import StepInfo, TrainState
from jaxlisten.types import Array, Params, State

_KEPT = 2
_ROOM_FOR_AN_ARRAY = 2**12
"""Bytes on the disk that an array takes besides its own at most."""
_SUMS = "SHA256SUMS"


class Begun(NamedTuple):
    """What is done of an epoch.

    Attributes:
        steps: how many.
        loss: sum of their losses, times their weights.
        weight: sum of their weights.
        seconds: that they took.
    """

    steps: int = 0
    loss: float = 0.0
    weight: float = 0.0
    seconds: float = 0.0

    def plus(self, infos: StepInfo, seconds: float) -> Begun:
        """Add steps. Sums grow step by step, so that it doesn't matter where a run was stopped."""
        loss, weight = (
            float(np.cumsum([before, *more])[-1])
            for before, more in ((self.loss, infos.loss * infos.weight), (self.weight, infos.weight))
        )
        return Begun(self.steps + len(infos.weight), loss, weight, self.seconds + seconds)


class Memory(NamedTuple):
    """All of a run between two steps.

    Attributes:
        now: where it is.
        best: its best weights so far.
        history: a row for each epoch done.
        key: of the run; with the number of the epoch it decides the order of the clips.
        begun: what is done of the next epoch.
    """

    now: TrainState
    best: tuple[Params, State]
    history: list[dict[str, float]]
    key: Array
    begun: Begun = Begun()


class Snapshot(NamedTuple):
    """A memory as it is stored: arrays by their paths, such as ``now/params/block0/conv1d/kernel``, and the rest."""

    arrays: dict[str, np.ndarray]
    history: list[dict[str, float]]
    begun: Begun


def snapshot(memory: Memory) -> Snapshot:
    """Copy a memory to the host, where no later step changes it."""
    named = {name: np.array(_plain(leaf)) for name, leaf in _leaves(memory)}
    arrays = {name: array for name, array in named.items() if array.size}  # orbax takes no empty one
    return Snapshot(arrays, memory.history, memory.begun)


def write(run: Path, snapshot: Snapshot) -> None:
    """Write a checkpoint, and delete those that are no longer needed.

    Raises:
        InputError: there is something in the way.
        StorageError: the disk is full, or fails.
    """
    folder = run / "checkpoints"
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise InputError(f"can't make the folder {folder}: {error.strerror}; move away what is there") from error
    with replacing(folder / _name(len(snapshot.history), snapshot.begun.steps)) as draft:
        draft.mkdir()
        _write_arrays(draft / "arrays", snapshot.arrays)
        (draft / "history.json").write_text(json.dumps(snapshot.history))
        if snapshot.begun.steps:
            (draft / "begun.json").write_text(json.dumps(snapshot.begun._asdict()))
        (draft / _SUMS).write_text(_sums(draft))
    for place in _places(folder)[_KEPT:]:
        remove(folder / _name(*place))


def restore(run: Path, like: Memory) -> Memory | None:
    """Read the newest good checkpoint into the structure of `like`; None: there is none at all.

    Raises:
        InputError: what is there is damaged, or of a run with another model, optimizer or key, or it was written by
            jaxlisten before it had checkpoints of orbax.
    """
    folder = run / "checkpoints"
    sweep(folder)
    places = _places(folder)
    for place in places:
        path = folder / _name(*place)
        try:
            return _read(path, like, *place)
        except _Damaged as error:
            print(f"note: the checkpoint {path} is damaged: {error}", file=sys.stderr)
    if places:
        raise InputError(f"{folder} has no checkpoint that is whole; delete it to begin the run again")
    if (folder / "last.safetensors").exists():
        raise InputError(
            f"{folder / 'last.safetensors'} was written by an earlier jaxlisten, and this one can't go on from it; "
            "delete it to begin the run again, or give another folder"
        )
    return None


class _Damaged(Exception):
    """A checkpoint that isn't as it was written, and what is wrong with it."""


def _read(path: Path, like: Memory, epochs: int, steps: int) -> Memory:
    try:
        if (path / _SUMS).read_text() != _sums(path):
            raise _Damaged(f"its files are not those that {_SUMS} lists")
        history, begun = _read_history(path, epochs), _read_begun(path, steps)
        wanted = {name: _plain(leaf) for name, leaf in _leaves(like) if leaf.size}
        found = _read_arrays(path / "arrays", wanted)
    except _Damaged:
        raise
    except Exception as error:  # whatever the readers say of files that nobody wrote
        raise _Damaged(str(error).partition("\n")[0] or type(error).__name__) from None
    if found is None:
        raise InputError(f"{path} belongs to a run with another model or optimizer; give this run another folder")
    if not np.array_equal(found["key"], wanted["key"]):
        raise InputError(f"{path} belongs to a run with another key; give this run another folder")
    leaves = [_as(leaf, found[name]) if leaf.size else leaf for name, leaf in _leaves(like)]
    tree = jax.tree.unflatten(jax.tree.structure(_tree(like)), leaves)
    return Memory(tree["now"], jax.device_get(tree["best"]), history, tree["key"], begun)


def _read_history(path: Path, epochs: int) -> list[dict[str, float]]:
    history = json.loads((path / "history.json").read_text())
    if [row["epoch"] for row in history] != list(range(1, epochs + 1)):
        raise _Damaged("its history is not one row an epoch")
    if any(row.keys() != history[0].keys() or set(map(type, row.values())) - {int, float} for row in history):
        raise _Damaged("its history is not a table of numbers")
    return history


def _read_begun(path: Path, steps: int) -> Begun:
    if not steps:
        return Begun()
    begun = json.loads((path / "begun.json").read_text())
    if begun.keys() != set(Begun._fields) or begun["steps"] != steps or set(map(type, begun.values())) - {int, float}:
        raise _Damaged(f"begun.json doesn't tell of {steps} steps")
    return Begun(**begun)


def _name(epochs: int, steps: int) -> str:
    return f"{epochs}.{steps}" if steps else f"{epochs}"


def _places(folder: Path) -> list[tuple[int, int]]:
    """Return the epochs and steps that have a checkpoint, the last ones first."""
    names = os.listdir(folder) if folder.is_dir() else []
    matches = [re.fullmatch(r"([0-9]+)(?:\.([0-9]+))?", name) for name in names]
    return sorted(((int(match[1]), int(match[2] or 0)) for match in matches if match), reverse=True)


def _sums(folder: Path) -> str:
    """Hash all files below a folder, but for `_SUMS` itself, as the program sha256sum writes it down."""
    lines = []
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            raise _Damaged(f"{path.name} is no file")
        if path.is_file() and path != folder / _SUMS:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            lines.append(f"{digest}  {path.relative_to(folder).as_posix()}\n")
    return "".join(lines)


def _write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Let orbax write a tree of arrays, as zarr in a database that takes few files."""
    import orbax.checkpoint as ocp

    _ask_for_room(path, sum(array.nbytes for array in arrays.values()) + _ROOM_FOR_AN_ARRAY * (len(arrays) + 1))
    # Of several processes only the first one is here.
    alone = ocp.options.MultiprocessingOptions(0, active_processes={0}, barrier_sync_key_prefix="jaxlisten")
    handler = ocp.PyTreeCheckpointHandler(use_ocdbt=True, use_zarr3=False, multiprocessing_options=alone)
    with ocp.Checkpointer(handler, multiprocessing_options=alone) as checkpointer:
        checkpointer.save(path.absolute(), args=ocp.args.PyTreeSave(arrays))


def _ask_for_room(path: Path, size: int) -> None:
    """Raise the system's error if there is no room: from orbax's threads it would come with pages of tracebacks."""
    with path.open("wb") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        elif shutil.disk_usage(path.parent).free < size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    path.unlink()


def _read_arrays(path: Path, wanted: dict[str, Any]) -> dict[str, np.ndarray] | None:
    """Read arrays of known shapes and dtypes; None: there are others.

    What orbax reads with is used without it: array by array, after a look at the shape, and with errors that are
    nothing but errors, whoever wrote the files.
    """
    import tensorstore as ts

    place = {"driver": "ocdbt", "base": {"driver": "file", "path": f"{path.absolute()}/"}}
    keys = [key.decode() for key in ts.KvStore.open(place).result().list().result()]
    if {key.removesuffix("/.zarray") for key in keys if key.endswith("/.zarray")} != wanted.keys():
        return None
    found = {name: ts.open({"driver": "zarr", "kvstore": place | {"path": f"{name}/"}}).result() for name in wanted}
    ours, theirs = ({name: (tuple(a.shape), a.dtype) for name, a in tree.items()} for tree in (wanted, found))
    if {name: (shape, dtype.numpy_dtype) for name, (shape, dtype) in theirs.items()} != ours:
        return None
    return {name: array.read().result() for name, array in found.items()}


def _tree(memory: Memory) -> Any:
    return {"now": memory.now, "best": memory.best, "key": memory.key}


def _leaves(memory: Memory) -> Iterator[tuple[str, Any]]:
    leaves, _ = jax.tree_util.tree_flatten_with_path(_tree(memory))
    return ((jax.tree_util.keystr(path, simple=True, separator="/"), leaf) for path, leaf in leaves)


def _is_key(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _plain(leaf: Any) -> Any:
    return jax.random.key_data(leaf) if _is_key(leaf) else leaf


def _as(leaf: Any, array: np.ndarray) -> Array:
    value = jnp.asarray(array)
    return jax.random.wrap_key_data(value, impl=jax.random.key_impl(leaf)) if _is_key(leaf) else value
