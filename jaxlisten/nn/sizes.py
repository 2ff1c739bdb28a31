"""What the settings of a stored model may ask for, before anything is built of them.

A stored layer is checked against its weights, whose sizes are those of a real file. What needs no weights could ask for
any amount of memory, or for a loop that ends tomorrow.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from jaxlisten.errors import InputError

LARGEST = 2**20
"""No whole number in a stored layer is larger, but for a sample rate."""
LARGEST_SR = 10_000_000
LAYERS = 4096
"""Layers of a stored model."""
UNROLLED = 2**12
"""Steps that a layer writes out one by one: of a kernel, of a pooling window, or hops in a frame."""
TABLE = 2**25
"""Numbers in a table that a layer computes: of mel filters, of filters by taps."""

_TABLES = (("n_fft", "n_mels"), ("n_mfcc", "n_mels"), ("win_length", "n_filters"))
_POOLS = ("MaxPool", "MeanPool", "MaxPool2D", "MeanPool2D")


def check_sizes(tree: Any) -> None:
    """Refuse what `to_config` gave where a setting is too large.

    Raises:
        InputError: one is, or there are too many layers.
    """
    n = 0
    for layer in _layers(tree):
        n += 1
        for name, value in layer.items():
            largest = LARGEST_SR if name == "sr" else LARGEST
            if max(_sizes(value), default=0) > largest:
                raise InputError(f"{layer.get('layer')!r} has {name} above {largest:,}")
        _check_work(layer)
    if n > LAYERS:
        raise InputError(f"it has {n:,} layers, more than {LAYERS:,}")


def _check_work(layer: dict[str, Any]) -> None:
    """Refuse a layer that unrolls into too many steps, or computes too large a table."""
    size = {name: math.prod(_sizes(value)[:2]) for name, value in layer.items()}  # a pair is that of time and frequency
    window = size.get("window", 0) if layer.get("layer") in _POOLS else 0
    steps = max(size.get("kernel", 0), window, size.get("n_fft", 0) // size.get("hop_length", 1))
    if steps > UNROLLED:
        raise InputError(f"{layer.get('layer')!r} is {steps:,} steps, more than {UNROLLED:,}")
    if any(size.get(a, 0) * size.get(b, 0) > TABLE for a, b in _TABLES):
        raise InputError(f"{layer.get('layer')!r} computes a table of more than {TABLE:,} numbers")


def _layers(tree: Any) -> Iterator[dict[str, Any]]:
    """Yield every dict in a tree of JSON values."""
    if isinstance(tree, dict):
        yield tree
    for branch in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from _layers(branch)


def _sizes(value: Any) -> list[int]:
    """List the sizes of the whole numbers of a setting, 1 at least; a layer's own are found on their own."""
    if isinstance(value, list):
        return [size for item in value for size in _sizes(item)]
    return [max(1, abs(value))] if isinstance(value, int) else []
