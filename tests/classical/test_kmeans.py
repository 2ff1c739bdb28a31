"""k-means: from the same beginning, scikit-learn's result; from its own beginnings, one as good."""

import sys

import jax
import numpy as np
import pytest
import sklearn.cluster
import sklearn.metrics
from threadpoolctl import threadpool_limits

import jaxlisten as jl
from jaxlisten.classical import clusters, kmeans
from jaxlisten.errors import InputError

KEY = jax.random.key(0)


def theirs(x, k, **settings):
    with threadpool_limits(1):
        return sklearn.cluster.KMeans(k, algorithm="lloyd", **settings).fit(x.astype(np.float64))


def same(ours, sklearns):
    assert np.array_equal(ours.labels, sklearns.labels_)
    assert ours.inertia == pytest.approx(sklearns.inertia_, rel=1e-5)
    np.testing.assert_allclose(ours.centres, sklearns.cluster_centers_, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("seed", [0, 1])
def test_from_the_same_beginning_real_features_end_where_scikit_learn_does(digits, seed):
    init = digits.x[np.random.default_rng(seed).choice(len(digits.x), 10, replace=False)]
    same(kmeans(digits.x, 10, init=init), theirs(digits.x, 10, init=init, n_init=1))


def test_from_the_same_beginning_features_far_from_0_end_where_scikit_learn_does(blobs):
    x, _ = blobs
    same(kmeans(x, 4, init=x[:4]), theirs(x, 4, init=x[:4], n_init=1))


def test_its_own_beginnings_find_what_as_many_of_scikit_learn_find(digits):
    found = kmeans(digits.x, 10, key=KEY)
    assert found.inertia <= 1.01 * theirs(digits.x, 10, n_init=10, random_state=0).inertia_
    assert np.array_equal(found.predict(digits.x), found.labels)


def test_blocks_of_rows_change_nothing(blobs, monkeypatch):
    x, _ = blobs
    whole = kmeans(x, 4, init=x[:4])
    monkeypatch.setattr(sys.modules["jaxlisten.classical.kmeans"], "_BLOCK", 64)
    parts = kmeans(x, 4, init=x[:4])
    assert np.array_equal(parts.labels, whole.labels)
    assert parts.inertia == pytest.approx(whole.inertia, rel=1e-6)
    assert parts.labels.shape == (203,)


def test_a_cluster_without_rows_begins_anew_where_the_furthest_row_is():
    x = np.array([[0.0], [0.1], [10.0], [10.1], [50.0]])
    found = kmeans(x, 3, init=[[0.0], [10.0], [1000.0]])
    assert found.inertia == pytest.approx(0.01, rel=1e-4)
    assert len(set(found.labels.tolist())) == 3


def test_rows_that_are_all_the_same_are_no_error():
    found = kmeans(np.ones((5, 2)), 2, key=KEY)
    assert found.inertia == 0
    np.testing.assert_array_equal(found.centres, 1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (([[1.0, 2.0]], 2), "k from 1 to 1"),
        (([1.0, 2.0], 1), r"x \[n, features\]"),
        (([[1.0], [np.nan]], 1), "finite"),
        ((np.ones((3, 2)), 1), "a key"),
    ],
)
def test_what_it_cannot_work_with_is_refused(arguments, said):
    with pytest.raises(InputError, match=said):
        kmeans(*arguments)
    with pytest.raises(InputError, match="init \\[2, 2\\], got \\[2, 3\\]"):
        kmeans(np.ones((4, 2)), 2, init=np.ones((2, 3)))
    with pytest.raises(InputError, match="above 0"):
        kmeans(np.ones((4, 2)), 2, key=KEY, restarts=0)


def test_the_number_of_clusters_is_that_of_the_clouds(blobs):
    x, place = blobs
    found = jl.classical.choose_clusters(x, range(2, 8), key=KEY, restarts=4)
    assert (found.by_silhouette, found.by_elbow) == (4, 4)
    assert sklearn.metrics.adjusted_rand_score(place, found.best.labels) == 1
    assert (np.diff(found.inertia) < 0).all()
    # Measured on some of the rows only, it is about the same.
    part = jl.classical.choose_clusters(x, range(2, 8), key=KEY, restarts=4, most_rows=100)
    assert part.silhouette[2] == pytest.approx(found.silhouette[2], abs=0.03)


def test_the_silhouette_is_that_of_scikit_learn(digits, monkeypatch):
    monkeypatch.setattr(clusters, "_BATCH", 100)  # the last batch and the last block are not full
    monkeypatch.setattr(clusters, "_BLOCK", 100)
    labels = np.where(np.arange(len(digits.x)) == 7, 99, digits.speakers)  # one is alone
    expected = sklearn.metrics.silhouette_samples(digits.x.astype(np.float64), labels)
    np.testing.assert_allclose(jl.classical.silhouette_samples(digits.x, labels), expected, atol=1e-5)
    assert jl.classical.silhouette(digits.x, labels) == pytest.approx(expected.mean(), abs=1e-6)


def test_the_silhouette_of_copies_far_from_0_is_that_of_scikit_learn():
    x = np.repeat(np.array([[1000.0, 0.0], [1000.5, 0.0], [1001.0, 3.0]]), 3, axis=0)
    labels = np.repeat([0, 1, 2], 3)
    expected = sklearn.metrics.silhouette_score(x, labels)
    assert jl.classical.silhouette(x, labels) == pytest.approx(expected, abs=1e-6) == 1


def test_a_silhouette_that_means_nothing_is_refused():
    for labels in ([0, 0, 0], [0, 1, 2], [0, 1], [0.0, 1.0, 1.0]):
        with pytest.raises(InputError, match="silhouette: expected"):
            jl.classical.silhouette(np.eye(3), labels)
    for ks in ([1], [3], []):
        with pytest.raises(InputError, match="choose_clusters: expected"):
            jl.classical.choose_clusters(np.eye(3), ks, key=KEY)
    with pytest.raises(InputError, match="elbow: expected"):
        jl.classical.elbow([1, 2], [3.0])
