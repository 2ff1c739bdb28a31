"""What the commands say: results on standard output, everything else on standard error."""

from __future__ import annotations

import codecs
import json
import sys
from typing import Any

from jaxlisten.cli.unseen import UNSEEN
from jaxlisten.data import Dataset, Partition

_LISTED = 20
"""Bad clips that are named one by one."""


def result(text: object) -> None:
    """Print a result, with escapes for what the terminal's encoding lacks. A name that is no text stays as is."""
    encoding = sys.stdout.encoding or "utf-8"
    text = str(text).translate(UNSEEN) if sys.stdout.isatty() else str(text)
    line = text.encode(encoding, _ESCAPED)
    try:
        print(line.decode(encoding), flush=True)
    except UnicodeDecodeError:
        sys.stdout.flush()
        sys.stdout.buffer.write(line + b"\n")
        sys.stdout.buffer.flush()


def _escaped(error: UnicodeError) -> tuple[str | bytes, int]:
    """Encode what an encoding lacks: a byte of a file's name as it is, a letter as its number."""
    assert isinstance(error, UnicodeEncodeError)
    error.end = error.start + 1
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeEncodeError:
        return codecs.backslashreplace_errors(error)


_ESCAPED = "jaxlisten.escaped"
codecs.register_error(_ESCAPED, _escaped)


def json_result(value: Any) -> None:
    """Print a JSON value as one line, in ASCII where the encoding of standard output lacks a letter of it."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(value)
    print(text, flush=True)


def note(text: str) -> None:
    """Tell a person something that is no result."""
    print(text.translate(UNSEEN), file=sys.stderr, flush=True)


def sizes(parts: Partition) -> str:
    """Say how many clips there are for what."""
    return ", ".join(f"{len(part)} for {name}" for name, part in parts._asdict().items() if part is not None)


def count(n: int, thing: str) -> str:
    """Return "1 clip", "2 clips"."""
    return f"{n:,} {thing}" if n == 1 else f"{n:,} {thing}s"


def skipped(clips: Dataset) -> None:
    """Name the bad clips that were left out."""
    if clips.skipped:
        note(f"skipped {count(len(clips.skipped), 'clip')} that can't be used:")
    for bad in clips.skipped[:_LISTED]:
        note(f"  {bad.reason}")
    if len(clips.skipped) > _LISTED:
        note(f"  ... and {len(clips.skipped) - _LISTED} more")
