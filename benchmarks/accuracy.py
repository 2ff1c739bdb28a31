"""What the default recipe reaches: ``jaxlisten train`` as a user runs it, without any tuning flag.

``python -m benchmarks.accuracy [--fsdd DIR] [--keywords DIR] [--esc10 DIR] [--seeds 3] [--torch] [--model NAME]
[--front-end NAME] [--json FILE]``

Each folder that is given is measured, seed by seed, on test clips that nothing was chosen by:

- ``fsdd``: the official split, whose speakers train and test; and each of the six speakers left out in turn;
- ``keywords``: the ten words of Speech Commands, cut by speaker;
- ``esc10``: the five folds of ESC-10, of which three train, one validates and one tests.

``--torch`` alternates with `benchmarks.peers.torch_recipe` on the same clips. The seconds are those of training alone,
with compiling and validating and without reading; the memory is the most that a process held.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

import numpy as np

from jaxlisten import data

Table = list[tuple[str, str, str]]
"""Rows of path, label and split."""


@dataclass(frozen=True)
class Result:
    """One training.

    Attributes:
        task: what was learned.
        fold: which clips were held out.
        seed: of the run.
        by: "jaxlisten" or "torch".
        accuracy: on the test clips, from 0 to 1.
        n: test clips.
        seconds: of training.
    """

    task: str
    fold: str
    seed: int
    by: str
    accuracy: float
    n: int
    seconds: float


def fsdd(root: str) -> Iterator[tuple[str, str, Table]]:
    """Yield the official split, then one for each speaker; every tenth clip of training validates."""
    clips = data.fsdd(root)
    speakers = np.array(clips.groups)
    yield "fsdd", "official", _table(clips, np.array(clips.splits) == "test")
    for speaker in sorted(set(speakers)):
        yield "fsdd, unseen speaker", speaker, _table(clips, speakers == speaker)


def keywords(root: str) -> Iterator[tuple[str, str, Table]]:
    """Yield the speaker cut of the ten words."""
    clips = data.speech_commands(root, split="speaker", words=data.KEYWORDS)
    labels = [clips.classes[target] for target in clips.targets]
    rows = zip(map(os.path.abspath, clips.paths), labels, clips.splits or (), strict=True)
    yield "keywords, unseen speakers", "speakers c-f", [row for row in rows if row[1] in data.KEYWORDS]


def esc10(root: str) -> Iterator[tuple[str, str, Table]]:
    """Yield the five folds; the fold after the one that tests validates."""
    for test in range(1, 6):
        clips = data.esc10(root, test_fold=test)
        folds = np.array(clips.folds).astype(int)
        yield "esc10", f"fold {test}", _table(clips, folds == test, folds == test % 5 + 1)


def _table(clips: data.Dataset, test: np.ndarray, validation: np.ndarray | None = None) -> Table:
    if validation is None:
        validation = np.zeros(len(clips), bool)
        validation[np.flatnonzero(~test)[::10]] = True
    split = np.where(test, "test", np.where(validation, "validation", "train")).tolist()
    labels = [clips.classes[target] for target in clips.targets]
    return list(zip(map(os.path.abspath, clips.paths), labels, split, strict=True))


def ours(table: str, seed: int, folder: str, others: list[str]) -> tuple[float, int, float]:
    """Run ``jaxlisten train``; return the accuracy, how many clips were tested, and the seconds of training."""
    run = Path(folder) / "run"
    command = [sys.executable, "-m", "jaxlisten", "train", table, "--out", str(run), "--seed", str(seed)]
    command += others
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    compiled = next(line for line in done.stderr.splitlines() if line.startswith("compiled"))
    with open(run / "metrics.csv", newline="", encoding="utf-8") as file:
        seconds = sum(float(row["seconds"]) for row in csv.DictReader(file))
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    return report["accuracy"], report["n"], seconds + float(compiled.split()[-2])


def torchs(table: str, seed: int) -> tuple[float, int, float]:
    """Run the torch script, in bfloat16 as its users would; return the same as `ours`."""
    command = [sys.executable, "-m", "benchmarks.peers.torch_recipe", table, "--seed", str(seed), "--half"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    figures = json.loads(done.stdout.splitlines()[-1])
    return figures["accuracy"], figures["n"], figures["seconds"]


def measure(task: str, fold: str, rows: Table, seed: int, *, others: list[str], torch: bool) -> Iterator[Result]:
    """Train on one table with one seed."""
    with tempfile.TemporaryDirectory() as folder:
        table = str(Path(folder) / "clips.csv")
        with open(table, "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("path", "label", "split"), *rows])
        yield Result(task, fold, seed, "jaxlisten", *ours(table, seed, folder, others))
        if torch:
            yield Result(task, fold, seed, "torch", *torchs(table, seed))


def summary(results: list[Result]) -> str:
    """Lay out the mean of each task: over its folds first, then over the seeds."""
    lines = [f"{'task':28}{'':12}{'accuracy':>10}{'seeds':>16}{'training, median':>20}"]
    for task, by in dict.fromkeys((result.task, result.by) for result in results):
        mine = [result for result in results if (result.task, result.by) == (task, by)]
        seeds = sorted({result.seed for result in mine})
        means = [statistics.mean(result.accuracy for result in mine if result.seed == seed) for seed in seeds]
        span = f"{min(means):.1%} to {max(means):.1%}" if len(seeds) > 1 else ""
        seconds = statistics.median(result.seconds for result in mine)
        lines.append(f"{task:28}{by:12}{statistics.mean(means):>10.2%}{span:>18}{seconds:>16.0f} s")
    return "\n".join(lines)


def main() -> None:
    """Train, telling of each training as it ends, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sets = {"fsdd": fsdd, "keywords": keywords, "esc10": esc10}
    for name in sets:
        parser.add_argument(f"--{name}", metavar="DIR")
    parser.add_argument("--seeds", type=int, default=3)
    for name in ("model", "front-end"):
        parser.add_argument(f"--{name}", metavar="NAME", help="of jaxlisten train, in place of the default")
    parser.add_argument("--torch", action="store_true", help="alternate with a torch script")
    parser.add_argument("--json", metavar="FILE", help="write every result here too")
    options = parser.parse_args()
    asked = {"--model": options.model, "--front-end": options.front_end}
    others = [word for option, name in asked.items() if name for word in (option, name)]
    results = []
    for name, cut in sets.items():
        if (root := getattr(options, name)) is None:
            continue
        for task, fold, rows in cut(root):
            for seed in range(options.seeds):
                for result in measure(task, fold, rows, seed, others=others, torch=options.torch):
                    results.append(result)
                    print(f"{task}, {fold}, seed {seed}, {result.by}: {result.accuracy:.2%}", end=" ")
                    print(f"of {result.n}, {result.seconds:.0f} s", flush=True)
    if not results:
        parser.error("give at least one of --fsdd, --keywords and --esc10")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    print(summary(results), f"most memory of a training: {peak:.1f} GB", sep="\n")
    if options.json:
        about = {"machine": f"{os.cpu_count()} x {platform.machine()}", "python": platform.python_version()}
        about |= {"jax": metadata.version("jax"), "memory_gb": round(peak, 2)}
        Path(options.json).write_text(json.dumps({"about": about, "results": [asdict(r) for r in results]}, indent=1))


if __name__ == "__main__":
    main()
