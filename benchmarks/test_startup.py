"""What it costs to begin, each in a process of its own: importing, help, and a first training with its memory."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from benchmarks.startup import COMMANDS, seconds
from benchmarks.versus import about

TRAINING = """
import json, resource, sys
import jax, jaxlisten as jl
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
clips = jl.data.synthetic(360)
model = jl.serial(jl.models.log_mel(clips.sr), jl.models.MODELS[sys.argv[1]](len(clips.classes)))
jl.fit(model, clips, key=jax.random.key(0), epochs=2, progress=False)
print(json.dumps({"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "imported_mb": before / 1024}))
"""


@pytest.mark.parametrize("what", COMMANDS)
def test_command(benchmark, what):
    seconds(COMMANDS[what])  # reads the files from the disk
    benchmark.pedantic(seconds, [COMMANDS[what]], rounds=5)
    benchmark.extra_info |= about()


@pytest.mark.parametrize("model", ["cnn", "cnn1d", "ds_cnn", "lstm", "gru", "mlp"])
def test_first_training(benchmark, model):
    def train() -> str:
        words = [sys.executable, "-c", TRAINING, model]
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout

    said = benchmark.pedantic(train, rounds=3)
    benchmark.extra_info |= about() | {name: round(mb) for name, mb in json.loads(said.splitlines()[-1]).items()}
