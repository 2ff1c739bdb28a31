"""``jaxlisten listen``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jaxlisten import data
from jaxlisten.cli import say
from jaxlisten.deploy import Listener, load
from jaxlisten.detect import Detection, Hearing
from jaxlisten.errors import InputError


def listen(options: argparse.Namespace) -> int:
    """Print each sound that is found in a stream, as soon as it is."""
    listener = load(options.folder)
    stream, sr = _stream(options, listener)
    if listener.fitted.task.kind == "transcripts":
        return _transcribe(listener, stream, sr, options)
    found = listener.listen(
        stream,
        sr=sr,
        threshold=thresholds(options.threshold),
        smooth=options.smooth,
        refractory=options.refractory,
        window=options.window,
    )
    say.note(manner(found.hearing))
    try:
        for one in found:
            if options.json:
                say.json_result(one._asdict())
            else:
                say.result(_in_words(one))
    except KeyboardInterrupt:  # how one ends listening
        return 0
    return 0


def _transcribe(listener: Listener, stream: Any, sr: int | None, options: argparse.Namespace) -> int:
    """Print each symbol that is said in a stream."""
    if options.threshold is not None or any(
        value is not None for value in (options.smooth, options.refractory, options.window)
    ):
        raise InputError(
            "listen: --threshold, --smooth, --refractory and --window are for sounds that are found; this listener has "
            "learnt transcripts"
        )
    said = listener.transcribe(stream, sr=sr)
    try:
        for one in said:
            if options.json:
                say.json_result(one._asdict())
            else:
                say.result(_line(one.time, one.symbol, one.probability))
    except KeyboardInterrupt:  # how one ends listening
        return 0
    return 0


def manner(hearing: Hearing) -> str:
    """Say how a listener hears a stream, and how late it is."""
    if hearing.exact:
        late = f"{hearing.delay + hearing.period:.2f} s late" if hearing.delay else f"every {hearing.period:.2f} s"
        return f"exact streaming, over the last {hearing.window:.2f} s; answers come {late}"
    return (
        f"windows of {hearing.window:.2f} s, every {hearing.period:.2f} s, because the model has no streaming form "
        f"({hearing.why})"
    )


def thresholds(given: list[str] | None) -> float | dict[str, float] | None:
    """Read ``0.8`` or ``CLASS=0.8``, as often as given."""
    if not given:
        return None
    by_name = dict[str, float]()
    for text in given:
        name, _, number = text.rpartition("=")
        try:
            by_name[name] = float(number)
        except ValueError:
            raise InputError(f"--threshold: expected a number or CLASS=NUMBER, got {text!r}") from None
    if "" not in by_name:
        return by_name
    if len(by_name) > 1:
        raise InputError("--threshold: give one number for all classes, or numbers by class, but not both")
    return by_name[""]


def _stream(options: argparse.Namespace, listener: Listener) -> tuple[str | Iterable[Any], int | None]:
    if options.microphone is not None:
        if options.file is not None:
            raise InputError("listen: expected a file or --microphone, got both")
        device = int(options.microphone) if options.microphone.isdigit() else options.microphone or None
        return data.microphone(sr=listener.sr, device=device), listener.sr
    if options.file is None:
        raise InputError("listen: expected a FILE, - for raw samples on standard input, or --microphone")
    if options.file == "-":
        if sys.stdin.isatty():
            raise InputError("listen: standard input is a terminal; pipe raw samples into it, or give a FILE")
        sr = options.rate or listener.sr
        pieces = data.pcm(sys.stdin.buffer, sr=sr, channels=options.channels, form=options.format)
        return pieces, sr
    if not Path(options.file).is_file():
        data.info(options.file)  # says what is wrong
    return os.fspath(options.file), None


def _in_words(found: Detection) -> str:
    return _line(found.time, found.label, found.probability)


def _line(time: float, what: str, probability: float) -> str:
    minutes, seconds = divmod(time, 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02}:{seconds:05.2f}  {what}  {probability:.1%}"
