"""Many runs at once: five folds, one after another and in one compiled program, beside one fold alone."""

from __future__ import annotations

import jax
import pytest

import jaxlisten as jl
from benchmarks.versus import about

FOLDS = 5


@pytest.mark.parametrize("model", ["cnn", "lstm"])
@pytest.mark.parametrize("way", ["one fold", "one after another", "together"])
def test_folds(benchmark, model, way):
    clips = jl.data.synthetic(360)
    listener = jl.serial(jl.models.log_mel(clips.sr), jl.models.MODELS[model](len(clips.classes)))
    parts = jl.data.folds(clips, FOLDS)
    settings = {"key": jax.random.key(0), "progress": False, "epochs": 3}

    def train():
        if way == "one fold":
            return [jl.fit(listener, parts[0].train, parts[0].validation, **settings)]
        given = [part.train for part in parts], [part.validation for part in parts]
        return jl.fit_many(listener, *given, together=way == "together", **settings)

    train()  # compiles
    runs = benchmark.pedantic(train, rounds=3)
    benchmark.extra_info |= about() | {"runs": len(runs), "clips": len(parts[0].train), "epochs": 3}
