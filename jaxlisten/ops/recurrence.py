"""Recurrences over time."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxlisten.ops.statistics import widened
from jaxlisten.types import Array


def lstm(
    x: Array, kernel: Array, recurrent: Array, bias: Array, carry: tuple[Array, Array], valid: Array | None = None
) -> tuple[tuple[Array, Array], Array]:
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
    # sigmoid(z) = (1 + tanh(z / 2)) / 2: one tanh over all four gates is faster than two kinds of function.
    slope, _ = _line(recurrent)
    weights = kernel * slope, bias * slope, recurrent * slope
    carry, outputs = _lstm(jnp.moveaxis(x, -2, 0), *weights, *carry, _steps_of(valid, x))
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
    weights = kernel, bias, recurrent, recurrent_bias
    carry, outputs = _gru(jnp.moveaxis(x, -2, 0), *weights, carry, _steps_of(valid, x))
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

    A loop over the steps on a CPU, where each is cheap; elsewhere, where each costs a launch, a parallel prefix scan,
    unless the number of steps is left open, as in an export.

    Args:
        decay: a, of the shape of `x`.
        x: ``[*batch, time, channel]``.
        carry: y of the step before the first, ``[*batch, channel]``.

    Returns:
        y, ``[*batch, time, channel]``.

    Reference:
        Blelloch 1990, section 1.4: recurrences as prefix sums.
    """
    if not isinstance(x.shape[-2], int):
        return _linear_recurrence_reference(decay, x, carry)
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


@jax.custom_vjp
def _lstm(x: Array, kernel: Array, bias: Array, recurrent: Array, h: Array, c: Array, keep: Array | None):
    """Run an LSTM over ``x [time, *batch, channel]`` with scaled weights.

    Each step computes its own part of ``x W``: all of them at once would fill four times the memory of the outputs, and
    new memory costs more than small products. The gradient stores the gates, and computes those of the weights as one
    product each, behind the loop.
    """

    def advance(carry, step):
        h, c, _ = _lstm_step(kernel, bias, recurrent, *carry, *step)
        return (h, c), h

    return jax.lax.scan(advance, (h, c), (x, keep))


def _lstm_step(
    kernel: Array, bias: Array, recurrent: Array, h: Array, c: Array, x: Array, keep: Array | None
) -> tuple[Array, Array, Array]:
    slope, offset = _line(recurrent)
    gates = jnp.tanh(x @ kernel + h @ recurrent + bias) * slope + offset
    i, f, g, o = jnp.split(gates, 4, axis=-1)
    new_c = f * c + i * g
    new_h = o * jnp.tanh(new_c)
    if keep is not None:
        new_h, new_c = jnp.where(keep, new_h, h), jnp.where(keep, new_c, c)
    return new_h, new_c, gates


def _lstm_forward(x: Array, kernel: Array, bias: Array, recurrent: Array, h: Array, c: Array, keep: Array | None):
    def advance(carry, step):
        h, c, gates = _lstm_step(kernel, bias, recurrent, *carry, *step)
        return (h, c), (h, c, gates)

    carry, (outputs, cells, gates) = jax.lax.scan(advance, (h, c), (x, keep))
    kept = x, kernel, recurrent, _shifted(h, outputs), _shifted(c, cells), cells, gates, keep
    return (carry, outputs), kept


def _lstm_backward(kept, gradients):
    x, kernel, recurrent, before_h, before_c, cells, gates, keep = kept
    carry, outputs = gradients

    def retreat(carry, step):
        dh, dc = carry
        dy, before_c, c, gates, keep = step
        dh = dh + dy
        i, f, g, o = jnp.split(gates, 4, axis=-1)
        of_c = jnp.tanh(c)
        at_c = dc + dh * o * (1 - of_c * of_c)
        # z is scaled: the derivative of each sigmoid is twice s (1 - s).
        parts = [2 * at_c * g * i * (1 - i), 2 * at_c * before_c * f * (1 - f), at_c * i * (1 - g * g)]
        dz = jnp.concatenate([*parts, 2 * dh * of_c * o * (1 - o)], axis=-1)
        at_c = at_c * f
        if keep is not None:
            dz, at_c = jnp.where(keep, dz, jnp.zeros((), dz.dtype)), jnp.where(keep, at_c, dc)
        at_h = dz @ recurrent.T
        return (at_h if keep is None else jnp.where(keep, at_h, dh), at_c), dz

    (dh, dc), dz = jax.lax.scan(retreat, carry, (outputs, before_c, cells, gates, keep), reverse=True)
    return dz @ kernel.T, *_of_line(x, dz, kernel), _summed_product(before_h, dz, recurrent), dh, dc, None


_lstm.defvjp(_lstm_forward, _lstm_backward)


@jax.custom_vjp
def _gru(x: Array, kernel: Array, bias: Array, recurrent: Array, recurrent_bias: Array, h: Array, keep: Array | None):
    """Run a GRU over ``x [time, *batch, channel]``, in the manner of `_lstm`."""

    def advance(h, step):
        h, _ = _gru_step((kernel, bias, recurrent, recurrent_bias), h, *step)
        return h, h

    return jax.lax.scan(advance, h, (x, keep))


def _gru_step(weights: tuple[Array, ...], h: Array, x: Array, keep: Array | None):
    kernel, bias, recurrent, recurrent_bias = weights
    of_x, of_h = x @ kernel + bias, h @ recurrent
    (x_r, x_z, x_n), (h_r, h_z, h_n) = (jnp.split(part, 3, axis=-1) for part in (of_x, of_h))
    # sigmoid(a) = (1 + tanh(a / 2)) / 2, which is faster on a CPU
    r = 0.5 + 0.5 * jnp.tanh(0.5 * (x_r + h_r))
    z = 0.5 + 0.5 * jnp.tanh(0.5 * (x_z + h_z))
    h_n = h_n + recurrent_bias
    n = jnp.tanh(x_n + r * h_n)
    new_h = n + z * (h - n)
    return (new_h if keep is None else jnp.where(keep, new_h, h)), (r, z, n, h_n)


def _gru_forward(
    x: Array, kernel: Array, bias: Array, recurrent: Array, recurrent_bias: Array, h: Array, keep: Array | None
):
    def advance(h, step):
        h, inner = _gru_step((kernel, bias, recurrent, recurrent_bias), h, *step)
        return h, (h, inner)

    carry, (outputs, inner) = jax.lax.scan(advance, h, (x, keep))
    return (carry, outputs), (x, kernel, recurrent, _shifted(h, outputs), inner, keep)


def _gru_backward(kept, gradients):
    x, kernel, recurrent, before, inner, keep = kept
    carry, outputs = gradients

    def retreat(dh, step):
        dy, before, (r, z, n, h_n), keep = step
        dh = dh + dy
        dn = dh * (1 - z) * (1 - n * n)
        parts = [dn * h_n * r * (1 - r), dh * (before - n) * z * (1 - z), dn, dn * r]
        at_h = dh * z
        if keep is not None:
            parts = [jnp.where(keep, part, jnp.zeros((), dh.dtype)) for part in parts]
            at_h = jnp.where(keep, at_h, dh)
        dr, dz, dn, dh_n = parts
        return at_h + jnp.concatenate([dr, dz, dh_n], axis=-1) @ recurrent.T, (dr, dz, dn, dh_n)

    dh, (dr, dz, dn, dh_n) = jax.lax.scan(retreat, carry, (outputs, before, inner, keep), reverse=True)
    of_x = zip(*[_of_line(x, part, kernel) for part in (dr, dz, dn)], strict=True)
    of_h = zip(*[_of_line(before, part, recurrent) for part in (dr, dz, dh_n)], strict=True)
    at_kernel, at_bias = (jnp.concatenate(parts, axis=-1) for parts in of_x)
    at_recurrent, (_, _, at_recurrent_bias) = of_h
    dx = sum(part @ weights.T for part, weights in zip((dr, dz, dn), jnp.split(kernel, 3, axis=-1), strict=True))
    return dx, at_kernel, at_bias, jnp.concatenate(at_recurrent, axis=-1), at_recurrent_bias, dh, None


_gru.defvjp(_gru_forward, _gru_backward)


def _line(recurrent: Array) -> tuple[Array, Array]:
    """Return slope and offset that turn ``tanh`` of the scaled gates i, f, g, o into their values, ``[4 * units]``."""
    units = recurrent.shape[0]
    is_g = jnp.arange(4 * units) // units == 2
    return jnp.where(is_g, 1.0, 0.5).astype(recurrent.dtype), jnp.where(is_g, 0.0, 0.5).astype(recurrent.dtype)


def _shifted(first: Array, steps: Array) -> Array:
    """Return what stood before each step of ``[time, ...]``."""
    return jnp.concatenate([first[None], steps[:-1]])


def _summed_product(before: Array, after: Array, like: Array) -> Array:
    """Return the gradient of weights between all steps of all items, as one product summed in float32 at least."""
    left, right = (a.reshape(-1, a.shape[-1]) for a in (before, after))
    return jnp.matmul(left.T, right, preferred_element_type=widened(left).dtype).astype(like.dtype)


def _of_line(x: Array, dz: Array, kernel: Array) -> tuple[Array, Array]:
    """Return the gradients of the kernel and of the bias of ``x W + b``, as one product: a sum would read dz again."""
    x = jnp.concatenate([x, jnp.ones((*x.shape[:-1], 1), x.dtype)], axis=-1)
    both = _summed_product(x, dz, kernel)
    return both[:-1], both[-1]


def _steps_of(valid: Array | None, x: Array) -> Array | None:
    """Return the mask of ``x [*batch, time, channel]`` as a scan over its steps takes it, ``[time, *batch, 1]``."""
    return None if valid is None else jnp.moveaxis(jnp.broadcast_to(valid, x.shape[:-1]), -1, 0)[..., None]
