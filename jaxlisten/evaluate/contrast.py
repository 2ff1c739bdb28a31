"""A report on a model that was trained by contrast: how well it tells which two pieces are of one clip."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from jaxlisten import metrics
from jaxlisten.data import Dataset, batches, bucket_lengths
from jaxlisten.evaluate.base import WORST, BaseReport
from jaxlisten.nn import Layer
from jaxlisten.runs import Fitted
from jaxlisten.tasks import Task
from jaxlisten.types import Array, Batch, Params, State

_BATCH = 64
"""Clips at once. It is fixed, because it decides how pieces are cut."""


@dataclass(frozen=True, eq=False, repr=False)
class ContrastReport(BaseReport):
    """How well a model finds the other piece of each clip among the second pieces of all clips.

    That says whether training by contrast has learned something, and not what it is worth: that is measured with
    labels, on what `jaxlisten.transfer` makes of it.

    Attributes:
        classes: none.
        targets: ``[n]``, integers: for the first piece of each clip, how many second pieces of other clips are nearer
            to it than its own.
        paths: ``[n]``, a name for each clip.

    See `jaxlisten.evaluate.base.BaseReport` for the other fields, which are given by name.

    Example:
        >>> report = ContrastReport((), np.array([0, 3, 0, 1]), ("a.wav", "b.wav", "c.wav", "d.wav"))
        >>> report.found, report.chance, report.worst_table()[1]
        (0.5, 0.25, ['b.wav', '3'])
    """

    classes: tuple[str, ...]
    targets: NDArray[np.int64]
    paths: tuple[str, ...]

    @property
    def found(self) -> float:
        """The share of clips whose other piece is the nearest of all."""
        return float((self.targets == 0).mean())

    @property
    def found_interval(self) -> tuple[float, float]:
        """The 95 % interval of `found`."""
        return metrics.wilson_interval(int((self.targets == 0).sum()), self.n)

    @property
    def among_five(self) -> float:
        """The share of clips whose other piece is one of the five nearest."""
        return float((self.targets < 5).mean())

    @property
    def chance(self) -> float:
        """What `found` would be if nothing were known."""
        return 1 / self.n

    @property
    def headline(self) -> str:
        """The main figures in one line."""
        low, high = self.found_interval
        return (
            f"the other piece found at once for {self.found:.1%} of {self.n:,} clips (95 % interval {low:.1%} to "
            f"{high:.1%}; by chance {self.chance:.1%})"
        )

    def _figures(self) -> dict[str, Any]:
        return {
            "found": self.found,
            "found_interval": self.found_interval,
            "among_five": self.among_five,
            "chance": self.chance,
            "lost": [{"path": path, "nearer": int(rank)} for path, rank in self._lost()],
        }

    def table(self) -> list[list[str]]:
        """Return the main table as text: a row of headings, then a row for each figure."""
        return [
            ["", "share of clips"],
            ["other piece nearest", f"{self.found:.3f}"],
            ["among the five nearest", f"{self.among_five:.3f}"],
            ["nearest by chance", f"{self.chance:.3f}"],
        ]

    def worst_table(self) -> list[list[str]]:
        """Return the clips whose other piece is hardest to find: a row of headings, then at most `WORST` rows."""
        return [["clip", "nearer pieces"], *([path, str(rank)] for path, rank in self._lost())]

    def _lost(self) -> list[tuple[str, int]]:
        order = [int(i) for i in np.argsort(-self.targets, kind="stable")[:WORST] if self.targets[i]]
        return [(self.paths[i], int(self.targets[i])) for i in order]


def evaluate_contrast(fitted: Fitted, *, data: Dataset, **fields: Any) -> ContrastReport:
    """Cut two pieces out of each clip, and find the second one of each by its first one."""
    size = min(_BATCH, len(data))
    compared = functools.partial(_compared, fitted.model, fitted.task, fitted.params, fitted.state)
    pending = [(indices, compared(batch)) for indices, batch in batches(data, size, bucket_lengths(data.lengths))]
    z = np.empty((len(data), *pending[0][1].shape[1:]), np.float32)
    for indices, found in pending:
        z[indices] = np.asarray(found)[: len(indices)]
    z /= np.maximum(np.linalg.norm(z, axis=2, keepdims=True), 1e-20)
    ranks = np.zeros(len(data), np.int64)
    for i, first in enumerate(z[:, 0]):
        alike = z[:, 1] @ first
        ranks[i] = (np.delete(alike, i) >= alike[i]).sum()  # what is no nearer than others has not been found
    return ContrastReport((), ranks, data.paths, data=data, **fields)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _compared(model: Layer, task: Task, params: Params, state: State, batch: Batch) -> Array:
    """Return what is made of two pieces of each clip, ``[batch, 2, features]``."""
    posed = task.posed(jax.random.key(0), batch)
    return jnp.asarray(jax.vmap(lambda x: model.apply(params, state, x)[0])(posed.x), jnp.float32)
