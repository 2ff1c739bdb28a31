"""Pictures of classical models: how many clusters there are, and what classifiers answer all over a plane."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from jaxlisten.classical import Clusters, Regions
from jaxlisten.errors import InputError
from jaxlisten.evaluate.plot.axes import BLUE, GREEN, GREY, PURPLE, RUST, SAND, axes_for, plain, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = (BLUE, RUST, GREEN, PURPLE, SAND, GREY, "#c2a313", "#d0638c", "#3aa6b9", "#6f6fd6")
"""Of classes, in their order; an eleventh class has the first colour again, and another mark."""
MARKS = "osD^vPX<>*"
_TINT = 0.3
_NAMED = 0.01
"""Regions of a smaller share of the plane have no name written in them."""
_CELLS = 24
_SIDE = 0.2
"""Names so near to an edge, as a share of the picture, are written from the edge."""


def inertia(found: Clusters, *, ax: Axes | None = None) -> Axes:
    """Draw the inertia over the number of clusters, with the elbow marked.

    Args:
        found: from `jaxlisten.classical.choose_clusters`.
        ax: where to draw; None: on a new figure.

    Returns:
        The Matplotlib axes.

    Example:
        >>> import jax, jaxlisten as jl
        >>> found = jl.classical.choose_clusters([[0.0], [0.1], [5.0], [5.1], [9.0]], key=jax.random.key(0))
        >>> jl.plot.inertia(found).get_xlabel()
        'clusters'
    """
    values = found.inertia / max(float(found.inertia[0]), 1e-30)
    title = f"Inertia, bends most at {found.by_elbow}"
    return _over_ks(found, values, found.by_elbow, title, f"inertia (of {found.ks[0]} clusters: 1)", ax)


def silhouette(found: Clusters, *, ax: Axes | None = None) -> Axes:
    """Draw the silhouette over the number of clusters, with the best one marked.

    Args:
        found: from `jaxlisten.classical.choose_clusters`.
        ax: where to draw; None: on a new figure.

    Returns:
        The Matplotlib axes.

    Example:
        >>> import jax, jaxlisten as jl
        >>> found = jl.classical.choose_clusters([[0.0], [0.1], [5.0], [5.1], [9.0]], key=jax.random.key(0))
        >>> jl.plot.silhouette(found).get_ylabel()
        'mean silhouette'
    """
    title = f"Silhouette, highest at {found.by_silhouette}"
    return _over_ks(found, found.silhouette, found.by_silhouette, title, "mean silhouette", ax)


def _over_ks(found: Clusters, values: NDArray[np.float64], best: int, title: str, y: str, ax: Axes | None) -> Axes:
    from matplotlib.ticker import MaxNLocator

    ax = axes_for(ax)
    ax.axvline(best, color=GREY, linewidth=0.8, linestyle=(0, (3, 3)))
    ax.plot(found.ks, values, color=BLUE, linewidth=1.8, marker="o", markersize=3.5)
    ax.plot(best, values[found.ks.index(best)], "o", color=RUST, markersize=7)
    ax.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    ax.yaxis.set_major_locator(MaxNLocator(5))
    return tidy(ax, title=title, x="clusters", y=y)


def regions(found: Regions, *, legend: bool = True, ax: Axes | None = None) -> Axes:
    """Draw which class a classifier answers where, and the clips over it.

    Args:
        found: from `jaxlisten.classical.regions`.
        legend: name the classes beside the picture; their regions have their names in them in any case.
        ax: where to draw; None: on a new figure.

    Returns:
        The Matplotlib axes. A clip has the colour and the mark of its class, so one that lies in a region of another
        colour is answered wrong. The few clips beyond the edges are drawn on them.

    Raises:
        InputError: it is something else.
    """
    if not isinstance(found, Regions):
        raise InputError(f"regions: expected jaxlisten.classical.Regions, got {type(found).__name__}")
    from matplotlib.colors import to_rgb

    ax = axes_for(ax)
    shades = np.array([to_rgb(COLOURS[k % len(COLOURS)]) for k in range(len(found.classes))])
    image = np.concatenate([shades[found.answers], np.full((*found.answers.shape, 1), _TINT)], axis=-1)
    edges = (found.x[0], found.x[-1], found.y[0], found.y[-1])
    ax.imshow(image, extent=edges, origin="lower", aspect="auto", interpolation="nearest")
    for k, name in enumerate(found.classes):
        mine = np.clip(found.points[found.targets == k], [edges[0], edges[2]], [edges[1], edges[3]])
        mark = MARKS[(k + k // len(COLOURS)) % len(MARKS)]
        colour = COLOURS[k % len(COLOURS)]
        # A legend leaves out what begins with _, as names may.
        label = f"\u200b{plain(name)}"
        ax.plot(*mine.T, mark, color=colour, markersize=3.6, linewidth=0, markeredgewidth=0, label=label)
    for k, name in enumerate(found.classes):
        place = _middle_of(found.answers == k)
        if place is not None:
            row, column = place
            share = column / len(found.x)
            side, column = ("left", 2) if share < _SIDE else ("right", -3) if share > 1 - _SIDE else ("center", column)
            ax.text(
                found.x[column], found.y[row], plain(name), ha=side, va="center", fontsize="small", fontweight="bold"
            )
    ax.set(xlim=edges[:2], ylim=edges[2:])
    if legend:
        ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    title = f"{found.title[0].upper()}{found.title[1:]}, {found.accuracy:.0%} right"
    return tidy(ax, title=title, x=plain(found.names[0]), y=plain(found.names[1]), grid=None)


def _middle_of(mine: NDArray[np.bool_]) -> tuple[int, int] | None:
    """Find where most of a region lies around: a place for its name. None: it is too small for one."""
    if mine.mean() < _NAMED:
        return None
    sums = np.pad(mine.astype(np.int64), ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    rows, columns = mine.shape
    high, wide = max(1, rows // _CELLS), max(1, columns // _CELLS)
    up, across = np.arange(rows), np.arange(columns)
    low_row, top_row = np.maximum(up - high, 0)[:, None], np.minimum(up + high + 1, rows)[:, None]
    low, top = np.maximum(across - 3 * wide, 0)[None], np.minimum(across + 3 * wide + 1, columns)[None]
    around = sums[top_row, top] - sums[low_row, top] - sums[top_row, low] + sums[low_row, low]
    # Among equals the one nearest to the middle of the region.
    centre = np.argwhere(mine).mean(axis=0)
    off = np.hypot(up[:, None] - centre[0], across[None] - centre[1]) / np.hypot(rows, columns)
    row, column = np.unravel_index(np.where(mine, around - off, -np.inf).argmax(), mine.shape)
    return int(row), int(column)
