"""Melodies made by rule, from which it is known exactly what there is to learn."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from jaxlisten.data.notes import HOLD, REST
from jaxlisten.errors import InputError

_BAR, _BARS = 8, 4
_MAJOR = (0, 2, 4, 5, 7, 9, 11)
_TONICS = (55, 57, 60, 62, 65)
_RHYTHMS = ((2, 2, 2, 2), (4, 2, 2), (3, 1, 2, 2), (2, 2, 4), (2, 1, 1, 2, 2), (3, 1, 4))
_MOVES = (-2, -1, 1, 2)
_SHIFTS = (-1, 1, 2)
_ROOTS, _CHORD = (3, 4, 5), (0, 2, 4, 7)
_ARPEGGIOS = [tuple(root + d for d in chord) for root in _ROOTS for chord in (_CHORD, _CHORD[::-1])]
_CADENCES = ((2, 1, 0), (3, 1, 0), (-3, -1, 0), (4, 4, 0))

MELODY_STEPS = _BAR * _BARS
"""Sixteenths of a melody of `melodies`."""
MELODY_BITS = (
    math.log2(len(_RHYTHMS))
    + sum(len(rhythm) - 1 for rhythm in _RHYTHMS) / len(_RHYTHMS) * math.log2(len(_MOVES))
    + math.log2(len(_SHIFTS))
    + 1
    + math.log2(len(_ARPEGGIOS)) / 2
    + math.log2(len(_CADENCES))
)
"""The entropy of a melody of `melodies` whose first note is known, in bits: no model can need fewer on average."""


class Bar(NamedTuple):
    """A bar: how many steps each note has, and its place on the scale, from the tonic on."""

    rhythm: tuple[int, ...]
    degrees: tuple[int, ...]

    def shifted(self, by: int) -> Bar:
        """Move the bar along the scale."""
        return Bar(self.rhythm, tuple(degree + by for degree in self.degrees))


class Rules(NamedTuple):
    """Which rules melodies obey, each bool ``[n]``; see `melodies`.

    Attributes:
        in_key: every note is on the major scale of the first one.
        sequence: the second bar is the first one, moved along the scale.
        cadence: it ends on one of the four cadences, on the note that it began with.
        all: these and all others: it is one that `melodies` can make.
    """

    in_key: np.ndarray
    sequence: np.ndarray
    cadence: np.ndarray
    all: np.ndarray


def melodies(n: int, *, seed: int = 0) -> np.ndarray:
    """Make melodies of four bars by rule.

    The first note is the tonic of a major key: G, A, C, D or F. Bar 1 is a motif: one of six rhythms, and each note is
    one or two places of the scale above or below the one before it. Bar 2 is the motif moved along the scale, a place
    down, or one or two up. Bar 3 is, as likely as not, the motif moved as far once more; otherwise it is an arpeggio on
    the fourth, fifth or sixth degree, up or down. Bar 4 is one of four cadences to the tonic. All choices are even and
    independent, so that what is left to chance is known: `MELODY_BITS`.

    Args:
        n: how many.
        seed: equal seeds give equal melodies.

    Returns:
        int32 ``[n, 32]``: a number for each sixteenth, see `jaxlisten.data.notes`.

    Raises:
        InputError: `n` is less than 1.

    Example:
        >>> made = melodies(100)
        >>> made.shape, bool(melody_rules(made).all.all())
        ((100, 32), True)
    """
    if n < 1:
        raise InputError(f"melodies: expected n of 1 or more, got {n}")
    rng = np.random.default_rng(seed)
    return np.array([_melody(rng) for _ in range(n)], np.int32)


def _melody(rng: np.random.Generator) -> list[int]:
    tonic, rhythm = int(rng.choice(_TONICS)), _RHYTHMS[rng.integers(len(_RHYTHMS))]
    moves = rng.choice(_MOVES, len(rhythm) - 1)
    motif = Bar(rhythm, (0, *np.cumsum(moves).tolist()))
    shift = int(rng.choice(_SHIFTS))
    arpeggio = Bar((2, 2, 2, 2), _ARPEGGIOS[rng.integers(len(_ARPEGGIOS))])
    third = motif.shifted(2 * shift) if rng.integers(2) else arpeggio
    cadence = Bar((2, 2, 4), _CADENCES[rng.integers(len(_CADENCES))])
    return [token for bar in (motif, motif.shifted(shift), third, cadence) for token in _tokens(bar, tonic)]


def _tokens(bar: Bar, tonic: int) -> Iterator[int]:
    for steps, degree in zip(bar.rhythm, bar.degrees, strict=True):
        octave, place = divmod(degree, len(_MAJOR))
        yield from (tonic + 12 * octave + _MAJOR[place], *(HOLD,) * (steps - 1))


def melody_rules(melodies: np.ndarray) -> Rules:
    """Tell which of the rules of `melodies` some melodies obey.

    Args:
        melodies: integers ``[n, 32]``.

    Raises:
        InputError: they are of another shape.
    """
    array = np.asarray(melodies)
    if array.ndim != 2 or array.shape[1] != MELODY_STEPS or array.dtype.kind not in "iu":
        raise InputError(
            f"melody_rules: expected melodies, integers [n, {MELODY_STEPS}], got {array.dtype} {list(array.shape)}"
        )
    return Rules(*(np.array(column, bool) for column in zip(*map(_obeyed, array.tolist()), strict=True)))


def _obeyed(melody: list[int]) -> tuple[bool, bool, bool, bool]:
    tonic = melody[0]
    in_key = tonic < HOLD and all((token - tonic) % 12 in _MAJOR for token in melody if token < HOLD)
    motif, second, third, last = (_bar(melody[k : k + _BAR], tonic) for k in range(0, MELODY_STEPS, _BAR))
    cadence = last is not None and last.rhythm == (2, 2, 4) and last.degrees in _CADENCES
    if motif is None or second is None:
        return in_key, False, cadence, False
    shift = second.degrees[0]
    sequence = shift in _SHIFTS and second == motif.shifted(shift)
    if third is None:
        return in_key, sequence, cadence, False
    moves = [b - a for a, b in zip(motif.degrees, motif.degrees[1:], strict=False)]
    made = tonic in _TONICS and motif.rhythm in _RHYTHMS and set(moves) <= set(_MOVES)
    arpeggio = third.rhythm == (2, 2, 2, 2) and third.degrees in _ARPEGGIOS
    ends = arpeggio or third == motif.shifted(2 * shift)
    return in_key, sequence, cadence, made and sequence and ends and cadence


def _bar(tokens: list[int], tonic: int) -> Bar | None:
    """Read a bar; None: it begins within a note, has a rest, or a note beside the scale."""
    begins = [k for k, token in enumerate(tokens) if token != HOLD]
    pitches = [tokens[k] - tonic for k in begins]
    if tonic >= HOLD or not begins or begins[0] or REST in tokens or any(p % 12 not in _MAJOR for p in pitches):
        return None
    rhythm = tuple(b - a for a, b in zip(begins, [*begins[1:], _BAR], strict=True))
    return Bar(rhythm, tuple(len(_MAJOR) * (p // 12) + _MAJOR.index(p % 12) for p in pitches))
