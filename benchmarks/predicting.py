"""How fast a trained listener hears many files: one after another, and several at once.

``python -m benchmarks.predicting RUN FOLDER [--clips N] [--rounds N]``

``one by one`` calls `Listener.predict` for each file, ``together`` is one `Listener.predict_many` over all; both wait
for every answer, and must agree. ``decoding`` only reads the files, in one thread. All are timed in turn after a round
that compiles. It ends with exit code 1 if a probability differs by more than 1e-5.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import jaxlisten as jl
from benchmarks.timing import middle, spread
from jaxlisten.data.finding import sound_files

TOLERANCE = 1e-5


def main() -> int:
    """Print the table and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("folder")
    parser.add_argument("--clips", type=int, help="only so many, evenly taken (default: all)")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    listener, paths = jl.load(options.run), list(sound_files(Path(options.folder)))
    if options.clips:
        paths = paths[:: max(1, len(paths) // options.clips)][: options.clips]
    calls: dict[str, Callable[[], list]] = {
        "decoding": lambda: [jl.data.read(path, sr=listener.sr) for path in paths],
        "one by one": lambda: [listener.predict(path) for path in paths],
        "together": lambda: [said for _, said in listener.predict_many(paths)],
    }
    said = {name: call() for name, call in calls.items()}
    far = max(abs(a.probability - b.probability) for a, b in zip(said["one by one"], said["together"], strict=True))
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(options.rounds):
        for name, call in calls.items():
            begin = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - begin)
    base = middle(times["one by one"])
    print(f"{len(paths)} clips, probabilities within {far:.1e}, medians of {options.rounds} rounds")
    for name, seconds in times.items():
        took = middle(seconds)
        ratio = f"{took / base:6.1%} of the time" if name == "decoding" else f"{base / took:6.2f} times as fast"
        print(f"{name:12} {len(paths) / took:8.0f} clips/s  {ratio}  (spread {spread(seconds):.0%})")
    return int(not far <= TOLERANCE)


if __name__ == "__main__":
    sys.exit(main())
