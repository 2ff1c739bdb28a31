"""Passes over data: one epoch of `jl.fit` with the default recipe on the built-in sounds."""

from __future__ import annotations

import jax
import pytest

import jaxlisten as jl


@pytest.mark.parametrize("model", ["cnn", "lstm"])
def test_epochs_of_the_default_recipe(benchmark, model):
    clips = jl.data.synthetic(360)
    train, validation, _ = jl.data.split(clips, (0.8, 0.1, 0.1), seed=0)
    listener = jl.serial(jl.models.log_mel(clips.sr), jl.models.MODELS[model](len(clips.classes)))
    settings = {"key": jax.random.key(0), "progress": False}
    jl.fit(listener, train, validation, epochs=1, **settings)  # compiles

    history = benchmark.pedantic(lambda: jl.fit(listener, train, validation, epochs=3, **settings).history, rounds=3)
    benchmark.extra_info["clips_per_second"] = max(row["clips_per_second"] for row in history)
