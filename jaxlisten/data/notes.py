"""Melodies as whole numbers, one for each sixteenth note, and as MIDI files.

A melody is a row of integers: the MIDI pitch (0 to 127, 60 is middle C) of a note where it begins, `REST` where silence
begins, and `HOLD` where either goes on.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from jaxlisten.data.limits import AnyPath, check_file
from jaxlisten.errors import InputError
from jaxlisten.files import replacing
from jaxlisten.types import Batch, Padded

HOLD, REST = 128, 129
TOKENS = 130
"""How many different numbers a melody may have."""
_STEPS_A_BEAT = 4
_TICKS_A_STEP = 120
_MOST_STEPS = 100_000
"""An hour and a half of sixteenths at a moderate pace: what a file may ask for."""
_DRUMS = 9
_VELOCITY = 80


def notes(melody: ArrayLike, *, tempo: float = 120.0) -> np.ndarray:
    """Return the notes of a melody: start and end in seconds and MIDI pitch, float64 ``[n, 3]``.

    Args:
        melody: integers ``[steps]``.
        tempo: beats a minute; a beat has four steps.

    Raises:
        InputError: the melody is no such row, or the tempo is not above 0.

    Example:
        >>> notes([60, HOLD, 64, REST]).tolist()
        [[0.0, 0.25, 60.0], [0.25, 0.375, 64.0]]
    """
    if not 0 < tempo < np.inf:
        raise InputError(f"notes: expected a tempo above 0 beats a minute, got {tempo}")
    return _in_steps(melody) * [60 / tempo / _STEPS_A_BEAT, 60 / tempo / _STEPS_A_BEAT, 1]


def _in_steps(melody: ArrayLike) -> np.ndarray:
    """Return the notes, int64 ``[n, 3]``: first step, the step behind the last one, pitch."""
    tokens = np.asarray(melody)
    if tokens.ndim != 1 or tokens.dtype.kind not in "iu" or not ((tokens >= 0) & (tokens < TOKENS)).all():
        raise InputError(
            f"notes: expected a melody, integers [steps] from 0 to {TOKENS - 1}, got {tokens.dtype} "
            f"{list(tokens.shape)}; is it a batch of several?"
        )
    changes = np.flatnonzero(tokens != HOLD)
    ends, pitches = np.append(changes, len(tokens))[1:], tokens[changes]
    return np.column_stack([changes, ends, pitches])[pitches != REST].astype(np.int64)


def next_notes(melodies: Sequence[ArrayLike] | np.ndarray, batch_size: int = 32, *, longest: int = 256) -> list[Batch]:
    """Make batches that teach each note from those before it, for `jaxlisten.fit`.

    Args:
        melodies: integers ``[steps]`` each.
        batch_size: melodies of a batch.
        longest: steps; a melody that is longer is cut into pieces.

    Returns:
        Batches of `x`, ``Padded(int32 [batch, steps], int32 [batch])``, and of `y`, int32 ``[batch, steps]``: at each
        step the number that follows, and -1 behind the end. All have one shape; the last may have absent items.

    Raises:
        InputError: there is no melody of two steps or more.

    Example:
        >>> (batch,) = next_notes([[60, 62, 64], [60, 67]], batch_size=2)
        >>> batch.x.values.tolist(), batch.x.length.tolist(), batch.y.tolist()
        ([[60, 62], [60, 0]], [2, 1], [[62, 64], [67, -1]])
    """
    if batch_size < 1 or longest < 2:
        raise InputError(f"next_notes: expected batch_size from 1 and longest from 2 on, got {batch_size}, {longest}")
    whole = [np.asarray(melody, np.int32) for melody in melodies]
    pieces = [one[k : k + longest] for one in whole for k in range(0, len(one), longest)]
    pieces = [piece for piece in pieces if len(piece) > 1]
    if not pieces:
        raise InputError("next_notes: expected at least one melody of two steps or more, got none")
    steps = max(map(len, pieces)) - 1
    rows = -(-len(pieces) // batch_size) * batch_size
    x, y, lengths = np.zeros((rows, steps), np.int32), np.full((rows, steps), -1, np.int32), np.zeros(rows, np.int32)
    for i, piece in enumerate(pieces):
        lengths[i] = len(piece) - 1
        x[i, : lengths[i]], y[i, : lengths[i]] = piece[:-1], piece[1:]
    present = (np.arange(rows) < len(pieces)).astype(np.float32)
    cuts = (slice(k, k + batch_size) for k in range(0, rows, batch_size))
    return [Batch(Padded(x[cut], lengths[cut]), y[cut], present[cut]) for cut in cuts]


def write_midi(path: AnyPath, melody: ArrayLike, *, tempo: float = 120.0) -> None:
    """Write a melody as a MIDI file. It is there whole or not at all.

    Args:
        path: where to, such as ``melody.mid``; its folder must exist.
        melody, tempo: as in `notes`.

    Raises:
        InputError: as `notes`, the file can't be written, or mido is missing (the extra ``midi``).
    """
    mido = _mido()
    rows = _in_steps(melody)
    if not 4 <= tempo <= 60_000_000:  # what three bytes of microseconds a beat can say
        raise InputError(f"write_midi: expected a tempo from 4 beats a minute on, got {tempo}")
    told = [(start, True, pitch) for start, _, pitch in rows] + [(end, False, pitch) for _, end, pitch in rows]
    track, now = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(tempo))]), 0
    for step, begins, pitch in sorted(told):  # of one step, what ends comes first
        kind, velocity = ("note_on", _VELOCITY) if begins else ("note_off", 0)
        track.append(mido.Message(kind, note=int(pitch), velocity=velocity, time=int(step - now) * _TICKS_A_STEP))
        now = step
    file = mido.MidiFile(ticks_per_beat=_TICKS_A_STEP * _STEPS_A_BEAT, tracks=[track])
    with replacing(Path(path)) as temporary:
        file.save(temporary)


def midi(path: AnyPath) -> list[np.ndarray]:
    """Read the melodies of MIDI files: of each the highest note at any time, without drums, on a grid of sixteenths.

    Args:
        path: a folder, whose ``.mid`` and ``.midi`` files count at any depth, or one file.

    Returns:
        The melody of each file, int32 ``[steps]``, in the order of their names.

    Raises:
        InputError: there is no such file or folder, nothing in it, a file that is no MIDI file, is too long or has no
            note, or mido is missing (the extra ``midi``).

    Example:
        >>> melodies = midi("folk_songs/")  # doctest: +SKIP
    """
    place = Path(path)
    if not place.is_dir():
        return [_melody_of(place)]
    files = sorted(file for file in place.rglob("*") if file.suffix.lower() in (".mid", ".midi"))
    if not files:
        raise InputError(f"'{place}' holds no MIDI files; it should have some that end in .mid or .midi, at any depth")
    return [_melody_of(file) for file in files]


def _melody_of(path: Path) -> np.ndarray:
    mido = _mido()
    check_file(path, "a MIDI file", "table_bytes")
    try:
        file = mido.MidiFile(path)
        rows = list(_played(file))
    except Exception as error:  # mido raises whatever its parser runs into
        raise InputError(f"'{os.fspath(path)}' can't be read as a MIDI file ({error}); leave it out") from error
    if not rows:
        raise InputError(f"'{os.fspath(path)}' has no note in it, but for drums; leave it out")
    steps = max(end for _, end, _ in rows)
    if steps > _MOST_STEPS:
        raise InputError(f"'{os.fspath(path)}' is {steps:,} sixteenths long, more than {_MOST_STEPS:,}; leave it out")
    return _skyline(rows, steps)


def _played(file: Any) -> Iterable[tuple[int, int, int]]:
    """Yield first step, the step behind the last one, and pitch of each note of a file."""
    ticks_a_beat = file.ticks_per_beat
    if ticks_a_beat < 1:
        raise ValueError("it counts frames of film, not beats")

    def step(ticks: int) -> int:
        return (2 * _STEPS_A_BEAT * ticks + ticks_a_beat) // (2 * ticks_a_beat)

    for track in file.tracks:
        begun, now = dict[tuple[int, int], int](), 0
        for message in track:
            now += message.time
            if message.type not in ("note_on", "note_off") or message.channel == _DRUMS:
                continue
            one = message.channel, message.note
            if one in begun:
                start = step(begun.pop(one))
                yield start, max(start + 1, step(now)), message.note
            if message.type == "note_on" and message.velocity:
                begun[one] = now


def _skyline(rows: Sequence[tuple[int, int, int]], steps: int) -> np.ndarray:
    """Keep the highest note at each step; silence before the first one is left out."""
    begins, highest = np.zeros(steps, bool), np.full(steps, -1)
    for start, end, pitch in sorted(rows, key=lambda row: row[2]):  # higher notes are laid over lower ones
        highest[start:end] = pitch
        begins[start:end] = False
        begins[start] = True
    first = int((highest >= 0).argmax())
    changed = np.diff(highest, prepend=-2) != 0
    melody = np.where(begins | changed, np.where(highest < 0, REST, highest), HOLD)
    return melody[first:].astype(np.int32)


def _mido() -> Any:
    try:
        import mido  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise InputError("MIDI files need mido; install it: pip install 'jaxlisten[midi]'") from None
    return mido
