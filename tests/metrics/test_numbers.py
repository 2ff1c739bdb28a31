"""Errors and correlations of numbers against scikit-learn and SciPy."""

import numpy as np
import pytest

from jaxlisten import metrics
from jaxlisten.errors import InputError

RNG = np.random.default_rng(0)
T = RNG.normal(size=(50, 3)) * [1, 10, 0.1] + [0, 100, 5]
P = T + RNG.normal(size=(50, 3)) * [0.5, 20, 0.1] + [0.2, 0, 0]


def test_figures_equal_scikit_learn_and_scipy():
    from scipy.stats import pearsonr
    from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

    ours = metrics.per_number(T, P)
    each = {"multioutput": "raw_values"}
    np.testing.assert_allclose(ours.mae, mean_absolute_error(T, P, **each), rtol=1e-12)
    np.testing.assert_allclose(ours.rmse, root_mean_squared_error(T, P, **each), rtol=1e-12)
    np.testing.assert_allclose(ours.r2, r2_score(T, P, **each), rtol=1e-10)
    expected = [pearsonr(t, p).statistic for t, p in zip(T.T, P.T, strict=True)]
    np.testing.assert_allclose(ours.pearson, expected, rtol=1e-10)


def test_concordance_is_one_less_the_distance_from_the_line_of_equality():
    """Lin's second form: 1 - E (t - p)² / E (t - p)² of independent t and p."""
    expected = 1 - ((T - P) ** 2).mean(axis=0) / ((T[:, None] - P[None]) ** 2).mean(axis=(0, 1))
    np.testing.assert_allclose(metrics.per_number(T, P).concordance, expected, rtol=1e-10)
    moved = metrics.per_number([1.0, 2.0, 3.0], [2.0, 3.0, 4.0])
    assert (moved.pearson[0], moved.concordance[0]) == (pytest.approx(1), pytest.approx(4 / 7))


def test_one_number_may_leave_its_axis_out():
    ours = metrics.per_number(T[:, 0], P[:, :1])
    np.testing.assert_allclose(ours, np.array(metrics.per_number(T, P))[:, :1], rtol=1e-12)


def test_what_equal_targets_leave_undefined_is_nan():
    flat = metrics.per_number(np.full(4, 0.1), [0.1, 0.2, 0.3, 0.4])
    assert np.isnan([flat.r2[0], flat.pearson[0]]).all()
    assert flat.mae[0] == pytest.approx(0.15)
    assert np.isnan(metrics.per_number([1.0, 2.0], [0.1, 0.1]).pearson[0])


@pytest.mark.parametrize(
    ("targets", "predictions", "message"),
    [
        ([], [], "at least one item"),
        (np.zeros((3, 2)), np.zeros(3), "got \\(3, 2\\) and \\(3, 1\\)"),
        ([1.0, np.nan], [1.0, 2.0], "finite"),
    ],
)
def test_what_are_no_numbers_is_refused(targets, predictions, message):
    with pytest.raises(InputError, match=message):
        metrics.per_number(targets, predictions)
