"""Cross-entropy against scikit-learn, a plain NumPy loop, and what must hold of absent items."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxlisten.errors import InputError
from jaxlisten.losses import cross_entropy

value_and_grad = jax.jit(jax.value_and_grad(cross_entropy), static_argnames="label_smoothing")


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    logits = rng.normal(scale=3, size=(7, 4)).astype(np.float32)
    return logits, rng.integers(0, 4, 7), rng.uniform(0.1, 2, 7).astype(np.float32)


def reference(logits, labels, weight, label_smoothing=0.0, class_weight=None):
    total = norm = 0.0
    for z, y, w in zip(logits.astype(np.float64), labels, weight, strict=True):
        log_p = z - np.log(np.exp(z).sum())
        w = float(w) * (1 if class_weight is None else float(class_weight[y]))
        total += w * (-(1 - label_smoothing) * log_p[y] - label_smoothing * log_p.mean())
        norm += w
    return total / norm


def test_it_equals_the_log_loss_of_scikit_learn(batch):
    from sklearn.metrics import log_loss

    logits, labels, weight = batch
    expected = log_loss(labels, jax.nn.softmax(logits), sample_weight=weight, labels=range(4))
    np.testing.assert_allclose(cross_entropy(logits, labels, weight), expected, rtol=1e-5)


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1, 0.9])
@pytest.mark.parametrize("class_weight", [None, np.array([1.0, 0.5, 3.0, 0.0], np.float32)])
def test_it_equals_a_plain_loop(batch, label_smoothing, class_weight):
    got = cross_entropy(*batch, label_smoothing=label_smoothing, class_weight=class_weight)
    np.testing.assert_allclose(got, reference(*batch, label_smoothing, class_weight), rtol=1e-5)


def test_no_weight_means_that_every_item_counts_one(batch):
    logits, labels, _ = batch
    assert cross_entropy(logits, labels) == cross_entropy(logits, labels, jnp.ones(7))


@pytest.mark.parametrize("label_smoothing", [0.0, 0.2])
def test_an_absent_item_changes_neither_value_nor_gradient(batch, label_smoothing):
    logits, labels, weight = batch

    value, gradient = value_and_grad(logits, labels, weight, label_smoothing=label_smoothing)
    more = (
        np.concatenate([logits, [[np.nan] * 4, [np.inf, -np.inf, 0, 1]]]).astype(np.float32),
        np.append(labels, [-1, 99]),
        np.append(weight, [0, 0]).astype(np.float32),
    )
    value_more, gradient_more = value_and_grad(*more, label_smoothing=label_smoothing)
    np.testing.assert_allclose(value_more, value, rtol=1e-6)
    np.testing.assert_allclose(gradient_more[:7], gradient, rtol=1e-5, atol=1e-8)
    np.testing.assert_array_equal(gradient_more[7:], 0)


def test_a_batch_of_absent_items_has_loss_and_gradient_zero():
    logits = jnp.full((3, 2), jnp.nan)
    value, gradient = value_and_grad(logits, jnp.zeros(3, jnp.int32), jnp.zeros(3))
    assert value == 0
    np.testing.assert_array_equal(gradient, 0)


def test_an_impossible_class_costs_nothing_where_it_is_not_the_label():
    assert cross_entropy(jnp.array([[0.0, -jnp.inf]]), jnp.array([0])) == 0


@pytest.mark.parametrize("label", [-1, 4])
def test_a_label_that_is_no_class_makes_the_loss_nan(batch, label):
    logits, labels, weight = batch
    assert jnp.isnan(cross_entropy(logits, np.append(labels[:-1], label), weight))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_it_is_computed_in_float32(batch, dtype):
    logits, labels, weight = batch
    rounded = jnp.asarray(logits, dtype)
    got = cross_entropy(rounded, labels, weight)
    assert got.dtype == jnp.float32
    np.testing.assert_allclose(got, reference(np.asarray(rounded.astype(jnp.float32)), labels, weight), rtol=1e-5)


def test_labels_may_be_integers_too_small_to_count_the_classes():
    logits, labels = np.eye(2, 300, dtype=np.float32), np.array([0, 1])
    assert cross_entropy(logits, labels.astype(np.uint8)) == cross_entropy(logits, labels)


def test_jit_equals_eager_under_strict_promotion(batch):
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        got = jax.jit(lambda *arrays: cross_entropy(*arrays, label_smoothing=0.1, class_weight=np.ones(4)))(*batch)
    np.testing.assert_allclose(got, cross_entropy(*batch, label_smoothing=0.1), rtol=1e-6)


@pytest.mark.parametrize(
    ("logits", "labels", "options", "message"),
    [
        ((2, 3), np.zeros(3, int), {}, "labels"),
        ((2, 3), np.zeros((2, 3), int), {}, "labels"),
        ((3,), np.zeros(3, int), {}, "logits"),
        ((2, 3), np.zeros(2, int), {"weight": np.ones((2, 1))}, "weight"),
        ((2, 3), np.zeros(2, np.float32), {}, "integer labels"),
        ((2, 3), np.zeros(2, int), {"label_smoothing": 1.0}, "label_smoothing"),
        ((2, 3), np.zeros(2, int), {"class_weight": np.ones(2)}, "class_weight"),
    ],
)
def test_what_does_not_belong_together_is_refused(logits, labels, options, message):
    with pytest.raises(InputError, match=message):
        cross_entropy(np.zeros(logits, np.float32), labels, **options)
