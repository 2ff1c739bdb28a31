"""What tuning is worth: ``jaxlisten tune`` as a user runs it, beside the default recipe, on few clips of each word.

``python -m benchmarks.tuning --keywords DIR [--each 10] [--configurations 27] [--epochs N] [--seed 0] [--out DIR]``

The ten keywords, cut by speaker as `benchmarks.accuracy` cuts them. So many clips of each word train, and as many
validate, drawn at random; all test clips test, once. The page stays in the folder that ``--out`` names.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks import accuracy


def main() -> None:
    """Cut the keywords, tune on them, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keywords", metavar="DIR", required=True)
    parser.add_argument("--each", type=int, default=10, help="clips of each word to train on, and to validate on")
    parser.add_argument("--configurations", type=int, default=27)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", metavar="DIR", help="where the run and its page go (default: nowhere)")
    options = parser.parse_args()
    ((_, _, rows),) = accuracy.keywords(options.keywords)
    rows = [rows[i] for i in np.random.default_rng(options.seed).permutation(len(rows))]
    kept, taken = [], dict[tuple[str, str], int]()
    for row in rows:
        taken[row[1:]] = taken.get(row[1:], 0) + 1
        if row[2] == "test" or taken[row[1:]] <= options.each:
            kept.append(row)
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "keywords.csv"
        with table.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("path", "label", "split"), *kept])
        words = ["tune", str(table), "--out", options.out or str(Path(folder) / "run")]
        for name in ("configurations", "epochs", "seed"):
            words += [f"--{name}", str(getattr(options, name))]
        subprocess.run([sys.executable, "-m", "jaxlisten", *words], check=True)


if __name__ == "__main__":
    main()
