"""Losses of numbers."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import optax

from jaxlisten.errors import InputError
from jaxlisten.losses.common import check_pairs, mean, weights
from jaxlisten.ops import widened
from jaxlisten.types import Array


def mean_squared_error(predictions: Array, targets: Array, weight: Array | None = None) -> jax.Array:
    """Compute the weighted mean over a batch, and over its numbers, of ``(predictions - targets)**2``.

    Args:
        predictions: ``[batch]`` or ``[batch, *k]``, any floating dtype: one axis of numbers, or several, as of an
            autoencoder's spectrograms.
        targets: likewise, integers or any floating dtype; an axis of ``k = 1`` may be left out of either.
        weight: ``[batch]``, from 0 upwards; None means that every item counts 1.

    Returns:
        A scalar, float32, or float64 where the predictions are.

    Raises:
        InputError: the shapes don't belong together.

    Example:
        >>> float(mean_squared_error(jnp.array([[1.0], [5.0]]), jnp.array([2.0, 2.0])))
        5.0

    Reference:
        Equals ``sklearn.metrics.mean_squared_error(targets, predictions, sample_weight=weight)``.
    """
    p, t, w = _numbers("mean_squared_error", predictions, targets, weight)
    return mean(optax.losses.squared_error(p, t).mean(axis=1), w)


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
        A scalar, float32, or float64 where the predictions are. With one present item, or where nothing varies, it is
        1, with a gradient of 0.

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


def _numbers(
    function: str, predictions: Array, targets: Array, weight: Array | None
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Check predictions and targets; return them as ``[batch, k]``, 0 where an item is absent, and the weights."""
    p = widened(jnp.asarray(predictions))
    t = jnp.asarray(targets).astype(p.dtype)
    w = weights(weight, p)
    if p.ndim > 2 and p.shape == t.shape:
        p, t = (x.reshape(len(x), -1) for x in (p, t))
    p, t = (x[:, None] if x.ndim == 1 else x for x in (p, t))
    check_pairs(function, "predictions [batch] or [batch, *k]", p, t, w)
    present = (w != 0)[:, None]
    return jnp.where(present, p, 0.0), jnp.where(present, t, 0.0), w
