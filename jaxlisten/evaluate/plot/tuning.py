"""A picture of a search for settings: a line for each configuration through all that was tried."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from jaxlisten.errors import InputError
from jaxlisten.evaluate.plot.axes import BLUE, GREY, RUST, axes_for, plain, tidy
from jaxlisten.evaluate.tuning import Tuning, setting_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SPREAD = 0.035
"""How far lines through one name, or one whole number, lie apart: a share of the axis."""
_FAINT, _STRONG = 0.35, 1.0


def parallel_coordinates(found: Tuning, *, ax: Axes | None = None) -> Axes:
    """Draw a search for settings: an axis for each setting, and a line through them for each configuration.

    Numbers that are drawn from a range have logarithmic axes. The last axis is the figure on the validation clips,
    when a configuration was last trained; the further it came, the stronger its line.

    Args:
        found: from `jaxlisten.tune`.
        ax: where to draw; None: on a new figure.

    Returns:
        The Matplotlib axes, with a line for each configuration, the chosen one last.

    Raises:
        InputError: it is something else.
    """
    if not isinstance(found, Tuning):
        raise InputError(f"parallel_coordinates: expected a jaxlisten.Tuning, got {type(found).__name__}")
    ax, last = axes_for(ax), list(found.last)
    columns = {name: [trial.settings[name] for trial in last] for name in found.settings}
    columns[found.metric] = [trial.figure for trial in last]
    heights = np.stack([_column(ax, x, *column) for x, column in enumerate(columns.items())], axis=1)
    most, told = len(found.budgets) - 1, set[str]()
    # Those that were dropped first lie below the others; the default and the chosen one above all.
    order = sorted(range(len(last)), key=lambda i: (last[i].number == found.chosen, last[i].number == 0, last[i].rung))
    for i in order:
        trial = last[i]
        alpha, width, style, colour = _FAINT + (_STRONG - _FAINT) * trial.rung / max(1, most), 1.0, "-", GREY
        label = "others"
        if trial.number == found.chosen:
            alpha, width, colour, label = 1.0, 2.4, RUST, "chosen"
        elif trial.number == 0:
            alpha, width, style, colour, label = 1.0, 1.8, "--", BLUE, "default recipe"
        shown = "_" if label in told else label
        told.add(label)
        ax.plot(heights[i], color=colour, alpha=alpha, linewidth=width, linestyle=style, label=shown)
    names = [name.removeprefix("val_").replace("_", " ") for name in columns]
    ax.set_xticks(range(len(names)), names)
    ax.set(xlim=(-0.1, len(names) - 0.75), ylim=(-0.06, 1.06), yticks=())
    ax.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.08), ncols=5)
    return tidy(ax, title="What was tried", x="", y="", grid=None)


def _column(ax: Axes, x: int, name: str, values: Sequence[Any]) -> NDArray[np.float64]:
    """Draw an axis, and return the height of each value on it, from 0 to 1; NaN where there is none."""
    ax.axvline(x, color=GREY, linewidth=0.8, alpha=0.6)
    if all(isinstance(value, float) for value in values):
        heights, marks = _measured(np.array(values), logarithmic=not name.startswith("val_"))
    else:
        heights, marks = _named(values)
    for height, text in marks:
        ax.annotate(plain(text), (x, height), (3, 3), textcoords="offset points", va="bottom", fontsize="small")
    return heights


def _measured(values: NDArray[np.float64], *, logarithmic: bool) -> tuple[NDArray[np.float64], list[tuple[float, str]]]:
    """Place numbers between the least and the most of them."""
    known = values[np.isfinite(values)]
    if not known.size:
        return values, []
    scale = np.log if logarithmic else np.asarray
    low, high = (float(scale(end)) for end in (known.min(), known.max()))
    middle = np.exp((low + high) / 2) if logarithmic else (low + high) / 2
    shown = [known.min(), middle, known.max()] if high > low else [known.min()]
    span = (high - low) or 1.0
    return (scale(values) - low) / span, [((float(scale(one)) - low) / span, f"{one:.2g}") for one in shown]


def _named(values: Sequence[Any]) -> tuple[NDArray[np.float64], list[tuple[float, str]]]:
    """Place names and whole numbers at equal distances, lines through one of them a little apart."""
    names = sorted(set(values), key=lambda value: (value is None, value if value is not None else 0))
    places = {name: k / max(1, len(names) - 1) for k, name in enumerate(names)}
    apart = {name: np.flatnonzero([value == name for value in values]) for name in names}
    heights = np.empty(len(values))
    for name, mine in apart.items():
        heights[mine] = places[name] + _SPREAD * np.linspace(-1, 1, len(mine) + 2)[1:-1]
    return heights, [(places[name], setting_text(name)) for name in names]
