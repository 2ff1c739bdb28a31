"""Several devices, and several processes on one or more hosts, by JAX's own means.

All devices that JAX shows are one mesh with one axis, ``data``. The rows of a batch are sharded over it, weights are
replicated, and a compiled step computes what one device would compute for the whole batch: XLA inserts what the devices
have to tell each other. Several processes (`jax.distributed.initialize`) run the same program; each holds its part.
"""

from __future__ import annotations

import contextlib
import functools
import pickle
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from jaxlisten.errors import InputError, TrainingError

T = TypeVar("T")

AXIS = "data"

_AT_ONCE = 2**28
"""Bytes that all processes together send at a time."""
_LOST = re.compile(r"gloo|nccl|coordination|heartbeat|connection|unavailable|socket|preempt", re.IGNORECASE)
"""What the error of a collective says when another process is gone."""


class LostProcess(TrainingError):
    """Another process has ended, or can't be reached."""


class Told(InputError):
    """An `InputError` of one process, raised in all of them."""


def mesh() -> Mesh | None:
    """Return the mesh of all devices; None where there is one, or where `jax.default_device` names it."""
    config: Any = jax.config  # whose settings not every jax declares
    if config.jax_default_device is not None or jax.device_count() == 1:
        return None
    return _mesh()


@functools.cache
def _mesh() -> Mesh:
    return jax.make_mesh((jax.device_count(),), (AXIS,), axis_types=(AxisType.Auto,))


def count(mesh: Mesh | None) -> int:
    """Return how many devices there are."""
    return 1 if mesh is None else mesh.size


def filled(n: int, mesh: Mesh | None) -> int:
    """Round a number of rows up to a multiple of the devices."""
    return n + -n % count(mesh)


def replicated(tree: T, mesh: Mesh | None) -> T:
    """Give every device all of the arrays, inside a compiled function or outside."""
    return tree if mesh is None else _constrained(tree, NamedSharding(mesh, PartitionSpec()))


def sharded(tree: T, mesh: Mesh | None) -> T:
    """Share the rows of arrays out over the devices; inside a compiled function, any number of them."""
    return tree if mesh is None else _constrained(tree, NamedSharding(mesh, PartitionSpec(AXIS)))


@functools.partial(jax.jit, static_argnums=1)
def _constrained(tree: Any, sharding: NamedSharding) -> Any:
    return jax.lax.with_sharding_constraint(tree, sharding)


def over(mesh: Mesh | None) -> contextlib.AbstractContextManager[Any]:
    """Tell `by_device`, while a function is traced, over which devices batches are shared out."""
    return contextlib.nullcontext() if mesh is None else jax.sharding.use_abstract_mesh(mesh.abstract_mesh)


def by_device(function: Callable[..., Any], x: Any, *weights: Any) -> Any:
    """Compute ``function(x, *weights)``, which treats all items of ``x [n, ...]`` alike, on each device for its own.

    XLA does that by itself, but for loops over items: every device would go through all of them.
    """
    mesh = jax.sharding.get_abstract_mesh()
    if AXIS not in mesh.axis_names or not isinstance(x.shape[0], int) or x.shape[0] % mesh.shape[AXIS]:
        return function(x, *weights)
    rows, whole = PartitionSpec(AXIS), PartitionSpec()
    specs = (rows, *[whole] * len(weights))
    return jax.shard_map(function, in_specs=specs, out_specs=rows, check_vma=False)(x, *weights)


def built(n: int, part: Callable[[slice], T], mesh: Mesh | None) -> T:
    """Build arrays ``[n, ...]`` whose rows are shared out over the devices, each process those of its own devices.

    Args:
        n: how many rows, a multiple of the number of devices.
        part: from a slice of rows to a tree of NumPy arrays with these rows.
        mesh: of the devices.
    """
    if mesh is None:
        return jax.device_put(part(slice(0, n)))
    sharding = NamedSharding(mesh, PartitionSpec(AXIS))
    rows = sharding.addressable_devices_indices_map((n,))
    parts = [jax.device_put(part(index[0]), device) for device, index in rows.items() if index]

    def joined(*pieces: Any) -> jax.Array:
        return jax.make_array_from_single_device_arrays((n, *pieces[0].shape[1:]), sharding, list(pieces))

    return jax.tree.map(joined, *parts)


def given(tree: T, mesh: Mesh | None) -> T:
    """Put a batch that every process has on the devices: sharded by its rows where the devices divide them."""
    if mesh is None:
        return jax.device_put(tree)

    def put(x: Any) -> Any:
        if isinstance(x, jax.Array) and len(x.sharding.device_set) > 1:
            return x
        x = np.asarray(x)
        spec = PartitionSpec(AXIS) if x.ndim and len(x) % mesh.size == 0 else PartitionSpec()
        return jax.make_array_from_callback(x.shape, NamedSharding(mesh, spec), lambda index: x[index])

    return jax.tree.map(put, tree)


def local(tree: T, mesh: Mesh | None) -> T:
    """Return replicated arrays as they lie on the first device of this process."""
    return tree if mesh is None else jax.tree.map(lambda a: a.addressable_data(0), tree)


def settled(tree: T, mesh: Mesh | None) -> T:
    """Wait for arrays where several devices are those of a CPU: with many programs in flight they block each other."""
    return jax.block_until_ready(tree) if mesh is not None and jax.default_backend() == "cpu" else tree


def is_first() -> bool:
    """Whether this process is the one that writes and tells: the only one, or the first of several."""
    return jax.process_index() == 0


def gathered(value: T) -> list[T]:
    """Bring together what each process has, in their order, in all of them. All must call it alike.

    Raises:
        Told: what one of them has is an `InputError`.
    """
    values = [value] if jax.process_count() == 1 else [pickle.loads(found) for found in _sent(pickle.dumps(value))]
    for i, found in enumerate(values):
        if isinstance(found, InputError):
            raise Told(f"process {i}: {found}" if i else str(found))
    return values


def _sent(mine: bytes) -> list[bytes]:
    """Send bytes to all processes, some at a time, because they pass through the memory of the devices."""
    from jax.experimental.multihost_utils import process_allgather

    sizes = process_allgather(np.frombuffer(len(mine).to_bytes(8, "little"), np.uint8)).tolist()
    sizes = [int.from_bytes(bytes(size), "little") for size in sizes]
    step, pieces = max(1, _AT_ONCE // len(sizes)), []
    for begin in range(0, max(sizes), step):
        piece = np.zeros(min(step, max(sizes) - begin), np.uint8)
        own = np.frombuffer(mine[begin : begin + step], np.uint8)
        piece[: len(own)] = own
        pieces.append(np.asarray(process_allgather(piece)))
    whole = np.concatenate(pieces, axis=1)
    return [row[:size].tobytes() for row, size in zip(whole, sizes, strict=True)]


def agreed(function: Callable[[], T]) -> T:
    """Call a function in each process, and go on when all of them have: an `InputError` of one is raised in all.

    Raises:
        Told: the function has raised an `InputError` in one of several processes.
    """
    if jax.process_count() == 1:
        return function()
    try:
        found = function()
    except Told:
        raise
    except InputError as error:
        gathered(error)
        raise
    gathered(None)
    return found


@contextlib.contextmanager
def watched() -> Iterator[None]:
    """Turn the error of a collective that has lost a process into one that says so.

    Raises:
        LostProcess: it has.
    """
    try:
        yield
    except (jax.errors.JaxRuntimeError, ValueError) as error:
        if jax.process_count() == 1 or isinstance(error, InputError) or not _LOST.search(str(error)):
            raise
        raise LostProcess(
            "another process has ended, or can't be reached any more; see what it says, and go on with the run by "
            f"starting all of them again with resume ({str(error).splitlines()[0]})"
        ) from error
