"""How fast the nearest neighbours of many embeddings are found.

``python -m benchmarks.neighbours [--references N] [--queries N] [--features N] [--k N] [--rounds N] [--metric NAME]``

Random rows, as wide as the embedding of the default model: 256. Each metric is compiled first, and then answers all
queries with their k nearest references, in turn, and waits for them. scikit-learn's brute force does the same where it
is installed (its Manhattan distances only with ``--metric manhattan``: they take minutes), and must find the same. It
ends with exit code 1 if a Euclidean or cosine search takes a second or more, or where a neighbour differs.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np

from benchmarks.timing import middle, spread
from jaxlisten.classical import Neighbours
from jaxlisten.classical.distances import METRICS

LIMIT_SECONDS = 1.0


def main() -> int:
    """Print the table and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--references", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--features", type=int, default=256)
    parser.add_argument("--k", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--metric", choices=METRICS, help="only this one")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    known, asked = (
        rng.standard_normal((n, options.features), np.float32) for n in (options.references, options.queries)
    )
    targets = rng.integers(0, 10, options.references)
    sizes = f"{options.references:,} references of {options.features} features, {options.queries:,} queries"
    print(f"{sizes}, k {options.k}")
    code = 0
    for metric in (options.metric,) if options.metric else METRICS:
        ours = Neighbours(known, targets, options.k, metric)
        calls: dict[str, Callable[[], Any]] = {"jaxlisten": lambda ours=ours: ours.predict(asked)}
        if find_spec("sklearn") is not None and (metric != "manhattan" or options.metric):
            from sklearn.neighbors import KNeighborsClassifier

            theirs = KNeighborsClassifier(options.k, metric=metric, algorithm="brute", n_jobs=-1).fit(known, targets)
            calls["scikit-learn"] = lambda theirs=theirs: theirs.predict(asked)
        said = [call() for call in calls.values()]
        differ = sum(int((one != said[0]).sum()) for one in said)
        times: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(options.rounds):
            for name, call in calls.items():
                begin = time.perf_counter()
                call()
                times[name].append(time.perf_counter() - begin)
        for name, seconds in times.items():
            print(f"{metric:10} {name:13} {middle(seconds):7.3f} s  (spread {spread(seconds):.0%})", flush=True)
        if differ:
            print(f"{metric:10} {differ} answers differ")
        slow = metric != "manhattan" and middle(times["jaxlisten"]) >= LIMIT_SECONDS
        code = max(code, int(slow or differ > 0))
    return code


if __name__ == "__main__":
    sys.exit(main())
