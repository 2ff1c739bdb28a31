"""Speech Commands, read from the folder where the user put it."""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from jaxlisten.data.audio import AnyPath, info
from jaxlisten.data.clips import Clip, load_clips
from jaxlisten.data.dataset import Dataset, Skipped
from jaxlisten.data.finding import check_folder, class_files, sound_files
from jaxlisten.errors import InputError

KEYWORDS = ("down", "go", "left", "no", "off", "on", "right", "stop", "up", "yes")
"""The ten words of the usual task of twelve classes, with ``_unknown_`` and ``_silence_``."""

UNKNOWN, SILENCE = "_unknown_", "_silence_"
_NOISE = "_background_noise_"
_SPEAKER = re.compile(r"([^_]+)_nohash_\d+$")
# Upstream's hash is a number below 2**27, and its percentages are taken of the largest such number.
_LARGEST_HASH = 2**27 - 1
_DIGITS = dict.fromkeys("0123456789", "train") | dict.fromkeys("ab", "validation") | dict.fromkeys("cdef", "test")
# Where validation and testing begin in a file of background noise: after these shares of its seconds.
_NOISE_CUTS = {"official": (0.8, 0.9), "speaker": (10 / 16, 12 / 16)}
_FORM = (
    "unpack http://download.tensorflow.org/data/speech_commands_v0.02.tar.gz and name its folder, which holds one "
    "folder for each word with yes/0a7c2a8d_nohash_0.wav and so on"
)


def speech_commands(
    root: AnyPath,
    *,
    split: Literal["official", "speaker"] = "official",
    words: Sequence[str] | None = None,
    sr: int | None = None,
    classes: Sequence[str] | None = None,
    from_files: bool | None = None,
) -> Dataset:
    """Load Speech Commands: 105,829 recordings of one of 35 words, of a second at 16 kHz (v0.02), or v0.01.

    The groups are the speakers, and both splits keep a speaker's recordings together:

    - ``"official"``: about 80 % for training and 10 % each for validation and testing, by the hash of the speaker's id
      that upstream's ``validation_list.txt`` and ``testing_list.txt`` were made with;
    - ``"speaker"``: by the first hexadecimal digit of the speaker's id, 0 to 9 for training, a and b for validation, c
      to f for testing. It also cuts a folder that holds upstream's test recordings only.

    With `words` the other words become the class ``_unknown_``, and background noise the class ``_silence_``. Of the
    other words as many recordings are taken, in each split, as one of `words` has on average; which ones follows from
    their names only. The files in ``_background_noise_`` are cut into seconds that don't overlap: the first ones of
    each file are for training, the next ones for validation, the last ones for testing. Folders that are called
    ``_unknown_`` or ``_silence_`` already, as in upstream's test set, are taken as they are. Clips there that name no
    speaker are for testing by the official split, and are cut by the hash of their name by the other one.

    Reference: Warden, "Speech Commands: A Dataset for Limited-Vocabulary Speech Recognition", arXiv:1804.03209

    Args:
        root: the unpacked folder, which holds one folder for each word.
        split: the splits that are named.
        words: the words to know, such as `KEYWORDS`; None takes every folder of words as a class, and leaves the
            background noise out.
        sr: as in `folder`.
        classes: the names that targets index; None takes the words, sorted.
        from_files: as in `folder`.

    Raises:
        InputError: the recordings are not there, none can be read, a word has no recordings, or it is not in
            `classes`.

    Example:
        >>> data = speech_commands("speech_commands_v0.02", words=KEYWORDS)  # doctest: +SKIP
    """
    if split not in _NOISE_CUTS:
        raise InputError(f"speech_commands: expected split='official' or split='speaker', got {split!r}")
    root = Path(root)
    check_folder(root, _FORM)
    clips = [_clip(label, file, split) for label, file in class_files(root) if label != _NOISE]
    if not any(_SPEAKER.search(Path(clip.file).stem) for clip in clips):
        raise InputError(f"'{root}' holds no recordings of Speech Commands; {_FORM}")
    noise, skipped = [], []
    if words is not None:
        clips = _of_words(clips, words, root)
        if not any(clip.target == SILENCE for clip in clips):
            noise, skipped = _noise_clips(root / _NOISE, split)
    clips += noise
    return load_clips(clips, sr=sr, classes=classes, source=str(root), skipped=skipped, from_files=from_files)


def official_split(speaker: str) -> str:
    """Find the split that upstream's hash gives a speaker, 10 % each for validation and testing.

    Args:
        speaker: the id, which is the part of a file's name before ``_nohash_``.

    Returns:
        ``"train"``, ``"validation"`` or ``"test"``.

    Example:
        >>> [official_split(speaker) for speaker in ("0a7c2a8d", "026290a7", "0c40e715")]
        ['train', 'validation', 'test']
    """
    percent = 100 * (int(_digest(speaker), 16) % (_LARGEST_HASH + 1)) / _LARGEST_HASH
    return "validation" if percent < 10 else "test" if percent < 20 else "train"


def _clip(label: str, file: Path, split: str) -> Clip:
    """Find a recording's speaker and split in its name; what names no speaker is a group of its own."""
    match = _SPEAKER.search(file.stem)
    if split == "speaker":
        part = _DIGITS.get(match[1][0] if match else _digest(file.stem)[0], "train")
    else:
        part = official_split(match[1]) if match else "test"
    return Clip(str(file), label, group=match[1] if match else file.stem, split=part)


def _digest(name: str) -> str:
    return hashlib.sha1(name.encode(errors="surrogateescape")).hexdigest()


def _of_words(clips: Sequence[Clip], words: Sequence[str], root: Path) -> list[Clip]:
    """Keep the words, ``_unknown_`` and ``_silence_``, and as many of the other words as one word has."""
    missing = set(words).difference(str(clip.target) for clip in clips)
    if missing or not words:
        named = ", ".join(map(repr, sorted(missing))) or "any word"
        raise InputError(f"'{root}' has no recordings of {named}; correct words=, or unpack the whole data set")
    kept = [clip for clip in clips if clip.target in {*words, UNKNOWN, SILENCE}]
    known = Counter(clip.split for clip in kept if clip.target in words)
    room = {part: round(number / len(words)) for part, number in known.items()}
    others = [clip for clip in clips if clip.target not in {*words, UNKNOWN, SILENCE}]
    for clip in sorted(others, key=lambda clip: _digest(f"{clip.target}/{Path(clip.file).stem}")):
        part = clip.split or ""
        if room.get(part, 0) > 0:
            room[part] -= 1
            kept.append(clip._replace(target=UNKNOWN))
    return kept


def _noise_clips(root: Path, split: str) -> tuple[list[Clip], list[Skipped]]:
    """Cut each file of background noise into whole seconds, the splits one after the other."""
    clips, skipped = [], []
    for file in sound_files(root):
        try:
            header = info(file)
        except InputError as error:
            skipped.append(Skipped(str(file), str(error), SILENCE))
            continue
        seconds = math.floor(header.frames / header.sr)
        first_validation, first_test = (round(share * seconds) for share in _NOISE_CUTS[split])
        for start in range(seconds):
            part = "train" if start < first_validation else "validation" if start < first_test else "test"
            clips.append(Clip(str(file), SILENCE, f"{file.stem} {part}", part, start=start, end=start + 1))
    return clips, skipped
