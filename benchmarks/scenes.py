"""Sound event detection: how many events of scenes are found in time, and of birdsong.

``python -m benchmarks.scenes --esc10 DIR --fsdd DIR [--birdsong DIR] [--minutes 60] [--epochs 30] [--seeds 1]
[--json FILE]``

Scenes are mixed of the ten spoken digits and of barks, cries, crows and sneezes of ESC-10 over rain, sea, helicopters
and fire, 5 to 25 dB above them; pauses are from -1 to 2 s, so many overlap. Recordings are cut where they pause, so
that an event is one sound, and its times are exact. Training, validation and test share no clip and no background:
folds 1 to 3, 4 and 5 of ESC-10; takes 10 to 49, 5 to 9 and 0 to 4 of the digits. A CRNN is compared with a logistic
regression of every frame; both get their thresholds on validation. Each folder of birdsong is one bird, whose first
recordings train and whose last ones test.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

import jaxlisten as jl
from jaxlisten import data
from jaxlisten.train import default_augment

SR = 8000
SOUNDS = ("Dog bark", "Baby cry", "Rooster", "Person sneeze")
BACKGROUND = ("Rain", "Sea waves", "Helicopter", "Fire crackling")
_SECONDS = 60
_PAUSE_SECONDS, _LEAST_SECONDS = 0.3, 0.1


class Parts(NamedTuple):
    """Recordings with events to train, to validate and to test on."""

    train: data.Dataset
    validation: data.Dataset
    test: data.Dataset


def single(clips: data.Dataset) -> data.Dataset:
    """Cut clips where they pause for a third of a second, so that each is one sound."""
    from librosa.effects import split

    audio, places = [], []
    for i, clip in enumerate(clips.audio):
        loud = split(clip, top_db=30, frame_length=round(0.04 * clips.sr), hop_length=round(0.01 * clips.sr)).tolist()
        joined: list[list[int]] = []
        for start, end in loud:
            if joined and start - joined[-1][1] < _PAUSE_SECONDS * clips.sr:
                joined[-1][1] = end
            else:
                joined.append([start, end])
        kept = [clip[start:end] for start, end in joined if end - start >= _LEAST_SECONDS * clips.sr]
        audio += kept
        places += [i] * len(kept)
    return replace(clips.subset(places), audio=tuple(audio))


def mixed(esc10: str, fsdd: str, part: str, minutes: float, seed: int) -> data.Dataset:
    """Mix scenes of a minute of one part of the two collections."""
    digits = data.fsdd(fsdd, sr=SR)
    take = np.array([int(Path(path).stem.rpartition("_")[2]) for path in digits.paths])
    low, high = {"train": (10, 50), "validation": (5, 10), "test": (0, 5)}[part]
    digits = digits.subset((take >= low) & (take < high))
    others = data.esc10(esc10, sr=SR, test_fold=5)
    fold = {"train": ("1", "2", "3"), "validation": ("4",), "test": ("5",)}[part]
    others = others.subset([name in fold for name in others.folds or ()])
    names = [others.classes[target] for target in others.targets]
    sounds = single(others.subset([name in SOUNDS for name in names]))
    beds = [clip for clip, name in zip(others.audio, names, strict=True) if name in BACKGROUND]
    digits = single(digits)
    classes = (*digits.classes, *SOUNDS)
    # As many clips of a sound as of a digit, so that no class is rare.
    sound_names = [others.classes[target] for target in sounds.targets]
    pool = [*zip(digits.audio, (digits.classes[t] for t in digits.targets), strict=True)]
    often = max(1, round(len(digits) / len(digits.classes) * len(SOUNDS) / max(1, len(sounds))))
    pool += [*zip(sounds.audio, sound_names, strict=True)] * often
    clips = data.arrays([clip for clip, _ in pool], [name for _, name in pool], sr=SR, classes=classes)
    scenes = [
        data.scene(clips, beds, seconds=_SECONDS, gap=(-1.0, 2.0), snr_db=(5.0, 25.0), seed=1000 * seed + k)
        for k in range(max(1, round(minutes * 60 / _SECONDS)))
    ]
    made = data.arrays([one.samples for one in scenes], [list(one.events) for one in scenes], sr=SR, classes=classes)
    return replace(made, paths=tuple(f"{part} {k}" for k in range(len(scenes))))


def trained(parts: Parts, network: str, *, seconds: float, epochs: int, seed: int) -> tuple[Any, float]:
    """Train on windows with the default recipe, and return the report on the test recordings and the seconds."""
    model = jl.serial(
        jl.models.log_mel(parts.train.sr), jl.models.EVENT_MODELS[network](classes=len(parts.train.classes))
    )
    begin = time.perf_counter()
    fitted = jl.fit(
        model,
        data.windows(parts.train, seconds, hop=seconds),
        data.windows(parts.validation, seconds, hop=seconds),
        key=jax.random.key(seed),
        epochs=epochs,
        batch_size=8,
        augment=default_augment(jl.tasks.event_detection()),
    )
    fitted = jl.choose_thresholds(fitted, parts.validation)
    return jl.evaluate(fitted, parts.test), time.perf_counter() - begin


def birdsong(root: str) -> Parts:
    """Load the songs of one bird: its first recordings, and its last ones."""
    songs = data.birdsong(root)
    return Parts(*(songs.part(name) for name in Parts._fields))


def main() -> None:
    """Train, telling of each training as it ends, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--esc10", metavar="DIR")
    parser.add_argument("--fsdd", metavar="DIR")
    parser.add_argument("--birdsong", metavar="DIR", nargs="+", default=[])
    parser.add_argument("--minutes", type=float, default=60.0, help="of training scenes")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--json", metavar="FILE", help="write every result here too")
    options = parser.parse_args()
    jobs: dict[str, tuple[Parts, float, int]] = {}
    if options.esc10 and options.fsdd:
        sizes = zip(Parts._fields, (options.minutes, 10.0, 20.0), (1, 2, 3), strict=True)
        made = (mixed(options.esc10, options.fsdd, part, minutes, seed) for part, minutes, seed in sizes)
        jobs["scenes"] = Parts(*made), 5.0, options.epochs
    for root in options.birdsong:
        jobs[f"birdsong {Path(root).name}"] = birdsong(root), 3.0, 2 * options.epochs
    if not jobs:
        parser.error("give --esc10 and --fsdd, or --birdsong")
    results = []
    for name, (parts, seconds, epochs) in jobs.items():
        for seed in range(options.seeds):
            for network in jl.models.EVENT_MODELS:
                report, took = trained(parts, network, seconds=seconds, epochs=epochs, seed=seed)
                print(f"\n{name}, {network}, seed {seed}, {took:.0f} s\n{report}", flush=True)
                figures = {key: report.to_dict()[key] for key in ("event_based", "onset_based", "segment_based")}
                results.append({"name": name, "model": network, "seed": seed, "seconds": round(took, 1), **figures})
    print(f"\n{'':22}{'model':8}{'seed':>5}{'event F1':>10}{'ER':>7}{'onset F1':>10}{'segment F1':>12}{'ER':>7}")
    for row in results:
        event, onset, segment = (row[f"{kind}_based"] for kind in ("event", "onset", "segment"))
        print(
            f"{row['name']:22}{row['model']:8}{row['seed']:>5}{event['f1']:>10.1%}{event['error_rate']:>7.2f}", end=""
        )
        print(f"{onset['f1']:>10.1%}{segment['f1']:>12.1%}{segment['error_rate']:>7.2f}")
    if options.json:
        Path(options.json).write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
