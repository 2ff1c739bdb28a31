"""Cutting away the silence before and after a sound."""

from __future__ import annotations

from dataclasses import replace

from jaxlisten.data.dataset import Dataset
from jaxlisten.errors import InputError


def trim(data: Dataset, *, top_db: float = 60) -> Dataset:
    """Cut away what is quieter than the loudest frame of a clip by more than `top_db`, at its beginning and end.

    A listener hears what it is given: one that was trained on trimmed clips should be given trimmed ones too.

    Reference: `librosa.effects.trim` with frames of 2048 samples every 512, clip by clip; it is what is called.

    Args:
        data: the clips.
        top_db: how many decibels below the loudest frame silence begins.

    Returns:
        The data set with shorter clips. A clip that is silent from end to end stays as it is.

    Raises:
        InputError: `top_db` is not above 0.

    Example:
        >>> import numpy as np
        >>> from jaxlisten.data import arrays
        >>> clip = np.concatenate([np.zeros(8192), np.sin(np.arange(4096)), np.zeros(8192)])
        >>> trim(arrays([clip], ["tone"], sr=8000)).lengths.tolist()
        [5632]
    """
    from librosa.effects import trim as trimmed

    if not top_db > 0:
        raise InputError(f"trim: expected top_db above 0, got {top_db}")
    return replace(data, audio=tuple(trimmed(clip, top_db=top_db)[0] for clip in data.audio))
