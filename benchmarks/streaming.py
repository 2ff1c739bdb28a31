"""What listening costs: a hop of 10 ms through the streaming form of a run, and memory over an hour of sound.

``python -m benchmarks.streaming RUN [FILE] [--seconds 3600]`` feeds the recording (none: noise), again and again, to
`jaxlisten.detect.Hearing` in pieces of 10 ms, as a microphone would but without waiting. A model answers once a block,
so most hops only store their samples. Then `Listener.predict` is called 1,000 times in a row with clips of all lengths.
Last, a clip of one window is timed as the run and as its ONNX file, in turn.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime

import jaxlisten as jl
from jaxlisten import data
from jaxlisten.detect import Hearing

_HOP_SECONDS = 0.010


def hops(hearing: Hearing, sound: np.ndarray, seconds: float) -> tuple[np.ndarray, list[float]]:
    """Feed `seconds` of a sound in hops.

    Returns:
        The seconds that each hop took, and the memory that the process holds after each tenth of them, in GB.
    """
    hop = round(_HOP_SECONDS * hearing.sr)
    hearing.feed(np.resize(sound, 2 * hop * 1000))  # compiles
    hearing.restart()
    for piece in np.resize(sound, 200 * hop).reshape(-1, hop):  # compiles
        hearing.feed(piece)
    n = round(seconds / _HOP_SECONDS)
    pieces = np.resize(sound, max(len(sound), hop * 100) // hop * hop).reshape(-1, hop)
    took, memory = np.zeros(n), []
    for i in range(n):
        begin = time.perf_counter()
        hearing.feed(pieces[i % len(pieces)])
        took[i] = time.perf_counter() - begin
        if (i + 1) % max(1, n // 10) == 0:
            memory.append(resident())
    return took, memory


def predictions(listener: jl.Listener, sound: np.ndarray, calls: int = 1000) -> list[float]:
    """Predict clips of all lengths up to that of the longest.

    Returns:
        The memory that the process holds after each tenth of the calls, in GB.
    """
    sound, memory = np.resize(sound, 2 * listener.fitted.longest), []
    for i in range(calls):
        listener.predict(sound[: 1 + i * 7919 % len(sound)])
        if (i + 1) % (calls // 10) == 0:
            memory.append(resident())
    return memory


def resident() -> float:
    """Return the memory that the process holds now, in GB, or the most that it has held where that isn't told."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:  # not Linux
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return pages * resource.getpagesize() / 2**30


def clip_times(listener: jl.Listener, repeats: int = 200) -> tuple[float, float]:
    """Return the median seconds that one clip takes as the run and as its ONNX file."""
    clip = np.random.default_rng(0).standard_normal(listener.fitted.longest).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        listener.export(path)
        quiet = onnxruntime.SessionOptions()
        quiet.log_severity_level = 3
        running = onnxruntime.InferenceSession(path, quiet, providers=["CPUExecutionProvider"])
    times = {"ours": list[float](), "onnx": list[float]()}
    ways = {
        "ours": lambda: listener.probabilities(clip),
        "onnx": lambda: running.run(None, {running.get_inputs()[0].name: clip[None]}),
    }
    for i in range(repeats + 10):
        for name, way in ways.items():
            begin = time.perf_counter()
            way()
            if i >= 10:
                times[name].append(time.perf_counter() - begin)
    return statistics.median(times["ours"]), statistics.median(times["onnx"])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", metavar="RUN")
    parser.add_argument("file", metavar="FILE", nargs="?")
    parser.add_argument("--seconds", type=float, default=3600.0)
    options = parser.parse_args()
    listener = jl.load(options.run)
    hearing = Hearing(listener.fitted)
    if options.file:
        sound = data.read(options.file, sr=hearing.sr)[0]
    else:
        sound = 0.1 * np.random.default_rng(0).standard_normal(60 * hearing.sr).astype(np.float32)
    kind = "exact streaming" if hearing.exact else "windows"
    print(
        f"{kind}, a row every {1000 * hearing.period:.0f} ms; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    )
    took, memory = hops(hearing, sound, options.seconds)
    slow = np.quantile(took, 0.99)
    print(f"a hop of 10 ms: mean {1e3 * took.mean():.3f} ms, 99th percentile {1e3 * slow:.3f} ms, ", end="")
    print(f"longest {1e3 * took.max():.1f} ms; {options.seconds / took.sum():.0f} times as fast as sound comes")
    print(f"memory after a tenth of {options.seconds:.0f} s {memory[0]:.3f} GB, after all of it {memory[-1]:.3f} GB")
    memory = predictions(listener, sound)
    print(f"memory after 100 predictions {memory[0]:.3f} GB, after 1,000 {memory[-1]:.3f} GB")
    ours, onnx = clip_times(listener)
    print(f"a clip of {hearing.window:.2f} s alone: ours {1e3 * ours:.2f} ms, its ONNX file {1e3 * onnx:.2f} ms")


if __name__ == "__main__":
    main()
