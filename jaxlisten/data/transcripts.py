"""Transcripts: what is said in a clip, symbol by symbol, without when.

A symbol is a word (a transcript is words between spaces) or a character. Which of the two is never guessed: words,
unless characters are asked for. Characters have the space among their symbols, words never do, so that the symbols of
a trained listener tell how its transcripts are written.

In a `Dataset` transcripts are int16 ``[n, longest]``, indices into ``classes``, with -1 behind the end of each; in a
`Batch` they are ``Padded(int32 [batch, longest], int32 [batch])``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from jaxlisten.errors import InputError
from jaxlisten.types import Padded

Units = Literal["words", "characters"]
"""What a symbol of a transcript is."""
UNITS: tuple[Units, ...] = ("words", "characters")
"""What a symbol of a transcript can be; the first one where nothing is said."""
SPACE = " "
"""The symbol between words where symbols are characters."""
END = -1
"""What stands behind the end of a transcript."""

_MOST_SYMBOLS = 2**15 - 1
_MOST_CELLS = 2**31
_RARE = 0.5


class Transcript(NamedTuple):
    """What is said in one clip.

    Attributes:
        symbols: one or more.
        units: what they are.
    """

    symbols: tuple[str, ...]
    units: Units = "words"


def transcript_of(text: str, units: Units = "words") -> Transcript:
    """Take a transcript apart: into the words between its spaces, or into characters, with one space between words.

    Nothing else is changed: ``Yes``, ``yes`` and ``yes.`` are three words.

    Raises:
        InputError: nothing is left, or there are no such units.

    Example:
        >>> transcript_of(" three  one ").symbols, transcript_of("a  b", "characters").symbols
        (('three', 'one'), ('a', ' ', 'b'))
    """
    if units not in UNITS:
        raise InputError(f"transcripts: expected units {' or '.join(UNITS)}, got {units!r}")
    words = text.split()
    if not words:
        raise InputError("the transcript is empty; write what is said, or leave the clip out")
    return Transcript(tuple(words if units == "words" else SPACE.join(words)), units)


def text_of(symbols: Sequence[str], classes: Sequence[str]) -> str:
    """Write symbols as text: with spaces between words, and without between characters.

    Args:
        symbols: what was said.
        classes: all symbols that there are; a space among them says that they are characters.

    Example:
        >>> text_of(["three", "one"], ["one", "three"]), text_of(["n", "o"], [" ", "n", "o"])
        ('three one', 'no')
    """
    return ("" if SPACE in classes else SPACE).join(symbols)


def said_in(targets: np.ndarray, classes: Sequence[str]) -> list[str]:
    """Write the transcripts of a data set as text.

    Args:
        targets: ``[n, longest]``, -1 behind the end of each.
        classes: the symbols that they index.
    """
    return [text_of([classes[int(i)] for i in row[row >= 0]], classes) for row in targets]


def encode_transcripts(
    transcripts: Sequence[Transcript], classes: Sequence[str] | None, source: str
) -> tuple[tuple[str, ...], np.ndarray]:
    """Make one array of transcripts.

    Args:
        transcripts: one or more, all of the same units.
        classes: the symbols; None takes those that occur, sorted, and of characters always the space.
        source: where they come from, for messages.

    Returns:
        The symbols, and int16 ``[n, longest]`` with -1 behind the end of each.

    Raises:
        InputError: a symbol is not in `classes`, or there are more symbols than a listener can have.
    """
    found = {symbol for one in transcripts for symbol in one.symbols}
    if transcripts[0].units == "characters":
        found.add(SPACE)
    names = tuple(sorted(found)) if classes is None else tuple(classes)
    longest = max(len(one.symbols) for one in transcripts)
    if len(names) > _MOST_SYMBOLS or len(transcripts) * longest > _MOST_CELLS:
        raise InputError(
            f"'{source}' has {len(names):,} different symbols, and transcripts of up to {longest:,}; at most "
            f"{_MOST_SYMBOLS:,} symbols can be told apart: take characters for symbols"
        )
    index = {name: i for i, name in enumerate(names)}
    array = np.full((len(transcripts), longest), END, np.int16)
    for row, one in zip(array, transcripts, strict=True):
        unknown = next((symbol for symbol in one.symbols if symbol not in index), None)
        if unknown is not None:
            raise InputError(
                f"'{source}' has the symbol {unknown!r} in {text_of(one.symbols, names)[:60]!r}, which is not one of "
                f"the {len(names)} that are known, {', '.join(map(repr, names[:40]))}; correct it or leave the clip out"
            )
        row[: len(one.symbols)] = [index[symbol] for symbol in one.symbols]
    return names, array


def check_transcripts(targets: np.ndarray, classes: Sequence[str]) -> None:
    """Refuse transcripts that don't fit their symbols.

    Raises:
        InputError: an index is no symbol, a transcript is empty, or -1 stands before its end.
    """
    ended = np.logical_or.accumulate(targets < 0, axis=1)
    if (targets >= len(classes)).any() or (targets < END).any() or (ended & (targets >= 0)).any():
        raise InputError(
            f"Dataset: expected transcripts of symbols from 0 to {len(classes) - 1} and -1 behind their ends, got "
            f"numbers from {targets.min()} to {targets.max()}, or -1 before an end"
        )
    if len(targets) and (targets.shape[1] == 0 or ended[:, 0].any()):
        raise InputError("Dataset: expected transcripts of one symbol or more, got an empty one; leave its clip out")


def padded_transcripts(targets: np.ndarray) -> Padded:
    """Turn transcripts with -1 behind their ends into ``Padded(int32 [n, longest], int32 [n])``."""
    return Padded(np.maximum(targets, 0).astype(np.int32), (targets >= 0).sum(axis=1).astype(np.int32))


def joined_transcripts(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Concatenate transcripts ``[n, longest]`` whose longest differ."""
    longest = max(part.shape[1] for part in parts)
    return np.concatenate([np.pad(p, ((0, 0), (0, longest - p.shape[1])), constant_values=END) for p in parts])


def mostly_rare(targets: np.ndarray, classes: Sequence[str]) -> bool:
    """Tell whether most symbols occur once only, as words of a language do: nobody could learn those."""
    counts = np.bincount(targets[targets >= 0], minlength=len(classes))
    return SPACE not in classes and float((counts <= 1).mean()) > _RARE
