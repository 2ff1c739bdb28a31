"""Training steps, inference, streaming and compiling of each family: ``pytest benchmarks/test_networks.py``.

The work that is counted is that of the products and convolutions: two operations a multiply-add, three times as many in
training as in inference.
"""

from __future__ import annotations

import jax
import numpy as np
import pytest

import jaxlisten as jl
from benchmarks.families import FAMILIES, batch_of, weights_of
from benchmarks.versus import BATCHES, ours
from jaxlisten.types import Chunk

STREAMED = 0.08
"""Seconds of sound in a chunk."""


@pytest.mark.parametrize("size", BATCHES)
@pytest.mark.parametrize("work", ["train", "infer"])
@pytest.mark.parametrize("name", FAMILIES)
def test_network(timed, name, work, size):
    family = FAMILIES[name]
    side = ours(family, *weights_of(family), batch_of(family, size))
    gflop = 2 * jl.summary(family.model, family.item).multiply_adds * size * (3 if work == "train" else 1) / 1e9
    timed(getattr(side, work), clips=size, gflop=gflop, batch=size, item=family.item)


@pytest.mark.parametrize("name", ["cnn", "ds_cnn", "cnn1d", "lstm", "gru"])
def test_streaming_step_of_the_default_listener(timed, name):
    sr = 16_000
    listener = jl.serial(jl.models.log_mel(sr), jl.models.MODELS[name](10))
    model = jl.streaming(listener, sr)
    timing = model.timing()
    assert timing is not None
    chunk = max(1, round(STREAMED * sr / timing.block)) * timing.block
    sound = np.random.default_rng(0).standard_normal((1, chunk), dtype=np.float32)
    first = Chunk(sound, np.ones((1, chunk), bool))
    params, state = jax.jit(model.init, static_argnums=1)(jax.random.key(0), jax.ShapeDtypeStruct((1, sr), np.float32))
    now = model.start(params, state, first)
    step = jax.jit(model.step)

    def call():
        nonlocal now
        now, out = step(params, state, now, first)
        jax.block_until_ready(out)

    timed(call, clips=1, chunk_seconds=chunk / sr)


@pytest.mark.parametrize("name", FAMILIES)
def test_compiling_the_training_step(benchmark, name):
    family = FAMILIES[name]
    batch = batch_of(family, 64)

    def compile_anew():
        jax.clear_caches()
        ours(family, *weights_of(family), batch).train()

    benchmark.pedantic(compile_anew, rounds=3)
