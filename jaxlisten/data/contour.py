"""Numbers over time as targets: loudness, pitch, the rating of an emotion, at every moment of a clip.

In a data set they are one array, ``[n, most, k, 2]``: of each clip its points in the order of time, of each of the k
numbers the time in seconds and the value there, NaN where it is not known. Where other clips have more points, the last
one is repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from jaxlisten.errors import InputError

_MOST_CELLS = 2**28


@dataclass(frozen=True, eq=False)
class Contour:
    """Numbers over time: what is between two points is on the line between them.

    Attributes:
        times: ``[m]``, seconds from the beginning of the clip, ascending; two or more.
        values: ``[m]`` or ``[m, k]``, NaN where a number is not known, such as pitch where there is none.

    Raises:
        InputError: there are fewer points or other times, as many values are not there, one is infinite, or nowhere
            between two points are the numbers known.

    Example:
        >>> Contour([0.0, 0.5, 1.0], [60.0, 62.0, 61.5]).values.shape
        (3, 1)
    """

    times: ArrayLike
    values: ArrayLike

    def __post_init__(self) -> None:
        times, values = (np.asarray(given, np.float32) for given in (self.times, self.values))
        values = values[:, None] if values.ndim == 1 else values
        if times.ndim != 1 or len(times) < 2 or values.ndim != 2 or len(values) != len(times):
            raise InputError(
                f"Contour: expected times [m], two or more, and values [m] or [m, k], got {list(times.shape)} and "
                f"{list(values.shape)}"
            )
        if not np.isfinite(times).all() or (np.diff(times) <= 0).any():
            raise InputError("Contour: expected finite times, each behind the one before it; sort them")
        if np.isinf(values).any():
            raise InputError("Contour: expected finite values, or NaN where they aren't known, got infinity")
        known = np.asarray(np.isfinite(values).all(axis=1))
        if not (known[1:] & known[:-1]).any():
            raise InputError("Contour: expected numbers that are known at two points in succession, got none")
        object.__setattr__(self, "times", times)
        object.__setattr__(self, "values", values)


def encode_contours(targets: Sequence[Contour], source: str) -> np.ndarray:
    """Make the array of the contours of all clips, float32 ``[n, most, k, 2]``.

    Raises:
        InputError: they have more or fewer numbers than the first one, or one has too many points for such an array.
    """
    points = [np.stack([np.broadcast_to(t[:, None], v.shape), v], axis=-1) for t, v in map(_arrays, targets)]
    widths = {one.shape[1] for one in points}
    if len(widths) > 1:
        raise InputError(f"'{source}' gives clips from {min(widths)} to {max(widths)} numbers; give all equally many")
    if len(points) * max(map(len, points)) > _MOST_CELLS:
        raise InputError(
            f"'{source}' has a recording with {max(map(len, points)):,} times among {len(points):,}, too many for a "
            "table of all; cut it into parts"
        )
    return stacked_contours(points)


def _arrays(contour: Contour) -> tuple[np.ndarray, np.ndarray]:
    return np.asarray(contour.times), np.asarray(contour.values)


def stacked_contours(points: Sequence[np.ndarray]) -> np.ndarray:
    """Make one array ``[n, most, k, 2]`` of the points of several clips, ``[m, k, 2]`` each."""
    most = max(map(len, points))
    return np.stack([np.concatenate([one, np.repeat(one[-1:], most - len(one), axis=0)]) for one in points])


def check_contours(targets: np.ndarray, classes: Sequence[str]) -> None:
    """Refuse an array that is none of contours.

    Raises:
        InputError: there are more or fewer names than numbers, a time is not finite, or one is before the last one.
    """
    times = targets[..., 0]
    if targets.shape[2] != len(classes):
        raise InputError(
            f"Dataset: expected a name for each of {targets.shape[2]} numbers over time, got {len(classes)} names"
        )
    if not np.isfinite(times).all() or (np.diff(times, axis=1) < 0).any() or np.isinf(targets).any():
        raise InputError("Dataset: expected contours [n, most, k, 2] of finite times, ascending, and of values")


def points_of(target: np.ndarray) -> np.ndarray:
    """Return the points of a clip's target without the repetitions of the last one, ``[m, k, 2]``."""
    return target[: 1 + int(np.argmax(target[:, 0, 0] == target[-1, 0, 0]))]


def known_values(targets: np.ndarray) -> np.ndarray:
    """Return the values of all points of all clips that are known, float32 ``[m, k]``."""
    if not len(targets):
        return np.zeros((0, targets.shape[2]), np.float32)
    values = np.concatenate([points_of(target)[..., 1] for target in targets])
    return values[np.isfinite(values).all(axis=1)]


def contour_inside(target: np.ndarray, start: float, end: float) -> np.ndarray:
    """Return the points of a clip that tell of a part of it, ``[m, k, 2]``, with times from the part's start.

    The last point before the part, and the first one behind it, are among them.
    """
    points = points_of(target)
    times = points[:, 0, 0]
    first = max(0, int(np.searchsorted(times, start, side="right")) - 1)
    own = points[first : int(np.searchsorted(times, end, side="left")) + 1].copy()
    own = own if len(own) else points[-1:].copy()
    own[..., 0] -= start
    return own
