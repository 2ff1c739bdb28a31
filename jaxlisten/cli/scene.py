"""``jaxlisten scene``."""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np

from jaxlisten import data
from jaxlisten.cli import say
from jaxlisten.cli.use import part
from jaxlisten.errors import InputError
from jaxlisten.files import replacing

_LONGEST_SECONDS = 600
"""A scene is written in files of at most this length."""


def scene(options: argparse.Namespace) -> int:
    """Write long recordings with known events, and the table of them."""
    if not options.minutes > 0:
        raise InputError(f"--minutes: expected a number above 0, got {options.minutes:g}")
    clips = data.load(options.data)
    say.skipped(clips)
    if options.split:
        clips = part(clips, options.split, options.data)
    clips = data.sounds(clips)
    beds = data.recordings(options.background, sr=clips.sr)
    out = Path(options.out)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"can't make {out}: {error.strerror}; give another folder") from error
    if any(out.iterdir()):
        raise InputError(f"{out} exists and is not empty; give another folder")
    rows, total = [], 60 * options.minutes
    for number in range(int(np.ceil(total / _LONGEST_SECONDS))):
        made = data.scene(
            clips,
            beds,
            seconds=min(_LONGEST_SECONDS, total - number * _LONGEST_SECONDS),
            gap=tuple(options.gap),
            snr_db=tuple(options.snr),
            seed=options.seed * 100_003 + number,
        )
        name = f"scene{number}.flac"
        _write(out / name, made)
        rows += [(name, event.label, f"{event.start:.4f}", f"{event.end:.4f}") for event in made.events]
        rows += [] if made.events else [(name, "", "", "")]
    with replacing(out / "events.csv") as path, path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("path", "label", "start", "end"), *rows])
    sounds = sum(bool(label) for _, label, _, _ in rows)
    say.result(f"{out / 'events.csv'}: {say.count(sounds, 'sound')} in {options.minutes:g} minutes")
    return 0


def _write(path: Path, made: data.Scene) -> None:
    import soundfile

    with replacing(path) as temporary:
        soundfile.write(temporary, made.samples, made.sr, subtype="PCM_16")
