"""A detector of ten words, on streams of speakers and background that it has never heard.

``python -m benchmarks.detector RUN --keywords DIR --esc10 DIR [--hours 3] [--clip-run RUN]``

RUN was trained with ``jaxlisten train --streaming`` on the speaker cut of Speech Commands over four folds of ESC-10, as
``examples/listeners/make.py keywords`` does. The words of the test speakers are laid over fold 5, and counted with the
threshold that the run has chosen on its validation speakers. Then each test clip is said offline and as a stream that
ends, in pieces of 10 ms, and, with ``--clip-run``, by a run for clips.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

import numpy as np
import soundfile

import jaxlisten as jl
from benchmarks.agreement import last_of_stream
from jaxlisten import data
from jaxlisten.detect import Hearing

_SECONDS = 600


def scenes(
    words: data.Dataset, background: list[np.ndarray], hours: float, folder: Path
) -> dict[Path, list[data.Event]]:
    """Write scenes of ten minutes; return their events."""
    made, words = {}, data.sounds(words)
    for k in range(round(hours * 3600 / _SECONDS)):
        scene = data.scene(words, background, seconds=_SECONDS, seed=k)
        soundfile.write(folder / f"{k}.flac", scene.samples, scene.sr)
        made[folder / f"{k}.flac"] = list(scene.events)
    return made


def accuracy(fitted: jl.Fitted, words: data.Dataset) -> tuple[float, float]:
    """Return the share of clips whose most probable word is right, offline and streamed."""
    found = [k for k, name in enumerate(fitted.classes) if name in data.KEYWORDS]
    truth = [fitted.classes.index(words.classes[target]) for target in words.targets]
    listener, hearing = jl.Listener(fitted), Hearing(fitted, float(words.lengths.max()) / fitted.sr)
    ways = [listener.probabilities, lambda clip: last_of_stream(hearing, clip)]
    said = [[found[int(way(clip)[found].argmax())] for clip in words.audio] for way in ways]
    offline, streamed = (float(np.mean(np.equal(answers, truth))) for answers in said)
    return offline, streamed


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", metavar="RUN")
    parser.add_argument("--keywords", required=True, metavar="DIR")
    parser.add_argument("--esc10", required=True, metavar="DIR")
    parser.add_argument("--hours", type=float, default=3.0)
    parser.add_argument("--clip-run", metavar="RUN")
    options = parser.parse_args()
    fitted = jl.load(options.run).fitted
    clips = data.speech_commands(options.keywords, split="speaker", sr=fitted.sr).part("test")
    words = clips.subset([clips.classes[target] in data.KEYWORDS for target in clips.targets])
    noise = data.esc10(options.esc10, test_fold=5, sr=fitted.sr).part("test")
    with tempfile.TemporaryDirectory() as folder:
        report = jl.evaluate_stream(fitted, scenes(words, list(noise.audio), options.hours, Path(folder)))
    print(report)
    print(f"median latency {statistics.median(report.latencies):+.2f} s; {report.confusions} alarms on another word")
    for threshold, score in report.tradeoff:
        print(f"threshold {threshold:.3f}: found {1 - score.miss_rate:.1%}, {score.false_alarms_per_hour:.2f} an hour")
    offline, streamed = accuracy(fitted, words)
    print(f"{len(words)} clips: {offline:.1%} offline, {streamed:.1%} streamed", end="")
    if options.clip_run:
        print(f"; a run for clips: {accuracy(jl.load(options.clip_run).fitted, words)[0]:.1%}", end="")
    print()


if __name__ == "__main__":
    main()
