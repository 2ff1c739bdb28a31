"""Classes of different size: weights that make up for it, or clips that are repeated."""

from __future__ import annotations

import numpy as np

from jaxlisten.data.dataset import Dataset
from jaxlisten.errors import InputError


def class_weights(data: Dataset) -> np.ndarray:
    """Weigh the classes so that each counts the same in all, with a mean of 1 over the clips.

    With n clips, of which n_k are of class k, and K classes that have clips::

        w_k = n / (K n_k)

    Train with them by ``task=jl.tasks.classification(class_weight=class_weights(train))``.

    Reference: `sklearn.utils.class_weight.compute_class_weight` with ``"balanced"``, to float32.

    Args:
        data: clips with one class each; for training, the training clips.

    Returns:
        Float32 ``[classes]``; 0 for a class without clips.

    Raises:
        InputError: there are no clips, or their targets are not one class each.

    Example:
        >>> from jaxlisten.data import arrays
        >>> class_weights(arrays(np.zeros((4, 10)), ["cat", "dog", "dog", "dog"], sr=8000))
        array([2.       , 0.6666667], dtype=float32)
    """
    _check_classes(data, "class_weights")
    counts = data.counts
    weights = len(data) / (np.count_nonzero(counts) * np.maximum(counts, 1))
    return np.where(counts > 0, weights, 0).astype(np.float32)


def resample(data: Dataset, *, seed: int = 0) -> Dataset:
    """Repeat clips until every class has as many as the largest one.

    All clips of a class are repeated equally often, give or take one. Copies keep their group, and where the data set
    names splits, only its training clips are repeated, so that no copy crosses into another part.

    Args:
        data: clips with one class each.
        seed: which clips are repeated once more than others; equal seeds give equal data sets.

    Returns:
        The data set with copies behind their originals; the audio is shared. A class without clips stays without.

    Raises:
        InputError: there are no clips, or their targets are not one class each.

    Example:
        >>> from jaxlisten.data import arrays
        >>> resample(arrays(np.zeros((4, 10)), ["cat", "dog", "dog", "dog"], sr=8000)).targets.tolist()
        [0, 0, 0, 1, 1, 1]
    """
    _check_classes(data, "resample")
    rng = np.random.default_rng(seed)
    training = np.array([split == "train" for split in data.splits]) if data.splits else np.ones(len(data), bool)
    members = [np.flatnonzero(training & (data.targets == k)) for k in range(len(data.classes))]
    most = max(map(len, members))
    times = np.ones(len(data), np.int64)
    for clips in members:
        if len(clips):
            often, left = divmod(most, len(clips))
            times[clips] = often
            times[rng.permutation(clips)[:left]] += 1
    return data.subset(np.repeat(np.arange(len(data)), times))


def _check_classes(data: Dataset, caller: str) -> None:
    if data.kind != "class" or not len(data):
        got = "no clips" if not len(data) else f"targets of the kind '{data.kind}'"
        raise InputError(f"{caller}: expected clips with one class each, got {got}")
