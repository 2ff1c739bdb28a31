"""Classical models beside the network, on the real recordings: ``jaxlisten compare`` as a user runs it.

``python -m benchmarks.baselines [--fsdd DIR] [--keywords DIR] [--esc10 DIR] [--fold NAME] [--no-network] [--out DIR]``

Each folder that is given is cut as `benchmarks.accuracy` cuts it: the digits into the official split and one for each
speaker left out, the keywords by speaker, ESC-10 by its folds. ``--fold`` takes one cut alone, such as ``george`` or
``"fold 1"``. The pages stay in the folder that ``--out`` names.
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
    """Compare on each cut, and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cuts = {"fsdd": accuracy.fsdd, "keywords": accuracy.keywords, "esc10": accuracy.esc10}
    for name in cuts:
        parser.add_argument(f"--{name}", metavar="DIR")
    parser.add_argument("--fold", metavar="NAME", help="only this cut of each (default: all)")
    parser.add_argument("--no-network", action="store_true", help="classical models on pooled features alone")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", metavar="DIR", help="where pages and networks go (default: nowhere)")
    options = parser.parse_args()
    if not any(getattr(options, name) for name in cuts):
        parser.error("give at least one of --fsdd, --keywords and --esc10")
    with tempfile.TemporaryDirectory() as temporary:
        out = Path(options.out or temporary)
        out.mkdir(parents=True, exist_ok=True)
        for name, cut in cuts.items():
            for task, fold, rows in cut(root) if (root := getattr(options, name)) else ():
                if options.fold not in (None, fold):
                    continue
                table = out / f"{name} {fold}.csv"
                with table.open("w", newline="", encoding="utf-8") as file:
                    csv.writer(file).writerows([("path", "label", "split"), *rows])
                print(f"\n{task}, {fold}", flush=True)
                words = ["compare", str(table), "--out", str(out / f"{name} {fold}"), "--seed", str(options.seed)]
                words += ["--no-network"] if options.no_network else []
                subprocess.run([sys.executable, "-m", "jaxlisten", *words], check=True)


if __name__ == "__main__":
    main()
