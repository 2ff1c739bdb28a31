"""The networks that are timed: one of each family, at sizes that people use on a second of sound.

They are layers of jaxlisten. What stands beside them is the same network with the same weights, in the parts that each
peer's own documentation would take: `benchmarks.peers` translates them layer by layer.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import numpy as np

import jaxlisten as jl
from jaxlisten.nn import Layer
from jaxlisten.types import Batch, Params, State

SR = 16_000


class Family(NamedTuple):
    """A network and what goes in.

    Attributes:
        name: of the row.
        model: from ``[batch, *item]`` to logits, or to numbers like its input.
        item: shape of one item.
        task: "classification", or "regression" where the input is the target.
    """

    name: str
    model: jl.Serial
    item: tuple[int, ...]
    task: str = "classification"


def _ds_cnn() -> jl.Serial:
    def normed(layer: Layer) -> list[Layer]:
        return [layer, jl.BatchNorm(), jl.ReLU()]

    layers = [jl.AddChannel(), *normed(jl.Conv2D(64, (10, 4), stride=(2, 2), bias=False))]
    for _ in range(4):
        layers += normed(jl.DepthwiseConv2D((3, 3), bias=False)) + normed(jl.Conv2D(64, (1, 1), bias=False))
    return jl.serial(*layers, jl.FrequencyPool("mean"), jl.GlobalPool("mean"), jl.Dense(12))


def _cnn() -> jl.Serial:
    layers: list[Layer] = [jl.AddChannel()]
    for channels in (32, 64, 128):
        layers += [jl.Conv2D(channels, (3, 3)), jl.ReLU(), jl.MaxPool2D((2, 2))]
    return jl.serial(*layers, jl.FrequencyPool("mean"), jl.GlobalPool("mean"), jl.Dense(10))


def _on_samples(*behind: Layer) -> jl.Serial:
    layers: list[Layer] = [jl.Raw(), jl.Conv1D(32, 80, stride=16), jl.ReLU()]
    for channels in (64, 64):
        layers += [jl.Conv1D(channels, 9, stride=4), jl.ReLU()]
    return jl.serial(*layers, *behind, jl.GlobalPool("mean"), jl.Dense(10))


def _dense(*units: int) -> list[Layer]:
    return [layer for size in units for layer in (jl.Dense(size), jl.ReLU())]


def _recurrent(layer: Layer) -> jl.Serial:
    return jl.serial(layer, jl.GlobalPool("last"), jl.Dense(10))


def _conv_autoencoder() -> jl.Serial:
    down = [jl.Conv1D(64, 5, stride=2), jl.ReLU(), jl.Conv1D(32, 5, stride=2), jl.ReLU(), jl.Dense(8)]
    up = [jl.ConvTranspose1D(32, 4), jl.ReLU(), jl.ConvTranspose1D(64, 4), jl.ReLU(), jl.Dense(64)]
    return jl.serial(*down, *up)


FAMILIES = {
    family.name: family
    for family in (
        Family("mlp", jl.serial(*_dense(256, 256), jl.Dense(10)), (3920,)),
        Family("cnn", _cnn(), (96, 64)),
        Family("ds_cnn", _ds_cnn(), (49, 10)),
        Family("cnn1d", _on_samples(jl.Conv1D(128, 5, stride=2), jl.ReLU()), (SR,)),
        Family("lstm", _recurrent(jl.LSTM(128)), (98, 40)),
        Family("gru", _recurrent(jl.GRU(128)), (98, 40)),
        Family("crnn", _on_samples(jl.GRU(96)), (SR,)),
        Family(
            "autoencoder",
            jl.serial(*_dense(128, 128, 128, 128), jl.Dense(8), *_dense(128, 128, 128, 128), jl.Dense(640)),
            (640,),
            "regression",
        ),
        Family("conv_autoencoder", _conv_autoencoder(), (96, 64), "regression"),
    )
}


def batch_of(family: Family, size: int, seed: int = 0) -> Batch:
    """Return random inputs, with random targets or with themselves as targets."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((size, *family.item), dtype=np.float32)
    y = x if family.task == "regression" else rng.integers(0, 10, size).astype(np.int32)
    return Batch(x, y, np.ones(size, np.float32))


def weights_of(family: Family) -> tuple[Params, State]:
    """Return the first weights, the same in every process."""
    item = jax.ShapeDtypeStruct((1, *family.item), np.float32)
    return jax.jit(family.model.init, static_argnums=1)(jax.random.key(0), item)
