"""ROC, precision and recall, and thresholds against scikit-learn, ties and missing classes included."""

import math

import numpy as np
import pytest

from jaxlisten import metrics
from jaxlisten.errors import InputError

RNG = np.random.default_rng(0)
TRUTH = RNG.random(300) < 0.3
DETECTION = {
    "ordinary": (TRUTH, RNG.normal(size=300) + TRUTH),
    "many ties": (TRUTH, RNG.integers(0, 5, 300) + TRUTH),
    "all one score": (TRUTH, np.ones(300)),
    "perfect": (TRUTH, TRUTH.astype(float)),
    "upside down": (TRUTH, -TRUTH.astype(float)),
    "two items": ([0, 1], [0.5, 0.5]),
    "three items": ([1, 0, 1], [0.1, 0.2, 0.3]),
}
SCORES = RNG.dirichlet(np.ones(4), 200)
INDICES = RNG.integers(0, 4, 200)
LABELS = (RNG.random((200, 4)) < [0.1, 0.5, 0.3, 0.8]).astype(np.int8)


@pytest.fixture(params=DETECTION.values(), ids=list(DETECTION))
def detection(request):
    return request.param


def test_the_roc_curve_equals_scikit_learn(detection):
    from sklearn.metrics import roc_auc_score, roc_curve

    ours = metrics.roc_curve(*detection)
    for got, expected in zip(ours, roc_curve(*detection), strict=False):
        np.testing.assert_allclose(got, expected, rtol=1e-12)
    assert ours.area == pytest.approx(roc_auc_score(*detection), rel=1e-12)


def test_precision_and_recall_equal_scikit_learn(detection):
    from sklearn.metrics import average_precision_score, precision_recall_curve

    ours = metrics.precision_recall_curve(*detection)
    precision, recall, thresholds = precision_recall_curve(*detection, drop_intermediate=True)
    np.testing.assert_allclose(ours.x, recall[::-1], rtol=1e-12)
    np.testing.assert_allclose(ours.y, precision[::-1], rtol=1e-12)
    np.testing.assert_allclose(ours.thresholds[1:], thresholds[::-1], rtol=1e-12)
    assert ours.thresholds[0] == math.inf
    assert ours.area == pytest.approx(average_precision_score(*detection), rel=1e-12)


@pytest.mark.parametrize("average", ["macro", "weighted", "micro", None])
@pytest.mark.parametrize("targets", [INDICES, LABELS], ids=["classes", "labels"])
def test_averages_over_classes_equal_scikit_learn(targets, average):
    from sklearn.metrics import average_precision_score, roc_auc_score

    auc = metrics.roc_auc(targets, SCORES, average=average)
    np.testing.assert_allclose(auc, roc_auc_score(targets, SCORES, average=average, multi_class="ovr"), rtol=1e-12)
    precision = metrics.average_precision(targets, SCORES, average=average)
    np.testing.assert_allclose(precision, average_precision_score(targets, SCORES, average=average), rtol=1e-12)


def test_a_class_that_does_not_occur_is_left_out_of_the_means():
    targets = np.minimum(INDICES, 2)
    each = metrics.roc_auc(targets, SCORES, average=None)
    assert np.isnan(each).tolist() == [False, False, False, True]
    assert metrics.roc_auc(targets, SCORES) == pytest.approx(each[:3].mean())
    weights = np.bincount(targets)
    assert metrics.roc_auc(targets, SCORES, average="weighted") == pytest.approx(np.average(each[:3], weights=weights))
    each = metrics.average_precision(targets, SCORES, average=None)
    assert metrics.average_precision(targets, SCORES) == pytest.approx(each[:3].mean())
    assert math.isnan(metrics.roc_auc([0, 0], SCORES[:2]))
    assert math.isnan(metrics.average_precision([0, 0], [0.1, 0.2]))


def test_the_threshold_is_the_smallest_that_keeps_to_the_wanted_rate(detection):
    truth, scores = np.asarray(detection[0], bool), np.asarray(detection[1], float)
    for wanted in (0, 0.01, 0.1, 0.5, 0.99, 1):
        found = metrics.threshold_for(truth, scores, false_alarm_rate=wanted)
        rates = {t: (scores[~truth] >= t).mean() for t in [*np.unique(scores), math.inf]}
        assert found.threshold == min(t for t, rate in rates.items() if rate <= wanted)
        assert found.false_alarm_rate == rates[found.threshold]
        assert found.hit_rate == (scores[truth] >= found.threshold).mean()


def test_the_best_f1_is_found_by_trying_every_threshold(detection):
    from sklearn.metrics import f1_score

    truth, scores = detection
    tried = {t: f1_score(truth, scores >= t) for t in np.unique(scores)}
    threshold, f1 = metrics.best_f1(truth, scores)
    assert f1 == pytest.approx(max(tried.values()))
    assert tried[threshold] == pytest.approx(f1)
    assert all(math.isnan(value) for value in metrics.best_f1([0, 0], [0.1, 0.2]))


@pytest.mark.parametrize(
    ("figure", "arguments", "message"),
    [
        (metrics.roc_curve, ([], []), "at least one item"),
        (metrics.roc_curve, ([0, 1], [0.1]), "roc_curve: expected targets"),
        (metrics.roc_curve, ([0, 2], [0.1, 0.2]), "0 and 1"),
        (metrics.precision_recall_curve, ([0, 1], [0.1, np.nan]), "finite scores"),
        (metrics.roc_auc, ([0, 4], SCORES[:2]), "class indices from 0 to 3, got 0 to 4"),
        (metrics.roc_auc, ([0.0, 1.0], SCORES[:2]), "integers"),
        (metrics.roc_auc, (LABELS[:, :3], SCORES), "average_precision|roc_auc"),
        (metrics.average_precision, ([0, 1], SCORES[:3]), "average_precision: expected"),
    ],
)
def test_what_is_no_detection_is_refused(figure, arguments, message):
    with pytest.raises(InputError, match=message):
        figure(*arguments)


def test_settings_out_of_range_are_refused():
    with pytest.raises(InputError, match="'macro', 'weighted', 'micro' or None, got 'mean'"):
        metrics.roc_auc(INDICES, SCORES, average="mean")
    with pytest.raises(InputError, match="from 0 to 1, got 1.5"):
        metrics.threshold_for([0, 1], [0.1, 0.2], false_alarm_rate=1.5)
    with pytest.raises(InputError, match="at least one negative item"):
        metrics.threshold_for([1, 1], [0.1, 0.2], false_alarm_rate=0.1)


def test_partial_area_equals_scikit_learn_and_the_interval_covers_it():
    sklearn = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(3)
    for ties in (False, True):
        truth = rng.uniform(size=200) < 0.3
        scores = rng.standard_normal(200) + truth
        scores = scores.round(1) if ties else scores
        for most in (0.05, 0.1, 0.5, 1.0):
            want = sklearn.roc_auc_score(truth, scores, max_fpr=most)
            assert metrics.partial_roc_auc(truth, scores, most_false_alarms=most) == pytest.approx(want, abs=1e-12)
        low, high = metrics.roc_auc_interval(truth, scores)
        assert low < sklearn.roc_auc_score(truth, scores) < high
    with pytest.raises(InputError, match="most_false_alarms above 0"):
        metrics.partial_roc_auc([0, 1], [0.1, 0.2], most_false_alarms=0.0)
    assert np.isnan(metrics.partial_roc_auc([1, 1], [0.1, 0.2]))
    assert np.isnan(metrics.roc_auc_interval([0, 1], [0.1, 0.2])).all()


def test_the_interval_of_an_area_has_the_spread_that_samples_have():
    rng = np.random.default_rng(0)
    truth = np.arange(80) < 40
    areas, widths = [], []
    for _ in range(300):
        scores = rng.standard_normal(80) + truth
        areas.append(metrics.roc_auc(truth, scores))
        widths.append(np.subtract(*metrics.roc_auc_interval(truth, scores)[::-1]))
    assert np.mean(widths) == pytest.approx(2 * 1.96 * np.std(areas), rel=0.1)
