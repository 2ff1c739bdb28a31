"""Classical models beside a network: the same clips, the same figures."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
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
from jaxlisten.evaluate.comparison import Compared, Comparison, settings_text
from jaxlisten.evaluate.embedding import embed
from jaxlisten.evaluate.filters import learned_filters
from jaxlisten.evaluate.scoring import evaluate
from jaxlisten.metrics import adjusted_rand, wilson_interval
from jaxlisten.nn import trunk
from jaxlisten.runs import Fitted

_TIMED = 128
"""Clips whose answers are timed at most."""
_ROUNDS = 3
_MOST_CLUSTERS = 15
_DRAWN = 240
"""Clips that a picture of regions shows at most."""


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
        families: names of `jaxlisten.classical.FAMILIES`; None: all; an empty one leaves the networks to themselves.
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
    fitted = {name: getattr(one, "fitted", one) for name, one in (networks or {}).items()}
    some = np.sort(np.random.default_rng(seed).permutation(len(scored))[:_TIMED])
    parts = _Parts(train, validation, scored, scored.subset(some))
    rows = [_commonest(parts)]
    for name, network in fitted.items():
        rows.append(_network(name, network, parts))
        _tell(rows[-1], progress)
    pooled = [_pooled(cast("Kind", kind), parts) for kind in KINDS if names]
    learned = [
        _embedded("embedding" if len(fitted) == 1 else f"embedding of {name}", network, parts)
        for name, network in fitted.items()
        if names
    ]
    chosen = dict[str, Trained]()
    for name in names:
        for k, heard in enumerate([pooled, *([one] for one in learned)]):
            row, trained = _chosen(FAMILIES[name], heard, parts, seed)
            rows.append(row)
            chosen |= {} if k else {name: trained}
            _tell(row, progress)
    clusters = _clusters([*pooled[:1], *learned], scored, seed)
    return Comparison(
        rows=tuple(sorted(rows, key=lambda row: -row.accuracy)),
        classes=train.classes,
        part="validation" if test is None else "test",
        sizes={"train": len(train), "validation": len(validation)} | ({} if test is None else {"test": len(test)}),
        targets=np.asarray(scored.targets, np.int64),
        clusters=clusters,
        agreement={name: _agreement(found, scored) for name, found in clusters.items()},
        regions=_regions(chosen, pooled, parts, seed) if chosen else (),
        filters={name: found for name, one in fitted.items() if (found := learned_filters(one)) is not None},
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
            kind = "several labels" if part.kind == "labels" else part.kind
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
        parameters=sum(np.size(leaf) for leaf in jax.tree.leaves(fitted.params)),
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


def _clusters(heard: Sequence[_Heard], scored: Dataset, seed: int) -> dict[str, Clusters]:
    """Cluster the clips that were scored, without their classes."""
    if len(scored) < 3:
        return {}
    ks = {k for k in (*range(2, _MOST_CLUSTERS + 1), _present(scored)) if 2 <= k < len(scored)}
    found = {}
    for one in heard:
        deviation = one.scored.std(axis=0)
        rows = (one.scored - one.scored.mean(axis=0)) / np.where(deviation > 1e-6, deviation, np.inf)
        found[one.features] = choose_clusters(rows, sorted(ks), key=jax.random.key(seed))
    return found


def _present(data: Dataset) -> int:
    return len(np.unique(data.targets))


def _agreement(found: Clusters, scored: Dataset) -> float:
    """Compare the classes with as many clusters, or the number nearest to that."""
    nearest = min(range(len(found.ks)), key=lambda i: abs(found.ks[i] - _present(scored)))
    return adjusted_rand(scored.targets, found.found[nearest].labels)


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
