"""Figures of a confusion matrix against scikit-learn and SciPy, degenerate cases included."""

import warnings

import numpy as np
import pytest

from jaxlisten import metrics
from jaxlisten.errors import InputError

CASES = {
    "ordinary": ([0, 1, 2, 2, 1, 0, 0, 3], [0, 2, 2, 2, 1, 0, 1, 3], 4),
    "all right": ([0, 1, 2], [0, 1, 2], 3),
    "all wrong": ([0, 1, 2], [1, 2, 0], 3),
    "one item": ([1], [0], 3),
    "one class": ([0, 0], [0, 0], 1),
    "a class that occurs nowhere": ([0, 0, 2], [0, 2, 2], 4),
    "a class that is only predicted": ([0, 0, 0], [0, 1, 1], 2),
    "a class that is never predicted": ([0, 1, 1], [0, 0, 0], 2),
    "many": (*np.random.default_rng(0).integers(0, 20, (2, 500)), 25),
}


FIGURES = [metrics.accuracy, metrics.averages, metrics.balanced_accuracy, metrics.macro_f1, metrics.per_class]


@pytest.fixture(params=CASES.values(), ids=list(CASES))
def case(request):
    targets, predictions, n_classes = request.param
    return np.array(targets), np.array(predictions), n_classes, metrics.confusion_matrix(*request.param)


def test_confusion_matrix_equals_scikit_learn(case):
    from sklearn.metrics import confusion_matrix

    targets, predictions, n_classes, confusion = case
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns of a single class
        expected = confusion_matrix(targets, predictions, labels=range(n_classes))
    np.testing.assert_array_equal(confusion, expected)
    assert np.issubdtype(confusion.dtype, np.integer)


def test_accuracies_and_macro_f1_equal_scikit_learn(case):
    from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

    targets, predictions, _, confusion = case
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns of classes that are only predicted
        balanced = balanced_accuracy_score(targets, predictions)
    macro = f1_score(targets, predictions, average="macro", zero_division=0)
    np.testing.assert_allclose(metrics.accuracy(confusion), accuracy_score(targets, predictions), rtol=1e-12)
    np.testing.assert_allclose(metrics.balanced_accuracy(confusion), balanced, rtol=1e-12)
    np.testing.assert_allclose(metrics.macro_f1(confusion), macro, rtol=1e-12)


def test_figures_of_each_class_equal_scikit_learn(case):
    from sklearn.metrics import precision_recall_fscore_support

    targets, predictions, n_classes, confusion = case
    expected = precision_recall_fscore_support(targets, predictions, labels=range(n_classes), zero_division=0)
    for ours, theirs in zip(metrics.per_class(confusion), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


@pytest.mark.parametrize("average", ["macro", "micro"])
def test_averages_equal_scikit_learn(case, average):
    from sklearn.metrics import precision_recall_fscore_support

    targets, predictions, _, confusion = case
    expected = precision_recall_fscore_support(targets, predictions, average=average, zero_division=0)[:3]
    ours = metrics.averages(confusion)._asdict()
    got = [ours[f"{average}_{figure}"] for figure in ("precision", "recall", "f1")]
    np.testing.assert_allclose(got, expected, rtol=1e-12)


@pytest.mark.parametrize(("successes", "n"), [(0, 1), (1, 1), (0, 20), (20, 20), (9, 10), (531, 1000)])
@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.99])
def test_wilson_interval_equals_scipy(successes, n, confidence):
    from scipy.stats import binomtest

    expected = binomtest(successes, n).proportion_ci(confidence, method="wilson")
    low, high = metrics.wilson_interval(successes, n, confidence)
    np.testing.assert_allclose((low, high), expected, rtol=1e-9, atol=1e-12)
    assert 0 <= low <= successes / n <= high <= 1


@pytest.mark.parametrize("figure", FIGURES)
def test_figures_of_nothing_are_refused(figure):
    with pytest.raises(InputError, match="at least one item"):
        figure(np.zeros((3, 3), int))
    with pytest.raises(InputError, match="classes, classes"):
        figure(np.ones((3, 2), int))


@pytest.mark.parametrize(
    ("targets", "predictions", "message"),
    [
        ([], [], "at least one item"),
        ([0, 1], [0], "as many predictions as targets"),
        ([0, 3], [0, 1], "targets from 0 to 2, got 0 to 3"),
        ([0, 1], [0, -1], "predictions from 0 to 2"),
        ([0.0, 1.0], [0, 1], "integers"),
        ([[0, 1]], [[0, 1]], "integers"),
    ],
)
def test_what_is_no_class_index_is_refused(targets, predictions, message):
    with pytest.raises(InputError, match=message):
        metrics.confusion_matrix(targets, predictions, 3)


@pytest.mark.parametrize("arguments", [(0, 0), (3, 2), (-1, 2), (1, 2, 0.0), (1, 2, 1.0)])
def test_an_interval_out_of_range_is_refused(arguments):
    with pytest.raises(InputError, match="wilson_interval"):
        metrics.wilson_interval(*arguments)
