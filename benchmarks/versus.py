"""The same work side by side with what people would take instead, in turn, in one run.

``python -m benchmarks.versus [--quick] [--only NAME ...] [--peers NAME ...] [--rounds N] [--json FILE]``

Networks: a step of training (forward, backward, Adam) and inference, at batches of 64 and of 1, beside torch, compiled
torch, flax NNX, equinox and Keras on JAX with the same weights. Features: beside librosa, and torch.stft with a product
of mel filters. Outputs are checked to be equal first; for networks, also the loss after ten steps. Every call waits for
its result, compiling is apart, and times are medians of calls in turn. A ratio is the fastest peer's time over ours:
above 1 we are faster. A peer that isn't installed is left out (``pip install -e '.[bench]'`` brings all of them).
"""

from __future__ import annotations

import argparse
import functools
import importlib
import itertools
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax

import jaxlisten as jl
from benchmarks import features
from benchmarks.families import FAMILIES, Family, batch_of, weights_of
from benchmarks.peers import Side
from benchmarks.timing import alternate, middle, spread

PEERS: dict[str, tuple[str, dict[str, Any]]] = {
    "torch": ("torch_layers", {}),
    "torch.compile": ("torch_layers", {"compiled": True}),
    "flax": ("nnx_layers", {}),
    "equinox": ("equinox_layers", {}),
    "keras": ("keras_layers", {}),
}
"""The module of each, and the settings of its ``make``."""

BATCHES = (64, 1)
STEPS = 10
"""Steps of training after which the losses are compared."""


def ours(family: Family, params: Any, state: Any, batch: Any) -> Side:
    """Return jaxlisten, as its README shows it: the training step of `make_train_step`, and `apply` under jit."""
    batch = jax.device_put(batch)
    optimizer = optax.adam(1e-3)
    step = jl.make_train_step(family.model, optimizer, family.task)
    now = jl.init_train_state(family.model, optimizer, jax.random.key(0), batch.x)
    now = now._replace(params=jax.tree.map(jax.numpy.copy, params), state=jax.tree.map(jax.numpy.copy, state))
    apply = jax.jit(lambda params, state, x: family.model.apply(params, state, x)[0])

    def infer():
        return jax.block_until_ready(apply(params, state, batch.x))

    def train():
        nonlocal now
        now, info = step(now, batch)
        jax.block_until_ready(now.params)
        return info.loss

    return Side("jaxlisten", np.asarray(infer()), infer, train)


def networks(names: list[str], peers: list[str], rounds: int) -> Iterator[dict[str, Any]]:
    """Yield a row for each family, batch and kind of work."""
    makers = [maker for name in peers if (maker := _peer(name))]
    for family in (FAMILIES[name] for name in names):
        for size in BATCHES:
            params, state = weights_of(family)
            batch = batch_of(family, size)
            sides = [ours(family, params, state, batch)]
            sides += [make(family, params, state, batch) for make in makers]
            _check(family, sides)
            for work in ("train", "infer"):
                yield _row(f"{family.name}, {work}", size, {side.name: getattr(side, work) for side in sides}, rounds)


def _peer(name: str) -> Any:
    module, settings = PEERS[name]
    try:
        return functools.partial(importlib.import_module(f"benchmarks.peers.{module}").make, **settings)
    except ImportError as error:
        print(f"without {name}: {error}", file=sys.stderr)
        return None


def _check(family: Family, sides: list[Side]) -> None:
    """Refuse to time what doesn't compute the same."""
    mine, *others = sides
    for side in others:
        _equal(f"{family.name}, {side.name}", side.outputs, mine.outputs, 1e-4)
    losses = {side.name: [float(side.train()) for _ in range(STEPS)] for side in sides}
    for side in others:
        _equal(f"{family.name}, {side.name}, first loss", losses[side.name][0], losses[mine.name][0], 1e-4)
        # Biases that are one here and two there move at different rates.
        _equal(f"{family.name}, {side.name}, loss in training", losses[side.name], losses[mine.name], 0.05)


def _equal(what: str, got: Any, want: Any, tolerance: float) -> None:
    got, want = np.asarray(got), np.asarray(want)
    if got.shape != want.shape or np.abs(got - want).max() > tolerance * np.abs(want).max():
        off = "" if got.shape != want.shape else f", {np.abs(got - want).max() / np.abs(want).max():.1e} apart"
        raise SystemExit(f"versus: {what}: outputs differ: {got.shape} and {want.shape}{off}")


def front_ends(names: list[str], rounds: int) -> Iterator[dict[str, Any]]:
    """Yield a row for each feature and batch."""
    for name in names:
        for size in BATCHES:
            calls = features.sides(name, size)
            mine, *others = calls
            for other in others:
                _equal(f"{name}, {other}", calls[other](), calls[mine](), 1e-4)
            yield _row(name, size, calls, rounds)


def _row(name: str, size: int, calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, Any]:
    times = alternate(calls, rounds=rounds)
    ms = {name: round(1e3 * middle(seconds), 4) for name, seconds in times.items()}
    mine = ms.pop("jaxlisten")
    return {
        "name": name,
        "batch": size,
        "ours_ms": mine,
        "peers": ms,
        "ratio": round(min(ms.values()) / mine, 3) if ms else None,
        "spread": round(max(map(spread, times.values())), 3),
    }


def about() -> dict[str, Any]:
    """Say on what the times were taken."""
    packages = ("jaxlisten", "jax", "jaxlib", "torch", "flax", "equinox", "keras", "librosa", "numpy")
    versions = {"python": platform.python_version()}
    for package in packages:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    kind = jax.devices()[0].device_kind
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "device": f"{cores} x {_processor()}" if kind == "cpu" else kind,
        "versions": versions,
        "date": np.datetime_as_string(np.datetime64("today")),
        "load": round(os.getloadavg()[0], 2),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def main() -> None:
    """Print a line for each row as it is measured, and write all of them at the end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    everything = [*FAMILIES, *features.NAMES]
    parser.add_argument("--only", nargs="+", choices=everything, metavar="NAME", help=", ".join(everything))
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS), help="for networks; all by default")
    parser.add_argument("--quick", action="store_true", help="few rounds")
    parser.add_argument("--rounds", type=int, help="how often each is measured; 15, or 5 with --quick")
    parser.add_argument("--json", metavar="FILE", help="write the results here too")
    options = parser.parse_args()
    rounds = options.rounds or (5 if options.quick else 15)
    if rounds < 2:
        parser.error(f"--rounds: expected at least 2, of which there is a middle and a spread, got {rounds}")
    wanted = options.only or everything
    result = about()
    print(f"{result['device']}, load {result['load']} before", file=sys.stderr)
    rows = []
    print(f"{'':26}{'batch':>6}{'ours, ms':>11}{'ratio':>8}{'spread':>8}  peers, ms")
    for row in itertools.chain(
        networks([name for name in wanted if name in FAMILIES], options.peers, rounds),
        front_ends([name for name in wanted if name in features.NAMES], rounds),
    ):
        rows.append(row)
        peers = ", ".join(f"{name} {ms:.3g}" for name, ms in row["peers"].items())
        ratio = "" if row["ratio"] is None else f"{row['ratio']:.2f}"
        print(
            f"{row['name']:26}{row['batch']:>6}{row['ours_ms']:>11.3f}{ratio:>8}{row['spread']:>8.0%}  {peers}",
            flush=True,
        )
    if options.json:
        Path(options.json).write_text(json.dumps(result | {"rows": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
