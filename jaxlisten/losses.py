"""Losses: pure functions of logits, targets and item weights, computed in float32 on top of `optax.losses`."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import optax

from jaxlisten.errors import InputError
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

    An item with ``w = 0`` is absent: it changes neither the value nor a gradient, whatever its logits (NaN included)
    and its label. The loss of a batch of absent items is 0.

    Args:
        logits: ``[batch, classes]``, any floating dtype.
        labels: ``[batch]``, integers from 0 to ``classes - 1``. Any other label of a present item makes the loss NaN
            instead of teaching a neighbouring class.
        weight: ``[batch]``, from 0 upwards; None means that every item counts 1.
        label_smoothing: the share of the target that is spread evenly over all classes, from 0 to below 1.
            A Python number: it is static under `jax.jit`.
        class_weight: ``[classes]``, from 0 upwards; None means that every class counts 1.

    Returns:
        A float32 scalar.

    Raises:
        InputError: the shapes don't belong together, the labels are no integers, or a smoothing is out of range.

    Example:
        >>> logits, labels = jnp.array([[0.0, 0.0], [jnp.nan, 9.0]]), jnp.array([0, 0])
        >>> round(float(cross_entropy(logits, labels, weight=jnp.array([1.0, 0.0]))), 4)
        0.6931

    Reference:
        Szegedy et al. (2016), *Rethinking the Inception architecture for computer vision*, section 7 (smoothing).
        With `class_weight` and without smoothing it equals ``torch.nn.functional.cross_entropy``.
    """
    logits, labels = jnp.asarray(logits, jnp.float32), jnp.asarray(labels)
    w = jnp.ones(labels.shape, jnp.float32) if weight is None else jnp.asarray(weight, jnp.float32)
    _check(logits, labels, w, label_smoothing)
    classes = logits.shape[1]

    labels = jnp.where(w != 0, labels.astype(jnp.int32), 0)
    if class_weight is not None:
        w = w * _class_weight(class_weight, classes)[labels]
    # Masking the logits, and not only the loss, keeps the NaN of an absent item out of the gradient.
    logits = jnp.where((w != 0)[:, None], logits, 0.0)

    loss = optax.losses.softmax_cross_entropy_with_integer_labels(logits, labels)
    if label_smoothing:
        even = optax.losses.softmax_cross_entropy(logits, jnp.full_like(logits, 1 / classes))
        loss = (1 - label_smoothing) * loss + label_smoothing * even
    loss = jnp.where((labels >= 0) & (labels < classes), loss, jnp.nan)

    total = w.sum()
    return (w * loss).sum() / jnp.where(total == 0, 1.0, total)


def _check(logits: jax.Array, labels: jax.Array, weight: jax.Array, label_smoothing: float) -> None:
    if logits.ndim != 2 or labels.shape != logits.shape[:1] or weight.shape != labels.shape:
        raise InputError(
            "cross_entropy: expected logits [batch, classes], labels [batch] and weight [batch], got "
            f"{logits.shape}, {labels.shape} and {weight.shape}"
        )
    if not jnp.issubdtype(labels.dtype, jnp.integer):
        raise InputError(f"cross_entropy: expected integer labels, got {labels.dtype}; are they one-hot or floats?")
    if not 0 <= label_smoothing < 1:
        raise InputError(f"cross_entropy: expected label_smoothing from 0 to below 1, got {label_smoothing}")


def _class_weight(class_weight: Array, classes: int) -> jax.Array:
    class_weight = jnp.asarray(class_weight, jnp.float32)
    if class_weight.shape != (classes,):
        raise InputError(f"cross_entropy: expected class_weight [{classes}], got {class_weight.shape}")
    return class_weight
