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

    def advance(carry, step):
        h, c = carry
        z, keep = step
        i, f, g, o = jnp.split(jnp.tanh(z + h @ recurrent) * slope + offset, 4, axis=-1)
        new_c = f * c + i * g
        new_h = o * jnp.tanh(new_c)
        if keep is not None:
            new_h, new_c = jnp.where(keep, new_h, h), jnp.where(keep, new_c, c)
        return (new_h, new_c), new_h

    carry, outputs = jax.lax.scan(advance, carry, (projected, _steps_of(valid, x)))
    return carry, jnp.moveaxis(outputs, 0, -2)


def gru(
    x: Array,
    kernel: Array,
    recurrent: Array,
    bias: Array,
    recurrent_bias: Array,
    carry: Array,
    valid: Array | None = None,
) -> tuple[Array, Array]:
    """Run a gated recurrent unit over time. A step that is not valid leaves the memory as it is.

    With the gates' order r, z, n along the last axis of the weights:

    ``r, z = sigmoid(W x_t + U h_{t-1} + b)``, ``n = tanh(W x_t + b + r (U h_{t-1} + b_n))``,
    ``h_t = (1 - z) n + z h_{t-1}``

    The reset gate r acts behind the recurrent product, so that one product serves all three gates.

    Args:
        x: ``[*batch, time, channel]``.
        kernel: W, ``[channel, 3 * units]``.
        recurrent: U, ``[units, 3 * units]``.
        bias: b, ``[3 * units]``.
        recurrent_bias: b_n, ``[units]``.
        carry: h, ``[*batch, units]``, of the step before the first.
        valid: booleans that broadcast to ``[*batch, time]``, or None: all are valid.

    Returns:
        h after the last step, and the outputs ``[*batch, time, units]``.

    Reference:
        Cho et al. 2014, with the reset gate of cuDNN; equals `flax.linen.GRUCell`, `torch.nn.GRU` (whose two biases of
        r and z add up to ours), Keras' ``reset_after=True`` and ONNX's ``linear_before_reset=1``.
    """
    units = recurrent.shape[0]
    projected = jnp.moveaxis(x @ kernel + bias, -2, 0)  # every step at once, outside the loop

    def advance(h, step):
        of_x, keep = step
        of_h = h @ recurrent
        # sigmoid(a) = (1 + tanh(a / 2)) / 2, which is faster on a CPU
        gates = 0.5 + 0.5 * jnp.tanh(0.5 * (of_x[..., : 2 * units] + of_h[..., : 2 * units]))
        r, z = jnp.split(gates, 2, axis=-1)
        n = jnp.tanh(of_x[..., 2 * units :] + r * (of_h[..., 2 * units :] + recurrent_bias))
        new_h = n + z * (h - n)
        if keep is not None:
            new_h = jnp.where(keep, new_h, h)
        return new_h, new_h

    carry, outputs = jax.lax.scan(advance, carry, (projected, _steps_of(valid, x)))
    return carry, jnp.moveaxis(outputs, 0, -2)


def exponential_smoother(
    x: Array, rate: Array, carry: tuple[Array, Array], valid: Array | None = None
) -> tuple[tuple[Array, Array], Array]:
    """Smooth each channel by a leaky mean: ``M_t = (1 - s) M_{t-1} + s x_t``. A step that is not valid changes nothing.

    Args:
        x: ``[*batch, time, channel]``, floating; what stands in invalid steps has to be finite.
        rate: s, ``[channel]``, from 0 to 1.
        carry: M of the step before the first, ``[*batch, channel]``, and whether there is one, booleans ``[*batch]``.
            Where there is none, the first valid step is taken as it is.
        valid: booleans that broadcast to ``[*batch, time]``, or None: all are valid.

    Returns:
        The carry after the last step, and M at every step, ``[*batch, time, channel]``.

    Reference:
        ``scipy.signal.lfilter([s], [1, s - 1], x, zi=(1 - s) * M)`` along time.
    """
    before, begun = carry
    valid = jnp.broadcast_to(True if valid is None else valid, x.shape[:-1])
    first = valid & (jnp.cumsum(valid, axis=-1) == 1) & ~begun[..., None]
    one = jnp.ones((), x.dtype)
    valid_, first_ = valid[..., None], first[..., None]
    decay = jnp.where(first_, 0 * one, jnp.where(valid_, one - rate, one))
    share = jnp.where(first_, one, jnp.where(valid_, rate, 0 * one))
    smoothed = linear_recurrence(decay, share * x, before)
    return (smoothed[..., -1, :], begun | valid.any(-1)), smoothed


def linear_recurrence(decay: Array, x: Array, carry: Array) -> Array:
    """Compute ``y_t = a_t y_{t-1} + x_t`` for each channel.

    A loop over the steps on a CPU, where each is cheap; elsewhere, where each costs a launch, a parallel prefix scan.

    Args:
        decay: a, of the shape of `x`.
        x: ``[*batch, time, channel]``.
        carry: y of the step before the first, ``[*batch, channel]``.

    Returns:
        y, ``[*batch, time, channel]``.

    Reference:
        Blelloch 1990, section 1.4: recurrences as prefix sums.
    """
    return jax.lax.platform_dependent(
        decay, x, carry, cpu=_linear_recurrence_reference, default=_linear_recurrence_parallel
    )


def _linear_recurrence_reference(decay: Array, x: Array, carry: Array) -> Array:
    def advance(y, step):
        y = step[0] * y + step[1]
        return y, y

    return jnp.moveaxis(jax.lax.scan(advance, carry, (jnp.moveaxis(decay, -2, 0), jnp.moveaxis(x, -2, 0)))[1], 0, -2)


def _linear_recurrence_parallel(decay: Array, x: Array, carry: Array) -> Array:
    def then(first, second):
        return first[0] * second[0], first[1] * second[0] + second[1]

    decay, x = jax.lax.associative_scan(then, (decay, x), axis=x.ndim - 2)
    return decay * carry[..., None, :] + x


def _steps_of(valid: Array | None, x: Array) -> Array | None:
    """Return the mask of ``x [*batch, time, channel]`` as a scan over its steps takes it, ``[time, *batch, 1]``."""
    return None if valid is None else jnp.moveaxis(jnp.broadcast_to(valid, x.shape[:-1]), -1, 0)[..., None]
