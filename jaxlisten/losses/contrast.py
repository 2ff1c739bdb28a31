"""The loss of clips that are told from each other, without labels."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxlisten.errors import InputError
from jaxlisten.losses.common import mean, weights
from jaxlisten.ops import widened
from jaxlisten.types import Array, Padded


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
        A scalar, float32, or float64 where the vectors are.

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
    z = widened(jnp.asarray(z))
    if not temperature > 0:
        raise InputError(f"nt_xent: expected a temperature above 0, got {temperature}")
    w = weights(weight, z)
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
    return mean(jnp.where(present, loss, 0.0).reshape(-1, 2).mean(axis=1), w)
