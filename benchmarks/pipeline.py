"""Training from files beside training from memory: how fast, and how much memory.

``python -m benchmarks.pipeline [--fsdd DIR] [--esc10 DIR] [--rounds N] [--sizes N ...]``

For each data set, passes of the default training over the same clips are timed in turn in one process, from memory and
from files, after a round that compiles; beside them passes that only make the batches. Then, with --fsdd, a process
each trains a small model for an epoch on a table that lists the digits again and again, and says how much memory it
held at most. It ends with exit code 1 if, from files, the largest table took 15 % more of it than the smallest.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import jax

import jaxlisten as jl
from benchmarks.timing import middle, spread
from jaxlisten.data.finding import sound_files
from jaxlisten.train import default_augment, default_task
from jaxlisten.train.feed import make_feed
from jaxlisten.train.job import Job, prepare

GROWS = 1.15
"""The growth of memory from which on it is not called flat."""


def main() -> int:
    """Print the tables and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fsdd", metavar="DIR", type=Path)
    parser.add_argument("--esc10", metavar="DIR", type=Path)
    parser.add_argument("--rounds", type=int, default=5, help="0: memory only")
    parser.add_argument("--sizes", type=int, nargs="*", default=[1_000, 10_000, 100_000], help="clips of the tables")
    parser.add_argument("--one", nargs=2, metavar=("TABLE", "WHERE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one(*options.one)))
        return 0
    for name, load in (("fsdd", jl.data.fsdd), ("esc10", jl.data.esc10)):
        if options.rounds and (root := getattr(options, name)):
            throughput(name, lambda from_files, load=load, root=root: load(root, from_files=from_files), options.rounds)
    return memory(options.fsdd, options.sizes) if options.fsdd and options.sizes else 0


def throughput(name: str, load: Callable[[bool], jl.data.Dataset], rounds: int) -> None:
    """Print clips a second of each way, and how it compares with memory."""
    trains = {where: jl.data.partition(load(where == "files")).train for where in ("memory", "files")}
    jobs = {where: job(train) for where, train in trains.items()}
    calls = {f"training from {where}": training(one) for where, one in jobs.items()}
    calls |= {f"reading from {where}, no training": reading(one) for where, one in jobs.items()}
    times: dict[str, list[float]] = {called: [] for called in calls}
    for called, call in [*calls.items(), *itertools.chain(*[calls.items()] * rounds)]:
        begin = time.perf_counter()
        call()
        times[called].append(time.perf_counter() - begin)
    n, base = len(trains["memory"]), middle(times["training from memory"][1:])
    print(f"{name}: {n} clips, {trains['memory'].sr} Hz; medians of {rounds} passes in turn")
    for called, seconds in times.items():
        took = middle(seconds[1:])
        ratio = f"{base / took:6.2f} times the speed of training from memory, spread {spread(seconds[1:]):.0%}"
        print(f"  {called:36} {n / took:8.0f} clips/s  {ratio}")


def job(train: jl.data.Dataset) -> Job:
    """Return the training that ``jaxlisten train`` runs."""
    model, task = (
        jl.serial(jl.models.log_mel(train.sr), jl.models.cnn(len(train.classes))),
        jl.tasks.infer(train.targets),
    )
    settings = {"optimizer": None, "epochs": None, "batch_size": 32, "average": None, "patience": None}
    return prepare(model, [train], [None], task=default_task(task), augment=default_augment(task), **settings)[0]


def training(one: Job) -> Callable[[], None]:
    """Return a function that trains for an epoch."""
    feed, kept = make_feed(one, jax.random.key(0)), [one.begin(jax.random.key(0), None)]

    def call() -> None:
        for now, _ in feed(kept[0], 0):
            kept[0] = now
        jax.block_until_ready(kept[0])

    return call


def reading(one: Job) -> Callable[[], None]:
    """Return a function that makes the batches of an epoch."""
    assert isinstance(one.train, jl.data.Dataset)
    train = one.train
    return lambda: [None for _ in jl.data.batches(train, one.batch_size, one.lengths)].clear()


def memory(fsdd: Path, sizes: list[int]) -> int:
    """Print the memory that training took at most, for each size; return the exit code."""
    files = list(sound_files(fsdd.resolve()))
    peaks = {}
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            table = Path(folder) / f"{size}.csv"
            with table.open("w", newline="") as file:
                listed = itertools.islice(itertools.cycle(files), size)
                csv.writer(file).writerows([("path", "label"), *((path, path.name[0]) for path in listed)])
            for where in ("files", "memory"):
                words = [sys.executable, "-m", "benchmarks.pipeline", "--one", str(table), where]
                said = subprocess.run(words, check=True, capture_output=True, text=True).stdout
                found = json.loads(said)
                peaks[where, size] = found["peak_mb"]
                print(
                    f"{size:8,} clips from {where:6}: at most {found['peak_mb']:6,.0f} MB, {found['loaded_mb']:6,.0f}"
                    f" MB before training; loss {found['loss']:.4f}"
                )
    growth = peaks["files", max(sizes)] / peaks["files", min(sizes)]
    print(f"from files, {max(sizes):,} clips take {growth:.2f} times the memory of {min(sizes):,}")
    return int(growth > GROWS)


def one(table: str, where: str) -> dict[str, float]:
    """Train a small model for an epoch, and say how much memory this process has held at most."""
    train = jl.data.csv(table, sr=8000, from_files=where == "files")
    loaded = _peak()
    model = jl.serial(jl.models.log_mel(train.sr), jl.models.linear(len(train.classes)))
    fitted = jl.fit(model, train, key=jax.random.key(0), epochs=1, progress=False)
    return {"loaded_mb": loaded, "peak_mb": _peak(), "loss": fitted.history[-1]["train_loss"]}


def _peak() -> float:
    """Return the largest resident memory of this process so far, in MB."""
    status = Path("/proc/self/status")
    if status.is_file():  # Linux, where getrusage counts what the process was before it became this program
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


if __name__ == "__main__":
    sys.exit(main())
