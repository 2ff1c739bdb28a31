"""Birdsong with expert labels: the layouts of two open collections of Bengalese finches."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxlisten.data.audio import AnyPath, read
from jaxlisten.data.clips import HIGHEST_DEFAULT_SR
from jaxlisten.data.dataset import Dataset
from jaxlisten.data.finding import check_folder
from jaxlisten.data.limits import limits, read_text
from jaxlisten.data.timed import Event, Timed, encode_timed
from jaxlisten.errors import InputError

_FULL_SCALE = 32768
_TRAIN, _VALIDATION = 0.6, 0.8
"""Where the recordings for validation and those for test begin."""


class _Song(NamedTuple):
    """A recording at its own rate, and what is in it."""

    path: str
    samples: np.ndarray
    sr: int
    events: tuple[Event, ...]


def birdsong(root: AnyPath, *, sr: int | None = None) -> Dataset:
    """Load songs of one bird in which an expert has marked every note or syllable: targets of the kind ``"events"``.

    Two layouts are known:

    - ``Annotation.xml`` beside the folder ``Wave`` (BirdsongRecognition of Koumura and Okanoya): sequences of notes,
      whose positions and lengths are in samples;
    - ``*.cbin`` with ``*.cbin.not.mat`` and ``*.rec`` (Bengalese Finch Song Repository of Nicholson, Queen and Sober):
      16-bit samples, the high byte first, of as many channels as the ``.rec`` says, the first of which is the sound;
      onsets and offsets are in milliseconds.

    Labels are those of the bird, so a label of one bird has nothing to do with that of another. The first three fifths
    of the recordings, in the order of their names or times, are for training, the next one for validation and the last
    one for test.

    Args:
        root: the folder of one bird; it may hold the folder with the recordings at any depth.
        sr: the sample rate in Hz; None: 16 kHz, or that of the recordings where it is lower.

    Raises:
        InputError: there is no such folder, none of the two layouts in it, more than one bird, or something in it can't
            be read.

    Example:
        >>> data = birdsong("BirdsongRecognition/Bird0")  # doctest: +SKIP
        >>> train, val = (jl.data.windows(data.part(name)) for name in ("train", "validation"))  # doctest: +SKIP
    """
    place = Path(root)
    form = "it should hold Annotation.xml and Wave/, or .cbin files with their .not.mat and .rec"
    check_folder(place, form)
    tables = sorted(place.rglob("Annotation.xml"))
    raws = sorted(place.rglob("*.cbin"), key=_by_time)
    if len(tables) + len({raw.parent for raw in raws}) != 1:
        found = f"{len(tables)} Annotation.xml and .cbin files in {len({raw.parent for raw in raws})} folders"
        raise InputError(f"birdsong: expected the songs of one bird in '{root}', got {found}; {form}")
    songs = list(_koumura(tables[0]) if tables else map(_cbin, raws))
    if not songs or not any(song.events for song in songs):
        raise InputError(f"birdsong: '{root}' holds no labelled song; {form}")
    rate = sr or min(HIGHEST_DEFAULT_SR, min(song.sr for song in songs))
    labels = tuple(sorted({event.label for song in songs for event in song.events}))
    place_of = np.arange(len(songs)) / len(songs)
    return Dataset(
        audio=tuple(_at(rate, song) for song in songs),
        targets=encode_timed([Timed(song.events) for song in songs], labels, str(root)),
        classes=labels,
        sr=rate,
        paths=tuple(song.path for song in songs),
        splits=tuple("train" if x < _TRAIN else "validation" if x < _VALIDATION else "test" for x in place_of),
    )


def _at(sr: int, song: _Song) -> np.ndarray:
    if song.sr == sr:
        return song.samples
    import soxr

    return soxr.resample(song.samples, song.sr, sr, quality="HQ")


def _koumura(table: Path) -> Iterator[_Song]:
    """Read the sequences of all recordings that are there; their files are numbered."""
    try:
        sequences = ElementTree.fromstring(read_text(table)).findall("Sequence")
        events = dict[str, list[tuple[int, int, str]]]()
        for sequence in sequences:
            begin, name = int(_in(sequence, "Position")), _in(sequence, "WaveFileName")
            for note in sequence.findall("Note"):
                start = begin + int(_in(note, "Position"))
                events.setdefault(name, []).append((start, start + int(_in(note, "Length")), _in(note, "Label")))
    except (ElementTree.ParseError, ValueError) as error:
        raise InputError(f"'{table}' is not such an annotation ({error}); get it again") from error
    for name in sorted(events, key=lambda name: (len(name), name)):
        file = table.parent / "Wave" / Path(name).name
        if file.is_file():
            samples, sr = read(file)
            last = len(samples)
            notes = [
                Event(label, start / sr, min(end, last) / sr) for start, end, label in events[name] if start < last
            ]
            yield _Song(str(file), samples, sr, tuple(notes))


def _in(element: ElementTree.Element, name: str) -> str:
    text = element.findtext(name)
    if text is None:
        raise ValueError(f"a {element.tag} without {name}")
    return text


def _by_time(file: Path) -> tuple[str, ...]:
    """Sort by the date and the time in a name such as ``gy6or6_baseline_230312_0808.138.cbin``: day, month, year."""
    match = re.search(r"_(\d\d)(\d\d)(\d\d)_(\d{4})", file.name)
    return (match[3], match[2], match[1], match[4], file.name) if match else ("", file.name)


def _cbin(file: Path) -> _Song:
    """Read one recording, its header and its labels."""
    from scipy.io import loadmat

    header = file.with_suffix(".rec")
    marks = file.with_name(file.name + ".not.mat")
    for beside in (header, marks):
        if not beside.is_file():
            raise InputError(f"birdsong: '{file}' has no '{beside.name}' beside it; get it again")
    text = read_text(header)
    rate, channels = (
        re.search(pattern, text) for pattern in (r"ADFREQ\s*=\s*([\d.]+(?:[eE][+-]?\d+)?)", r"Chans\s*=\s*(\d+)")
    )
    sr, n = (0 if found is None else round(float(found[1])) for found in (rate, channels))
    if sr < 1 or n < 1:
        raise InputError(f"birdsong: '{header}' does not say ADFREQ and Chans; get it again")
    limits().check(file, "channels", n)
    limits().check(file, "samples", file.stat().st_size // 2)
    raw = np.fromfile(file, ">i2")
    samples = np.ascontiguousarray(raw[: len(raw) // n * n].reshape(-1, n)[:, 0] / _FULL_SCALE, np.float32)
    try:
        found = loadmat(marks, squeeze_me=True)
        times = [np.atleast_1d(found[name]).astype(np.float64) / 1000 for name in ("onsets", "offsets")]
        events = [Event(*one) for one in zip(str(found["labels"]), *(t.tolist() for t in times), strict=True)]
    except Exception as error:  # SciPy raises whatever a damaged file makes it raise
        raise InputError(f"birdsong: '{marks}' can't be read as labels ({error}); get it again") from error
    seconds = len(samples) / sr
    kept = [event._replace(end=min(event.end, seconds)) for event in events if event.start < seconds]
    return _Song(str(file), samples, sr, tuple(kept))
