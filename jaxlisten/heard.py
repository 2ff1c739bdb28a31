"""Which clips a listener has heard: digests that a run folder keeps, so that nobody is measured on what they know."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from jaxlisten.data import Dataset
from jaxlisten.errors import InputError
from jaxlisten.files import replacing

FILE = "clips.safetensors"
"""Two arrays, ``train`` and ``validation``, of `jaxlisten.data.Dataset.digests`: uint64 ``[n]``, sorted, each once."""


class HeardClips(NamedTuple):
    """The clips that a listener has heard, as sorted digests of 8 bytes, each once.

    Attributes:
        train: what it was trained on, uint64 ``[n]``.
        validation: what it was chosen by, uint64 ``[m]``.
    """

    train: NDArray[np.uint64]
    validation: NDArray[np.uint64]


def heard_of(train: Dataset, validation: Dataset | None) -> HeardClips:
    """Return what a listener that was trained on some clips has heard."""
    chosen_by = np.zeros(0, np.uint64) if validation is None else validation.digests()
    return HeardClips(_sorted(train.digests()), _sorted(chosen_by))


def joined(each: Sequence[HeardClips | None]) -> HeardClips | None:
    """Return what several listeners have heard together; None: of one of them it isn't known."""
    known = [one for one in each if one is not None]
    if not known or len(known) < len(each):
        return None
    train, validation = (_sorted(np.concatenate(parts)) for parts in zip(*known, strict=True))
    return HeardClips(train, validation)


def write_heard(run: Path, heard: HeardClips) -> None:
    """Write ``clips.safetensors`` into a run folder."""
    from safetensors.numpy import save

    with replacing(run / FILE) as path:
        path.write_bytes(save(heard._asdict()))


def read_heard(run: Path) -> HeardClips | None:
    """Read ``clips.safetensors``; None: the run has none, as it is older or was not trained on recordings.

    Raises:
        InputError: it is damaged.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    path = run / FILE
    if not path.is_file():
        return None
    try:
        found = HeardClips(**load_file(path))
        if any(digests.dtype != np.uint64 or digests.ndim != 1 for digests in found):
            raise ValueError("it holds something else")
        return found
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path} is damaged ({error}); restore it, or delete it to go on without knowing what was trained on"
        ) from None


def known(data: Dataset, digests: NDArray[np.uint64]) -> tuple[str, ...]:
    """Return the paths of the clips whose sound is one of some digests."""
    return tuple(data.paths[i] for i in np.flatnonzero(np.isin(data.digests(), digests)))


def _sorted(digests: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Sort digests, each once, without the 0 of clips of one value."""
    return np.unique(digests[digests != 0])
