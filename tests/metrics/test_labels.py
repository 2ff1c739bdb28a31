"""Figures of several labels a clip against scikit-learn."""

import numpy as np
import pytest

from jaxlisten import metrics
from jaxlisten.errors import InputError

RNG = np.random.default_rng(0)
TRUTH = (RNG.random((60, 4)) < [0.1, 0.5, 0.9, 0.3]).astype(np.int8)
SAID = np.where(RNG.random((60, 4)) < 0.8, TRUTH, 1 - TRUTH)
CASES = {
    "ordinary": (TRUTH, SAID),
    "perfect": (TRUTH, TRUTH.astype(bool)),
    "nothing said": (TRUTH, np.zeros_like(TRUTH)),
    "nothing true": (np.zeros_like(TRUTH), SAID),
}


@pytest.mark.parametrize(("truth", "said"), CASES.values(), ids=list(CASES))
def test_figures_equal_scikit_learn(truth, said):
    from sklearn.metrics import accuracy_score, precision_recall_fscore_support

    for ours, theirs in zip(
        metrics.per_label(truth, said), precision_recall_fscore_support(truth, said, zero_division=0), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    averages = metrics.label_averages(truth, said)._asdict()
    for average in ("macro", "micro"):
        expected = precision_recall_fscore_support(truth, said, average=average, zero_division=0)[:3]
        got = [averages[f"{average}_{figure}"] for figure in ("precision", "recall", "f1")]
        np.testing.assert_allclose(got, expected, rtol=1e-12)
    assert metrics.exact_match(truth, said) == accuracy_score(truth, said)


def test_a_label_that_is_nowhere_is_left_out_of_the_macro_averages():
    none = np.zeros((60, 1), np.int8)
    more = [np.concatenate([array, none], axis=1) for array in (TRUTH, SAID)]
    assert metrics.label_averages(*more) == metrics.label_averages(TRUTH, SAID)


@pytest.mark.parametrize("figure", [metrics.per_label, metrics.label_averages, metrics.exact_match])
def test_what_are_no_labels_is_refused(figure):
    with pytest.raises(InputError, match="are the predictions probabilities"):
        figure(TRUTH, SAID * 0.7)
    with pytest.raises(InputError, match="of the same shape"):
        figure(TRUTH, SAID[:, :2])
    with pytest.raises(InputError, match="at least one item"):
        figure(TRUTH[:0], SAID[:0])
