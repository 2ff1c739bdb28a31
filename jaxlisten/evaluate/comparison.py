"""What a comparison of models holds: a row for each, and what it says in a table, a page and JSON."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jaxlisten.classical.clusters import Clusters
from jaxlisten.classical.regions import Regions
from jaxlisten.evaluate.base import aligned, plain, save_as
from jaxlisten.evaluate.filters import Filters


@dataclass(frozen=True, eq=False)
class Compared:
    """One model of a comparison.

    Attributes:
        name: of the network (of front ends beside each other, the front end), or of the family of classifiers.
        features: what it hears of a clip: "waveform", "MFCC" or "log-mel" (pooled over time, as `jaxlisten.classical`
            describes), "embedding" (what a network makes of the clip before it decides), or "nothing".
        settings: what was chosen for it on the validation clips.
        tried: how many settings it was chosen from.
        predictions: the class of each clip that was scored, ``[n]``.
        accuracy: on these clips, from 0 to 1.
        low, high: its 95 % interval, if the clips are independent.
        validation_accuracy: on the validation clips.
        train_seconds: to describe the clips, to try all settings and to score them on the validation clips; of a
            network, its epochs without compiling. Of what begins with an embedding, without training that network.
        clip_seconds: from the samples of a clip in memory to its class, in batches, compiled before, median of three.
        bytes: of its weights, or of what is pickled of it; with an embedding, with the weights that this takes.
        parameters: numbers that a network has learned; None: it is none.
    """

    name: str
    features: str
    settings: Mapping[str, Any]
    tried: int
    predictions: NDArray[np.int64]
    accuracy: float
    low: float
    high: float
    validation_accuracy: float
    train_seconds: float
    clip_seconds: float
    bytes: int
    parameters: int | None = None

    @property
    def is_network(self) -> bool:
        """Whether it is a network, from waveform to class."""
        return self.features == "waveform"

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the predictions as plain JSON values."""
        return {name: plain(value) for name, value in vars(self).items() if name != "predictions"}


@dataclass(frozen=True, eq=False)
class Comparison:
    """Models that were trained, chosen and scored on the same clips.

    Attributes:
        rows: the models, the highest accuracy first.
        classes: the names of the classes.
        part: what was scored: "test"; or "validation" where there are no test clips, so that the accuracies are those
            of the clips that settings were chosen by, and too good.
        sizes: clips of each part, by name.
        targets: the classes of the clips that were scored, ``[n]``.
        clusters: what k-means makes of the clips that were scored, by what it hears of them.
        agreement: how far as many clusters as there are classes agree with them, by the same names; see
            `jaxlisten.metrics.adjusted_rand`.
        regions: what each classical classifier answers all over a plane of two features.
        filters: what each network that hears samples has learned to hear them with, by its name.
        title: the heading.
        about: what was compared, such as ``{"data": "speech", "seed": 0}``.
    """

    rows: tuple[Compared, ...]
    classes: tuple[str, ...]
    part: str
    sizes: dict[str, int]
    targets: NDArray[np.int64]
    clusters: dict[str, Clusters] = field(default_factory=dict)
    agreement: dict[str, float] = field(default_factory=dict)
    regions: tuple[Regions, ...] = ()
    filters: dict[str, Filters] = field(default_factory=dict)
    title: str = ""
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """The number of clips that were scored."""
        return len(self.targets)

    @property
    def headline(self) -> str:
        """The best model and the best network in one line."""
        found = {"best": self.rows[0], "network": next((row for row in self.rows if row.is_network), None)}
        told = [
            f"{what} {row.name} ({row.features}) {row.accuracy:.1%} ({row.low:.1%} to {row.high:.1%})"
            for what, row in found.items()
            if row is not None
        ]
        return f"{'; '.join(dict.fromkeys(told))}; {self.n} {self.part} clips"

    def table(self) -> list[list[str]]:
        """Return the table as text: a row of headings, then a row for each model."""
        head = ["model", "hears", "settings", "validation", self.part, "95 % interval", "training", "a clip"]
        return [[*head, "size", "weights"], *map(_cells, self.rows)]

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain JSON values."""
        return {
            "title": self.title,
            "part": self.part,
            "n": self.n,
            "clips": dict(self.sizes),
            "classes": list(self.classes),
            "models": [row.to_dict() for row in self.rows],
            "clusters": {
                name: found.to_dict() | {"agreement": plain(self.agreement.get(name))}
                for name, found in self.clusters.items()
            },
            "regions": [
                {"classifier": found.title, "features": list(found.names), "accuracy": found.accuracy}
                for found in self.regions
            ],
            "about": plain(self.about),
        }

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the comparison to one file: a page that works offline, or `to_dict`.

        Args:
            path: ends in ``.html`` or ``.json``; its folder must exist.

        Raises:
            InputError: the name has another ending, or the file can't be written.
        """
        from jaxlisten.evaluate.page.compare import render_comparison

        save_as(path, lambda: render_comparison(self), self.to_dict)

    def __repr__(self) -> str:
        return f"Comparison({self.headline})"

    def __str__(self) -> str:
        return "\n".join(aligned(self.table()))


def settings_text(settings: Mapping[str, Any]) -> str:
    """Say settings in a few words: "C 10, gamma 0.3"."""
    return ", ".join(f"{name} {value if value is not None else 'any'}" for name, value in settings.items()) or "-"


def size_text(size: int) -> str:
    """Say a number of bytes with three digits or less."""
    for unit, scale in (("MB", 1e6), ("kB", 1e3)):
        if size >= scale:
            return f"{size / scale:.3g} {unit}" if size < 1000 * scale else f"{size / scale:.0f} {unit}"
    return f"{size} B"


def _cells(row: Compared) -> list[str]:
    return [
        row.name,
        row.features,
        settings_text(row.settings),
        f"{row.validation_accuracy:.1%}",
        f"{row.accuracy:.1%}",
        f"{100 * row.low:.1f} to {100 * row.high:.1f} %",
        f"{row.train_seconds:.1f} s",
        f"{1000 * row.clip_seconds:.2f} ms",
        size_text(row.bytes),
        "-" if row.parameters is None else f"{row.parameters:,}",
    ]
