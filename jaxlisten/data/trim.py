"""Cutting away the silence before and after a sound."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from jaxlisten.data.dataset import Dataset
from jaxlisten.errors import InputError

_SILENT = 1e-10
"""Power below which nothing is told apart, as in librosa."""
_RANGE_DB, _BELOW_DB = 10.0, 30.0
"""What a sound stands out by from the quiet around it, and how far below its loudest it ends."""


def trim(data: Dataset, *, top_db: float = 60, frame_length: int = 2048, hop_length: int = 512) -> Dataset:
    """Cut away what is quieter than the loudest frame of a clip by more than `top_db`, at its beginning and end.

    A listener hears what it is given: one that was trained on trimmed clips should be given trimmed ones too.

    Reference: `librosa.effects.trim`, clip by clip, to the sample. (Importing it compiles for 15 s at first.)

    Args:
        data: the clips.
        top_db: how many decibels below the loudest frame silence begins.
        frame_length: samples that a level is measured over.
        hop_length: samples from one level to the next.

    Returns:
        The data set with shorter clips. A clip that is silent from end to end stays as it is.

    Raises:
        InputError: `top_db` is not above 0, or a length is below 1.

    Example:
        >>> import numpy as np
        >>> from jaxlisten.data import arrays
        >>> clip = np.concatenate([np.zeros(8192), np.sin(np.arange(4096)), np.zeros(8192)])
        >>> trim(arrays([clip], ["tone"], sr=8000)).lengths.tolist()
        [5632]
    """
    if not top_db > 0:
        raise InputError(f"trim: expected top_db above 0, got {top_db}")
    if frame_length < 1 or hop_length < 1:
        raise InputError(f"trim: expected lengths of 1 or more, got {frame_length=} and {hop_length=}")
    return replace(data, audio=tuple(clip[_heard(clip, top_db, frame_length, hop_length)] for clip in data.audio))


def _heard(clip: np.ndarray, top_db: float, frame_length: int, hop_length: int) -> slice:
    """Return where the first frame that is loud enough begins, and where the one behind the last one does."""
    power = _power(clip, frame_length, hop_length)
    return _between(clip, power > power.max() * 10 ** (-top_db / 10), hop_length)


def _power(clip: np.ndarray, frame_length: int, hop_length: int) -> np.ndarray:
    """Return the mean square of each frame, at least `_SILENT`."""
    energy = np.cumsum(np.pad(np.square(clip, dtype=np.float64), (frame_length // 2 + 1, frame_length // 2)))
    return np.maximum((energy[frame_length:] - energy[:-frame_length])[::hop_length] / frame_length, _SILENT)


def _between(clip: np.ndarray, loud: np.ndarray, hop_length: int) -> slice:
    """Return the samples from the first loud frame to the last one."""
    at = np.flatnonzero(loud)
    return slice(hop_length * int(at[0]), min(len(clip), hop_length * (int(at[-1]) + 1)))


def sounds(data: Dataset) -> Dataset:
    """Cut clips down to the sound in them, to a hundredth of a second: noise around it is not part of it.

    A sound begins and ends where the level over 40 ms has come a third of the way, in decibels, from the quiet of its
    clip (the level that a tenth of it is below) to the loudest, or is 30 dB below the loudest. The mean over 4 ms is
    taken away before, and with it the rumble of a microphone. Where the loudest is less than 10 dB above the quiet, all
    of the clip is sound.
    """
    return replace(data, audio=tuple(clip[_sound(clip, data.sr)] for clip in data.audio))


def _sound(clip: np.ndarray, sr: int) -> slice:
    from scipy.ndimage import uniform_filter1d

    rumble = uniform_filter1d(clip.astype(np.float64), max(1, round(0.004 * sr)), mode="nearest")
    hop = max(1, round(0.01 * sr))
    level = 10 * np.log10(_power(clip - rumble, max(1, round(0.04 * sr)), hop))
    quiet, loudest = float(np.quantile(level, 0.1)), float(level.max())
    if loudest - quiet < _RANGE_DB:
        return slice(None)
    return _between(clip, level > max(quiet + (loudest - quiet) / 3, loudest - _BELOW_DB), hop)
