"""Winograd's convolution over time: three taps give four outputs in six products instead of twelve."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np

from jaxlisten.types import Array

TAPS, OUTPUTS = 3, 4

_OF_INPUT = np.array(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
)
_OF_KERNEL = np.array(
    [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ]
)
_OF_OUTPUT = np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]])
"""F(4, 3): ``y = A^T [(G g) * (B^T d)]`` for taps g and six steps d of the input, with these as B^T, G and A^T.

Reference:
    Lavin and Gray 2016, *Fast algorithms for convolutional neural networks*, section 4.3.
"""


def inputs(x: Array) -> list[Array]:
    """Mix the steps of the input.

    Args:
        x: ``[item, time, *any]``.

    Returns:
        Six arrays ``[item, ceil(frames / 4), *any]``, where ``frames = time - 2``.
    """
    frames = x.shape[1] - TAPS + 1
    tiles = -(-frames // OUTPUTS)
    x = _filled(x, (tiles + 1) * OUTPUTS)
    steps = [x[:, i // OUTPUTS : i // OUTPUTS + tiles, i % OUTPUTS] for i in range(TAPS + OUTPUTS - 1)]
    return [_mixed(row, steps) for row in _OF_INPUT]


def kernels(kernel: Array) -> list[Array]:
    """Mix the taps of a kernel ``[3, *any]`` into six of ``[*any]``."""
    return [_mixed(row, list(kernel)) for row in _OF_KERNEL]


def outputs(products: list[Array], frames: int) -> Array:
    """Mix six products ``[item, ceil(frames / 4), *any]`` into the output ``[item, frames, *any]``."""
    y = jnp.stack([_mixed(row, products) for row in _OF_OUTPUT], axis=2)
    return y.reshape(y.shape[0], -1, *y.shape[3:])[:, :frames]


def _filled(x: Array, time: int) -> Array:
    """Fill ``x [item, at most time, *any]`` up with zeros, as ``[item, time / 4, 4, *any]``."""
    x = jax.lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), (0, time - x.shape[1], 0), *[(0, 0, 0)] * (x.ndim - 2)])
    return x.reshape(x.shape[0], -1, OUTPUTS, *x.shape[2:])


def _mixed(weights: np.ndarray, parts: list[Array]) -> Array:
    terms = [part if w == 1 else float(w) * part for w, part in zip(weights, parts, strict=True) if w]
    return functools.reduce(jnp.add, terms)
