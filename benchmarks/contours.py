"""Numbers over time: loudness and pitch of spoken digits, moment by moment, of a speaker that was not heard.

``python -m benchmarks.contours --fsdd DIR [--speaker george] [--epochs 15] [--every 1] [--only pitch] [--seed 0]
[--json FILE]``

What is true is measured on the recordings: loudness is the level of `librosa.feature.rms` in dB of full scale, pitch
what `librosa.pyin` gives in semitones (69 is 440 Hz) where it finds a voice; both in frames of 64 ms, every 10 ms. All
clips of one speaker test, those of all others train, without validation: what is best for a voice that trains says
little of a new one. A CRNN (`jaxlisten.models.event_crnn`), by squared error and by concordance, stands beside the mean
of the training, and beside ridge regression on the log-mel levels of each frame and of two to either side, in closed
form, with the ridge that is best on the test.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import jax
import numpy as np

import jaxlisten as jl
from jaxlisten.data import Contour, Dataset
from jaxlisten.metrics import PerNumber, per_number
from jaxlisten.tasks import values_at
from jaxlisten.train import default_units

_FRAME_SECONDS, _HOP_SECONDS = 0.064, 0.01
_PITCH_HZ = (60.0, 400.0)
_AROUND = 2
_FLOOR_DB = -80.0
_RIDGES = (1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0)


def loudness(clip: np.ndarray, sr: int) -> np.ndarray:
    """Return the level of each frame in dB of full scale, not below -80."""
    import librosa

    n, hop = round(_FRAME_SECONDS * sr), round(_HOP_SECONDS * sr)
    level = librosa.feature.rms(y=clip, frame_length=n, hop_length=hop)[0]
    return 20 * np.log10(np.maximum(level, 10 ** (_FLOOR_DB / 20)))


def pitch(clip: np.ndarray, sr: int) -> np.ndarray:
    """Return the pitch of each frame in semitones, NaN where there is none."""
    import librosa

    low, high = _PITCH_HZ
    n, hop = round(_FRAME_SECONDS * sr), round(_HOP_SECONDS * sr)
    hz, _, _ = librosa.pyin(clip, fmin=low, fmax=high, sr=sr, frame_length=n, hop_length=hop)
    return librosa.hz_to_midi(hz)


def followed(clips: Dataset, name: str, follow: Callable[[np.ndarray, int], np.ndarray]) -> Dataset:
    """Make a number over time the target of each clip; those where it is nowhere known are left out."""
    each = [follow(clip, clips.sr) for clip in clips.audio]
    kept = [i for i, values in enumerate(each) if (np.isfinite(values[1:]) & np.isfinite(values[:-1])).any()]
    contours = [Contour(_HOP_SECONDS * np.arange(len(each[i])), each[i]) for i in kept]
    groups = clips.groups or ()
    audio = [clips.audio[i] for i in kept]
    return jl.data.arrays(audio, contours, sr=clips.sr, classes=(name,), groups=[groups[i] for i in kept])


def _front(sr: int) -> jl.Layer:
    """Return the front end of all: windows as long as the frames above, which show the harmonics of a voice."""
    return jl.LogMel(sr, n_fft=round(_FRAME_SECONDS * sr), hop_length=round(_HOP_SECONDS * sr), n_mels=96)


def trained(
    train: Dataset, test: Dataset, loss: Literal["squared", "concordance"], epochs: int, seed: int
) -> PerNumber:
    """Train the CRNN with the default recipe, and return its figures on the test."""
    model = jl.serial(_front(train.sr), jl.models.event_crnn(1), units=default_units(train.targets))
    task = jl.tasks.frame_regression(loss=loss)
    fitted = jl.fit(model, train, key=jax.random.key(seed), task=task, epochs=epochs)
    return per_number(*jl.evaluate(fitted, test).pairs())


def linear(train: Dataset, test: Dataset) -> PerNumber:
    """Fit ridge regression to the log-mel levels around each frame, and return its figures on the test."""
    (x, y), (test_x, test_y) = (_frames(part) for part in (train, test))
    level = y.mean()
    gram, moment = x.T @ x / len(x), x.T @ (y - level) / len(x)
    fits = [np.linalg.solve(gram + ridge * np.eye(len(gram)), moment) for ridge in _RIDGES]
    return min((per_number(test_y, level + test_x @ weights) for weights in fits), key=lambda found: found.rmse[0])


def _frames(data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return the levels around all frames that count, in units of 20 dB with a 1 behind them, and the numbers there."""
    front, period = _front(data.sr), _HOP_SECONDS
    length = int(data.lengths.max())
    params, state = front.init(jax.random.key(0), np.zeros(length, np.float32))
    levels = jax.jit(lambda clip: front.apply(params, state, clip)[0])
    steps = [int(front.out_length(n)) for n in data.lengths.tolist()]
    xs, ys = [], []
    for clip, n, truth in zip(data.audio, steps, values_at(data.targets, steps, period), strict=True):
        whole = np.asarray(levels(np.pad(clip, (0, length - len(clip)))))[:n] / 20
        padded = np.pad(whole, ((_AROUND, _AROUND), (0, 0)), mode="edge")
        around = np.concatenate([padded[k : k + n] for k in range(2 * _AROUND + 1)], axis=1)
        known = np.isfinite(truth[:, 0])
        xs.append(np.column_stack([around, np.ones(n)])[known])
        ys.append(truth[known])
    return np.concatenate(xs).astype(np.float64), np.concatenate(ys).astype(np.float64)


def main() -> None:
    """Train, telling of each result as it comes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fsdd", metavar="DIR", required=True)
    parser.add_argument("--speaker", metavar="NAME", default="george", help="to test on (default: george)")
    parser.add_argument("--only", choices=["loudness", "pitch"], help="one of the two")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--every", metavar="N", type=int, default=1, help="take every Nth clip only")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", metavar="FILE", help="write every result here too")
    options = parser.parse_args()
    clips = jl.data.fsdd(options.fsdd)
    clips = clips.subset(np.arange(0, len(clips), options.every))
    speakers = sorted(set(clips.groups or ()))
    if options.speaker not in speakers:
        parser.error(f"--speaker: expected one of {', '.join(speakers)}")
    results = []
    for name, follow, unit in (("loudness", loudness, "dB"), ("pitch", pitch, "semitones")):
        if options.only not in (None, name):
            continue
        data = followed(clips, name, follow)
        mine = np.array(data.groups) == options.speaker
        parts = data.subset(~mine), data.subset(mine)
        known, truth = (_frames(part)[1] for part in parts)
        ways: dict[str, Callable[[], PerNumber]] = {
            "mean of the training": lambda known=known, truth=truth: per_number(truth, 0 * truth + known.mean()),
            "ridge regression": lambda parts=parts: linear(*parts),
            "CRNN, squared error": lambda parts=parts: trained(*parts, "squared", options.epochs, options.seed),
            "CRNN, concordance": lambda parts=parts: trained(*parts, "concordance", options.epochs, options.seed),
        }
        for way, figures_of in ways.items():
            begin = time.perf_counter()
            figures = {key: float(value[0]) for key, value in figures_of()._asdict().items()}
            results.append({"number": name, "by": way, "seconds": time.perf_counter() - begin, **figures})
            print(
                f"{name}, {way}: off by {figures['mae']:.2f} {unit}, concordance {figures['concordance']:.3f}, R² "
                f"{figures['r2']:.3f}; {len(parts[1])} clips of {options.speaker}, {results[-1]['seconds']:.0f} s",
                flush=True,
            )
    if options.json:
        Path(options.json).write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
