"""Losses: pure functions of outputs, targets and item weights, computed in float32 on top of `optax.losses`.

All but `concordance` are weighted means. An item of weight 0 is absent: it changes neither the value nor a
gradient, whatever stands in it, NaN included. The loss of a batch of absent items is 0.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxlisten.errors import InputError
from jaxlisten.ops.ctc import BLANK, frames_needed
from jaxlisten.types import Array, Padded


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
        A float32 scalar.

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
    logits, labels = jnp.asarray(logits, jnp.float32), jnp.asarray(labels)
    w = _weight(weight, labels)
    _check_cross_entropy(logits, labels, w, label_smoothing)
    present = w != 0
    if labels.ndim == 1:
        labels = jnp.where(present, labels.astype(jnp.int32), 0)
    else:
        labels = jnp.where(present[:, None], labels.astype(jnp.float32), 1 / logits.shape[1])
    if class_weight is not None:
        scale = _per_class("cross_entropy", "class_weight", class_weight, logits)
        w = w * (scale[labels] if labels.ndim == 1 else jnp.matmul(labels, scale, precision="highest"))
    # Masking the logits, and not only the loss, keeps the NaN of an absent item out of the gradient.
    logits = jnp.where((w != 0)[:, None], logits, 0.0)

    loss = _softmax_loss(logits, labels)
    if label_smoothing:
        even = optax.losses.softmax_cross_entropy(logits, jnp.full_like(logits, 1 / logits.shape[1]))
        loss = (1 - label_smoothing) * loss + label_smoothing * even
    return _mean(loss, w)


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
        A float32 scalar.

    Raises:
        InputError: the shapes don't belong together, or a smoothing is out of range.

    Example:
        >>> round(float(binary_cross_entropy(jnp.array([[0.0, 9.0]]), jnp.array([[1, 1]]))), 4)
        0.3466

    Reference:
        Without smoothing and `class_weight` it equals ``torch.nn.BCEWithLogitsLoss(pos_weight=positive_weight)``.
    """
    logits, targets = jnp.asarray(logits, jnp.float32), jnp.asarray(targets)
    w = _weight(weight, targets)
    _check_pairs("binary_cross_entropy", "logits [batch, classes]", logits, targets, w)
    _check_smoothing("binary_cross_entropy", label_smoothing)
    present = (w != 0)[:, None]
    logits, targets = jnp.where(present, logits, 0.0), jnp.where(present, targets.astype(jnp.float32), 0.0)
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
    return _mean(loss, w[:, None] * share[None])


def mean_squared_error(predictions: Array, targets: Array, weight: Array | None = None) -> jax.Array:
    """Compute the weighted mean over a batch, and over its numbers, of ``(predictions - targets)**2``.

    Args:
        predictions: ``[batch]`` or ``[batch, *k]``, any floating dtype: one axis of numbers, or several, as of an
            autoencoder's spectrograms.
        targets: likewise, integers or any floating dtype; an axis of ``k = 1`` may be left out of either.
        weight: ``[batch]``, from 0 upwards; None means that every item counts 1.

    Returns:
        A float32 scalar.

    Raises:
        InputError: the shapes don't belong together.

    Example:
        >>> float(mean_squared_error(jnp.array([[1.0], [5.0]]), jnp.array([2.0, 2.0])))
        5.0

    Reference:
        Equals ``sklearn.metrics.mean_squared_error(targets, predictions, sample_weight=weight)``.
    """
    p, t, w = _numbers("mean_squared_error", predictions, targets, weight)
    return _mean(optax.losses.squared_error(p, t).mean(axis=1), w)


def concordance(predictions: Array, targets: Array, weight: Array | None = None) -> jax.Array:
    """Compute 1 less the concordance correlation coefficient of a batch, the mean over its numbers.

    With weighted means, variances and covariance over the items,

        loss = 1 - 2 * cov(p, t) / (var(p) + var(t) + (mean(p) - mean(t))**2)

    It is 0 where all predictions are right, 1 where they say nothing, and 2 at most. Unlike the squared error it does
    not draw predictions that are unsure towards the mean. Predictions that vary more than the targets, and against
    them, are driven further off, so a model should begin with small ones.

    Args:
        predictions: ``[batch]`` or ``[batch, k]``, any floating dtype.
        targets: likewise, integers or any floating dtype; an axis of ``k = 1`` may be left out of either.
        weight: ``[batch]``, from 0 upwards; None means that every item counts 1.

    Returns:
        A float32 scalar. With one present item, or where nothing varies, it is 1, with a gradient of 0.

    Raises:
        InputError: the shapes don't belong together, or the batch has room for one item only.

    Example:
        >>> round(float(concordance(jnp.array([1.0, 2.0, 3.0]), jnp.array([2.0, 3.0, 4.0]))), 4)
        0.4286

    Reference:
        Lin (1989), *A concordance correlation coefficient to evaluate reproducibility*; as a loss Weninger et al.
        (2016), *Discriminatively trained recurrent neural networks for continuous dimensional emotion recognition from
        audio*.
    """
    p, t, w = _numbers("concordance", predictions, targets, weight)
    if len(p) < 2:
        raise InputError(
            "concordance: expected a batch of two items or more, got one: a single number varies with nothing; raise "
            "batch_size"
        )
    total = w.sum()
    w = (w / jnp.where(total == 0, 1.0, total))[:, None]
    p_mean, t_mean = ((w * x).sum(axis=0, keepdims=True) for x in (p, t))
    p0, t0 = p - p_mean, t - t_mean
    pp, tt, pt = ((w * a * b).sum(axis=0, keepdims=True) for a, b in ((p0, p0), (t0, t0), (p0, t0)))
    spread = pp + tt + (p_mean - t_mean) ** 2
    found = jnp.where(spread > 0, 2 * pt / jnp.where(spread > 0, spread, 1.0), 0.0)
    return jnp.where(total > 0, 1 - found.mean(), 0.0)


def ctc(logits: Any, symbols: Padded, weight: Array | None = None) -> jax.Array:
    """Compute the weighted mean over a batch of ``-log P(symbols of an item | its frames) / how many symbols it has``.

    P is the probability of all paths that say the symbols; see `jaxlisten.ops.ctc`. An item that has too few frames for
    its symbols can't be said by any path; it is absent, whatever its weight.

    Args:
        logits: ``[batch, frames, 1 + symbols]``, any floating dtype, the blank first; or a `Padded` of it.
        symbols: ``Padded(integers [batch, longest], integers [batch])``, from 0 upwards.
        weight: ``[batch]``, from 0 upwards; None means that every item counts 1.

    Returns:
        A float32 scalar.

    Raises:
        InputError: the shapes don't belong together, or the symbols are no `Padded` of integers.

    Example:
        >>> even, said = jnp.zeros((1, 2, 2)), Padded(jnp.array([[0]]), jnp.array([1]))  # of 4 paths, 3 say it
        >>> round(float(jnp.exp(-ctc(even, said))), 4)
        0.75

    Reference:
        Graves et al. 2006, *Connectionist temporal classification*; `optax.ctc_loss`.
    """
    values, frames = _frames("ctc", logits, symbols)
    w = _weight(weight, values)
    places, frame = jnp.arange(symbols.values.shape[1]), jnp.arange(values.shape[1])
    present = places < symbols.length[:, None]
    needed = frames_needed(jnp.where(present, symbols.values, -1))
    w = jnp.where(needed <= frames, w, 0.0)
    valid = (frame < frames[:, None]) & (w > 0)[:, None]
    values = jnp.where(valid[..., None], values, 0.0)
    labels = jnp.where(present, symbols.values + 1, 0)
    paddings = ((~valid).astype(jnp.float32), (~present).astype(jnp.float32))
    loss = optax.losses.ctc_loss(values, paddings[0], labels, paddings[1], blank_id=BLANK)
    loss = jnp.where(w > 0, loss, 0.0) / jnp.maximum(symbols.length, 1).astype(jnp.float32)
    return _mean(loss, w)


def next_symbol(
    logits: Any, symbols: Padded, weight: Array | None = None, *, label_smoothing: float = 0.0
) -> jax.Array:
    """Compute the weighted mean over a batch of the mean cross-entropy of the steps of an item, the end included.

    Step i of an item has to say its symbol i, and the step behind the last one the end.

    Args:
        logits: ``[batch, 1 + longest, 1 + symbols]``, any floating dtype, the end first; or a `Padded` of it, whose
            lengths don't matter.
        symbols: ``Padded(integers [batch, longest], integers [batch])``, from 0 upwards.
        weight: ``[batch]``, from 0 upwards; None means that every item counts 1.
        label_smoothing: as in `cross_entropy`.

    Returns:
        A float32 scalar.

    Raises:
        InputError: the shapes don't belong together, or a smoothing is out of range.

    Example:
        >>> logits = jnp.array([[[0.0, 99.0], [99.0, 0.0], [0.0, 0.0]]])
        >>> float(next_symbol(logits, Padded(jnp.array([[0, 0]]), jnp.array([1]))))
        0.0
    """
    values, _ = _frames("next_symbol", logits, symbols)
    _check_smoothing("next_symbol", label_smoothing)
    if values.shape[1] != symbols.values.shape[1] + 1:
        raise InputError(
            f"next_symbol: expected logits of {symbols.values.shape[1] + 1} steps for transcripts of up to "
            f"{symbols.values.shape[1]} symbols, got {values.shape[1]}; was the model given the symbols (Prompted)?"
        )
    w = _weight(weight, values)
    step, n = jnp.arange(values.shape[1]), symbols.length[:, None]
    counts = (step <= n) & (w > 0)[:, None]
    wanted = jnp.where(step < n, jnp.pad(symbols.values, ((0, 0), (0, 1))) + 1, BLANK)
    values = jnp.where(counts[..., None], values, 0.0)
    loss = optax.losses.softmax_cross_entropy_with_integer_labels(values, jnp.where(counts, wanted, 0))
    if label_smoothing:
        even = -jax.nn.log_softmax(values).mean(axis=-1)
        loss = (1 - label_smoothing) * loss + label_smoothing * even
    return _mean(jnp.where(counts, loss, 0.0).sum(axis=1) / (n[:, 0] + 1).astype(jnp.float32), w)


def nt_xent(z: Array, weight: Array | None = None, *, temperature: float = 0.2) -> jax.Array:
    """Compute the weighted mean of the contrastive loss of pairs: each half is to be found among all others.

    With ``z`` the 2 n vectors of a batch of n items, two of each, ``s[i, j] = z[i] . z[j] / (|z[i]| |z[j]|)``, and
    ``j(i)`` the other half of the same item,

        loss[i] = -log( exp(s[i, j(i)] / temperature) / sum_(k != i) exp(s[i, k] / temperature) )

    and the loss of an item is the mean of its two. An absent item, of weight 0, is in no sum; a weight above 0 counts
    the item's own loss only. Alone in its batch an item has the loss 0.

    Args:
        z: ``[batch, 2, features]``, any floating dtype.
        weight: ``[batch]``, from 0 upwards; None means that every item counts 1.
        temperature: above 0; the lower, the more the nearest of the others count. Static under `jax.jit`.

    Returns:
        A float32 scalar.

    Raises:
        InputError: the shapes don't belong together, or the temperature is not above 0.

    Example:
        >>> pairs = jnp.array([[[1.0, 0.0], [2.0, 0.0]], [[0.0, 1.0], [0.0, 3.0]]])
        >>> round(float(nt_xent(pairs, temperature=1.0)), 4)  # log(1 + 2 / e)
        0.5514

    Reference:
        Chen et al. 2020, *A simple framework for contrastive learning of visual representations*, algorithm 1.
    """
    shape = jnp.shape(z.values if isinstance(z, Padded) else z)
    if isinstance(z, Padded) or len(shape) != 3 or shape[1] != 2:
        raise InputError(
            f"nt_xent: expected vectors of two forms of each item, [batch, 2, features], got {shape}; does the model "
            "pool over time?"
        )
    z = jnp.asarray(z, jnp.float32)
    if not temperature > 0:
        raise InputError(f"nt_xent: expected a temperature above 0, got {temperature}")
    w = _weight(weight, z)
    if w.shape != z.shape[:1]:
        raise InputError(f"nt_xent: expected weight [{len(z)}], got {w.shape}")
    present = jnp.repeat(w > 0, 2)
    z = jnp.where(present[:, None], z.reshape(-1, z.shape[2]), 1.0)
    z = z * jax.lax.rsqrt(jnp.maximum(jnp.square(z).sum(axis=1, keepdims=True), 1e-20))
    s = jnp.matmul(z, z.T, precision="highest") / temperature
    i = jnp.arange(len(z))
    others = (i[:, None] != i) & present
    # A row of nothing but -inf, where every other item is absent, is one of an absent item: its loss counts nowhere.
    found = jnp.where(present[:, None] & others, s, jnp.where(present[:, None], -jnp.inf, 0.0))
    loss = jax.nn.logsumexp(found, axis=1) - s[i, i ^ 1]
    return _mean(jnp.where(present, loss, 0.0).reshape(-1, 2).mean(axis=1), w)


def _numbers(
    function: str, predictions: Array, targets: Array, weight: Array | None
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Check predictions and targets; return them as ``[batch, k]``, 0 where an item is absent, and the weights."""
    p, t = jnp.asarray(predictions, jnp.float32), jnp.asarray(targets).astype(jnp.float32)
    w = _weight(weight, t)
    if p.ndim > 2 and p.shape == t.shape:
        p, t = (x.reshape(len(x), -1) for x in (p, t))
    p, t = (x[:, None] if x.ndim == 1 else x for x in (p, t))
    _check_pairs(function, "predictions [batch] or [batch, *k]", p, t, w)
    present = (w != 0)[:, None]
    return jnp.where(present, p, 0.0), jnp.where(present, t, 0.0), w


def _frames(function: str, logits: Any, symbols: Any) -> tuple[jax.Array, jax.Array]:
    """Return logits ``[batch, frames, classes]`` in float32 and how many frames are valid; check what they are."""
    values = jnp.asarray(logits.values if isinstance(logits, Padded) else logits, jnp.float32)
    shape = symbols.values.shape if isinstance(symbols, Padded) else None
    if values.ndim != 3 or shape is None or len(shape) != 2 or shape[0] != values.shape[0]:
        raise InputError(
            f"{function}: expected logits [batch, frames, classes] and symbols Padded([batch, longest], [batch]), got "
            f"{values.shape} and {shape or type(symbols).__name__}; does the model keep its time (no pooling)?"
        )
    if not jnp.issubdtype(symbols.values.dtype, jnp.integer):
        raise InputError(f"{function}: expected symbols as integers, got {symbols.values.dtype}")
    whole = jnp.full(values.shape[:1], values.shape[1])
    return values, jnp.asarray(logits.length) if isinstance(logits, Padded) else whole


def _softmax_loss(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """Return the cross-entropy of each item, NaN where a label is none."""
    classes = logits.shape[1]
    if labels.ndim == 1:
        loss = optax.losses.softmax_cross_entropy_with_integer_labels(logits, labels)
        return jnp.where((labels >= 0) & (labels < classes), loss, jnp.nan)
    # bfloat16 holds a sum of 1 to 1/128 only.
    possible = (labels >= 0).all(axis=1) & (jnp.abs(labels.sum(axis=1) - 1) < 0.02)
    return jnp.where(possible, optax.losses.safe_softmax_cross_entropy(logits, labels), jnp.nan)


def _mean(loss: jax.Array, weight: jax.Array) -> jax.Array:
    total = weight.sum()
    return (weight * loss).sum() / jnp.where(total == 0, 1.0, total)


def _weight(weight: Array | None, targets: jax.Array) -> jax.Array:
    return jnp.ones(targets.shape[:1], jnp.float32) if weight is None else jnp.asarray(weight, jnp.float32)


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
    _check_smoothing("cross_entropy", label_smoothing)


def _check_pairs(function: str, expected: str, outputs: jax.Array, targets: jax.Array, weight: jax.Array) -> None:
    if outputs.ndim != 2 or targets.shape != outputs.shape or weight.shape != outputs.shape[:1]:
        raise InputError(
            f"{function}: expected {expected}, targets of the same shape and weight [batch], got {outputs.shape}, "
            f"{targets.shape} and {weight.shape}"
        )


def _check_smoothing(function: str, label_smoothing: float) -> None:
    if not 0 <= label_smoothing < 1:
        raise InputError(f"{function}: expected label_smoothing from 0 to below 1, got {label_smoothing}")


def _per_class(function: str, name: str, values: Array, logits: jax.Array) -> jax.Array:
    array = jnp.asarray(values, jnp.float32)
    if array.shape != logits.shape[1:]:
        raise InputError(f"{function}: expected {name} [{logits.shape[1]}], got {array.shape}")
    return array
