"""What was trained is what is shipped: one run folder, five ways to run it, the same answer for every clip.

``python -m benchmarks.agreement RUN DATA [--split test]`` says every clip alone, in a padded batch, streamed, from ONNX
and from StableHLO, and prints how far each is from the padded batch. It ends with exit code 1 if a class differs or a
probability differs by more than 1e-4.
"""

from __future__ import annotations

import argparse
import functools
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np

import jaxlisten as jl
from jaxlisten.deploy.onnx import run_onnx
from jaxlisten.deploy.stablehlo import run_stablehlo
from jaxlisten.types import Padded

TOLERANCE = 1e-4
CHUNK_SECONDS = 0.1


@functools.partial(jax.jit, static_argnums=(0, 1))
def last_of_stream(model: jl.Layer, chunk: int, params, state, x: Padded) -> jax.Array:
    """Stream a batch of clips chunk by chunk, and return the probabilities at the last valid step of each."""
    out = jl.stream(model, params, state, x, chunk=chunk)
    last = out.valid.shape[1] - 1 - out.valid[:, ::-1].argmax(axis=1)
    return jax.nn.softmax(out.values[np.arange(len(out.values)), last])


def ways(listener: jl.Listener, clips: jl.data.Dataset) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the name of each way and the probabilities ``[clips, classes]`` that it gives."""
    fitted = listener.fitted
    yield "alone", np.stack([listener.probabilities(clip) for clip in clips.audio])

    lengths = clips.lengths.astype(np.int32)
    padded = Padded(np.zeros((len(clips), lengths.max()), np.float32), lengths)
    for row, clip in zip(padded.values, clips.audio, strict=True):
        row[: len(clip)] = clip
    parts = [slice(i, i + 50) for i in range(0, len(clips), 50)]

    model = jl.streaming(fitted.model, max(fitted.longest, int(lengths.max())))
    block = model.timing().block  # type: ignore[union-attr]
    chunk = max(1, round(CHUNK_SECONDS * fitted.sr / block)) * block
    run = functools.partial(last_of_stream, model, chunk, fitted.params, fitted.state)
    pieces = [np.asarray(run(Padded(padded.values[part], padded.length[part]))) for part in parts]
    yield f"streamed in {1000 * chunk / fitted.sr:.0f} ms", np.concatenate(pieces)

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
