"""What all pictures share: axes to draw on, colours, and names that are shown as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE, RUST, GREEN, PURPLE, SAND, GREY = "#1c628c", "#be541c", "#1f8a68", "#8f4a8b", "#b08a5a", "#767c86"
"""Colours that stay apart from each other for every kind of colour vision, in grey, and on white and black."""
SERIES = (RUST, BLUE, GREEN, PURPLE, SAND, GREY)
"""The colours of curves, in their order."""


def axes_for(ax: Axes | None) -> Axes:
    """Return the axes to draw on: those given, or those of a new figure, which a notebook shows."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(layout="constrained")[1]


def tidy(ax: Axes, *, title: str, x: str, y: str, grid: str | None = "y") -> Axes:
    """Name the axes, and leave away what says nothing: frame, tick marks, heavy lines.

    Args:
        ax: the axes.
        title: over the picture.
        x, y: what the axes show, with units.
        grid: the axes that have lines: "x", "y" or "both"; None: neither.
    """
    ax.set(title=title, xlabel=x, ylabel=y)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    ax.set_axisbelow(True)
    if grid is not None:
        ax.grid(axis=grid, linewidth=0.7, alpha=0.5)  # pyright: ignore[reportArgumentType]
    return ax


def columns_of(ax: Axes) -> int:
    """Return how many pixels wide the axes are: more points than that can't be seen."""
    return max(1, int(ax.get_window_extent().width))


def plain(name: object) -> str:
    """Return a text that Matplotlib shows as it is: a dollar sign begins no formula, and every letter can be drawn."""
    return str(name).encode(errors="replace").decode().replace("$", r"\$")
