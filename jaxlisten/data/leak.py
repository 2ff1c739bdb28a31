"""What a random split would have promised: clips of one speaker, recording or sound on both sides of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from jaxlisten.data.crossing import copies, crossing, gathered, kept_together
from jaxlisten.data.dataset import Dataset, same_sound
from jaxlisten.data.split import deal
from jaxlisten.metrics import wilson_interval

_CLIPS = 2000
"""Clips that the classifier learns from and is measured on at most."""
_FEW = 10
"""So many groups at most are left out one by one; more are cut into `_FOLDS`."""
_FOLDS = 5
_BANDS = 40
_SECONDS = 10.0
"""What is heard of a clip at most."""
_AT_ONCE = 64
"""Clips whose spectra are made at once."""
_RIDGE = 0.05


class Measured(NamedTuple):
    """A share of clips that are classified right.

    Attributes:
        accuracy: from 0 to 1.
        low, high: its 95 % interval; of clips in groups, the groups vary and not the clips.
    """

    accuracy: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.accuracy:.1%} ({self.low:.1%} to {self.high:.1%})"


@dataclass(frozen=True)
class Leak:
    """What a random split of a data set tears apart, and what that does to a measurement.

    Attributes:
        groups: how many groups have two clips or more.
        torn_groups: how many of these a random split would have had on both sides.
        copies: how many sounds are there more than once.
        torn_copies: how many of these a random split would have had on both sides.
        clips: how many the classifier was measured on.
        random: how many it gets right when the clips are split at random; None: the clips have no classes.
        grouped: how many it gets right when no group and no sound is on both sides, in parts of the same sizes.
    """

    groups: int
    torn_groups: int
    copies: int
    torn_copies: int
    clips: int
    random: Measured | None
    grouped: Measured | None

    def to_dict(self) -> dict[str, Any]:
        """Return everything as dicts and numbers that JSON can hold, under the attributes' names."""
        return {name: value._asdict() if isinstance(value, Measured) else value for name, value in vars(self).items()}

    def __str__(self) -> str:
        torn = [
            f"{n:,} of {of:,} {what}"
            for n, of, what in (
                (self.torn_groups, self.groups, "groups"),
                (self.torn_copies, self.copies, "sounds that are there more than once"),
            )
            if of
        ]
        told = f"a random split would have torn apart {' and '.join(torn)}"
        if self.random is None or self.grouped is None:
            return told
        unheard = "clips of groups that it has not heard" if self.groups else "clips that it has no copy of"
        told += (
            f"; with it a quick classifier is right on {self.random} of the clips, and on {self.grouped} of {unheard}"
        )
        return told + (": only the second can be believed" if self.random.accuracy > self.grouped.high else "")


def leak(data: Dataset, *, seed: int = 0) -> Leak | None:
    """Measure what a random split would have promised, and what clips of new groups get.

    A quick classifier (regularised least squares with a Gaussian kernel, on the level and the movement of 40 mel
    bands) is trained twice over: on random folds, and on folds of the same sizes with every group, and every copy of a
    sound, on one side. A network will be better at both, but a gap between them is a property of the data.

    Args:
        data: the clips. Splits and folds that it names don't matter.
        seed: decides the folds, and which 2,000 clips are taken where there are more.

    Returns:
        What was found; None where no clip has another one of its group or its sound, or where all clips have.

    Example:
        >>> from jaxlisten.data import arrays, synthetic
        >>> clips = synthetic(60)
        >>> leak(clips) is None  # neither groups nor copies
        True
        >>> twice = arrays(clips.audio * 2, [*clips.targets] * 2, sr=clips.sr)
        >>> found = leak(twice)
        >>> found.copies, found.random.accuracy > found.grouped.accuracy
        (60, True)
    """
    sound = same_sound(data.digests())
    unit = np.unique(kept_together(sound, data.groups), return_inverse=True)[1]
    units = int(unit.max(initial=-1)) + 1
    if not 1 < units < len(data):
        return None
    rng = np.random.default_rng(seed)
    parts = units if units <= _FEW else _FOLDS
    grouped = deal(data, unit, np.full(parts, 1 / parts), rng)
    random = rng.permutation(grouped)
    chosen = _chosen(unit, rng)
    groups, sounds = [own for own in gathered(data.groups or ()) if len(own) > 1], copies(sound)
    at_random = by_group = None
    if data.kind == "class":
        part, own = data.subset(chosen), unit[chosen]
        right = _right(part, random[chosen], grouped[chosen])
        at_random, by_group = _measured(right[0]), _measured(right[1], own)
    return Leak(
        groups=len(groups),
        torn_groups=len(crossing(groups, random.tolist())),
        copies=len(sounds),
        torn_copies=len(crossing(sounds, random.tolist())),
        clips=len(chosen),
        random=at_random,
        grouped=by_group,
    )


def _chosen(unit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Choose whole units, in a random order, up to `_CLIPS` clips; of a very large one, a share of them."""
    most = max(_CLIPS // _FEW, _CLIPS // (int(unit.max()) + 1))
    shuffled = rng.permutation(len(unit))
    order = shuffled[np.argsort(rng.permutation(unit.max() + 1)[unit[shuffled]], kind="stable")]
    first = np.r_[0, np.flatnonzero(np.diff(unit[order])) + 1]
    place = np.arange(len(order)) - np.repeat(first, np.diff(np.r_[first, len(order)]))  # within its unit
    return np.sort(order[place < most][:_CLIPS])


def _right(data: Dataset, *folds: np.ndarray) -> list[np.ndarray]:
    """Tell which clips are classified right by what was learned from the clips outside their fold, ``[n]`` each.

    With ``G = (K + r I)^-1`` over all clips, the answers for a fold F, of a machine that has learned from the others,
    are ``y_F - (G_FF)^-1 (G y)_F``: one inverse serves every fold of every split.
    """
    x = _pooled(data)
    x = (x - x.mean(axis=0)) / (x.std(axis=0) + 1e-6)
    squares = (x**2).sum(axis=1)
    kernel = 1 + np.exp(-(squares[:, None] + squares - 2 * x @ x.T) / (2 * x.shape[1]))
    inverse = np.linalg.inv(kernel + _RIDGE * np.eye(len(x)))
    y = 2.0 * (data.targets[:, None] == np.arange(len(data.classes))) - 1
    weights, found = inverse @ y, []
    for fold in folds:
        said = np.empty(len(x), np.int64)
        for part in np.unique(fold):
            (own,) = np.nonzero(fold == part)
            said[own] = (y[own] - np.linalg.solve(inverse[np.ix_(own, own)], weights[own])).argmax(axis=1)
        found.append(said == data.targets)
    return found


def _measured(right: np.ndarray, unit: np.ndarray | None = None) -> Measured:
    """Return the share of clips that are right, with an interval as wide as the clips, or their units, make it.

    Of units with n_u clips, a share a_u of which is right, the variance of the whole share a is
    ``U / (U - 1) sum_u (n_u (a_u - a))^2 / n^2``.
    """
    n, accuracy = len(right), float(right.mean())
    low, high = wilson_interval(int(right.sum()), n)
    if unit is not None:
        from scipy.stats import t

        off = np.bincount(unit, right - accuracy)[np.unique(unit)]
        margin = float(t.ppf(0.975, len(off) - 1) * np.sqrt(len(off) / (len(off) - 1) * (off**2).sum()) / n)
        low, high = max(0.0, min(low, accuracy - margin)), min(1.0, max(high, accuracy + margin))
    return Measured(accuracy, low, high)


def _pooled(data: Dataset) -> np.ndarray:
    """Describe each clip by the level of mel bands, how it varies, how fast, and its mean in three thirds of the time.

    Returns:
        ``[n, 6 bands]``.
    """
    from librosa.filters import mel

    n_fft = max(64, 2 ** int(np.ceil(np.log2(0.025 * data.sr))))
    bank = mel(sr=data.sr, n_fft=n_fft, n_mels=min(_BANDS, n_fft // 8)).T
    window = np.hanning(n_fft).astype(np.float32)
    described = []
    for at in range(0, len(data), _AT_ONCE):
        clips = [_frames(clip[: int(_SECONDS * data.sr)], n_fft) for clip in data.audio[at : at + _AT_ONCE]]
        spectra = np.fft.rfft(np.concatenate(clips) * window)
        levels_db = 10 * np.log10((spectra.real**2 + spectra.imag**2) @ bank + 1e-10)
        described += map(_described, np.split(levels_db, np.cumsum([len(clip) for clip in clips])[:-1]))
    return np.stack(described).astype(np.float64)


def _frames(clip: np.ndarray, n_fft: int) -> np.ndarray:
    """Cut a clip into half-overlapping frames, two at least: ``[frames, n_fft]``."""
    padded = np.pad(clip, (n_fft // 2, n_fft))
    return np.lib.stride_tricks.sliding_window_view(padded, n_fft)[:: n_fft // 2]


def _described(level_db: np.ndarray) -> np.ndarray:
    level_db = np.maximum(level_db, level_db.max() - 80)
    thirds = [part.mean(axis=0) for part in np.array_split(level_db, 3)]
    return np.concatenate([level_db.mean(axis=0), level_db.std(axis=0), np.diff(level_db, axis=0).std(axis=0), *thirds])
