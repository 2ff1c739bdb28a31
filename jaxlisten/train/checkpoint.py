"""What a run needs to go on exactly where it stopped, in one file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxlisten.errors import InputError
from jaxlisten.files import replacing
from jaxlisten.train.step import TrainState
from jaxlisten.types import Params, State


class Memory(NamedTuple):
    """All of a run between two epochs: where it is, its best weights so far, and a row for each epoch done."""

    now: TrainState
    best: tuple[Params, State]
    history: list[dict[str, float]]


def save(run: Path, memory: Memory) -> None:
    """Write ``checkpoints/last.safetensors``."""
    from safetensors.numpy import save

    folder = run / "checkpoints"
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise InputError(f"can't make the folder {folder}: {error.strerror}; move away what is there") from error
    tensors = {name: np.asarray(leaf) for name, leaf in _named(memory.now, memory.best).items()}
    with replacing(folder / "last.safetensors") as path:
        path.write_bytes(save(tensors, metadata={"history": json.dumps(memory.history)}))


def restore(run: Path, like: Memory) -> Memory | None:
    """Read what `save` wrote into the structure of `like`; None: there is no checkpoint.

    Raises:
        InputError: it is damaged, or of a run with another model or optimizer.
    """
    from safetensors import SafetensorError, safe_open

    path = run / "checkpoints" / "last.safetensors"
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="numpy") as file:
            found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            history = json.loads((file.metadata() or {})["history"])
        if [row["epoch"] for row in history] != list(range(1, len(history) + 1)):
            raise ValueError("its history is not one row an epoch")
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{path} is damaged ({error}); delete it to begin again") from None
    wanted = _named(like.now, like.best)
    ours, theirs = ({name: (leaf.shape, leaf.dtype) for name, leaf in tree.items()} for tree in (wanted, found))
    if ours != theirs:
        raise InputError(f"{path} belongs to a run with another model or optimizer; give this run another folder")
    leaves = [jnp.asarray(found[name]) for name in wanted]
    now, best = jax.tree.unflatten(jax.tree.structure(_bare(like.now, like.best)), leaves)
    return Memory(now._replace(key=jax.random.wrap_key_data(now.key)), jax.device_get(best), history)


def _bare(now: TrainState, best: Any) -> Any:
    return now._replace(key=jax.random.key_data(now.key)), best


def _named(now: TrainState, best: Any) -> dict[str, Any]:
    leaves, _ = jax.tree_util.tree_flatten_with_path(_bare(now, best))
    return {jax.tree_util.keystr(path): leaf for path, leaf in leaves}
