"""What was trained is what is shipped: one run folder, five ways to run it, the same answer for every clip.

``python -m benchmarks.agreement RUN DATA [--split test]`` says every clip alone, in a padded batch, streamed, from ONNX
and from StableHLO, and prints how far each is from the padded batch. It ends with exit code 1 if a class differs or a
probability differs by more than 1e-4.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import jaxlisten as jl
from jaxlisten.deploy.onnx import run_onnx
from jaxlisten.deploy.stablehlo import run_stablehlo
from jaxlisten.detect import Hearing
from jaxlisten.types import Padded

TOLERANCE = 1e-4
PIECE_SECONDS = 0.010


def last_of_stream(hearing: Hearing, clip: np.ndarray) -> np.ndarray:
    """Hear a clip in pieces of 10 ms, as a stream that ends, and return the last probabilities."""
    hearing.restart()
    piece = max(1, round(PIECE_SECONDS * hearing.sr))
    rows = [hearing.feed(clip[i : i + piece]).probabilities for i in range(0, len(clip), piece)]
    return np.concatenate([*rows, hearing.end().probabilities])[-1]


def ways(listener: jl.Listener, clips: jl.data.Dataset) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the name of each way and the probabilities ``[clips, classes]`` that it gives."""
    fitted = listener.fitted
    yield "alone", np.stack([listener.probabilities(clip) for clip in clips.audio])

    lengths = clips.lengths.astype(np.int32)
    padded = Padded(np.zeros((len(clips), lengths.max()), np.float32), lengths)
    for row, clip in zip(padded.values, clips.audio, strict=True):
        row[: len(clip)] = clip
    parts = [slice(i, i + 50) for i in range(0, len(clips), 50)]

    hearing = Hearing(fitted, int(lengths.max()) / fitted.sr)
    if hearing.exact:
        name = f"streamed in {1000 * PIECE_SECONDS:.0f} ms"
        yield name, np.stack([last_of_stream(hearing, clip) for clip in clips.audio])

    with tempfile.TemporaryDirectory() as folder:
        for ending, execute in ((".onnx", run_onnx), (".stablehlo", run_stablehlo)):
            content = listener.export(Path(folder) / f"model{ending}", clips=clips.audio[:5]).path.read_bytes()
            pieces = [execute(content, padded.values[part], padded.length[part]) for part in parts]
            yield ending[1:], np.concatenate(pieces)


def main() -> int:
    """Print the table and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("data")
    parser.add_argument("--split", help="train, validation or test")
    options = parser.parse_args()
    listener = jl.load(options.run)
    clips = jl.data.load(options.data, sr=listener.sr, classes=listener.classes)
    clips = clips.part(options.split) if options.split else clips
    report = jl.evaluate(listener.fitted, clips)
    print(f"{len(clips)} clips, accuracy {report.accuracy:.2%} in padded batches")
    failed = False
    for name, found in ways(listener, clips):
        same = int((found.argmax(1) == report.probabilities.argmax(1)).sum())
        far = float(np.abs(found - report.probabilities).max())
        failed |= same < len(clips) or not far <= TOLERANCE
        print(f"{name:20} same class for {same} of {len(clips)}, probabilities within {far:.1e}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
