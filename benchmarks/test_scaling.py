"""How the cost of a training step grows with the length of the clips, the batch and the width of the network.

The listeners are those of ``jaxlisten train``, from the waveform on. What grows is in ``extra_info``, beside the clips
a second: they fall no faster than the work of a clip grows, and rise with the batch until the device is full.
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import optax
import pytest

import jaxlisten as jl
from jaxlisten.types import Batch

SR = 16_000
WIDTHS: dict[str, dict[str, tuple[int, ...]]] = {
    "cnn": {"filters": (24,), "channels": (96, 96)},
    "cnn1d": {"channels": (64, 64)},
    "lstm": {"units": (128,)},
    "gru": {"units": (128,)},
}
"""The settings that make a network wide, at width 1."""
GROWTH = [
    *[{"seconds": seconds} for seconds in (0.5, 1.0, 2.0, 4.0)],
    *[{"batch": batch} for batch in (1, 4, 64)],
    *[{"width": width} for width in (0.5, 2.0)],
]


def called(name: str, seconds: float = 1.0, batch: int = 16, width: float = 1.0) -> Any:
    """Return a call that takes one training step and waits."""
    wide = {setting: tuple(round(width * n) for n in sizes) for setting, sizes in WIDTHS[name].items()}
    model = jl.serial(jl.models.log_mel(SR), jl.models.MODELS[name](10, **wide))
    rng = np.random.default_rng(0)
    x = rng.standard_normal((batch, round(seconds * SR)), dtype=np.float32)
    given = jax.device_put(Batch(x, rng.integers(0, 10, batch).astype(np.int32), np.ones(batch, np.float32)))
    optimizer = optax.adam(1e-3)
    now = jl.init_train_state(model, optimizer, jax.random.key(0), given.x)
    step = jl.make_train_step(model, optimizer)

    def call() -> None:
        nonlocal now
        now, _ = step(now, given)
        jax.block_until_ready(now.params)

    return call


@pytest.mark.parametrize("grown", GROWTH, ids=lambda grown: ", ".join(f"{k}={v}" for k, v in grown.items()))
@pytest.mark.parametrize("name", WIDTHS)
def test_training_step(timed, name, grown):
    timed(called(name, **grown), clips=grown.get("batch", 16), **({"seconds": 1.0, "batch": 16, "width": 1.0} | grown))
