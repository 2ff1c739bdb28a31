"""Pictures of where clips lie beside each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from jaxlisten.errors import InputError
from jaxlisten.evaluate.plot.axes import SERIES, axes_for, plain, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def embedding_map(places: ArrayLike, names: Sequence[str] | None = None, *, ax: Axes | None = None) -> Axes:
    """Draw clips as points of a plane, coloured by what they are.

    Args:
        places: ``[n, 2]``, such as `jaxlisten.embedding_map` gives them.
        names: what each clip is, ``[n]``; of more than six kinds the five most frequent have a colour of their own.
            None: all are one.
        ax: where to draw; None: on a new figure.

    Returns:
        The Matplotlib axes.

    Raises:
        InputError: the places are not ``[n, 2]``, or there are not as many names.

    Example:
        >>> import jaxlisten as jl
        >>> jl.plot.embedding_map([[0.0, 0.0], [1.0, 2.0]], ["dog", "cat"]).get_title()
        'Map of 2 clips'
    """
    places = np.asarray(places, np.float64)
    if places.ndim != 2 or places.shape[1] != 2 or (names is not None and len(names) != len(places)):
        named = "" if names is None else f" and {len(names)} names"
        raise InputError(f"embedding_map: expected places [n, 2] and as many names, got {places.shape}{named}")
    ax = axes_for(ax)
    keys, group = gathered(names or [""] * len(places))
    for k, name in enumerate(keys):
        own = places[np.array(group) == k]
        ax.scatter(*own.T, s=18, color=SERIES[(1, 0, 2, 3, 4, 5)[k]], label=plain(name), alpha=0.8, linewidths=0)
    if len(keys) > 1:
        ax.legend(frameon=False)
    ax.set_xticks([])
    ax.set_yticks([])
    return tidy(ax, title=f"Map of {len(places)} clips", x="", y="", grid=None)


def gathered(names: Sequence[str]) -> tuple[list[str], list[int]]:
    """Return the names that have a colour, and for each clip which; what is left of more than six is "others"."""
    counts = Counter(names)
    keys = sorted(counts) if len(counts) <= len(SERIES) else [name for name, _ in counts.most_common(len(SERIES) - 1)]
    if "normal" in keys:  # it comes first, and is blue
        keys = ["normal", *(name for name in keys if name != "normal")]
    group = [keys.index(name) if name in keys else len(keys) for name in names]
    return ([*keys, "others"] if len(counts) > len(keys) else keys), group
