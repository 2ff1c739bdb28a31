"""Recurrences over time."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxlisten.types import Array


def lstm(
    x: Array, kernel: Array, recurrent: Array, bias: Array, carry: tuple[Array, Array], valid: Array | None = None
):
    """Run a long short-term memory over time. A step that is not valid leaves the memory as it is.

    With the gates' order i, f, g, o along the last axis of the weights:

    ``i, f, o = sigmoid(W x_t + U h_{t-1} + b)``, ``g = tanh(...)``, ``c_t = f c_{t-1} + i g``, ``h_t = o tanh(c_t)``

    Args:
        x: ``[*batch, time, channel]``.
        kernel: W, ``[channel, 4 * units]``.
        recurrent: U, ``[units, 4 * units]``.
        bias: b, ``[4 * units]``.
        carry: ``(h, c)``, each ``[*batch, units]``, of the step before the first.
        valid: booleans that broadcast to ``[*batch, time]``, or None: all are valid.

    Returns:
        ``(h, c)`` after the last step, and the outputs ``[*batch, time, units]``.

    Reference:
        Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000; equals `flax.nnx.LSTMCell` and
        `torch.nn.LSTM` (whose two biases add up to ours).
    """
    units = recurrent.shape[0]
    # sigmoid(z) = (1 + tanh(z / 2)) / 2: one tanh over all four gates is faster than two kinds of function.
    is_g = jnp.arange(4 * units) // units == 2
    slope = jnp.where(is_g, 1.0, 0.5).astype(x.dtype)
    offset = jnp.where(is_g, 0.0, 0.5).astype(x.dtype)
    projected = jnp.moveaxis((x @ kernel + bias) * slope, -2, 0)  # every step at once, outside the loop
    recurrent = recurrent * slope
    steps = None if valid is None else jnp.moveaxis(jnp.broadcast_to(valid, x.shape[:-1]), -1, 0)[..., None]

    def advance(carry, step):
        h, c = carry
        z, keep = step
        i, f, g, o = jnp.split(jnp.tanh(z + h @ recurrent) * slope + offset, 4, axis=-1)
        new_c = f * c + i * g
        new_h = o * jnp.tanh(new_c)
        if keep is not None:
            new_h, new_c = jnp.where(keep, new_h, h), jnp.where(keep, new_c, c)
        return (new_h, new_c), new_h

    carry, outputs = jax.lax.scan(advance, carry, (projected, steps))
    return carry, jnp.moveaxis(outputs, 0, -2)
