"""Classical classifiers and the settings that they are tried with.

All but `Neighbours` are scikit-learn's (``pip install 'jaxlisten[compare]'``), with its defaults where nothing else is
said in the grids below.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jaxlisten.classical.distances import rows
from jaxlisten.classical.neighbours import Neighbours
from jaxlisten.errors import InputError

Settings = Mapping[str, Any]


class Classifier(Protocol):
    """What has learned to tell classes apart."""

    def predict(self, x: Any, /) -> Any:
        """Return the class of each row of ``x [n, features]``, integers ``[n]``."""
        ...


class Family(NamedTuple):
    """A kind of classifier.

    Attributes:
        title: what it is called.
        grid: the settings that are tried, the simplest first: of equally good ones the first is taken.
        learn: makes a classifier of settings, rows ``[n, features]`` that are standardized, their classes ``[n]`` and a
            seed.
        most: rows that it learns from at most: of more, so many are drawn at random. None: all.
    """

    title: str
    grid: tuple[Settings, ...]
    learn: Callable[[Settings, NDArray[np.float32], NDArray[np.int64], int], Classifier]
    most: int | None = None


@dataclass(frozen=True, eq=False)
class Trained:
    """A classifier with the standardization that belongs to it.

    Attributes:
        classifier: what was learned.
        mean, deviation: of each feature of the training rows, ``[features]``.
        settings: what it was made with.
        rows: how many rows it has learned from.
    """

    classifier: Classifier
    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]
    settings: Settings = field(default_factory=dict)
    rows: int = 0

    def predict(self, x: ArrayLike) -> NDArray[np.int64]:
        """Return the class of each row of ``x [n, features]``."""
        with _one_thread():
            return np.asarray(self.classifier.predict(self.standardized(x)), np.int64)

    def standardized(self, x: ArrayLike) -> NDArray[np.float32]:
        """Bring features to mean 0 and deviation 1, as those of the training rows are."""
        return ((np.asarray(x, np.float32) - self.mean) / self.deviation).astype(np.float32)

    @property
    def bytes(self) -> int:
        """How large it is when it is stored: pickled, with protocol 5."""
        import pickle

        return len(pickle.dumps((self.classifier, self.mean, self.deviation), protocol=5))


def train(family: Family, settings: Settings, x: ArrayLike, targets: ArrayLike, *, seed: int = 0) -> Trained:
    """Train one classifier. Features are standardized with the statistics of these rows; a constant one becomes 0.

    Args:
        family: one of `FAMILIES`.
        settings: one of its grid.
        x: ``[n, features]``.
        targets: the class of each, integers ``[n]``.
        seed: decides whatever is random.

    Raises:
        InputError: the shapes don't belong together, there is one class only, or scikit-learn is missing.

    Example:
        >>> found = train(FAMILIES["knn"], {"k": 1, "metric": "euclidean"}, [[0.0], [1.0], [5.0]], [0, 0, 1])
        >>> found.predict([[4.0]]).tolist()
        [1]
    """
    values, classes = rows(f"train {family.title}", x).astype(np.float32), np.asarray(targets)
    if classes.shape != (len(values),) or classes.dtype.kind not in "iu":
        raise InputError(
            f"train: expected targets, class indices [{len(values)}], got {classes.dtype} {list(classes.shape)}"
        )
    if len(np.unique(classes)) < 2:
        raise InputError("train: expected rows of two classes or more, got one: there is nothing to tell apart")
    if family.most is not None and len(values) > family.most:
        chosen = np.sort(np.random.default_rng(seed).permutation(len(values))[: family.most])
        values, classes = values[chosen], classes[chosen]
    mean, deviation = values.mean(axis=0), values.std(axis=0)
    # A feature that hardly varies carries rounding only.
    known = deviation > 1e-6 * np.maximum(np.abs(mean), 1e-6)
    made = Trained(Constant(0), mean, np.where(known, deviation, np.inf).astype(np.float32), settings, len(values))
    with warnings.catch_warnings(), _one_thread():
        warnings.simplefilter("ignore")  # of settings that don't converge; the validation clips judge them
        classifier = family.learn(settings, made.standardized(values), classes.astype(np.int64), seed)
    return Trained(classifier, made.mean, made.deviation, settings, len(values))


@dataclass(frozen=True)
class Constant:
    """A classifier that always gives one answer.

    Attributes:
        answer: the index of its class.
    """

    answer: int

    def predict(self, x: NDArray[np.float32]) -> NDArray[np.int64]:
        return np.full(len(x), self.answer, np.int64)


@dataclass(frozen=True, eq=False)
class Mixtures:
    """A Gaussian mixture for each class: the answer is the class under which a row is most likely.

    Attributes:
        classes: the indices of the classes that there were rows of, ``[classes]``.
        mixtures: scikit-learn's, one for each.
        log_shares: the logarithm of each class's share of the rows.
    """

    classes: NDArray[np.int64]
    mixtures: tuple[Any, ...]
    log_shares: NDArray[np.float64]

    def predict(self, x: NDArray[np.float32]) -> NDArray[np.int64]:
        likely = np.stack([mixture.score_samples(x) for mixture in self.mixtures], axis=1)
        return self.classes[(likely + self.log_shares).argmax(axis=1)]


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Keep products of matrices to one thread: of so small ones several wait for each other, on a busy machine for
    seconds."""
    if find_spec("threadpoolctl") is None:  # it comes with scikit-learn
        yield
        return
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield


def check_scikit_learn() -> None:
    """Refuse to compare where scikit-learn is missing.

    Raises:
        InputError: it is.
    """
    if find_spec("sklearn") is None:
        raise InputError(
            "the classical models are those of scikit-learn, which is not installed: pip install 'jaxlisten[compare]'"
        )


def _knn(settings: Settings, x: NDArray[np.float32], y: NDArray[np.int64], seed: int) -> Classifier:
    return Neighbours(x, y, min(settings["k"], len(x)), settings["metric"])


def _mixtures(settings: Settings, x: NDArray[np.float32], y: NDArray[np.int64], seed: int) -> Classifier:
    check_scikit_learn()
    from sklearn.mixture import GaussianMixture

    classes, counts = np.unique(y, return_counts=True)
    mixtures = []
    for name, count in zip(classes, counts, strict=True):
        mine = x[y == name] if count > 1 else np.repeat(x[y == name], 2, axis=0)
        components = min(settings["components"], max(1, count // 4))
        made = GaussianMixture(components, covariance_type="diag", reg_covar=_LEAST_VARIANCE, random_state=seed)
        mixtures.append(made.fit(mine.astype(np.float64)))
    return Mixtures(classes, tuple(mixtures), np.log(counts / len(y)))


_LEAST_VARIANCE = 0.05
"""Added to the variances of a mixture, whose features have the variance 1: few clips say too little of theirs."""


def _logistic(settings: Settings, x: NDArray[np.float32], y: NDArray[np.int64], seed: int) -> Classifier:
    check_scikit_learn()
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=settings["C"], max_iter=300).fit(x, y)


def _linear_svm(settings: Settings, x: NDArray[np.float32], y: NDArray[np.int64], seed: int) -> Classifier:
    check_scikit_learn()
    from sklearn.svm import LinearSVC

    return LinearSVC(C=settings["C"], max_iter=2000, random_state=seed).fit(x, y)


def _rbf_svm(settings: Settings, x: NDArray[np.float32], y: NDArray[np.int64], seed: int) -> Classifier:
    check_scikit_learn()
    from sklearn.svm import SVC

    return SVC(C=settings["C"], gamma=settings["gamma"] / x.shape[1]).fit(x, y)


def _tree(settings: Settings, x: NDArray[np.float32], y: NDArray[np.int64], seed: int) -> Classifier:
    check_scikit_learn()
    from sklearn.tree import DecisionTreeClassifier

    return DecisionTreeClassifier(max_depth=settings["depth"], random_state=seed).fit(x, y)


def _forest(settings: Settings, x: NDArray[np.float32], y: NDArray[np.int64], seed: int) -> Classifier:
    check_scikit_learn()
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(settings["trees"], max_depth=settings["depth"], random_state=seed)
    return forest.fit(x, y)


def _grid(**values: tuple[Any, ...]) -> tuple[Settings, ...]:
    """Return every combination, the last name varying fastest."""
    found: list[dict[str, Any]] = [{}]
    for name, each in values.items():
        found = [one | {name: value} for one in found for value in each]
    return tuple(found)


FAMILIES: dict[str, Family] = {
    "knn": Family("k nearest neighbours", _grid(metric=("euclidean", "manhattan", "cosine"), k=(1, 3, 5, 9, 15)), _knn),
    "gmm": Family("Gaussian mixtures", _grid(components=(1, 2, 4)), _mixtures),
    "logistic": Family("logistic regression", _grid(C=(0.001, 0.01, 0.1, 1.0)), _logistic),
    "linear_svm": Family("linear SVM", _grid(C=(0.0001, 0.001, 0.01, 0.1)), _linear_svm),
    "rbf_svm": Family("RBF SVM", _grid(C=(1.0, 10.0, 100.0), gamma=(0.1, 0.3, 1.0, 3.0)), _rbf_svm, most=10_000),
    "tree": Family("decision tree", _grid(depth=(4, 8, 16, None)), _tree),
    "forest": Family("random forest", _grid(trees=(200,), depth=(8, 16, None)), _forest),
}
"""The classical classifiers by name. `gamma` is that of scikit-learn times the number of features; a depth of None has
no end."""
