"""The nearest neighbours are scikit-learn's, for every metric, in batches and blocks."""

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

from jaxlisten.classical import Neighbours, nearest
from jaxlisten.classical.distances import METRICS
from jaxlisten.errors import InputError


@pytest.mark.parametrize("metric", METRICS)
def test_real_features_have_the_neighbours_and_the_classes_that_scikit_learn_gives(digits, metric):
    learned = digits.speakers < 4
    x, y = digits.x[learned], digits.targets[learned]
    asked = digits.x[~learned]
    theirs = KNeighborsClassifier(7, metric=metric, algorithm="brute").fit(x.astype(np.float64), y)
    distances, indices = theirs.kneighbors(asked.astype(np.float64))
    found = nearest(x, asked, 7, metric=metric, batch_size=32, block_size=50)
    np.testing.assert_allclose(found.distances, distances, rtol=1e-5, atol=1e-6)
    assert np.array_equal(found.indices, indices)
    ours = Neighbours(x, y, 7, metric)
    assert np.array_equal(ours.predict(asked), theirs.predict(asked))
    np.testing.assert_allclose(ours.votes(asked) / 7, theirs.predict_proba(asked))


@pytest.mark.parametrize("metric", METRICS)
def test_points_far_from_0_lose_no_digit(metric):
    rng = np.random.default_rng(1)
    x = rng.standard_normal((300, 6)) + 1000
    asked = x[:20] + 1e-3 * rng.standard_normal((20, 6))
    distances, indices = NearestNeighbors(n_neighbors=3, metric=metric, algorithm="brute").fit(x).kneighbors(asked)
    found = nearest(x, asked, 3, metric=metric)
    assert np.array_equal(found.indices[:, 0], indices[:, 0])
    if metric != "cosine":
        np.testing.assert_allclose(found.distances, distances, rtol=2e-3)  # of points 1000 away, in float32


def test_of_references_at_the_same_distance_the_first_ones_are_taken():
    x = np.array([[1.0], [-1.0], [1.0], [3.0], [-1.0]] * 30)
    for size in (150, 40):
        found = nearest(x, [[0.0]], 100, block_size=size)
        assert found.indices[0].tolist() == [i for i in range(150) if i % 5 != 3][:100]


def test_of_classes_with_as_many_votes_the_first_one_is_the_answer():
    known = [[-1.0], [1.0], [-2.0], [2.0]]
    assert Neighbours(known, [2, 1, 1, 2], 4).predict([[0.0]]).tolist() == [1]
    theirs = KNeighborsClassifier(4).fit(known, [2, 1, 1, 2])
    assert theirs.predict([[0.0]]).tolist() == [1]


def test_rows_of_zeros_are_at_a_cosine_distance_of_1_from_all():
    found = nearest([[0.0, 0.0], [1.0, 0.0], [-1.0, 0.0]], [[0.0, 0.0], [2.0, 0.0]], 3, metric="cosine")
    np.testing.assert_allclose(found.distances, [[1, 1, 1], [0, 1, 2]], atol=1e-6)
    assert found.indices.tolist() == [[0, 1, 2], [1, 0, 2]]


def test_more_references_than_a_tile_holds_are_all_looked_at():
    x = np.random.default_rng(0).standard_normal((2500, 3)).astype(np.float32)
    _, indices = NearestNeighbors(n_neighbors=2, metric="manhattan", algorithm="brute").fit(x).kneighbors(x[::100])
    assert np.array_equal(nearest(x, x[::100], 2, metric="manhattan").indices, indices)


def test_all_references_may_be_asked_for(blobs):
    x, _ = blobs
    found = nearest(x, x[:3], len(x))
    assert [sorted(row) for row in found.indices.tolist()] == [list(range(len(x)))] * 3


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"k": 0}, "k from 1 to 3"),
        ({"k": 4}, "k from 1 to 3"),
        ({"metric": "chebyshev"}, "metric of euclidean, manhattan, cosine, got 'chebyshev'"),
        ({"queries": [[1.0]]}, "queries of 2 features"),
        ({"queries": [[np.inf, 1.0]]}, "finite"),
        ({"batch_size": 0}, "sizes above 0"),
    ],
)
def test_what_it_cannot_answer_is_refused(settings, said):
    with pytest.raises(InputError, match=said):
        nearest(**{"references": np.ones((3, 2)), "queries": np.ones((1, 2)), "k": 1} | settings)


def test_a_classifier_needs_a_class_for_each_reference():
    with pytest.raises(InputError, match="a class index from 0 on for each of 3 references"):
        Neighbours(np.ones((3, 2)), [0, 1], 1)
    with pytest.raises(InputError, match="k from 1 to 3"):
        Neighbours(np.ones((3, 2)), [0, 1, 1], 5)
    with pytest.raises(InputError, match=r"x \[n, 2\]"):
        Neighbours(np.ones((3, 2)), [0, 1, 1], 1).predict(np.ones((1, 3)))
