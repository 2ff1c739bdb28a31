"""What training leaves behind: a `Fitted` listener, in words and as a notebook shows it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

import jax
import numpy as np

from jaxlisten.heard import HeardClips
from jaxlisten.nn import Layer
from jaxlisten.tasks import Task
from jaxlisten.types import Params, State

_WIDE, _HIGH = 220, 60
_SHOWN = 12
"""Classes that are named at most."""


@dataclass(frozen=True, eq=False, repr=False)
class Fitted:
    """A trained listener and where it comes from.

    Attributes:
        model: from the input to logits.
        params, state: its weights, as NumPy arrays, of the best epoch.
        task: what the logits mean.
        classes: the name of each logit: of the classes, the labels or the numbers.
        sr: sample rate of the input in Hz; 0 where the input is no sound.
        item: shape of the longest input that was trained on, ``(samples,)`` for raw sound; of a model that was trained
            on streams, of its window.
        history: a row an epoch: ``epoch``, ``train_loss``, and with validation ``val_loss`` and the task's
            figures, such as ``val_accuracy``.
        about: anything else worth keeping that JSON can hold: the data's summary, the seed, the settings.
        heard: the clips that it was trained on and chosen by, as digests; None: they aren't known.
    """

    model: Layer
    params: Params
    state: State
    task: Task
    classes: tuple[str, ...]
    sr: int
    item: tuple[int, ...]
    history: tuple[dict[str, float], ...] = ()
    about: dict[str, Any] = field(default_factory=dict)
    heard: HeardClips | None = None

    @property
    def longest(self) -> int:
        """Samples of the longest clip that was trained on; of a model trained on streams, those that count."""
        return self.item[0]

    @property
    def best_epoch(self) -> int | None:
        """The epoch whose weights these are; None before the first."""
        return best_epoch(self.task, self.history)

    def __repr__(self) -> str:
        rate = [f"{self.sr} Hz"] if self.sr else []
        known = [f"{len(self.classes)} {self.task.things}"] if self.classes else [self.task.name]
        said = [*known, *rate, f"{self._weights:,} weights"]
        if self.best_epoch is not None:
            said.append(f"epoch {self.best_epoch} of {len(self.history)}")
            value = self.history[self.best_epoch - 1].get(self.task.metric)
            said += [] if value is None else [f"{self.task.metric} {value:.3f}"]
        return f"Fitted({', '.join(said)})"

    def _repr_html_(self) -> str:
        """Show the listener in a notebook, in shades of the text's own colour, without styles from elsewhere."""
        names = ", ".join(map(_text, self.classes[:_SHOWN]))
        more = f" and {len(self.classes) - _SHOWN:,} more" if len(self.classes) > _SHOWN else ""
        metrics = dict.fromkeys(("loss", self.task.metric.removeprefix("val_")))
        pictures = "".join(_sparkline(self.history, metric, self.best_epoch) for metric in metrics)
        return f"<div><p><b>Listener</b>: {escape(repr(self)[7:-1])}</p><p>{names}{more}</p>{pictures}</div>"

    @property
    def _weights(self) -> int:
        return sum(np.size(leaf) for leaf in jax.tree.leaves(self.params))


def best_epoch(task: Task, history: Iterable[Mapping[str, float]]) -> int | None:
    """Find the epoch with the best figure of the task, and among equals the least validation loss, then the first.

    A figure that is NaN, such as that of labels of which no validation clip has one, is the worst. Without validation
    it is the last epoch. Epochs count from 1; None: there is none.
    """
    rows = list(history)
    if not rows or any(task.metric not in row for row in rows):
        return len(rows) or None

    def rank(i: int) -> tuple[float, float, int]:
        figure = -rows[i][task.metric] if task.maximize else rows[i][task.metric]
        return math.inf if math.isnan(figure) else figure, rows[i].get("val_loss", 0.0), i

    return 1 + min(range(len(rows)), key=rank)


def _sparkline(history: Sequence[Mapping[str, float]], metric: str, best: int | None) -> str:
    """Draw a figure over the epochs: training faint, validation strong, a dot where the best epoch is."""
    parts = {part: [row.get(f"{part}_{metric}", math.nan) for row in history] for part in ("train", "val")}
    known = [value for values in parts.values() for value in values if math.isfinite(value)]
    if not known:
        return ""
    low, high = min(known), max(known)

    def place(k: int, value: float) -> tuple[float, float]:
        x, y = k / max(1, len(history) - 1), (value - low) / ((high - low) or 1)
        return 4 + (_WIDE - 8) * x, _HIGH - 4 - (_HIGH - 8) * y

    drawn, said = "", []
    for part, opacity in (("train", 0.4), ("val", 1.0)):
        points = [(k, place(k, value)) for k, value in enumerate(parts[part]) if math.isfinite(value)]
        if not points:
            continue
        line = " ".join(f"{x:.1f},{y:.1f}" for _, (x, y) in points)
        drawn += f'<polyline points="{line}" stroke-opacity="{opacity}"/>'
        drawn += "".join(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="currentColor" stroke="none" fill-opacity="{opacity}"/>'
            for k, (x, y) in points
            if best is not None and k == best - 1
        )
        first, last = (parts[part][points[end][0]] for end in (0, -1))
        said.append(f"{'training' if part == 'train' else 'validation'} {first:.3g} → {last:.3g}")
    svg = f'<svg viewBox="0 0 {_WIDE} {_HIGH}" width="{_WIDE}" height="{_HIGH}" role="img" aria-label="{metric}"'
    return (
        f'<div style="display:inline-block;margin:0 2em 0.5em 0">{metric}: {", ".join(said)}<br>{svg} fill="none" '
        f'stroke="currentColor" stroke-width="1.5">{drawn}</svg></div>'
    )


def _text(name: str) -> str:
    return escape(name.encode(errors="replace").decode())  # a folder's name may be no text
