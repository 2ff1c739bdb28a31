"""The file ``weights.safetensors``, and trees as tables of paths."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxlisten.data.limits import limits
from jaxlisten.errors import InputError
from jaxlisten.files import replacing
from jaxlisten.types import Params, State


def write_weights(run: Path, params: Params, state: State, *, epoch: int | None = None) -> None:
    """Write ``weights.safetensors``, with names such as ``params/block0/conv1d/kernel``.

    Args:
        run: the folder.
        params, state: of the model.
        epoch: whose weights they are, 0 before the first; None: of none.
    """
    from safetensors.numpy import save

    metadata = None if epoch is None else {"epoch": str(epoch)}
    with replacing(run / "weights.safetensors") as path:
        path.write_bytes(save(flatten({"params": params, "state": state}), metadata=metadata))


def read_weights(path: Path, wanted: Mapping[str, jax.ShapeDtypeStruct]) -> tuple[Params, State, str | None]:
    """Read what `write_weights` wrote.

    Args:
        path: of the file.
        wanted: the shape and dtype of each weight, by its path.

    Returns:
        Params, state, and whose epoch they are, if the file says it.

    Raises:
        InputError: the file is missing or damaged, or it holds something else.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise InputError(f"{path.parent} has no weights.safetensors; restore it, or train the run again")
    most = sum(leaf.size * leaf.dtype.itemsize for leaf in wanted.values()) + limits().config_bytes
    if path.stat().st_size > most:
        raise InputError(f"{path} holds more than the weights of the model in config.json; is it another run's?")
    try:
        with safe_open(path, framework="numpy") as file:
            found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            epoch = (file.metadata() or {}).get("epoch")
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is damaged ({error}); restore it, or train the run again") from None
    for name in sorted(wanted.keys() | found.keys()):
        want, have = (_described(tree.get(name)) for tree in (wanted, found))
        if want != have:
            raise InputError(f"{path}: at {name} the model expects {want}, the file has {have}; is it another run's?")
        if not np.isfinite(found[name]).all():
            raise InputError(f"{path}: {name} holds numbers that are not finite; restore it, or train the run again")
    tree = unflatten(found)
    return tree.get("params", {}), tree.get("state", {}), epoch


def _described(array: Any) -> str:
    return "nothing" if array is None else f"{array.dtype} {list(array.shape)}"


def flatten(tree: Any) -> dict[str, np.ndarray]:
    """Turn nested dicts of arrays into one dict with paths joined by "/"."""
    return {path: np.asarray(leaf, order="C") for path, leaf in paths(tree).items()}


def paths(tree: Any, prefix: str = "") -> dict[str, Any]:
    """Turn nested dicts into one dict with paths joined by "/"; leaves stay what they are."""
    if not isinstance(tree, dict):
        return {prefix: tree}
    flat: dict[str, Any] = {}
    for name, branch in tree.items():
        flat |= paths(branch, f"{prefix}/{name}" if prefix else name)
    return flat


def unflatten(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Undo `flatten`."""
    tree = dict[str, Any]()
    for path, leaf in flat.items():
        *above, name = path.split("/")
        branch = tree
        for part in above:
            branch = branch.setdefault(part, {})
        branch[name] = leaf
    return tree
