"""Clips on the device: put there once, in a handful of lengths, and taken batch by batch inside the compiled step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxlisten import devices
from jaxlisten.data import Dataset, Files, collate, plan
from jaxlisten.data.memory import SHARE, free_memory
from jaxlisten.types import Array, Batch, Padded


class Shelf(NamedTuple):
    """Clips that are padded to one length.

    Attributes:
        x: ``Padded(float32 [n, time], int32 [n])``.
        y: their targets, ``[n, ...]``: an array, or a `Padded` of transcripts.
    """

    x: Padded
    y: Any


class Plan(NamedTuple):
    """Which clips a pass takes, step by step.

    Attributes:
        shelf: which shelf a step takes from, int32 ``[steps]``.
        clips: rows of that shelf, int32 ``[steps, batch]``, or ``[steps, runs, batch]`` for several runs; -1 is an
            absent item.
    """

    shelf: np.ndarray
    clips: np.ndarray


@dataclass(frozen=True)
class Store:
    """A data set on the device.

    Attributes:
        shelves: one for each length.
        lengths: of the shelves, ascending.
        shelf_of, row_of: where each clip of the data set lies, int64 ``[n]``.
        samples: of each clip, int64 ``[n]``.
    """

    shelves: tuple[Shelf, ...]
    lengths: tuple[int, ...]
    shelf_of: np.ndarray
    row_of: np.ndarray
    samples: np.ndarray

    def plan(self, members: np.ndarray, batch_size: int, rng: np.random.Generator | None = None) -> Plan:
        """Plan one pass over some of the clips, as `jaxlisten.data.plan` does."""
        batches = plan(self.samples[members], batch_size, self.lengths, rng=rng)
        clips = np.full((len(batches), batch_size), -1, np.int32)
        for row, (_, chosen) in zip(clips, batches, strict=True):
            row[: len(chosen)] = self.row_of[members[chosen]]
        return Plan(np.searchsorted(self.lengths, [length for length, _ in batches]).astype(np.int32), clips)


class Kept(NamedTuple):
    """Some of the clips of a store.

    Attributes:
        store: where they lie.
        members: which of its clips, int64 ``[n]``.
    """

    store: Store
    members: np.ndarray


def put(data: Dataset, lengths: tuple[int, ...]) -> Store:
    """Put clips on the devices, shared out over them, each on the shelf of the shortest length that it fits in."""
    shelf_of = np.searchsorted(lengths, data.lengths)
    members = [np.flatnonzero(shelf_of == shelf) for shelf in range(len(lengths))]
    row_of = np.zeros(len(data), np.int64)
    for rows in members:
        row_of[rows] = np.arange(len(rows))
    mesh = devices.mesh()

    def shelf(rows: np.ndarray, length: int) -> Shelf:
        def part(places: slice) -> Shelf:
            batch = collate(data, rows[places], length, places.stop - places.start)
            return Shelf(batch.x, batch.y)

        return devices.built(devices.filled(max(1, len(rows)), mesh), part, mesh)

    shelves = tuple(shelf(rows, length) for rows, length in zip(members, lengths, strict=True))
    return Store(shelves, lengths, shelf_of, row_of, data.lengths)


def take(shelf: Shelf, clips: Array) -> Batch:
    """Take a batch from a shelf: what `jaxlisten.data.collate` makes of the same clips.

    Args:
        shelf: where they lie.
        clips: its rows, integers ``[batch]``; -1 is an absent item.
    """
    present, rows = clips >= 0, jnp.maximum(clips, 0)

    def taken(a: Array) -> Array:
        return jnp.where(present.reshape(-1, *[1] * (a.ndim - 1)), a[rows], 0)

    x = Padded(taken(shelf.x.values), taken(shelf.x.length))
    return Batch(x, jax.tree.map(taken, shelf.y), present.astype(jnp.float32))


def fits(data: Dataset, lengths: tuple[int, ...]) -> bool:
    """Tell whether the clips, padded, leave enough memory of the devices to all else; the same in every process.

    Those in files stay there.
    """
    if isinstance(data.audio, Files):
        return False
    padded = np.asarray(lengths)[np.searchsorted(lengths, data.lengths)].sum()
    return int(padded) * 4 * SHARE <= _free()


def _free() -> int:
    """Return the free memory of all devices in bytes, were each like the fullest; devices of one CPU share theirs."""
    if stats := jax.local_devices()[0].memory_stats():
        free, shares = stats["bytes_limit"] - stats["bytes_in_use"], devices.count(devices.mesh())
    else:
        free, shares = free_memory(), jax.process_count()
    return min(devices.gathered(free)) * shares
