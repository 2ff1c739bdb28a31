"""The classical classifiers learn, choose nothing by themselves, and cope with what data sets hold."""

import numpy as np
import pytest
import sklearn.mixture
import sklearn.pipeline
import sklearn.preprocessing
import sklearn.svm

from jaxlisten.classical import FAMILIES, Family, families, regions, train, two_features
from jaxlisten.errors import InputError


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_tells_the_clouds_apart_and_gives_the_same_answers_again(name, blobs):
    x, y = blobs
    made = [train(FAMILIES[name], FAMILIES[name].grid[-1], x[:150], y[:150]) for _ in range(2)]
    said = made[0].predict(x[150:])
    assert (said == y[150:]).mean() > 0.9
    assert np.array_equal(said, made[1].predict(x[150:]))
    assert made[0].bytes == made[1].bytes > 100


def test_a_support_vector_machine_is_that_of_scikit_learn_on_standardized_features(digits):
    learned = digits.speakers < 4
    x = digits.x * np.arange(1, 121) + 5
    ours = train(FAMILIES["rbf_svm"], {"C": 10.0, "gamma": 0.3}, x[learned], digits.targets[learned])
    theirs = sklearn.pipeline.make_pipeline(
        sklearn.preprocessing.StandardScaler(), sklearn.svm.SVC(C=10, gamma=0.3 / 120)
    ).fit(x[learned], digits.targets[learned])
    assert np.array_equal(ours.predict(x[~learned]), theirs.predict(x[~learned]))


def test_mixtures_answer_by_bayes_rule(blobs):
    x, y = blobs
    ours = train(FAMILIES["gmm"], {"components": 1}, x, y)
    z = ours.standardized(x).astype(np.float64)
    scores = []
    for k in range(4):
        made = sklearn.mixture.GaussianMixture(1, covariance_type="diag", reg_covar=0.05).fit(z[y == k])
        scores.append(made.score_samples(z) + np.log((y == k).mean()))
    assert np.array_equal(ours.predict(x), np.argmax(scores, axis=0))


@pytest.mark.parametrize("name", FAMILIES)
def test_a_class_of_one_clip_a_class_without_any_and_a_constant_feature_are_no_error(name, blobs):
    x, y = blobs
    x = np.concatenate([x[:40], np.full((40, 1), 7, np.float32)], axis=1)
    y = np.where(y[:40] == 0, 1, y[:40])  # no clip is of class 0
    y = np.append(y, 6)
    x = np.concatenate([x, x[:1] + 30])
    made = train(FAMILIES[name], FAMILIES[name].grid[-1], x, y)
    assert set(made.predict(x).tolist()) <= {1, 2, 3, 6}


def test_a_family_learns_from_no_more_rows_than_it_can(blobs):
    x, y = blobs
    made = train(FAMILIES["knn"]._replace(most=50), {"k": 1, "metric": "euclidean"}, x, y)
    assert made.rows == len(made.classifier.references) == 50


def test_it_says_which_extra_brings_scikit_learn(blobs, monkeypatch):
    monkeypatch.setattr(families, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'jaxlisten\[compare\]'"):
        train(FAMILIES["tree"], {"depth": 4}, *blobs)
    assert isinstance(FAMILIES["knn"], Family)
    train(FAMILIES["knn"], {"k": 1, "metric": "euclidean"}, *blobs)


def test_what_can_not_be_learned_is_refused():
    with pytest.raises(InputError, match="two classes or more"):
        train(FAMILIES["tree"], {"depth": 4}, np.eye(3), [1, 1, 1])
    with pytest.raises(InputError, match=r"targets, class indices \[3\]"):
        train(FAMILIES["tree"], {"depth": 4}, np.eye(3), [1, 0])


def test_the_two_features_are_the_most_telling_that_say_different_things():
    rng = np.random.default_rng(0)
    y = np.arange(300) % 3
    best = 5.0 * y + rng.standard_normal(300)
    other = 3.0 * (y == 1) + rng.standard_normal(300)
    noise = rng.standard_normal((300, 2))
    x = np.column_stack([noise[:, 0], best + 0.01 * noise[:, 1], best, other, np.full(300, 3.0)])
    first, second = two_features(x, y)
    assert {first, second} <= {1, 2, 3}
    assert second == 3
    assert two_features(x[:, 1:3], y) in [(0, 1), (1, 0)]  # both say the same, and there is no other
    with pytest.raises(InputError, match="two features or more"):
        two_features(x[:, :1], y)


def test_regions_are_the_answers_on_the_grid(blobs):
    x, y = blobs
    names = ("a", "b", "c", "d")
    found = regions(
        FAMILIES["tree"], {"depth": 8}, x[:, :2], y, x[:50, :2], y[:50], classes=names, names=("u", "v"), steps=40
    )
    made = train(FAMILIES["tree"], {"depth": 8}, x[:, :2], y)
    for row, column in ((0, 0), (3, 39), (20, 7)):
        assert found.answers[row, column] == made.predict([[found.x[column], found.y[row]]])[0]
    assert found.accuracy == (made.predict(x[:50, :2]) == y[:50]).mean()
    with pytest.raises(InputError, match="two features"):
        regions(FAMILIES["tree"], {"depth": 8}, x, y, x, y, classes=names, names=("u", "v"))
