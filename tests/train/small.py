"""What the tests of training share: three classes of short sines, and a small model for them."""

from __future__ import annotations

from collections.abc import Iterable

import jax
import numpy as np

import jaxlisten as jl

SR = 8000
CLASSES = ("high", "low", "middle")
FRONT = jl.LogMel(sr=SR, n_fft=256, hop_length=80, n_mels=16)
MODEL = jl.serial(FRONT, jl.BatchNorm(), jl.Dropout(0.1), jl.GlobalPool(), jl.Dense(3))
KEY = jax.random.key(3)


def sines(n: int = 24, seed: int = 0, classes: tuple[str, ...] = CLASSES, samples: int = 2000) -> jl.data.Dataset:
    """Make noisy sines whose pitch tells the class."""
    noise = np.random.default_rng(seed)
    hz = {"high": 2000, "low": 300, "middle": 800}
    names = [classes[i % len(classes)] for i in range(n)]
    t = np.arange(samples) / SR
    audio = [0.3 * np.sin(2 * np.pi * hz[name] * t) + 0.2 * noise.standard_normal(samples) for name in names]
    return jl.data.arrays(np.array(audio, np.float32), names, sr=SR, classes=classes)


TRAIN, VALIDATION = sines(), sines(9, seed=1)


def fit(model: jl.Layer = MODEL, train=TRAIN, validation=VALIDATION, **settings) -> jl.Fitted:
    return jl.fit(model, train, validation, **{"key": KEY, "epochs": 3, "batch_size": 8, "progress": False} | settings)


def features(n: int = 4) -> list[jl.Batch]:
    """Make batches of features ``[batch, 10, 4]`` whose sum tells which of two classes they are."""
    noise = np.random.default_rng(0)
    batches = []
    for _ in range(n):
        y = noise.integers(0, 2, 8).astype(np.int32)
        x = noise.standard_normal((8, 10, 4)).astype(np.float32) + 2 * y[:, None, None].astype(np.float32)
        batches.append(jl.Batch(x, y, np.ones(8, np.float32)))
    return batches


def leaves(*trees) -> Iterable[tuple[np.ndarray, np.ndarray]]:
    """Pair the leaves of two trees of one structure."""
    first, second = trees
    assert jax.tree.structure(first) == jax.tree.structure(second)
    return zip(map(np.asarray, jax.tree.leaves(first)), map(np.asarray, jax.tree.leaves(second)), strict=True)


def assert_same_bits(first, second) -> None:
    for a, b in leaves(first, second):
        assert a.dtype == b.dtype
        assert a.tobytes() == b.tobytes()


def figures(history) -> list[dict[str, float]]:
    """Return the rows of a history without what no two runs share."""
    return [{name: row[name] for name in row if name not in ("seconds", "clips_per_second")} for row in history]
