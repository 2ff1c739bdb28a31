"""What a clip can have as its target: one class, labels, numbers, either over time, what is said, or nothing.

The array tells which, so nothing has to be said twice:

=================  ============================================  ==============================================
kind               targets                                       ``classes``
=================  ============================================  ==============================================
``"class"``        int32 ``[n]``, indices into ``classes``       the names of the classes
``"labels"``       int8 ``[n, classes]``, 1 where a label holds  the names of the labels
``"numbers"``      float32 ``[n]`` or ``[n, k]``                 the names of the numbers
``"contours"``     float32 ``[n, most, k, 2]``: time and value   the names of the numbers
``"events"``       float64 ``[n, most, 3]``: start, end, class   the names of the events' classes
``"transcripts"``  int16 ``[n, longest]``, indices into          the symbols (see `jaxlisten.data.transcripts`)
                   ``classes``, -1 behind the end
``"none"``         int8 ``[n, 0]``: nothing is known             none
=================  ============================================  ==============================================
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np

from jaxlisten.data.contour import Contour, check_contours, encode_contours, known_values
from jaxlisten.data.timed import Timed, check_timed, encode_timed
from jaxlisten.data.transcripts import Transcript, check_transcripts, encode_transcripts
from jaxlisten.errors import InputError

Kind = Literal["class", "labels", "numbers", "contours", "events", "transcripts", "none"]
OF_WHOLE_CLIPS = ("class", "labels", "numbers")
"""The kinds of targets that a clip has one of."""

Target = str | frozenset[str] | tuple[float, ...] | Contour | Timed | Transcript | None
"""The target of one clip before it is part of an array: a class, labels, numbers, events, what is said, or nothing."""

_MOST_CELLS = 2**31
"""Clips times labels."""
DTYPES: dict[Kind, Any] = {
    "class": np.int32,
    "labels": np.int8,
    "numbers": np.float32,
    "contours": np.float32,
    "events": np.float32,
    "transcripts": np.int16,
    "none": np.int8,
}
"""The dtype that each kind has in a batch, and but for events, whose times stay float64, in a data set."""


def kind_of(targets: np.ndarray) -> Kind:
    """Tell the kind of an array of targets.

    Args:
        targets: integers ``[n]``, integers or booleans ``[n, classes]``, floating-point numbers ``[n]``, ``[n, k]`` or
            ``[n, most, 3]`` or ``[n, most, k, 2]``, or int16 ``[n, longest]``, which no other kind has; or ``[n, 0]``.

    Raises:
        InputError: it is none of these.
    """
    kind, axes = targets.dtype.kind, targets.ndim
    if axes == 2 and not targets.shape[1]:
        return "none"
    if kind in "iu" and axes == 1:
        return "class"
    if axes == 2 and targets.dtype == DTYPES["transcripts"]:
        return "transcripts"
    if kind in "iub" and axes == 2:
        return "labels"
    if kind == "f" and axes in (1, 2):
        return "numbers"
    if kind == "f" and axes == 3 and targets.shape[2] == 3:
        return "events"
    if kind == "f" and axes == 4 and targets.shape[3] == 2:
        return "contours"
    raise InputError(
        "expected integers [n] (a class a clip), integers [n, classes] (several labels), floating-point numbers "
        f"[n] or [n, k], events [n, most, 3] or contours [n, most, k, 2] as targets, got "
        f"{targets.dtype} {list(targets.shape)}"
    )


def check_targets(targets: np.ndarray, classes: Sequence[str]) -> None:
    """Refuse targets that don't fit their names.

    Raises:
        InputError: an index is not one of the classes, a label is neither 0 nor 1, a number is NaN or infinite, or
            there are more or fewer names than columns.
    """
    kind = kind_of(targets)
    if kind == "class":
        if len(targets) and not 0 <= targets.min() <= targets.max() < len(classes):
            raise InputError(
                f"Dataset: expected targets from 0 to {len(classes) - 1}, the indices of the classes, "
                f"got {targets.min()} to {targets.max()}"
            )
        return
    if kind == "events":
        return check_timed(targets, classes)
    if kind == "contours":
        return check_contours(targets, classes)
    if kind == "transcripts":
        check_transcripts(targets, classes)
        return
    columns = 1 if targets.ndim == 1 else targets.shape[1]
    if columns != len(classes):
        raise InputError(f"Dataset: expected a name for each of {columns} columns of targets, got {len(classes)} names")
    if kind == "labels" and not np.isin(targets, (0, 1)).all():
        raise InputError("Dataset: expected 0 or 1 for every label, got others; numbers are floating-point targets")
    if kind == "numbers" and not np.isfinite(targets).all():
        raise InputError("Dataset: expected finite numbers as targets, got NaN or infinity; leave those clips out")


def check_labels(labels: Iterable[str], classes: Sequence[str], source: str) -> None:
    """Refuse labels that are not classes.

    Raises:
        InputError: `classes` lacks a label, or names a class twice.
    """
    if len(set(classes)) != len(classes):
        raise InputError(f"expected classes that differ, got {', '.join(map(repr, classes))}")
    unknown = sorted(set(labels).difference(classes))
    if unknown:
        raise InputError(
            f"'{source}' has the label {', '.join(map(repr, unknown))}, which is not one of the {len(classes)} classes "
            f"{', '.join(map(repr, classes))}; rename it or leave its clips out"
        )


def names_in(targets: Iterable[Target]) -> set[str]:
    """Collect the classes, labels or symbols that occur; numbers have none."""
    found: set[str] = set()
    for target in targets:
        if isinstance(target, str):
            found.add(target)
        elif isinstance(target, frozenset):
            found |= target
        elif isinstance(target, Timed):
            found |= {event.label for event in target.events}
        elif isinstance(target, Transcript):
            found |= set(target.symbols)
    return found


def encode(targets: Sequence[Target], classes: Sequence[str] | None, source: str) -> tuple[tuple[str, ...], np.ndarray]:
    """Make one array of the targets of all clips.

    Args:
        targets: one or more, all of one kind.
        classes: the names of the classes, labels or numbers; None takes those that occur, sorted, or for numbers
            ``"target"`` (or ``"target 0"`` and so on).
        source: where they come from, for messages.

    Returns:
        The names, and the array of the kind's dtype.

    Raises:
        InputError: a name is not in `classes`, no clip has a label, clips differ in how many numbers they have, or an
            event has no length.
    """
    if targets[0] is None:
        return (), np.zeros((len(targets), 0), DTYPES["none"])
    if isinstance(targets[0], Transcript):
        return encode_transcripts([target for target in targets if isinstance(target, Transcript)], classes, source)
    if isinstance(targets[0], tuple):
        return _encode_numbers(targets, classes, source)
    if isinstance(targets[0], Contour):
        array = encode_contours([target for target in targets if isinstance(target, Contour)], source)
        return _number_names(array.shape[2], classes, source), array
    found = names_in(targets)
    if classes is not None:
        check_labels(found, classes, source)
    names = tuple(sorted(found)) if classes is None else tuple(classes)
    if not names:
        raise InputError(f"'{source}' gives no clip a label; give one or more clips a label, or name them by classes=")
    index = {name: i for i, name in enumerate(names)}
    if isinstance(targets[0], Timed):
        return names, encode_timed([target for target in targets if isinstance(target, Timed)], names, source)
    if isinstance(targets[0], str):
        return names, np.array([index[name] for name in targets if isinstance(name, str)], DTYPES["class"])
    if len(targets) * len(names) > _MOST_CELLS:
        cells = f"{len(targets):,} clips and {len(names):,} labels"
        raise InputError(f"'{source}' has {cells}, too many for a table of which has which; merge labels")
    array = np.zeros((len(targets), len(names)), DTYPES["labels"])
    for row, labels in zip(array, targets, strict=True):
        row[[index[name] for name in labels if isinstance(name, str)]] = 1  # pyright: ignore
    return names, array


def _encode_numbers(
    targets: Sequence[Any], classes: Sequence[str] | None, source: str
) -> tuple[tuple[str, ...], np.ndarray]:
    widths = {len(numbers) for numbers in targets}
    if len(widths) > 1:
        raise InputError(f"'{source}' gives clips from {min(widths)} to {max(widths)} numbers; give all equally many")
    (width,) = widths
    names = _number_names(width, classes, source)
    array = np.array(targets, DTYPES["numbers"])
    return names, array[:, 0] if width == 1 else array


def _number_names(width: int, classes: Sequence[str] | None, source: str) -> tuple[str, ...]:
    names = number_names(width) if classes is None else tuple(classes)
    if len(names) != width:
        raise InputError(f"'{source}' gives each clip {width} numbers for the {len(names)} names {', '.join(names)}")
    return names


def number_rows(targets: np.ndarray) -> np.ndarray:
    """Return all numbers that are known: of numbers ``[n, k]`` those of the clips, of contours those of the points."""
    if kind_of(targets) == "contours":
        return known_values(targets)
    return targets[:, None] if targets.ndim == 1 else targets


def number_names(width: int) -> tuple[str, ...]:
    """Name numbers that nobody has named."""
    return ("target",) if width == 1 else tuple(f"target {i}" for i in range(width))
