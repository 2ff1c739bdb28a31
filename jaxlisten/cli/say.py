"""What the commands say: results on standard output, everything else on standard error."""

from __future__ import annotations

import json
import sys
from typing import Any

from jaxlisten.data import Dataset

_LISTED = 20
"""Bad clips that are named one by one."""


def result(text: object) -> None:
    """Print a result, with escapes for what the terminal's encoding lacks."""
    encoding = sys.stdout.encoding or "utf-8"
    print(str(text).encode(encoding, "backslashreplace").decode(encoding), flush=True)


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
    print(text, file=sys.stderr, flush=True)


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
