"""Clips of different length as batches in a handful of shapes, each of which is compiled once."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import ArrayLike

from jaxlisten.data.ahead import ahead
from jaxlisten.data.dataset import Dataset
from jaxlisten.data.files import Files
from jaxlisten.data.targets import DTYPES
from jaxlisten.data.transcripts import END, padded_transcripts
from jaxlisten.errors import InputError
from jaxlisten.types import Batch, Padded

_CANDIDATES = 100
# A further shape costs seconds of compilation and a partial batch each pass, so it must save this share of the samples.
_WORTHWHILE = 0.2


def bucket_lengths(lengths: ArrayLike, *, buckets: int = 3, multiple: int = 256) -> tuple[int, ...]:
    """Choose the lengths that clips are padded to, so that the least padding is wasted.

    With f(j, b) the samples that the clips up to candidate length c_j take in b buckets, and N_j their number::

        f(j, b) = min over i < j of  f(i, b - 1) + c_j (N_j - N_i)

    Candidates are all lengths, or 100 quantiles where there are more. A bucket that saves less than a fifth of
    the samples is not made.

    Args:
        lengths: samples of each clip, ``[n]``.
        buckets: the largest number of lengths.
        multiple: each length is rounded up to a multiple of this many samples.

    Returns:
        Ascending lengths, the last one no shorter than the longest clip; fewer than `buckets` where clips are alike.

    Raises:
        InputError: there are no clips, or `buckets` or `multiple` is less than 1.

    Example:
        >>> bucket_lengths([900, 1000, 4000, 4100], buckets=2, multiple=100)
        (1000, 4100)
    """
    rounded = -(-np.asarray(lengths, np.int64) // multiple) * multiple if multiple > 0 else np.zeros(0, np.int64)
    if rounded.size == 0 or buckets < 1:
        raise InputError(
            f"bucket_lengths: expected one clip, bucket and multiple or more, got {np.size(lengths)} clips, "
            f"buckets={buckets}, multiple={multiple}"
        )
    rounded = np.sort(np.maximum(rounded, multiple))
    candidates = np.unique(rounded)
    if len(candidates) > _CANDIDATES:
        candidates = np.unique(np.quantile(rounded, np.linspace(0, 1, _CANDIDATES), method="higher"))
    totals, choices = _cheapest(candidates, np.searchsorted(rounded, candidates, side="right"), buckets)
    enough = 0
    while enough + 1 < len(totals) and totals[enough + 1] <= (1 - _WORTHWHILE) * totals[enough]:
        enough += 1
    return tuple(int(candidates[i]) for i in choices[enough])


def _cheapest(c: np.ndarray, n: np.ndarray, buckets: int) -> tuple[list[float], list[list[int]]]:
    """Solve the recursion of `bucket_lengths`.

    Args:
        c: candidate lengths, ascending, ``[m]``.
        n: how many clips are no longer than each, ``[m]``.
        buckets: the largest number of buckets.

    Returns:
        For 1, 2, ... buckets the samples that all clips take, and the chosen candidates.
    """
    m = len(c)
    cost = np.where(np.tri(m, k=-1, dtype=bool), c[:, None] * (n[:, None] - n[None, :]).astype(np.float64), np.inf)
    best = (c * n).astype(np.float64)
    paths = [[j] for j in range(m)]
    totals, choices = [best[-1]], [paths[-1]]
    for _ in range(min(buckets, m) - 1):
        through = best[None, :] + cost
        before = through.argmin(axis=1)
        best, paths = through.min(axis=1), [[*paths[i], j] for j, i in enumerate(before)]
        totals.append(best[-1])
        choices.append(paths[-1])
    return totals, choices


def plan(
    lengths: ArrayLike, batch_size: int, buckets: tuple[int, ...], *, rng: np.random.Generator | None = None
) -> list[tuple[int, np.ndarray]]:
    """Plan one pass over all clips, each in a batch of the shortest length that it fits in.

    Args:
        lengths: samples of each clip, ``[n]``.
        batch_size: clips of a batch at most. Each bucket's are shared out evenly over as few batches as hold them, so
            that none has a clip or two only, as the rest of a division would.
        buckets: ascending padded lengths, from `bucket_lengths`.
        rng: shuffles the clips of each bucket, and the batches; None keeps clips in order, short ones first.

    Returns:
        For each batch its padded length in samples, and the indices of its clips, int64 ``[at most batch_size]``.

    Raises:
        InputError: a clip is longer than the last bucket, or `batch_size` is less than 1.
    """
    lengths = np.asarray(lengths, np.int64)
    if batch_size < 1 or (lengths > buckets[-1]).any():
        raise InputError(
            f"plan: expected batches of one clip or more and clips of at most {buckets[-1]} samples, "
            f"got batch_size={batch_size} and a longest clip of {lengths.max(initial=0)}"
        )
    bucket_of = np.searchsorted(buckets, lengths)
    batches = []
    for bucket, length in enumerate(buckets):
        members = np.flatnonzero(bucket_of == bucket)
        if rng is not None:
            rng.shuffle(members)
        n = -(-len(members) // batch_size)
        batches += [(length, clips) for clips in np.array_split(members, n)] if n else []
    return batches if rng is None else [batches[i] for i in rng.permutation(len(batches))]


def collate(data: Dataset, indices: ArrayLike, length: int, batch_size: int) -> Batch:
    """Make a batch of some clips, filled up with absent items.

    Args:
        data: the clips.
        indices: which of them, integers ``[at most batch_size]``.
        length: samples that each is padded to with zeros; no clip may be longer.
        batch_size: items of the batch.

    Returns:
        `x` is ``Padded(float32 [batch_size, length], int32 [batch_size])``, `y` the targets ``[batch_size, ...]``:
        int32 classes, int8 labels or float32 numbers, or transcripts as ``Padded(int32 [batch_size, longest], int32
        [batch_size])``, and `weight` float32 ``[batch_size]``. Absent items are all zero, length and weight included.

    Raises:
        InputError: there are more clips than `batch_size`, or one is longer than `length`.
    """
    indices = np.asarray(indices, np.int64)
    clips = [data.audio[i] for i in indices]
    longest = max(map(len, clips), default=0)
    if len(clips) > batch_size or longest > length:
        raise InputError(
            f"collate: expected at most {batch_size} clips of at most {length} samples, "
            f"got {len(clips)} clips, the longest of {longest}"
        )
    values = np.zeros((batch_size, length), np.float32)
    lengths = np.zeros(batch_size, np.int32)
    spoken = data.kind == "transcripts"
    targets = np.full((batch_size, *data.targets.shape[1:]), END if spoken else 0, DTYPES[data.kind])
    weight = np.zeros(batch_size, np.float32)
    for row, clip in enumerate(clips):
        values[row, : len(clip)] = clip
        lengths[row] = len(clip)
    targets[: len(clips)] = data.targets[indices]
    weight[: len(clips)] = 1
    return Batch(Padded(values, lengths), padded_transcripts(targets) if spoken else targets, weight)


Maker = Callable[[Dataset, np.ndarray, int, int], Batch]
"""What makes a batch, as `collate` does, of some clips of a data set, padded to a length, and of a number of items."""


def batches(
    data: Dataset,
    batch_size: int,
    buckets: tuple[int, ...],
    *,
    rng: np.random.Generator | None = None,
    done: int = 0,
    make: Maker = collate,
) -> Iterator[tuple[np.ndarray, Batch]]:
    """Yield the batches of one pass over all clips; those of clips that stay in files are made ahead, by threads.

    Args:
        data: the clips.
        batch_size, buckets, rng: as in `plan`, which decides the order.
        done: how many batches to leave out at the beginning, because they were taken before.
        make: makes a batch of clips, as `collate` does.

    Yields:
        The indices of a batch's clips, int64 ``[at most batch_size]``, and the batch.

    Raises:
        InputError: as in `plan`; or a file can no longer be read, when its batch is reached.

    Example:
        >>> from jaxlisten.data import synthetic
        >>> data = synthetic(60)
        >>> sum(len(indices) for indices, _ in batches(data, 16, bucket_lengths(data.lengths)))
        60
    """
    planned = plan(data.lengths, batch_size, buckets, rng=rng)[done:]

    def made(one: tuple[int, np.ndarray]) -> tuple[np.ndarray, Batch]:
        length, indices = one
        return indices, make(data, indices, length, batch_size)

    return ahead(made, planned) if isinstance(data.audio, Files) else map(made, planned)
