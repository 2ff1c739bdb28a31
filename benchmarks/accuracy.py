"""What the default recipe reaches: ``jaxlisten train`` as a user runs it, once a seed, without any tuning flag.

``python -m benchmarks.accuracy DATA [--seeds 3]`` prints the accuracy on the test split that DATA names, and the wall
time of the whole command, reading and compiling included.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    """Train once a seed and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="what `jaxlisten train` takes, with a test split")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    accuracies, walls = [], []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(options.seeds):
            run = Path(folder) / str(seed)
            command = [sys.executable, "-m", "jaxlisten", "train", options.data, "--out", str(run), "--seed", str(seed)]
            begin = time.perf_counter()
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            walls.append(time.perf_counter() - begin)
            compiled = next((line for line in done.stderr.splitlines() if line.startswith("compiled")), "")
            report = json.loads((run / "report.json").read_text(encoding="utf-8"))
            accuracies.append(report["accuracy"])
            part = report["about"]["part"]
            print(f"seed {seed}: {part} accuracy {accuracies[-1]:.2%} of {report['n']}, {walls[-1]:.0f} s; {compiled}")
    print(f"mean of {options.seeds} seeds: {statistics.mean(accuracies):.2%}; longest run {max(walls):.0f} s")


if __name__ == "__main__":
    main()
