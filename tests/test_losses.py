"""Losses against scikit-learn, a plain NumPy loop, and what must hold of absent items."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxlisten.errors import InputError
from jaxlisten.losses import (
    binary_cross_entropy,
    concordance,
    cross_entropy,
    mean_squared_error,
    next_symbol,
    nt_xent,
)
from jaxlisten.types import Padded

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
        ((2, 3), np.zeros((2, 3), int), {}, "floating-point labels .* is the task tagging"),
        ((2, 3), np.zeros((2, 2), np.float32), {}, "labels"),
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


@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.1, "class_weight": np.array([1, 0.5, 3, 0])}])
def test_a_one_hot_label_is_the_same_as_its_index(batch, options):
    logits, labels, weight = batch
    got = cross_entropy(logits, np.eye(4, dtype=np.float32)[labels], weight, **options)
    np.testing.assert_allclose(got, cross_entropy(logits, labels, weight, **options), rtol=1e-6)


def test_a_mixture_of_two_labels_costs_the_mixture_of_their_losses(batch):
    logits, labels, weight = batch
    other, share = np.roll(labels, 1), np.linspace(0, 1, 7, dtype=np.float32)[:, None]
    mixture = share * np.eye(4, dtype=np.float32)[labels] + (1 - share) * np.eye(4, dtype=np.float32)[other]
    parts = [[reference(logits[i : i + 1], [y[i]], weight[i : i + 1], 0.1) for i in range(7)] for y in (labels, other)]
    each = share[:, 0] * parts[0] + (1 - share[:, 0]) * parts[1]
    got = cross_entropy(logits, mixture, weight, label_smoothing=0.1)
    np.testing.assert_allclose(got, np.average(each, weights=weight), rtol=1e-5)
    class_weight = np.array([1, 0.5, 3, 2], np.float32)
    got = cross_entropy(logits, mixture, weight, label_smoothing=0.1, class_weight=class_weight)
    np.testing.assert_allclose(got, np.average(each, weights=weight * (mixture @ class_weight)), rtol=1e-5)


@pytest.mark.parametrize("bad", [[0.5, 0.2, 0, 0], [1.5, -0.5, 0, 0], [np.nan, 1, 0, 0]])
def test_shares_that_are_no_distribution_make_the_loss_nan(batch, bad):
    logits, labels, weight = batch
    mixture = np.eye(4, dtype=np.float32)[labels]
    mixture[2] = bad
    assert jnp.isnan(cross_entropy(logits, mixture, weight))
    weight[2] = 0
    assert jnp.isfinite(cross_entropy(logits, mixture, weight))


def test_an_impossible_class_costs_nothing_where_it_has_no_share():
    assert cross_entropy(jnp.array([[0.0, -jnp.inf]]), jnp.array([[1.0, 0.0]])) == 0


@pytest.fixture
def labelled():
    rng = np.random.default_rng(0)
    logits = rng.normal(scale=3, size=(7, 4)).astype(np.float32)
    return logits, rng.integers(0, 2, (7, 4)).astype(np.int8), rng.uniform(0.1, 2, 7).astype(np.float32)


def binary_reference(logits, targets, weight, label_smoothing=0.0, class_weight=None, positive_weight=None):
    total = norm = 0.0
    for n, k in np.ndindex(logits.shape):
        p = 1 / (1 + np.exp(-float(logits[n, k])))
        t = (1 - label_smoothing) * float(targets[n, k]) + label_smoothing / 2
        held = 1 if positive_weight is None else float(positive_weight[k])
        w = float(weight[n]) * (1 if class_weight is None else float(class_weight[k]))
        total -= w * (held * t * np.log(p) + (1 - t) * np.log1p(-p))
        norm += w
    return total / norm


def test_binary_cross_entropy_equals_the_log_loss_of_scikit_learn(labelled):
    from sklearn.metrics import log_loss

    logits, targets, weight = labelled
    p = jax.nn.sigmoid(logits)
    each = [log_loss(targets[:, k], p[:, k], sample_weight=weight, labels=[0, 1]) for k in range(4)]
    np.testing.assert_allclose(binary_cross_entropy(logits, targets, weight), np.mean(each), rtol=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"label_smoothing": 0.2},
        {"positive_weight": np.array([1, 5, 0.5, 0])},
        {"label_smoothing": 0.1, "class_weight": np.array([1, 0, 2, 3]), "positive_weight": np.array([1, 5, 0.5, 2])},
    ],
)
def test_binary_cross_entropy_equals_a_plain_loop(labelled, options):
    logits, _, weight = labelled
    jitted = jax.jit(binary_cross_entropy, static_argnames="label_smoothing")
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        got = jitted(*labelled, **options)
    np.testing.assert_allclose(got, binary_reference(*labelled, **options), rtol=1e-5)
    shares = np.linspace(0, 1, 28, dtype=np.float32).reshape(7, 4)
    expected = binary_reference(logits, shares, weight, **options)
    np.testing.assert_allclose(jitted(logits, shares, weight, **options), expected, rtol=1e-5)


def test_a_label_is_anything_that_is_0_or_1_and_nothing_else(labelled):
    logits, targets, _ = labelled
    for dtype in (bool, np.int32, np.float32, jnp.bfloat16):
        assert binary_cross_entropy(logits, targets.astype(dtype)) == binary_cross_entropy(logits, targets)
    targets[0, 0] = 2
    assert jnp.isnan(binary_cross_entropy(logits, targets))


def test_very_sure_logits_cost_what_they_say_and_nothing_is_lost():
    logits = jnp.array([[90.0, -90.0]])
    assert binary_cross_entropy(logits, jnp.array([[1, 0]])) < 1e-30
    assert binary_cross_entropy(logits, jnp.array([[0, 1]])) == 90


def test_mean_squared_error_equals_scikit_learn():
    from sklearn.metrics import mean_squared_error as expected

    rng = np.random.default_rng(0)
    p, t, w = (rng.normal(size=shape).astype(np.float32) for shape in ((7, 3), (7, 3), (7,)))
    w = np.abs(w)
    np.testing.assert_allclose(mean_squared_error(p, t, w), expected(t, p, sample_weight=w), rtol=1e-5)
    one = expected(t[:, 0], p[:, 0])
    for predictions in (p[:, 0], p[:, :1]):
        for targets in (t[:, 0], t[:, :1]):
            np.testing.assert_allclose(mean_squared_error(predictions, targets), one, rtol=1e-5)


def test_mean_squared_error_of_spectrograms_is_that_of_all_their_numbers():
    rng = np.random.default_rng(0)
    p, t = (rng.normal(size=(3, 5, 4)).astype(np.float32) for _ in range(2))
    weight = np.array([1.0, 0.0, 1.0], np.float32)
    np.testing.assert_allclose(mean_squared_error(p, t, weight), np.square(p - t)[[0, 2]].mean(), rtol=1e-5)


def test_concordance_is_one_less_lins_coefficient():
    rng = np.random.default_rng(0)
    t = rng.normal(size=(9, 2))
    p = 0.5 * t + rng.normal(size=(9, 2)) + 1
    w = rng.integers(1, 4, 9)
    repeated = [np.repeat(a, w, axis=0) for a in (t, p)]
    ccc = [
        2 * np.cov(a, b, bias=True)[0, 1] / (a.var() + b.var() + (a.mean() - b.mean()) ** 2)
        for a, b in zip(*(a.T for a in repeated), strict=True)
    ]
    np.testing.assert_allclose(concordance(p, t, w), 1 - np.mean(ccc), rtol=1e-5)
    assert float(concordance(t[:, 0], t[:, :1])) == pytest.approx(0, abs=1e-6)
    assert float(concordance(-t + 2 * t.mean(axis=0), t)) == pytest.approx(2, abs=1e-5)


def test_concordance_of_what_does_not_vary_teaches_nothing():
    same = np.full((4, 1), 3.0, np.float32)
    for weight in (np.ones(4), np.array([0, 1, 0, 0.0]), np.zeros(4)):
        value, gradient = jax.value_and_grad(concordance)(same, same, weight)
        assert float(value) == (1 if weight.any() else 0)
        np.testing.assert_array_equal(gradient, 0)
    with pytest.raises(InputError, match="a batch of two items or more, got one"):
        concordance(same[:1], same[:1])


@pytest.mark.parametrize("loss", [binary_cross_entropy, concordance, mean_squared_error])
def test_absent_items_change_nothing_in_other_losses(labelled, loss):
    logits, targets, weight = labelled
    step = jax.jit(jax.value_and_grad(loss))
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        value, gradient = step(logits, targets, weight)
    more = (
        np.concatenate([logits, np.full((2, 4), np.nan, np.float32)]),
        np.concatenate([targets.astype(np.float32), np.full((2, 4), np.nan, np.float32)]),
        np.append(weight, [0, 0]).astype(np.float32),
    )
    value_more, gradient_more = step(*more)
    np.testing.assert_allclose(value_more, value, rtol=1e-6)
    np.testing.assert_allclose(gradient_more[:7], gradient, rtol=1e-5, atol=1e-8)
    np.testing.assert_array_equal(gradient_more[7:], 0)
    value, gradient = step(*(array[7:] for array in more))
    assert value == 0
    np.testing.assert_array_equal(gradient, 0)


@pytest.mark.parametrize("loss", [binary_cross_entropy, concordance, mean_squared_error])
def test_other_losses_are_computed_in_float32(labelled, loss):
    logits, targets, weight = labelled
    rounded = jnp.asarray(logits, jnp.bfloat16)
    got = loss(rounded, targets, weight)
    assert got.dtype == jnp.float32
    np.testing.assert_allclose(got, loss(rounded.astype(jnp.float32), targets, weight), rtol=1e-6)


@pytest.mark.parametrize(
    ("loss", "outputs", "targets", "options", "message"),
    [
        (binary_cross_entropy, (2, 3), (2,), {}, "binary_cross_entropy: expected logits"),
        (binary_cross_entropy, (2,), (2,), {}, "binary_cross_entropy: expected logits"),
        (binary_cross_entropy, (2, 3), (2, 3), {"weight": np.ones(3)}, "weight"),
        (binary_cross_entropy, (2, 3), (2, 3), {"label_smoothing": 1.0}, "label_smoothing"),
        (binary_cross_entropy, (2, 3), (2, 3), {"class_weight": np.ones(2)}, "class_weight \\[3\\], got \\(2,\\)"),
        (binary_cross_entropy, (2, 3), (2, 3), {"positive_weight": np.ones(2)}, "positive_weight"),
        (mean_squared_error, (2, 3), (2,), {}, "mean_squared_error: expected predictions"),
        (mean_squared_error, (2, 1, 3), (2, 1, 2), {}, "mean_squared_error: expected predictions"),
        (concordance, (2, 3), (2,), {}, "concordance: expected predictions"),
        (mean_squared_error, (2,), (2,), {"weight": np.ones((2, 1))}, "weight"),
    ],
)
def test_what_does_not_belong_together_is_refused_by_other_losses(loss, outputs, targets, options, message):
    with pytest.raises(InputError, match=message):
        loss(np.zeros(outputs, np.float32), np.zeros(targets, np.float32), **options)


def contrast_reference(z, weight, temperature):
    """Algorithm 1 of SimCLR, in loops, on the items that are present."""
    kept = [i for i, w in enumerate(weight) if w > 0]
    pieces = [z[i, half].astype(np.float64) for i in kept for half in (0, 1)]
    total = 0.0
    for k in range(len(pieces)):
        alike = [a @ pieces[k] / np.linalg.norm(a) / np.linalg.norm(pieces[k]) / temperature for a in pieces]
        others = sum(np.exp(s) for i, s in enumerate(alike) if i != k)
        total += weight[kept[k // 2]] * -np.log(np.exp(alike[k ^ 1]) / others) / 2
    return total / sum(weight)


contrast = jax.jit(jax.value_and_grad(nt_xent), static_argnames="temperature")


@pytest.mark.parametrize("temperature", [0.05, 0.5])
def test_contrast_equals_a_plain_loop_and_absent_items_are_no_negatives(temperature):
    rng = np.random.default_rng(0)
    z, weight = rng.normal(size=(6, 2, 5)).astype(np.float32), np.array([1, 0, 0.5, 2, 0, 1], np.float32)
    value, gradient = contrast(z, weight, temperature=temperature)
    np.testing.assert_allclose(value, contrast_reference(z, weight, temperature), rtol=1e-5)
    absent = weight == 0
    np.testing.assert_array_equal(gradient[absent], 0)
    junk = np.where(absent[:, None, None], np.float32(np.nan), z)
    np.testing.assert_array_equal(contrast(junk, weight, temperature=temperature)[1], gradient)
    step = rng.normal(size=z.shape).astype(np.float32)
    ahead, behind = (contrast_reference(z + a * step.astype(np.float64), weight, temperature) for a in (1e-5, -1e-5))
    np.testing.assert_allclose((gradient * step).sum(), (ahead - behind) / 2e-5, rtol=1e-4)


def test_contrast_is_finite_where_pieces_are_equal_opposite_or_silent_and_nothing_is_left_to_tell_apart():
    far = np.array([[[1, 0], [-1, 0]], [[1, 0], [1, 0]], [[0, 0], [0, 0]]], np.float32)
    value, gradient = contrast(far, np.ones(3, np.float32), temperature=0.01)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
    assert value > 30
    for weight in ([0, 1, 0], [0, 0, 0]):
        value, gradient = contrast(far, np.array(weight, np.float32), temperature=0.01)
        np.testing.assert_allclose(value, 0, atol=1e-5)
        np.testing.assert_allclose(gradient, 0, atol=1e-5)


def test_contrast_refuses_what_are_no_pairs():
    with pytest.raises(InputError, match=r"\[batch, 2, features\], got \(4, 3\)"):
        nt_xent(jnp.zeros((4, 3)))
    with pytest.raises(InputError, match="temperature above 0"):
        nt_xent(jnp.zeros((4, 2, 3)), temperature=0.0)
    with pytest.raises(InputError, match=r"weight \[4\]"):
        nt_xent(jnp.zeros((4, 2, 3)), jnp.ones(3))


@pytest.mark.parametrize(
    ("loss", "shape", "targets"),
    [
        (cross_entropy, (4, 3), (np.array([0, 2, 1, 1]),)),
        (binary_cross_entropy, (4, 3), (np.eye(4, 3),)),
        (mean_squared_error, (4, 3), (np.arange(12.0).reshape(4, 3),)),
        (concordance, (4, 3), (np.arange(12.0).reshape(4, 3) ** 2,)),
        (nt_xent, (4, 2, 3), ()),
        (next_symbol, (2, 3, 3), (Padded(np.array([[0, 1], [1, 0]]), np.array([2, 1])),)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_float64_is_kept_and_the_gradient_is_that_of_finite_differences(loss, shape, targets):
    with jax.enable_x64(True):
        logits = jnp.asarray(np.random.default_rng(0).normal(size=shape))
        compiled = jax.jit(lambda logits: loss(logits, *targets))
        for dtype in (jnp.float64, jnp.float32):
            assert jax.eval_shape(compiled, jax.ShapeDtypeStruct(shape, dtype)).dtype == dtype
        check_grads(compiled, (logits,), order=1, modes=["rev"], atol=1e-7, rtol=1e-7)
