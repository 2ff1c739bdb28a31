"""Losses of classes and of labels."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import optax

from jaxlisten.errors import InputError
from jaxlisten.losses.common import check_pairs, check_smoothing, mean, weights
from jaxlisten.ops import widened
from jaxlisten.types import Array


def cross_entropy(
    logits: Array,
    labels: Array,
    weight: Array | None = None,
    *,
    label_smoothing: float = 0.0,
    class_weight: Array | None = None,
) -> jax.Array:
    """Compute the weighted mean of the softmax cross-entropy of a batch, ``sum(w * loss) / sum(w)``.

    With ``p = softmax(logits)``, ``a = label_smoothing`` and ``K`` classes, an item with label ``y`` has

        loss = -(1 - a) * log p[y] - a / K * sum_k log p[k]
        w    = weight * class_weight[y]

    and an item whose label is a distribution ``q``, such as the mixture of two clips, has

        loss = -sum_k ((1 - a) * q[k] + a / K) * log p[k]
        w    = weight * sum_k q[k] * class_weight[k]

    so that a one-hot ``q`` is the same as its index.

    Args:
        logits: ``[batch, classes]``, any floating dtype.
        labels: ``[batch]``, integers from 0 to ``classes - 1``; or ``[batch, classes]``, any floating dtype, from 0
            upwards with the sum 1. Any other label of a present item makes the loss NaN instead of teaching a
            neighbouring class.
        weight: ``[batch]``, from 0 upwards; None means that every item counts 1.
        label_smoothing: the share of the target that is spread evenly over all classes, from 0 to below 1.
            A Python number: it is static under `jax.jit`.
        class_weight: ``[classes]``, from 0 upwards; None means that every class counts 1.

    Returns:
        A scalar, float32, or float64 where the logits are.

    Raises:
        InputError: the shapes don't belong together, labels ``[batch]`` are no integers, or a smoothing is out of
            range.

    Example:
        >>> logits, labels = jnp.array([[0.0, 0.0], [jnp.nan, 9.0]]), jnp.array([0, 0])
        >>> round(float(cross_entropy(logits, labels, weight=jnp.array([1.0, 0.0]))), 4)
        0.6931

    Reference:
        Szegedy et al. (2016), *Rethinking the Inception architecture for computer vision*, section 7 (smoothing).
        With `class_weight` and without smoothing it equals ``torch.nn.functional.cross_entropy`` of integer labels.
    """
    logits, labels = widened(jnp.asarray(logits)), jnp.asarray(labels)
    w = weights(weight, logits)
    _check_cross_entropy(logits, labels, w, label_smoothing)
    present = w != 0
    if labels.ndim == 1:
        labels = jnp.where(present, labels.astype(jnp.int32), 0)
    else:
        labels = jnp.where(present[:, None], labels.astype(logits.dtype), 1 / logits.shape[1])
    if class_weight is not None:
        scale = _per_class("cross_entropy", "class_weight", class_weight, logits)
        w = w * (scale[labels] if labels.ndim == 1 else jnp.matmul(labels, scale, precision="highest"))
    # Masking the logits, and not only the loss, keeps the NaN of an absent item out of the gradient.
    logits = jnp.where((w != 0)[:, None], logits, 0.0)

    loss = _softmax_loss(logits, labels)
    if label_smoothing:
        even = optax.losses.softmax_cross_entropy(logits, jnp.full_like(logits, 1 / logits.shape[1]))
        loss = (1 - label_smoothing) * loss + label_smoothing * even
    return mean(loss, w)


def binary_cross_entropy(
    logits: Array,
    targets: Array,
    weight: Array | None = None,
    *,
    label_smoothing: float = 0.0,
    class_weight: Array | None = None,
    positive_weight: Array | None = None,
) -> jax.Array:
    """Compute the weighted mean of the sigmoid cross-entropy over a batch and its labels.

    With ``p = sigmoid(logits)``, ``a = label_smoothing``, ``t = (1 - a) * targets + a / 2``, an item ``n`` and a label
    ``k``,

        loss[n, k] = -positive_weight[k] * t * log p - (1 - t) * log(1 - p)

    and the result is ``sum(w * loss) / sum(w)`` with ``w[n, k] = weight[n] * class_weight[k]``.

    Args:
        logits: ``[batch, classes]``, any floating dtype.
        targets: ``[batch, classes]``, 0 or 1 where a label doesn't or does hold, or anything between, such as the
            mixture of two clips; integers, booleans or any floating dtype. Any other target of a present item makes
            the loss NaN.
        weight: ``[batch]``, from 0 upwards; None means that every item counts 1.
        label_smoothing: how far each target is drawn towards 1/2, from 0 to below 1. Static under `jax.jit`.
        class_weight: ``[classes]``, from 0 upwards, how much each label counts; None means 1.
        positive_weight: ``[classes]``, from 0 upwards, how much a label that holds counts against one that doesn't;
            None means 1. More than 1 finds more of a rare label, with more false alarms.

    Returns:
        A scalar, float32, or float64 where the logits are.

    Raises:
        InputError: the shapes don't belong together, or a smoothing is out of range.

    Example:
        >>> round(float(binary_cross_entropy(jnp.array([[0.0, 9.0]]), jnp.array([[1, 1]]))), 4)
        0.3466

    Reference:
        Without smoothing and `class_weight` it equals ``torch.nn.BCEWithLogitsLoss(pos_weight=positive_weight)``.
    """
    logits, targets = widened(jnp.asarray(logits)), jnp.asarray(targets)
    w = weights(weight, logits)
    check_pairs("binary_cross_entropy", "logits [batch, classes]", logits, targets, w)
    check_smoothing("binary_cross_entropy", label_smoothing)
    present = (w != 0)[:, None]
    logits, targets = jnp.where(present, logits, 0.0), jnp.where(present, targets.astype(logits.dtype), 0.0)
    possible = (targets >= 0) & (targets <= 1)

    t = (1 - label_smoothing) * targets + label_smoothing / 2
    ones = jnp.ones_like(t)
    # By optax's loss of a sure target, once for each of the two, so that each can have a weight of its own.
    held, missing = (optax.losses.sigmoid_binary_cross_entropy(logits, sure) for sure in (ones, 0 * ones))
    if positive_weight is not None:
        held = held * _per_class("binary_cross_entropy", "positive_weight", positive_weight, logits)[None]
    loss = jnp.where(possible, t * held + (1 - t) * missing, jnp.nan)
    share = ones[0]
    if class_weight is not None:
        share = _per_class("binary_cross_entropy", "class_weight", class_weight, logits)
    return mean(loss, w[:, None] * share[None])


def _softmax_loss(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """Return the cross-entropy of each item, NaN where a label is none."""
    classes = logits.shape[1]
    if labels.ndim == 1:
        loss = optax.losses.softmax_cross_entropy_with_integer_labels(logits, labels)
        return jnp.where((labels >= 0) & (labels < classes), loss, jnp.nan)
    # bfloat16 holds a sum of 1 to 1/128 only.
    possible = (labels >= 0).all(axis=1) & (jnp.abs(labels.sum(axis=1) - 1) < 0.02)
    return jnp.where(possible, optax.losses.safe_softmax_cross_entropy(logits, labels), jnp.nan)


def _check_cross_entropy(logits: jax.Array, labels: jax.Array, weight: jax.Array, label_smoothing: float) -> None:
    shapes = (logits.shape[:1], logits.shape)
    if logits.ndim != 2 or labels.shape not in shapes or weight.shape != shapes[0]:
        raise InputError(
            "cross_entropy: expected logits [batch, classes], labels [batch] (or [batch, classes] of shares) and "
            f"weight [batch], got {logits.shape}, {labels.shape} and {weight.shape}"
        )
    whole = jnp.issubdtype(labels.dtype, jnp.integer)
    if labels.ndim == 1 and not whole:
        raise InputError(f"cross_entropy: expected integer labels [batch], got {labels.dtype}; are they numbers?")
    if labels.ndim == 2 and not jnp.issubdtype(labels.dtype, jnp.floating):
        raise InputError(
            f"cross_entropy: expected floating-point labels [batch, classes], got {labels.dtype}; is the task tagging "
            "(several labels a clip)? One-hot integers are better given as class indices [batch]"
        )
    check_smoothing("cross_entropy", label_smoothing)


def _per_class(function: str, name: str, values: Array, logits: jax.Array) -> jax.Array:
    array = jnp.asarray(values, logits.dtype)
    if array.shape != logits.shape[1:]:
        raise InputError(f"{function}: expected {name} [{logits.shape[1]}], got {array.shape}")
    return array
