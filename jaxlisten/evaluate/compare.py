"""Classical models beside a network: the same clips, the same figures."""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

import jax
import numpy as np
from numpy.typing import NDArray

from jaxlisten.classical.clusters import Clusters, choose_clusters
from jaxlisten.classical.describe import KINDS, Kind, describe
from jaxlisten.classical.families import FAMILIES, Constant, Family, Trained, check_scikit_learn
from jaxlisten.classical.families import train as learn
from jaxlisten.classical.regions import Regions, regions, two_features
from jaxlisten.data import Dataset
from jaxlisten.errors import InputError
from jaxlisten.evaluate.base import aligned, plain, save_as
from jaxlisten.evaluate.embedding import embed
from jaxlisten.evaluate.scoring import evaluate
from jaxlisten.metrics import adjusted_rand, wilson_interval
from jaxlisten.nn import trunk
from jaxlisten.runs import Fitted

_TIMED = 128
"""Clips whose answers are timed at most."""
_ROUNDS = 3
_DRAWN = 240
"""Clips that a picture of regions shows at most."""


@dataclass(frozen=True, eq=False)
class Compared:
    """One model of a comparison.

    Attributes:
        name: of the network, or of the family of classifiers.
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
        agreement: how far its clusters of the highest silhouette agree with the classes, by the same names; see
            `jaxlisten.metrics.adjusted_rand`.
        regions: what each classical classifier answers all over a plane of two features.
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
        head = ["model", "hears", "settings", "validation", self.part, "95 % interval", "training", "a clip", "size"]
        return [head, *map(_cells, self.rows)]

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
    ]


class _Heard(NamedTuple):
    """The clips of a comparison as some features.

    Attributes:
        features: what they are called.
        train, validation, scored: the rows of each part, ``[n, features]``.
        seconds: how long it took to make those of the first two.
        clip_seconds: how long it takes for a clip.
        timed: the rows of the clips that answers are timed on.
        weights: bytes of what makes them.
        names: of each feature; of an embedding there are none.
    """

    features: str
    train: NDArray[np.float32]
    validation: NDArray[np.float32]
    scored: NDArray[np.float32]
    seconds: float
    clip_seconds: float
    timed: NDArray[np.float32]
    weights: int = 0
    names: tuple[str, ...] = ()


class _Parts(NamedTuple):
    train: Dataset
    validation: Dataset
    scored: Dataset
    timed: Dataset


def compare(
    train: Dataset,
    validation: Dataset,
    test: Dataset | None = None,
    *,
    networks: Mapping[str, Fitted] | None = None,
    families: Sequence[str] | None = None,
    seed: int = 0,
    title: str = "",
    about: Any = None,
    progress: bool = True,
) -> Comparison:
    """Train classical models, and set them beside networks that are trained already.

    Each family of classifiers is trained on pooled MFCC and pooled log-mel features (`jaxlisten.classical.describe`),
    with every setting of its grid; the features and the setting that are best on the validation clips are kept, and
    scored once on the test clips. The same is done with what each network makes of the clips before it decides
    (`jaxlisten.embed`). Features are standardized with the statistics of the training clips. Everything learns from the
    training clips alone.

    Args:
        train: the clips to learn from, one class each.
        validation: the clips to choose settings by.
        test: the clips to score; None: those of validation, which flatters everything that was chosen by them.
        networks: trained listeners of the same classes, by name.
        families: names of `jaxlisten.classical.FAMILIES`; None: all.
        seed: decides whatever is random.
        title, about: of the comparison.
        progress: tell of each model on standard error.

    Raises:
        InputError: clips have several labels or numbers, the parts don't belong together, there is one class only to
            learn, a family is unknown, or scikit-learn is missing.

    Example:
        Everything beside a network::

            comparison = jl.compare(train, val, test, networks={"network": fitted})
            print(comparison)
            comparison.save("compare.html")
    """
    scored = validation if test is None else test
    names = tuple(FAMILIES) if families is None else tuple(families)
    _check(train, validation, scored, names)
    say: Callable[[str], None] = (
        (lambda text: print(text, file=sys.stderr, flush=True)) if progress else (lambda _: None)
    )
    fitted = {name: getattr(one, "fitted", one) for name, one in (networks or {}).items()}
    some = np.sort(np.random.default_rng(seed).permutation(len(scored))[:_TIMED])
    parts = _Parts(train, validation, scored, scored.subset(some))
    rows = [_commonest(parts)]
    for name, network in fitted.items():
        rows.append(_network(name, network, parts))
        _tell(rows[-1], progress)
    pooled = [_pooled(cast("Kind", kind), parts) for kind in KINDS]
    learned = [
        _embedded("embedding" if len(fitted) == 1 else f"embedding of {name}", network, parts)
        for name, network in fitted.items()
    ]
    chosen = dict[str, Trained]()
    for name in names:
        for k, heard in enumerate([pooled, *([one] for one in learned)]):
            row, trained = _chosen(FAMILIES[name], heard, parts, seed)
            rows.append(row)
            chosen |= {} if k else {name: trained}
            _tell(row, progress)
    clusters = _clusters([pooled[0], *learned], seed)
    return Comparison(
        rows=tuple(sorted(rows, key=lambda row: -row.accuracy)),
        classes=train.classes,
        part="validation" if test is None else "test",
        sizes={"train": len(train), "validation": len(validation)} | ({} if test is None else {"test": len(test)}),
        targets=np.asarray(scored.targets, np.int64),
        clusters=clusters,
        agreement={name: adjusted_rand(scored.targets, found.best.labels) for name, found in clusters.items()},
        regions=_regions(chosen, pooled, parts, seed),
        title=title,
        about=dict(about or {}) | {"seed": seed},
    )


def _tell(row: Compared, shown: bool) -> None:
    if shown:
        told = f"validation {row.validation_accuracy:.1%}, {settings_text(row.settings)}, {row.train_seconds:.1f} s"
        print(f"{row.name} ({row.features}): {told}", file=sys.stderr, flush=True)


def _check(train: Dataset, validation: Dataset, scored: Dataset, names: Iterable[str]) -> None:
    for what, part in (("train", train), ("validation", validation), ("test", scored)):
        if part.kind != "class":
            kind = "several labels" if part.kind == "labels" else "numbers"
            raise InputError(
                f"compare: expected one class a clip, got {kind} as targets in {what}: classical models are compared "
                "on classes only"
            )
        if not len(part):
            raise InputError(f"compare: expected at least one clip in {what}, got none")
        if (part.sr, part.classes) != (train.sr, train.classes):
            raise InputError(f"compare: expected parts of one data set, got another rate or other classes in {what}")
    if len(np.unique(train.targets)) < 2:
        raise InputError("compare: expected training clips of two classes or more, got one: nothing to tell apart")
    unknown = [name for name in names if name not in FAMILIES]
    if unknown:
        raise InputError(f"compare: expected families of {', '.join(FAMILIES)}, got {unknown[0]!r}")
    if set(names) - {"knn"}:
        check_scikit_learn()


def _compared(name: str, features: str, predictions: NDArray[np.int64], parts: _Parts, **more: Any) -> Compared:
    right = predictions == parts.scored.targets
    low, high = wilson_interval(int(right.sum()), len(right))
    return Compared(
        name=name, features=features, predictions=predictions, accuracy=float(right.mean()), low=low, high=high, **more
    )


def _commonest(parts: _Parts) -> Compared:
    """Return what always gives the most common class of the training clips."""
    answer = Constant(int(np.bincount(parts.train.targets).argmax()))
    nothing = np.empty((len(parts.scored), 0), np.float32)
    return _compared(
        "most common class",
        "nothing",
        answer.predict(nothing),
        parts,
        settings={},
        tried=1,
        validation_accuracy=float((parts.validation.targets == answer.answer).mean()),
        train_seconds=0.0,
        clip_seconds=0.0,
        bytes=8,
    )


def _network(name: str, fitted: Fitted, parts: _Parts) -> Compared:
    if fitted.classes != parts.train.classes:
        raise InputError(
            f"compare: expected a network of the classes {', '.join(parts.train.classes)}, "
            f"got one of {', '.join(fitted.classes)}"
        )
    validation, report = evaluate(fitted, parts.validation), evaluate(fitted, parts.scored)
    return _compared(
        name,
        "waveform",
        report.predictions,
        parts,
        settings={} if fitted.best_epoch is None else {"epoch": fitted.best_epoch},
        tried=max(1, len(fitted.history)),
        validation_accuracy=validation.accuracy,
        train_seconds=float(sum(row.get("seconds", 0.0) for row in fitted.history)),
        clip_seconds=_timed(lambda: evaluate(fitted, parts.timed)) / len(parts.timed),
        bytes=_weights(fitted.params, fitted.state),
    )


def _weights(*trees: Any) -> int:
    return sum(np.asarray(leaf).nbytes for leaf in jax.tree.leaves(trees))


def _timed(work: Callable[[], Any]) -> float:
    """Return the median of the seconds that it takes, after once to compile."""
    times = []
    for _ in range(1 + _ROUNDS):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return statistics.median(times[1:])


def _pooled(kind: Kind, parts: _Parts) -> _Heard:
    names = describe(parts.timed, kind).names
    return _heard(KINDS[kind], lambda data: describe(data, kind).values, parts)._replace(names=names)


def _embedded(features: str, fitted: Fitted, parts: _Parts) -> _Heard:
    kept = trunk(fitted.model, fitted.params, fitted.state)
    heard = _heard(features, lambda data: embed(fitted, data), parts)
    return heard._replace(weights=_weights(kept.params, kept.state))


def _heard(features: str, hear: Callable[[Dataset], NDArray[np.float32]], parts: _Parts) -> _Heard:
    begin = time.perf_counter()
    train, validation = hear(parts.train), hear(parts.validation)
    took = time.perf_counter() - begin
    return _Heard(
        features=features,
        train=train,
        validation=validation,
        scored=validation if parts.scored is parts.validation else hear(parts.scored),
        seconds=took,
        clip_seconds=_timed(lambda: hear(parts.timed)) / len(parts.timed),
        timed=hear(parts.timed),
    )


def _chosen(family: Family, heard: Sequence[_Heard], parts: _Parts, seed: int) -> tuple[Compared, Trained]:
    """Train with every setting on all kinds of features, and score what is best on the validation clips."""
    begin, right, best, which = time.perf_counter(), -1.0, None, heard[0]
    for settings in family.grid:
        for one in heard:
            trained = learn(family, settings, one.train, parts.train.targets, seed=seed)
            accuracy = float((trained.predict(one.validation) == parts.validation.targets).mean())
            if accuracy > right:
                right, best, which = accuracy, trained, one
    took = time.perf_counter() - begin
    trained, which = cast(Trained, best), cast(_Heard, which)
    answered = _timed(lambda: trained.predict(which.timed)) / len(parts.timed)
    row = _compared(
        family.title,
        which.features,
        trained.predict(which.scored),
        parts,
        settings=trained.settings,
        tried=len(family.grid) * len(heard),
        validation_accuracy=right,
        train_seconds=took + sum(one.seconds for one in heard),
        clip_seconds=which.clip_seconds + answered,
        bytes=trained.bytes + which.weights,
    )
    return row, trained


def _clusters(heard: Sequence[_Heard], seed: int) -> dict[str, Clusters]:
    """Cluster the clips that were scored, without their classes."""
    found = {}
    for one in heard:
        rows = one.scored
        if len(rows) >= 3:
            deviation = rows.std(axis=0)
            rows = (rows - rows.mean(axis=0)) / np.where(deviation > 1e-6, deviation, np.inf)
            found[one.features] = choose_clusters(rows, key=jax.random.key(seed))
    return found


def _regions(chosen: Mapping[str, Trained], pooled: Sequence[_Heard], parts: _Parts, seed: int) -> tuple[Regions, ...]:
    """Train each family, with its settings, on the two features that tell the classes of the training clips apart."""
    learned, scored = (np.concatenate([getattr(one, part) for one in pooled], axis=1) for part in ("train", "scored"))
    names = [name for one in pooled for name in one.names]
    pair = two_features(learned, parts.train.targets)
    drawn = np.sort(np.random.default_rng(seed).permutation(len(scored))[:_DRAWN])
    return tuple(
        regions(
            FAMILIES[name],
            trained.settings,
            learned[:, pair],
            parts.train.targets,
            scored[drawn][:, pair],
            parts.scored.targets[drawn],
            classes=parts.train.classes,
            names=(names[pair[0]], names[pair[1]]),
            seed=seed,
        )
        for name, trained in chosen.items()
    )
