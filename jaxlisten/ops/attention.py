"""Attention: means of steps, weighted by how well they fit."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from jaxlisten.ops.statistics import widened
from jaxlisten.types import Array


def masked_softmax(scores: Array, mask: Array, axis: int = -1) -> Array:
    """Compute ``exp(scores) / sum(exp(scores))`` over the entries that are in the mask; the others are 0.

    Args:
        scores: any shape, floating.
        mask: booleans that broadcast to it.
        axis: along which the weights add up to 1, or to 0 where the mask is empty.

    Returns:
        Weights in the shape of `scores`, in float32 at least.
    """
    scores = jnp.where(mask, widened(scores), jnp.finfo(widened(scores).dtype).min)
    peak = jax.lax.stop_gradient(scores.max(axis, keepdims=True))
    weights = jnp.where(mask, jnp.exp(scores - peak), 0.0)
    total = weights.sum(axis, keepdims=True)
    return weights / jnp.where(total > 0, total, 1.0)


def attend(query: Array, key: Array, value: Array, mask: Array, *, origin: int | None = None) -> Array:
    """Compute scaled dot-product attention: ``softmax(Q K^T / sqrt(size)) V``.

    Args:
        query: ``[*batch, queries, heads, size]``.
        key, value: ``[*batch, keys, heads, size]``.
        mask: booleans that broadcast to ``[*batch, queries, keys]``: what each query sees.
        origin: which key stands at the place of query 0, for rotary positions (`rotate`); None: places don't count.

    Returns:
        ``[*batch, queries, heads, size]``; 0 for a query that sees nothing.

    Reference:
        Vaswani et al. 2017, equation 1; equals `flax.nnx.dot_product_attention`.
    """
    if origin is not None:
        query, key = rotate(query, origin), rotate(key)
    scores = jnp.einsum("...qhd,...khd->...hqk", query, key, preferred_element_type=widened(query).dtype)
    weights = masked_softmax(scores / math.sqrt(query.shape[-1]), mask[..., None, :, :])
    return jnp.einsum("...hqk,...khd->...qhd", weights.astype(value.dtype), value)


def attend_window(query: Array, key: Array, value: Array, valid: Array, *, origin: int | None = None) -> Array:
    """Let query t see the keys from t to ``t + window - 1``, where ``window = keys - queries + 1``.

    The work grows with ``queries * window``: queries are taken in blocks of one window, which see two windows of keys.

    Args:
        query: ``[*batch, queries, heads, size]``.
        key, value: ``[*batch, keys, heads, size]``, with as many keys as queries or more.
        valid: booleans that broadcast to ``[*batch, keys]``.
        origin: as in `attend`.

    Returns:
        ``[*batch, queries, heads, size]``; 0 for a query that sees nothing.
    """
    queries, keys = query.shape[-3], key.shape[-3]
    window = keys - queries + 1
    valid = jnp.broadcast_to(valid, key.shape[:-2])
    if queries <= window:
        return attend(query, key, value, _band(queries, keys, window) & valid[..., None, :], origin=origin)
    blocks = -(-queries // window)
    frames = [_pairs_of_blocks(a, window, blocks) for a in (key, value, valid[..., None, None])]
    mask = _band(window, 2 * window, window) & frames[2][..., None, :, 0, 0]
    y = attend(_blocks(query, window, blocks), frames[0], frames[1], mask, origin=origin)
    return y.reshape(*query.shape[:-3], blocks * window, *y.shape[-2:])[..., :queries, :, :]


def rotate(x: Array, first: int = 0, base: float = 10_000.0) -> Array:
    """Turn pairs of channels by an angle that grows with the step, so that products tell how far apart two steps are.

    Channel i and channel ``i + size / 2`` of step t are turned by ``t * base ** (-2 i / size)`` radians.

    Args:
        x: ``[*batch, time, heads, size]``, with an even size.
        first: the number of the first step.
        base: sets the slowest angle.

    Returns:
        The same shape and dtype.

    Reference:
        Su et al. 2021 (RoFormer), equation 34.
    """
    half = x.shape[-1] // 2
    a, b = jnp.split(widened(x), 2, axis=-1)
    speed = base ** (-jnp.arange(half, dtype=a.dtype) / half)
    angle = jnp.arange(first, first + x.shape[-3], dtype=a.dtype)[:, None, None] * speed
    cosine, sine = jnp.cos(angle), jnp.sin(angle)
    return jnp.concatenate([a * cosine - b * sine, b * cosine + a * sine], axis=-1).astype(x.dtype)


def _band(queries: int, keys: int, window: int) -> Array:
    ahead = jnp.arange(keys) - jnp.arange(queries)[:, None]
    return (ahead >= 0) & (ahead < window)


def _blocks(x: Array, size: int, blocks: int) -> Array:
    """Cut ``[*batch, time, heads, size]`` into blocks of `size` steps, with zeros (False) behind the end."""
    widths = [(0, 0, 0)] * x.ndim
    widths[-3] = (0, blocks * size - x.shape[-3], 0)
    x = jax.lax.pad(x, jnp.zeros((), x.dtype), widths)
    return x.reshape(*x.shape[:-3], blocks, size, *x.shape[-2:])


def _pairs_of_blocks(x: Array, size: int, pairs: int) -> Array:
    """Cut into overlapping pairs of consecutive blocks of `size` steps."""
    x = _blocks(x, size, pairs + 1)
    return jnp.concatenate([x[..., :-1, :, :, :], x[..., 1:, :, :, :]], axis=-3)
