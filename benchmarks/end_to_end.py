"""Raw samples beside front ends, on the real digits: ``jaxlisten compare --front-ends`` as a user runs it.

``python -m benchmarks.end_to_end --fsdd DIR [--fold official] [--front-ends NAMES] [--seed 0] [--out DIR]``

The digits are cut as `benchmarks.accuracy` cuts them: the official split, or with ``--fold george`` a speaker left out.
The page, with the filters that were learned, stays in the folder that ``--out`` names.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import accuracy


def main() -> None:
    """Train behind each front end on one cut, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fsdd", metavar="DIR", required=True)
    parser.add_argument("--fold", metavar="NAME", default="official")
    parser.add_argument("--front-ends", metavar="NAMES", default="raw,filter_bank,log_mel,mfcc")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", metavar="DIR", help="where the page and the networks go (default: nowhere)")
    options = parser.parse_args()
    cuts = {fold: rows for _, fold, rows in accuracy.fsdd(options.fsdd)}
    if options.fold not in cuts:
        parser.error(f"--fold: expected one of {', '.join(cuts)}")
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / f"digits {options.fold}.csv"
        with table.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("path", "label", "split"), *cuts[options.fold]])
        words = ["compare", str(table), "--out", options.out or str(Path(folder) / "out")]
        words += ["--front-ends", options.front_ends, "--seed", str(options.seed)]
        subprocess.run([sys.executable, "-m", "jaxlisten", *words], check=True)


if __name__ == "__main__":
    main()
