"""Kill training at random moments, go on each time, and compare the end with that of a run that was never stopped.

``python -m benchmarks.killed --kills 200``: processes end by SIGKILL, half of them while a checkpoint is being written.
It counts the runs that were lost (that could not go on or be loaded, or went back behind what was stored) and those
that ended with other bits, and exits with 1 if there are any.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

WAYS = {"fit": 100, "one by one": 40, "together": 40}
"""How to train, and for how many epochs; all but `fit` train three runs."""
_EPOCHS, _BEGINNING, _A_SAVE = 12, 2.0, 0.1
"""How many epochs a process lives at most; seconds that beginning, and writing a checkpoint, may take."""
_TIMED = ("seconds", "clips_per_second")


class Tally(NamedTuple):
    """What came of the kills."""

    kills: int = 0
    runs: int = 0
    lost: int = 0
    differing: int = 0

    def __str__(self) -> str:
        return f"{self.kills} kills in {self.runs} runs: {self.lost} runs lost, {self.differing} with other bits"


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0, help="decides the moments")
    parser.add_argument("--ways", nargs="+", choices=list(WAYS), default=list(WAYS))
    parser.add_argument("--train", nargs=3, metavar=("WAY", "EPOCHS", "RUN"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.train:
        way, epochs, run = options.train
        return train(way, int(epochs), Path(run))
    with tempfile.TemporaryDirectory() as folder:
        tally = torment(Path(folder), options.kills, {way: WAYS[way] for way in options.ways}, options.seed)
    print(tally)
    return int(tally.lost + tally.differing > 0)


def train(way: str, epochs: int, run: Path) -> int:
    """Begin a run, or go on with it: small, but with everything random that training has."""
    import jax
    import numpy as np

    import jaxlisten as jl
    from jaxlisten.train import saver

    saver._PAUSE = 0  # as many checkpoints as can be written
    rng = np.random.default_rng(0)
    targets = np.arange(24) % 3
    audio = np.sin(np.outer(targets + 1.0, np.arange(800)) / 4) + 0.3 * rng.standard_normal((24, 800))
    clips = jl.data.arrays(audio.astype(np.float32), [str(target) for target in targets], sr=8000)
    front = jl.LogMel(sr=8000, n_fft=128, hop_length=80, n_mels=8)
    model = jl.serial(front, jl.BatchNorm(), jl.Dropout(0.1), jl.GlobalPool("mean"), jl.Dense(3))
    settings: dict[str, Any] = {
        "epochs": epochs,
        "batch_size": 8,
        "average": 0.99,
        "augment": jl.augment.Gain(-6.0, 6.0),
    }
    settings |= {"run_dir": run, "resume": True, "progress": False}
    print("ready", flush=True)
    parts = clips.subset(range(18)), clips.subset(range(18, 24))
    if way == "fit":
        jl.fit(model, *parts, key=jax.random.key(0), **settings)
    else:
        jl.fit_many(model, *parts, key=jax.random.split(jax.random.key(0), 3), together=way == "together", **settings)
    return 0


def torment(folder: Path, kills: int, epochs: Mapping[str, int], seed: int = 0) -> Tally:
    """Train again and again, until so many processes have been killed.

    Args:
        folder: an empty one.
        kills: how many.
        epochs: of each way of training; they take turns.
        seed: decides the moments.
    """
    rng, tally, ways = random.Random(seed), Tally(), list(epochs)
    ends = {}
    for way in ways:
        whole = folder / f"whole {way}"
        if live(way, epochs[way], whole, None) != 0:
            raise RuntimeError(f"{way}: training fails without being killed")
        ends[way] = end(whole)
    while tally.kills < kills:
        way, run = ways[tally.runs % len(ways)], folder / f"run {tally.runs}"
        killed, lost = _until_the_end(way, epochs[way], run, rng)
        differing = not lost and end(run) != ends[way]
        tally = Tally(tally.kills + killed, tally.runs + 1, tally.lost + lost, tally.differing + differing)
        print(f"{way}, killed {killed} times; so far {tally}", file=sys.stderr, flush=True)
    return tally


def _until_the_end(way: str, epochs: int, run: Path, rng: random.Random) -> tuple[int, bool]:
    """Kill a run and go on with it until it is done; return how often, and whether it was lost."""
    killed, stored = 0, {}
    while (code := live(way, epochs, run, rng)) is None:
        killed, before, stored = killed + 1, stored, _stored(run)
        if any(stored.get(place, 0) < epoch for place, epoch in before.items()) or not _can_be_loaded(run):
            return killed, True
    return killed, code != 0


def live(way: str, epochs: int, run: Path, rng: random.Random | None) -> int | None:
    """Let a process train; return its exit code, or None where it was killed."""
    words = [sys.executable, "-m", "benchmarks.killed", "--train", way, str(epochs), str(run)]
    cache = {
        "JAX_COMPILATION_CACHE_DIR": str(run.parent / "compiled"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    with subprocess.Popen(words, stdout=subprocess.PIPE, env={**os.environ, **cache}) as process:
        assert process.stdout is not None
        process.stdout.readline()
        if rng is not None:
            _wait(process, run, rng)
            if process.poll() is None:
                process.kill()
                return None
    return process.returncode


def _wait(process: subprocess.Popen[bytes], run: Path, rng: random.Random) -> None:
    """Wait for a random moment: of the beginning, of an epoch, or of the writing of a checkpoint."""
    moment, epochs = rng.choice(["beginning", "epoch", "save", "save"]), _rows(run) + rng.randrange(_EPOCHS)
    if moment == "beginning":
        return time.sleep(rng.uniform(0, _BEGINNING))
    while process.poll() is None:
        time.sleep(0.001)
        if _rows(run) > epochs and (moment == "epoch" or any(_found(run, "checkpoints/.jaxlisten-*"))):
            return time.sleep(rng.uniform(0, _A_SAVE))


def _found(run: Path, pattern: str) -> Iterator[Path]:
    """Find files of a run, or of its runs."""
    return (path for place in (pattern, f"run[0-9]/{pattern}") for path in run.glob(place))


def _rows(run: Path) -> int:
    """Count the epochs that have a row in a table."""
    return sum(len(path.read_text().splitlines()) - 1 for path in _found(run, "metrics.csv"))


def _stored(run: Path) -> dict[Path, int]:
    """Return the last epoch in each folder of checkpoints."""
    paths = [path for path in _found(run, "checkpoints/*") if path.name.isdecimal()]
    return {path.parent: int(path.name) for path in sorted(paths, key=lambda path: int(path.name))}


def _can_be_loaded(run: Path) -> bool:
    """Whether what was killed is a listener with a history that belongs to its weights."""
    from safetensors import safe_open

    import jaxlisten as jl

    for path in _found(run, "weights.safetensors"):
        try:
            best = jl.load(path.parent).fitted.best_epoch or 0
        except jl.InputError as error:
            print(error, file=sys.stderr)
            return False
        with safe_open(path, "numpy") as file:
            if file.metadata()["epoch"] != str(best):
                return False
    return True


def end(run: Path) -> dict[str, Any]:
    """Return all that two equal runs share, by the names of the files."""
    import orbax.checkpoint as ocp

    found: dict[str, Any] = {}
    last = {folder / str(epoch) for folder, epoch in _stored(run).items()}
    for path in sorted(run.glob("**/*")):
        name = str(path.relative_to(run))
        if path.name == "metrics.csv":
            rows = csv.DictReader(path.read_text().splitlines())
            found[name] = [{key: row[key] for key in row if key not in _TIMED} for row in rows]
        elif path.name == "arrays" and path.parent in last:
            arrays = ocp.PyTreeCheckpointer().restore(path)
            found[name] = {key: hashlib.sha256(array.tobytes()).hexdigest() for key, array in arrays.items()}
        elif path.name == "weights.safetensors":
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


if __name__ == "__main__":
    sys.exit(main())
