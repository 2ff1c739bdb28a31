"""Connected digits: transcripts by CTC and by attention, beside a classifier of single digits behind a segmentation.

``python -m benchmarks.connected --fsdd DIR [--speakers theo george] [--attention] [--epochs N] [--only known]``

Recordings of single digits are joined to sequences of one to seven digits of one speaker (`jaxlisten.data.connected`).
Training, validation and test have no clip in common:

- ``known``: the official split, recordings 0 to 4 of each digit and speaker test, of the others every tenth validates;
- of each of ``--speakers``, all clips test, and none of them is heard before.

The baseline is what one would do without transcripts: the default classifier, trained on the same single clips, hears
each stretch that is louder than a threshold between the softest and the loudest of a recording. The threshold, and the
shortest pause, are chosen on the validation sequences. Label error rates are those of the epoch that was best on the
validation sequences; nothing is chosen on the test.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import jax
import numpy as np

import jaxlisten as jl
from jaxlisten.data import Dataset
from jaxlisten.evaluate import score
from jaxlisten.train import default_augment, default_task

_TRAIN, _VALIDATION, _TEST = 1500, 120, 240
"""Sequences."""
_EPOCHS = {"ctc": 15, "attention": 12, "segments": 8}
_SHARES = (0.2, 0.3, 0.4, 0.5, 0.6)
"""Thresholds, from the softest (0) to the loudest (1) of a recording, in decibels."""
_PAUSES = (0.03, 0.06, 0.1)
"""The shortest pauses that part digits, in seconds."""


@dataclass(frozen=True)
class Result:
    """One listener on one test.

    Attributes:
        split: "known", or the speaker that was held out.
        by: "ctc", "ctc, 8 beams", "attention", "attention, 4 beams" or "segments".
        label_error_rate: on the test sequences.
        exact_match: the share of sequences that are right from beginning to end.
        substitutions, deletions, insertions, symbols: as `jaxlisten.TranscriptReport` counts them.
        n: test sequences.
        seconds: of training, with compiling and validating.
    """

    split: str
    by: str
    label_error_rate: float
    exact_match: float
    substitutions: int
    deletions: int
    insertions: int
    symbols: int
    n: int
    seconds: float


@dataclass(frozen=True)
class Parts:
    """Single clips of one split, and the sequences that are made of them."""

    name: str
    clips: tuple[Dataset, Dataset]
    sequences: tuple[Dataset, Dataset, Dataset]


def parts(clips: Dataset, name: str, seed: int) -> Parts:
    """Cut the clips, and join those of each part."""
    test = np.array(clips.splits) == "test" if name == "known" else np.array(clips.groups) == name
    rest = clips.subset(~test)
    validates = np.arange(len(rest)) % 10 == 0
    single = (rest.subset(~validates), rest.subset(validates), clips.subset(test))
    sizes = (_TRAIN, _VALIDATION, _TEST)
    made = tuple(
        jl.data.connected(part, n, seed=10 * seed + k) for k, (part, n) in enumerate(zip(single, sizes, strict=True))
    )
    return Parts(name, single[:2], (made[0], made[1], made[2]))


def _trained(
    model: jl.Layer, train: Dataset, validation: Dataset, task: jl.tasks.Task, epochs: int, seed: int
) -> tuple[jl.Fitted, float]:
    """Train with the default recipe; return the seconds that it took too."""
    settings = {"key": jax.random.key(seed), "task": task, "epochs": epochs, "augment": default_augment(task)}
    begin = time.perf_counter()
    fitted = jl.fit(model, train, validation, **settings)
    return fitted, time.perf_counter() - begin


def transcribed(by: str, cut: Parts, seed: int) -> Iterator[Result]:
    """Train a model of transcripts with the default recipe, and test it greedily and with beams."""
    train, validation, test = cut.sequences
    n, front = len(train.classes), jl.models.log_mel(train.sr)
    if by == "ctc":
        model, task, beams = jl.serial(front, jl.models.ctc(n)), jl.tasks.transcription(), 8
    else:
        model, task, beams = jl.models.attention(n, front_end=front, longest=12), jl.tasks.dictation(), 4
    fitted, seconds = _trained(model, train, validation, default_task(task), _EPOCHS[by], seed)
    for beam, name in ((1, by), (beams, f"{by}, {beams} beams")):
        yield _result(cut.name, name, jl.evaluate(fitted, test, beam=beam), seconds)


def segmented(cut: Parts, seed: int) -> Iterator[Result]:
    """Train a classifier on single digits, and let it hear what a segmentation by loudness finds."""
    train, validation = cut.clips
    model = jl.serial(jl.models.log_mel(train.sr), jl.models.cnn(len(train.classes)))
    task = default_task(jl.tasks.classification())
    fitted, seconds = _trained(model, train, validation, task, _EPOCHS["segments"], seed)

    step, lengths = jl.make_eval_step(model, task), (train.sr, 4 * train.sr)

    def report(data: Dataset, share: float, pause: float) -> jl.TranscriptReport:
        found = [segments(clip, data.sr, share, pause) for clip in data.audio]
        pieces = [clip[a:b][: lengths[-1]] for clip, places in zip(data.audio, found, strict=True) for a, b in places]
        unknown = jl.data.arrays(pieces, np.zeros(len(pieces), int), sr=data.sr, classes=data.classes)
        scores = score(step, fitted.params, fitted.state, jl.data.batches(unknown, 64, lengths))
        said = iter(np.asarray(scores.probabilities).argmax(axis=1).tolist())
        rows = [list(itertools.islice(said, len(places))) for places in found]
        width = max(map(len, rows))
        padded = np.array([row + [-1] * (width - len(row)) for row in rows])
        return jl.TranscriptReport(data.classes, data.targets, padded, data.paths)

    settings = list(itertools.product(_SHARES, _PAUSES))
    best = min(settings, key=lambda setting: report(cut.sequences[1], *setting).label_error_rate)
    yield _result(cut.name, "segments", report(cut.sequences[2], *best), seconds)


def segments(clip: np.ndarray, sr: int, share: float, pause: float) -> list[tuple[int, int]]:
    """Find the stretches of a recording that are loud, in samples; the loudest frame at least.

    Args:
        clip: ``[time]``.
        sr: its rate in Hz.
        share: the threshold, from 0 (the softest tenth of the frames) to 1 (the loudest frame), in decibels.
        pause: softer stretches that are shorter than this many seconds don't part anything.
    """
    hop = sr // 100
    n = max(1, len(clip) // hop)
    frames = clip[: n * hop].reshape(n, -1) if len(clip) >= hop else clip[None]
    level = 10 * np.log10(np.maximum(np.square(frames, dtype=np.float64).mean(axis=1), 1e-10))
    low, high = np.quantile(level, 0.1), level.max()
    loud = np.flatnonzero(level >= low + share * (high - low))
    cuts = np.flatnonzero(np.diff(loud) > max(1, round(pause * 100)))
    first, last = loud[np.append(0, cuts + 1)], loud[np.append(cuts, len(loud) - 1)]
    found = [(int(a) * hop, int(b + 1) * hop) for a, b in zip(first, last, strict=True) if b - a >= 8]
    return found or [(0, len(clip))]


def _result(split: str, by: str, report: jl.TranscriptReport, seconds: float) -> Result:
    total = report.total
    return Result(split, by, report.label_error_rate, report.exact_match, *total, n=report.n, seconds=round(seconds, 1))


def main() -> None:
    """Train, telling of each result as it comes, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fsdd", metavar="DIR", required=True)
    parser.add_argument("--speakers", metavar="NAME", nargs="*", default=["theo", "george"], help="to hold out in turn")
    parser.add_argument("--attention", action="store_true", help="also an encoder with a decoder, on known speakers")
    parser.add_argument("--only", metavar="SPLIT", nargs="*", help="known, or speakers: leave out the others")
    parser.add_argument("--skip", metavar="NAME", nargs="*", default=[], help="ctc, attention or segments")
    parser.add_argument("--epochs", type=int, help="of every training, in place of the usual ones")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", metavar="FILE", help="write every result here too")
    options = parser.parse_args()
    if options.epochs:
        _EPOCHS.update(dict.fromkeys(_EPOCHS, int(options.epochs)))
    clips, results = jl.data.fsdd(options.fsdd), list[Result]()
    for name in ("known", *options.speakers):
        if options.only and name not in options.only:
            continue
        cut = parts(clips, name, options.seed)
        ways = {"ctc": lambda cut=cut: transcribed("ctc", cut, options.seed)}
        if options.attention and name == "known":
            ways["attention"] = lambda cut=cut: transcribed("attention", cut, options.seed)
        ways["segments"] = lambda cut=cut: segmented(cut, options.seed)
        for way, results_of in ways.items():
            for result in () if way in options.skip else results_of():
                results.append(result)
                print(
                    f"{name}, {result.by}: label error rate {result.label_error_rate:.2%} of {result.symbols} digits, "
                    f"{result.exact_match:.1%} of {result.n} sequences all right, {result.seconds:.0f} s of training",
                    flush=True,
                )
    if options.json:
        about = {"jax": jax.__version__, "cores": os.cpu_count()}
        Path(options.json).write_text(json.dumps({"about": about, "results": [asdict(r) for r in results]}, indent=1))


if __name__ == "__main__":
    main()
