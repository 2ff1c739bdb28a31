"""What people would take instead of jaxlisten, as the documentation of each recommends it.

Every module has ``make(family, params, state, batch) -> Side``. It translates the network layer by layer and takes the
weights over, so that all compute the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from benchmarks.families import Family


class Side(NamedTuple):
    """One way to run a network, on one batch that lies where it is needed.

    Attributes:
        name: of the peer.
        outputs: of the first weights, in our order of axes.
        infer: runs the network once, and waits.
        train: takes one step of Adam, waits, and returns the loss before it.
    """

    name: str
    outputs: np.ndarray
    infer: Callable[[], object]
    train: Callable[[], Any]


class Part(NamedTuple):
    """One layer of a family's network.

    Attributes:
        layer: of jaxlisten.
        params: its weights, as NumPy arrays.
        took, gave: the shapes of one item before and behind it.
    """

    layer: Any
    params: dict[str, np.ndarray]
    took: tuple[int, ...]
    gave: tuple[int, ...]


def parts(family: Family, params: dict[str, Any], state: dict[str, Any]) -> Iterator[Part]:
    """Yield the layers of a network with the shapes between them."""
    x: Any = jax.ShapeDtypeStruct((1, *family.item), np.float32)
    for name, layer in zip(family.model.names, family.model.layers, strict=True):
        mine = params.get(name, {})
        y = jax.eval_shape(lambda p, s, x, layer=layer: layer.apply(p, s, x)[0], mine, state.get(name, {}), x)
        yield Part(layer, jax.tree.map(np.asarray, mine), x.shape[1:], y.shape[1:])
        x = y


def padding(n: int, windows: int, kernel: int, stride: int) -> tuple[int, int]:
    """Return how many zeros stand before and behind `n` steps, so that there are as many windows as we have."""
    left = (kernel - 1) // 2
    return left, max(0, (windows - 1) * stride + kernel - n - left)
