"""The agreement of clusters and classes equals scikit-learn's."""

import numpy as np
import pytest
import sklearn.metrics

from jaxlisten.errors import InputError
from jaxlisten.metrics import adjusted_rand

RNG = np.random.default_rng(0)
CASES = {
    "random": (RNG.integers(0, 5, 100), RNG.integers(0, 7, 100)),
    "nearly the same": (np.arange(100) % 4, np.append(np.arange(97) % 4, [0, 0, 0]) + 10),
    "one cluster": (np.arange(10) % 2, np.zeros(10, int)),
    "each its own": (np.arange(10) % 2, np.arange(10)),
    "one item": (np.array([3]), np.array([0])),
    "the same": (np.arange(10) % 3, (np.arange(10) + 1) % 3),
}


@pytest.mark.parametrize("name", CASES)
def test_it_is_that_of_scikit_learn(name):
    assert adjusted_rand(*CASES[name]) == pytest.approx(sklearn.metrics.adjusted_rand_score(*CASES[name]))


def test_unequal_numbers_of_items_are_refused():
    with pytest.raises(InputError, match=r"adjusted_rand: .* got \[2\] and \[1\]"):
        adjusted_rand([0, 1], [0])
