"""Whether several devices, and several processes, find the weights that one device finds, on real recordings.

``python -m benchmarks.devices DATA [--model NAME] [--epochs N] [--batch N] [--double] [--json FILE]`` does the first
epochs of the run that ``jaxlisten train`` makes of DATA: on one device, on eight virtual ones of the CPU, and in two
processes, and prints how far their weights are from those of the first. Batches of 30 clips are no multiple of eight.
Beside them stands how far one device gets from itself when each update is larger by the last bit of a float32: where
training blows that up, as the highest learning rates do, no two ways to add the same numbers agree. ``--double``
computes in float64, whose last bit is too small to be blown up: what is left is a difference of the ways themselves.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax

import jaxlisten as jl
from jaxlisten import nn
from jaxlisten.train import default_augment, default_optimizer, default_task
from jaxlisten.train.recipe import default_epochs
from jaxlisten.types import Array, Params, State

EIGHT = {"XLA_FLAGS": "--xla_force_host_platform_device_count=8", "NPROC": "16"}
CPU = {"JAX_PLATFORMS": "cpu"}


@jl.layer
class Double(nn.Whole):
    """A layer with float64 weights, behind clips in float64."""

    inner: jl.Layer

    def init(self, key: Array, x: Any) -> tuple[Params, State]:
        params, state = self.inner.init(key, jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, _double(a.dtype)), x))
        return jax.tree.map(lambda a: a.astype(_double(a.dtype)), (params, state))

    def apply(
        self, params: Params, state: State, x: Any, *, key: Array | None = None, train: bool = False
    ) -> tuple[Any, State]:
        x = jax.tree.map(lambda a: a.astype(_double(a.dtype)), x)
        return self.inner.apply(params, state, x, key=key, train=train)


def _double(dtype: Any) -> Any:
    return np.float64 if dtype == np.float32 else dtype


def train(options: argparse.Namespace, run: Path) -> None:
    """Train with the recipe of ``jaxlisten train`` into a run folder; in a process of its own."""
    jax.config.update("jax_enable_x64", options.double)
    if options.port:
        jax.distributed.initialize(f"localhost:{options.port}", 2, options.process)
    clips = jl.data.load(options.data)
    parts, task = jl.data.partition(clips), jl.tasks.infer(clips.targets)
    per_epoch = -(-len(parts.train) // options.batch)
    steps = per_epoch * default_epochs(per_epoch, task)
    front = jl.Raw() if options.model == "crnn" else jl.models.log_mel(clips.sr)
    model = jl.serial(front, jl.models.MODELS[options.model](len(clips.classes)))
    jl.fit(
        Double(model) if options.double else model,
        parts.train,
        parts.validation,
        key=jax.random.key(0),
        task=default_task(task),
        augment=default_augment(task),
        optimizer=optax.chain(default_optimizer(steps), optax.scale(1 + 2.0**-23 if options.nudged else 1.0)),
        epochs=options.epochs,
        batch_size=options.batch,
        run_dir=run,
    )


def started(words: Sequence[str], run: Path, environment: dict[str, str]) -> subprocess.Popen:
    """Start `train` with these words of the command and these variables."""
    command = [sys.executable, "-m", "benchmarks.devices", *words, "--run", str(run)]
    return subprocess.Popen(command, env=os.environ | CPU | environment)


def weights(run: Path) -> dict[str, np.ndarray]:
    """Read the weights of a run folder."""
    from safetensors.numpy import load_file

    return load_file(run / "weights.safetensors")


def apart(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> dict[str, float]:
    """Return the largest differences: of trained weights, and of statistics as a share of the largest one."""
    far = {name: float(np.abs(first[name] - second[name]).max()) for name in first}
    largest = {name: max(1.0, float(np.abs(first[name]).max())) for name in first}
    return {
        "params": max(value for name, value in far.items() if name.startswith("params/")),
        "state": max((value / largest[name] for name, value in far.items() if name.startswith("state/")), default=0.0),
    }


def main() -> int:
    """Train three times and compare; return 1 where weights differ by more than 1e-5."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", metavar="DATA", help="what jaxlisten train takes, such as the spoken digits")
    parser.add_argument("--model", default=next(iter(jl.models.MODELS)))
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch", type=int, default=30)
    parser.add_argument("--double", action="store_true", help="compute in float64")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--nudged", action="store_true", help=argparse.SUPPRESS)
    for name in ("--run", "--port", "--process"):
        parser.add_argument(name, type=Path if name == "--run" else int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        train(options, options.run)
        return 0
    with socket.create_server(("localhost", 0)) as server:
        port = server.getsockname()[1]
    words = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        one, nudged, eight, two = (Path(folder) / name for name in ("one", "nudged", "eight", "two"))
        waiting: list[tuple[Path, dict[str, str], list[list[str]]]] = []
        waiting += [(one, {}, [[]]), (nudged, {}, [["--nudged"]]), (eight, EIGHT, [[]])]
        waiting += [(two, {}, [["--port", str(port), "--process", str(i)] for i in (0, 1)])]
        for run, environment, more in waiting:
            processes = [started([*words, *each], run, environment) for each in more]
            codes = [process.wait() for process in processes]
            if any(codes):
                return 1
        found = {
            "eight devices": apart(weights(one), weights(eight)),
            "two processes": apart(weights(one), weights(two)),
        }
        itself = apart(weights(one), weights(nudged))
    for name, far in (found | {"one device, nudged": itself}).items():
        print(f"{name}: params within {far['params']:.1e} of one device, statistics within {far['state']:.1e}")
    if options.json:
        Path(options.json).write_text(json.dumps(found | {"one device, nudged": itself}, indent=1) + "\n")
    return int(max(value for far in found.values() for value in far.values()) > 1e-5)


if __name__ == "__main__":
    sys.exit(main())
