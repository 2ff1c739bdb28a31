"""Anomaly detection: what is normal, how strange each clip is, and the report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jaxlisten import metrics
from jaxlisten.data import NORMAL, Dataset
from jaxlisten.detect import AnomalyRule, anomaly_rule
from jaxlisten.errors import InputError
from jaxlisten.evaluate.base import WORST, BaseReport
from jaxlisten.evaluate.embedding import embed
from jaxlisten.nn import Novelty, Serial
from jaxlisten.runs import Fitted

_LEAST_VARIANCE = 0.02
"""Added to the variances of descriptions, whose numbers are of about unit size: few clips know little of theirs."""
SCORES = ("error", "novelty")
"""What a model says of a clip, in this order; anomalies are told by the last one."""


class Strange(NamedTuple):
    """A clip, and how strange it is.

    Attributes:
        path: the clip.
        truth: the name of its class.
        normal: whether that class is normal.
        score: its novelty.
        index: its place in the report, and in its `data`.
    """

    path: str
    truth: str
    normal: bool
    score: float
    index: int


@dataclass(frozen=True, eq=False, repr=False)
class AnomalyReport(BaseReport):
    """How strange each clip is to a listener that knows normal ones. All figures follow from the fields.

    Attributes:
        classes: the names of the clips' classes.
        targets: ``[n]``, their indices.
        scores: ``[n, 2]``, the mean error and the novelty.
        paths: ``[n]``, a name for each clip.
        normal: the classes that are normal.
        threshold: the novelty from which a clip is an anomaly.

    See `jaxlisten.evaluate.base.BaseReport` for the other fields, which are given by name.

    Raises:
        InputError: the shapes don't belong together, or a score is not finite.

    Example:
        >>> report = AnomalyReport(("hum", "rattle"), [0, 1], [[0.1, 1.0], [0.1, 9.0]], ("a", "b"), ("hum",), 2.0)
        >>> report.auc, report.found, report.false_alarms
        (1.0, 1.0, 0.0)
    """

    classes: tuple[str, ...]
    targets: NDArray[np.int64]
    scores: NDArray[np.float64]
    paths: tuple[str, ...]
    normal: tuple[str, ...]
    threshold: float

    def __post_init__(self) -> None:
        super().__post_init__()
        self._set(targets=np.asarray(self.targets, np.int64), scores=np.asarray(self.scores, np.float64))
        shapes = self.targets.shape, self.scores.shape
        if shapes != ((self.n,), (self.n, len(SCORES))) or not np.isfinite(self.scores).all():
            raise InputError(f"AnomalyReport: expected finite scores [{self.n}, 2] and {self.n} targets, got {shapes}")
        if not 0 <= self.targets.min() <= self.targets.max() < len(self.classes):
            raise InputError(f"AnomalyReport: expected targets from 0 to {len(self.classes) - 1}")

    @cached_property
    def anomalous(self) -> NDArray[np.bool_]:
        """Which clips are not of a normal class, ``[n]``."""
        usual = [k for k, name in enumerate(self.classes) if name in self.normal]
        return ~np.isin(self.targets, usual)

    @property
    def novelty(self) -> NDArray[np.float64]:
        """How strange each clip is, ``[n]``; that of the normal clips of the training was 1 on average."""
        return self.scores[:, 1]

    @cached_property
    def roc(self) -> metrics.Curve:
        """Anomalies found against false alarms, for every threshold."""
        return metrics.roc_curve(self.anomalous, self.novelty)

    @property
    def auc(self) -> float:
        """The area under the ROC curve; NaN where all clips are normal, or none, as the four that follow."""
        return self.roc.area if self._both else math.nan

    @property
    def auc_interval(self) -> tuple[float, float]:
        """The 95 % interval of `auc`; see `jaxlisten.metrics.roc_auc_interval`."""
        return metrics.roc_auc_interval(self.anomalous, self.novelty)

    @property
    def partial_auc(self) -> float:
        """The area up to 10 % false alarms; see `jaxlisten.metrics.partial_roc_auc`."""
        return metrics.partial_roc_auc(self.anomalous, self.novelty)

    @property
    def error_auc(self) -> float:
        """The area where anomalies are told by the mean error of the reconstruction alone."""
        return metrics.roc_curve(self.anomalous, self.scores[:, 0]).area if self._both else math.nan

    @property
    def found(self) -> float:
        """The share of the anomalies that reach the threshold."""
        return _share(self.novelty[self.anomalous] >= self.threshold)

    @property
    def false_alarms(self) -> float:
        """The share of the normal clips that reach the threshold."""
        return _share(self.novelty[~self.anomalous] >= self.threshold)

    @property
    def _both(self) -> bool:
        return bool(self.anomalous.any() and not self.anomalous.all())

    @cached_property
    def per_class(self) -> dict[str, dict[str, float]]:
        """``support``, median ``novelty``, share of ``alarms``, and ``auc`` beside the normal clips, by class."""
        rows = {}
        for k, name in enumerate(self.classes):
            own = self.targets == k
            if not own.any():
                continue
            beside = own | ~self.anomalous
            both = name not in self.normal and bool((~self.anomalous).any())
            rows[name] = {
                "support": int(own.sum()),
                "novelty": float(np.median(self.novelty[own])),
                "alarms": _share(self.novelty[own] >= self.threshold),
                "auc": metrics.roc_curve(own[beside], self.novelty[beside]).area if both else math.nan,
            }
        return rows

    @cached_property
    def mistakes(self) -> list[Strange]:
        """Normal clips above the threshold and anomalies below it, those first that are farthest on the wrong side."""
        wrong = np.flatnonzero((self.novelty >= self.threshold) != self.anomalous)
        distance = np.abs(np.log(np.maximum(self.novelty, 1e-12) / max(self.threshold, 1e-12)))
        return [self._strange(i) for i in wrong[np.argsort(-distance[wrong], kind="stable")].tolist()]

    def _strange(self, i: int) -> Strange:
        truth, normal = self.classes[self.targets[i]], not self.anomalous[i]
        return Strange(self.paths[i], truth, bool(normal), float(self.novelty[i]), i)

    @property
    def headline(self) -> str:
        """The main figures in one line."""
        if not self._both:
            alarms = int((self.novelty >= self.threshold).sum())
            return f"{alarms} of {self.n} clips above the threshold {self.threshold:.3g}"
        return (
            f"AUC {self.auc:.3f}, partial AUC {self.partial_auc:.3f}, {self.found:.1%} of the anomalies found and "
            f"{self.false_alarms:.1%} false alarms at {self.threshold:.3g}, {self.n} clips"
        )

    def _figures(self) -> dict[str, Any]:
        return {
            "auc": self.auc,
            "auc_interval": self.auc_interval,
            "partial_auc": self.partial_auc,
            "error_auc": self.error_auc,
            "threshold": self.threshold,
            "found": self.found,
            "false_alarms": self.false_alarms,
            "classes": self.classes,
            "normal": self.normal,
            "per_class": self.per_class,
            "mistakes": self.mistakes[:WORST],
        }

    def table(self) -> list[list[str]]:
        """Return the main table as text: a row of headings, then a row for each class."""
        rows = [["class", "clips", "novelty", "alarms", "AUC"]]
        for name, row in self.per_class.items():
            shown = "normal" if name in self.normal else _number(row["auc"])
            rows.append([name, str(row["support"]), f"{row['novelty']:.3g}", f"{row['alarms']:.1%}", shown])
        return rows

    def worst_table(self) -> list[list[str]]:
        """Return the mistakes as text, after a row of headings."""
        return [["clip", "class", "novelty"], *([m.path, m.truth, f"{m.score:.3g}"] for m in self.mistakes[:WORST])]


def calibrate(
    fitted: Fitted, train: Dataset, validation: Dataset, *, normal: Sequence[str] = (NORMAL,), quantile: float = 0.95
) -> Fitted:
    """Let a trained autoencoder know what normal clips are like, so that it tells how strange others are.

    The means and the deviations of its `jaxlisten.Description` are taken over the training clips, and the threshold of
    the novelty is one that `quantile` of the validation clips stay below.

    Args:
        fitted: trained by the task "reconstruction" or "denoising", with a model that ends in a `jaxlisten.Novelty`,
            such as `jaxlisten.models.reconstruction`.
        train: the normal clips that it was trained on; what is known of them is not looked at.
        validation: normal clips that it was not trained on.
        normal: what the classes are called that are normal, for `jaxlisten.evaluate`.
        quantile: the share of normal clips that is not to be taken for an anomaly, above 0 and below 1.

    Returns:
        The listener with other state, and with the threshold in ``about["anomaly"]``.

    Raises:
        InputError: the model is another one, there are no clips, or the quantile is out of range.
    """
    model = fitted.model
    if not isinstance(model, Serial) or len(model.layers) < 2 or not isinstance(model.layers[-1], Novelty):
        raise InputError(
            "calibrate: expected a model that ends in a Novelty, such as jl.models.reconstruction, got "
            f"{type(model).__name__}"
        )
    if not 0 < quantile < 1:
        raise InputError(f"calibrate: expected a quantile between 0 and 1, got {quantile}")
    rows = embed(fitted, train, until=model.names[-2])[:, 1:].astype(np.float64)
    usual = {
        "mean": rows.mean(axis=0).astype(np.float32),
        "deviation": np.sqrt(rows.var(axis=0) + _LEAST_VARIANCE).astype(np.float32),
    }
    fitted = replace(fitted, state=fitted.state | {model.names[-1]: usual})
    threshold = float(np.quantile(novelties(fitted, validation)[:, 1], quantile))
    return replace(fitted, about=fitted.about | {"anomaly": AnomalyRule(threshold, tuple(normal)).to_dict()})


def novelties(fitted: Fitted, data: Dataset) -> NDArray[np.float32]:
    """Return the mean error and the novelty of each clip, ``[n, 2]``."""
    model = fitted.model
    assert isinstance(model, Serial)
    return embed(fitted, data, until=model.names[-1])


def evaluate_anomalies(fitted: Fitted, clips: Dataset, **fields: Any) -> AnomalyReport:
    """Let a calibrated listener hear clips, and compare how strange they are with what they are.

    Args:
        fitted: the listener.
        clips: at its sample rate, of classes some of which are normal, or without labels: taken for normal.
        **fields: those of `AnomalyReport`.

    Raises:
        InputError: the clips have targets of another kind.
    """
    threshold, normal = anomaly_rule(fitted.about)
    if clips.kind not in ("class", "none"):
        raise InputError(f"evaluate: expected a class for each clip, some of them normal, got {clips.kind}")
    classes, targets = (
        (clips.classes, clips.targets) if clips.kind == "class" else (normal[:1], np.zeros(len(clips), int))
    )
    return AnomalyReport(
        classes, targets, novelties(fitted, clips).astype(np.float64), clips.paths, normal, threshold, **fields
    )


def _share(which: NDArray[np.bool_]) -> float:
    return float(which.mean()) if which.size else math.nan


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"
