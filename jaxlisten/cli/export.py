"""``jaxlisten export``."""

from __future__ import annotations

import argparse
import contextlib
import os
from pathlib import Path
from typing import Any

from jaxlisten import data, models, nn
from jaxlisten.cli import say
from jaxlisten.cli.use import labelled, part
from jaxlisten.deploy import Exported, Listener, load
from jaxlisten.errors import InputError

_SCORES = {"accuracy": "accuracy", "map": "mean average precision", "r2": "R²"}


def export(options: argparse.Namespace) -> int:
    """Write a file, run it, and compare it with the run folder before saying so."""
    if options.split and not options.data:
        raise InputError("--split: it names a part of DATA; give --data too")
    if options.data and options.clips:
        raise InputError("export: expected --clips or --data, got both; leave one out")
    listener = load(options.folder)
    clips, known = [], None
    if options.data:
        known = labelled(listener.fitted, options.data)
        say.skipped(known)
        if options.split:
            known = part(known, options.split, options.data)
    else:
        clips = [data.read(path, sr=listener.sr)[0] for path in options.clips] or _remembered(listener)
    done = listener.export(options.out, clips=clips, data=known, streaming=options.streaming, int8=options.int8)
    heard = "recordings" if clips or known else "clips of noise (give recordings with --clips)"
    say.result(_found(done, heard, int8=options.int8))
    if options.streaming:
        say.result(_stream(listener))
    say.result(_counts(listener))
    return 0


def _found(done: Exported, heard: str, *, int8: bool) -> str:
    """Say what was written, and how it compares."""
    size = f"{done.bytes:,} bytes" + (f" ({done.float_bytes:,} with float32 weights)" if int8 else "")
    text = (
        f"{done.path}: {size}; its answers differ from the run's by at most {done.difference:.1g} "
        f"on {done.clips} {heard}"
    )
    if int8 or done.score:
        text += f", {done.clips - done.changed} of which get the same answer"
    if done.score:
        name, before, after = done.score
        text += f"; {_SCORES[name]} {before:.1%} of the run, {after:.1%} of the file"
    return text


def _stream(listener: Listener) -> str:
    """Say how a streaming file is fed."""
    timing = nn.streaming(listener.fitted.model, listener.fitted.longest).timing()
    assert timing is not None
    sr, each = listener.sr, float(1 / timing.ratio)
    return (
        f"a chunk is a multiple of {timing.block:,} samples ({1000 * timing.block / sr:.4g} ms), with an answer every "
        f"{1000 * each / sr:.4g} ms that is {timing.delay * each / sr:.3g} s late; the carry begins as zeros"
    )


def _counts(listener: Listener) -> str:
    """Compare what the model costs with the network of MLPerf Tiny's keyword spotting, each for one clip."""
    fitted, second = listener.fitted, 16_000
    front = nn.MFCC(sr=second, n_mfcc=10, n_fft=1024, win_length=640, hop_length=320)
    tiny = nn.summary(nn.serial(front, models.ds_cnn(12)), (second,))
    ours = nn.summary(fitted.model, (fitted.longest,))
    return (
        f"one clip of {fitted.longest / fitted.sr:.3g} s: {_costs(ours)}; "
        f"MLPerf Tiny's keyword spotting, 1 s: {_costs(tiny)}"
    )


def _costs(found: Any) -> str:
    return (
        f"{found.parameters:,} parameters, {found.multiply_adds:,} multiply-adds, at most {found.activations:,} "
        f"activations ({found.activation_bytes:,} bytes as float32)"
    )


def _remembered(listener: Listener) -> list[Any]:
    """Read the validation clips that the run names, where they are still there.

    A run folder may come from a stranger, so its names are followed below the current folder and nowhere else.
    """
    found, here = [], Path.cwd().resolve()
    examples = listener.fitted.about.get("examples")
    for name in examples if isinstance(examples, list) else []:
        with contextlib.suppress(InputError, OSError, ValueError, RuntimeError):
            path = Path(os.path.abspath(str(name)))
            if path.is_relative_to(here) and path.resolve().is_relative_to(here):  # as it is written, then past links
                found.append(data.read(path, sr=listener.sr)[0])
    return found
