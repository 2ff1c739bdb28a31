"""Scoring: every clip once, in its order, and nothing in a batch changes what is said about a clip."""

import dataclasses

import jax
import numpy as np
import pytest

import jaxlisten as jl
from jaxlisten import runs
from jaxlisten.data import bucket_lengths, collate
from jaxlisten.evaluate.scoring import _eval_step, make_eval_step, score
from tests.deploy.speech import CLASSES, SR, logits, speech, trained

CLIPS = speech((4000, 700, 2501, 90, 3999, 800, 2000))
NAMES = ["one", "zwei", "três", "one", "zwei", "três", "one"]
DATA = jl.data.arrays(CLIPS, NAMES, sr=SR, classes=CLASSES)


@pytest.fixture(scope="module")
def fitted():
    model, params, state = trained("cnn1d")
    return runs.Fitted(model, params, state, jl.tasks.find("classification"), CLASSES, SR, (4000,))


@pytest.fixture(scope="module")
def alone() -> np.ndarray:
    return np.stack([jax.nn.softmax(logits(*trained("cnn1d"), clip[None]))[0] for clip in CLIPS])


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_every_clip_is_scored_as_if_it_were_alone(batch_size, fitted, alone):
    report = jl.evaluate(fitted, DATA, batch_size=batch_size)
    np.testing.assert_allclose(report.probabilities, alone, atol=1e-5)
    assert report.paths == DATA.paths
    np.testing.assert_array_equal(report.targets, DATA.targets)


def test_loss_is_the_mean_over_the_clips(fitted, alone):
    batches = jl.data.batches(DATA, 3, bucket_lengths(DATA.lengths))
    scores = score(make_eval_step(fitted.model), fitted.params, fitted.state, batches)
    wanted = -np.log(alone[np.arange(7), DATA.targets]).mean()
    np.testing.assert_allclose(scores.loss, wanted, rtol=1e-4)
    assert scores.weight == 7


def test_what_stands_in_absent_items_changes_nothing(fitted):
    step = make_eval_step(fitted.model, "classification")
    batch = collate(DATA, [1, 3], 1000, 4)
    noise = np.where(np.arange(1000) < batch.x.length[:, None], batch.x.values, np.nan)
    bad = batch._replace(x=jl.Padded(noise.astype(np.float32), batch.x.length))
    first, second = (step(fitted.params, fitted.state, b) for b in (batch, bad))
    np.testing.assert_array_equal(first.probabilities[:2], second.probabilities[:2])
    assert first.loss == second.loss


def test_classes_are_matched_by_name(fitted, alone):
    """Data with some of the classes, in another order."""
    few = jl.data.arrays(CLIPS[:2], NAMES[:2], sr=SR, classes=["zwei", "one"])
    report = jl.evaluate(fitted, few)
    assert report.classes == CLASSES
    assert [CLASSES[target] for target in report.targets] == NAMES[:2]
    np.testing.assert_allclose(report.probabilities, alone[:2], atol=1e-5)
    assert report.confusion.sum(axis=1).tolist() == [1, 1, 0]


def test_groups_or_folds_of_the_data_are_scored(fitted):
    groups, folds = ("a", "b") * 3 + ("a",), ("1",) * 3 + ("2",) * 4
    data = dataclasses.replace(DATA, groups=groups, folds=folds)
    report = jl.evaluate(fitted, data)
    assert report.groups == groups
    assert report.data is data
    assert jl.evaluate(fitted, data, by="fold").by_group.keys() == {"1", "2"}
    with pytest.raises(jl.InputError, match="by 'group' or 'fold', got 'speaker'"):
        jl.evaluate(fitted, data, by="speaker")


def test_listener_is_as_good_as_what_was_fitted(fitted):
    first, second = (jl.evaluate(one, DATA, title="t", about={"a": 1}) for one in (fitted, jl.Listener(fitted)))
    assert first.to_dict() == second.to_dict()
    assert (first.title, first.about) == ("t", {"a": 1})


def test_equal_models_share_one_compilation(fitted):
    batch = collate(DATA, [0], 4352, 5)
    before = _eval_step._cache_size()
    model, _, _ = trained("cnn1d")
    again = jl.from_config(jl.to_config(model))
    assert again is not model
    for one in (model, again):
        make_eval_step(one)(fitted.params, fitted.state, batch)
    assert _eval_step._cache_size() == before + 1


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (DATA.subset([]), "at least one clip, got none"),
        (jl.data.arrays(CLIPS, NAMES, sr=16_000), "expected clips at 8000 Hz, .* read them with sr=8000"),
        (jl.data.arrays(CLIPS[:2], ["one", "cat"], sr=SR), "does not know the class 'cat'; it knows one, zwei, três"),
    ],
)
def test_data_that_the_listener_can_not_hear_is_refused(data, message, fitted):
    with pytest.raises(jl.InputError, match=message):
        jl.evaluate(fitted, data)
