"""Calibration against scikit-learn's curve, and the temperature against SciPy's minimiser."""

import numpy as np
import pytest

from jaxlisten import metrics
from jaxlisten.errors import InputError
from jaxlisten.metrics.calibration import COLDEST, HOTTEST

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(scale=2, size=(400, 5))
PROBABILITIES = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
TARGETS = np.array([RNG.choice(5, p=p**0.4 / (p**0.4).sum()) for p in PROBABILITIES])  # the model is too sure


@pytest.mark.parametrize("bins", [1, 4, 15])
def test_bins_equal_scikit_learns_calibration_curve(bins):
    from sklearn.calibration import calibration_curve

    confidence, right = PROBABILITIES.max(axis=1), PROBABILITIES.argmax(axis=1) == TARGETS
    true, said = calibration_curve(right, confidence, n_bins=bins)
    table = metrics.reliability(TARGETS, PROBABILITIES, bins)
    used = table.count > 0
    np.testing.assert_allclose(table.accuracy[used], true, rtol=1e-12)
    np.testing.assert_allclose(table.confidence[used], said, rtol=1e-12)
    assert np.isnan(table.accuracy[~used]).all()
    assert table.count.sum() == 400
    expected = np.average(np.abs(true - said), weights=table.count[used])
    assert metrics.expected_calibration_error(TARGETS, PROBABILITIES, bins) == pytest.approx(expected, rel=1e-12)


def test_labels_are_events_of_their_own():
    from sklearn.calibration import calibration_curve

    labels = (RNG.random((400, 5)) < PROBABILITIES).astype(int)
    table = metrics.reliability(labels, PROBABILITIES, 10)
    true, _ = calibration_curve(labels.ravel(), PROBABILITIES.ravel(), n_bins=10)
    np.testing.assert_allclose(table.accuracy[table.count > 0], true, rtol=1e-12)
    assert metrics.expected_calibration_error([1, 0], [1.0, 0.0]) == 0


def nll(truth, log_likelihood):
    from scipy.optimize import minimize_scalar

    best = minimize_scalar(lambda log_t: -log_likelihood(np.exp(log_t))[truth].mean(), bracket=(-1, 1), tol=1e-12)
    return np.exp(best.x)


def test_the_temperature_is_scipys_minimum_of_the_cross_entropy():
    from scipy.special import log_softmax

    truth = np.arange(400), TARGETS
    expected = nll(truth, lambda t: log_softmax(LOGITS / t, axis=1))
    got = metrics.fit_temperature(TARGETS, LOGITS)
    assert got == pytest.approx(expected, rel=1e-5)
    assert got > 1.5
    assert metrics.fit_temperature(TARGETS, np.log(PROBABILITIES)) == pytest.approx(got, rel=1e-9)


def test_the_temperature_of_labels_is_scipys_minimum():
    from scipy.special import log_expit

    labels = (RNG.random((400, 5)) < 1 / (1 + np.exp(-3 * LOGITS))).astype(int)
    signed = np.where(labels == 1, LOGITS, -LOGITS)
    expected = nll(slice(None), lambda t: log_expit(signed / t))
    assert metrics.fit_temperature(labels, LOGITS) == pytest.approx(expected, rel=1e-5)
    assert expected == pytest.approx(1 / 3, rel=0.2)


def test_the_temperature_stops_where_the_likelihood_has_no_maximum():
    assert metrics.fit_temperature([0, 1], [[2.0, 0.0], [0.0, 3.0]]) == pytest.approx(COLDEST)
    assert metrics.fit_temperature([1, 0], [[2.0, 0.0], [0.0, 3.0]]) == pytest.approx(HOTTEST)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.reliability([0, 1], [0.5, 1.5]), "probabilities from 0 to 1, got 0.5 to 1.5"),
        (lambda: metrics.reliability([0, 1], [0.5, 0.6], bins=0), "at least one bin"),
        (lambda: metrics.expected_calibration_error([0], [[np.nan, 0.5]]), "finite"),
        (lambda: metrics.fit_temperature([0, 5], LOGITS[:2]), "class indices from 0 to 4"),
    ],
)
def test_what_can_not_be_calibrated_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
