"""Recurrences against plain NumPy loops, the cells of flax and the filters of SciPy."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxlisten import ops
from jaxlisten.ops import recurrence

lstm, gru = jax.jit(ops.lstm), jax.jit(ops.gru)
CHANNELS, UNITS, TIME, BATCH = 3, 4, 7, 2


@pytest.fixture
def weights():
    rng = np.random.default_rng(0)
    shapes = [(CHANNELS, 4 * UNITS), (UNITS, 4 * UNITS), (4 * UNITS,)]
    return [rng.standard_normal(shape).astype(np.float32) for shape in shapes]


@pytest.fixture
def x():
    return np.random.default_rng(1).standard_normal((BATCH, TIME, CHANNELS)).astype(np.float32)


@pytest.fixture
def carry():
    rng = np.random.default_rng(2)
    return tuple(rng.standard_normal((BATCH, UNITS)).astype(np.float32) for _ in range(2))


def looped(x, kernel, recurrent, bias, carry, valid):
    """Run the equations step by step in float64; h and c stay where a step is not valid."""
    h, c = (np.asarray(a, np.float64) for a in carry)
    outputs = []
    for t in range(x.shape[1]):
        z = x[:, t].astype(np.float64) @ kernel + h @ recurrent + bias
        i, f, g, o = np.split(z, 4, axis=-1)
        i, f, o = (1 / (1 + np.exp(-gate)) for gate in (i, f, o))
        new_c = f * c + i * np.tanh(g)
        keep = valid[:, t, None]
        h, c = np.where(keep, o * np.tanh(new_c), h), np.where(keep, new_c, c)
        outputs.append(h)
    return (h, c), np.stack(outputs, axis=1)


def hold(got, want):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=2e-6), got, want)


def test_lstm_equals_a_loop(weights, x, carry):
    hold(lstm(x, *weights, carry), looped(x, *weights, carry, np.ones((BATCH, TIME), bool)))


def test_masked_steps_hold_the_memory(weights, x, carry):
    valid = np.array([[1, 1, 0, 0, 1, 0, 1], [0, 0, 0, 0, 0, 0, 0]], bool)
    got = lstm(x, *weights, carry, jnp.asarray(valid))
    hold(got, looped(x, *weights, carry, valid))
    (h, c), outputs = got
    np.testing.assert_array_equal(outputs[0, 3], outputs[0, 1])
    np.testing.assert_array_equal(h[1], carry[0][1])
    np.testing.assert_array_equal(c[1], carry[1][1])


def test_a_mask_over_time_alone_holds_for_the_whole_batch(weights, x, carry):
    valid = np.array([1, 0, 1, 1, 0, 1, 1], bool)
    hold(lstm(x, *weights, carry, jnp.asarray(valid)), looped(x, *weights, carry, np.broadcast_to(valid, (2, 7))))


def test_the_carry_goes_on_where_the_first_half_ended(weights, x, carry):
    middle, first = lstm(x[:, :3], *weights, carry)
    end, second = lstm(x[:, 3:], *weights, middle)
    hold((end, jnp.concatenate([first, second], 1)), lstm(x, *weights, carry))


@pytest.mark.parametrize("name", ["LSTMCell", "OptimizedLSTMCell"])
def test_lstm_equals_the_cells_of_flax(name, weights, x, carry):
    from flax import nnx

    cell = getattr(nnx, name)(CHANNELS, UNITS, rngs=nnx.Rngs(0))
    kernel, recurrent, bias = weights
    if name == "LSTMCell":
        for index, gate in enumerate("ifgo"):
            part = slice(index * UNITS, (index + 1) * UNITS)
            getattr(cell, {"f": "if_"}.get(gate, f"i{gate}")).kernel[...] = jnp.asarray(kernel[:, part])
            getattr(cell, f"h{gate}").kernel[...] = jnp.asarray(recurrent[:, part])
            getattr(cell, f"h{gate}").bias[...] = jnp.asarray(bias[part])
    else:
        cell.dense_i.kernel[...] = jnp.asarray(kernel)
        cell.dense_h.kernel[...] = jnp.asarray(recurrent)
        cell.dense_h.bias[...] = jnp.asarray(bias)
    (h, c), run = carry, nnx.jit(lambda cell, carry, x: cell(carry, x))
    outputs = []
    for t in range(TIME):
        (c, h), y = run(cell, (c, h), x[:, t])
        outputs.append(y)
    hold(lstm(x, *weights, carry), ((h, c), jnp.stack(outputs, 1)))


def test_gradients_equal_finite_differences(weights, x, carry):
    valid = jnp.array([[1, 1, 0, 1, 1, 0, 1], [1, 1, 1, 1, 0, 0, 0]], bool)
    check_grads(lambda *args: lstm(*args, valid), (x, *weights, carry), order=1, modes=["rev"], atol=1e-2, rtol=1e-2)


def test_large_inputs_stay_finite(weights, x, carry):
    (h, c), y = lstm(x * 1e4, *weights, carry)
    assert all(np.isfinite(a).all() for a in (h, c, y))


@pytest.fixture
def gru_weights():
    rng = np.random.default_rng(3)
    shapes = [(CHANNELS, 3 * UNITS), (UNITS, 3 * UNITS), (3 * UNITS,), (UNITS,)]
    return [rng.standard_normal(shape).astype(np.float32) for shape in shapes]


def test_gru_equals_a_loop_and_masked_steps_hold_the_memory(gru_weights, x, carry):
    valid = np.array([[1, 1, 0, 0, 1, 0, 1], [0, 0, 0, 0, 0, 0, 0]], bool)
    kernel, recurrent, bias, recurrent_bias = gru_weights
    h, outputs = np.asarray(carry[0], np.float64), []
    for t in range(TIME):
        of_x, of_h = np.split(x[:, t] @ kernel + bias, 3, -1), np.split(h @ recurrent, 3, -1)
        r, z = (1 / (1 + np.exp(-of_x[gate] - of_h[gate])) for gate in (0, 1))
        new = (1 - z) * np.tanh(of_x[2] + r * (of_h[2] + recurrent_bias)) + z * h
        h = np.where(valid[:, t, None], new, h)
        outputs.append(h)
    hold(gru(x, *gru_weights, carry[0], jnp.asarray(valid)), (h, np.stack(outputs, 1)))


@pytest.mark.parametrize("library", ["linen", "nnx"])
def test_gru_equals_the_cells_of_flax(library, gru_weights, x, carry):
    from flax import linen, nnx

    kernel, recurrent, bias, recurrent_bias = map(jnp.asarray, gru_weights)
    if library == "linen":
        names = [(gate, slice(index * UNITS, (index + 1) * UNITS)) for index, gate in enumerate("rzn")]
        params = {f"i{gate}": {"kernel": kernel[:, part], "bias": bias[part]} for gate, part in names}
        params |= {f"h{gate}": {"kernel": recurrent[:, part]} for gate, part in names}
        params["hn"]["bias"] = recurrent_bias
        run = jax.jit(lambda h, x: linen.GRUCell(UNITS).apply({"params": params}, h, x))
    else:  # has no bias behind the recurrent product
        cell, recurrent_bias = nnx.GRUCell(CHANNELS, UNITS, rngs=nnx.Rngs(0)), jnp.zeros(UNITS)
        cell.dense_i.kernel[...], cell.dense_i.bias[...], cell.dense_h.kernel[...] = kernel, bias, recurrent
        run = nnx.jit(cell)
    h, outputs = carry[0], []
    for t in range(TIME):
        h, y = run(h, x[:, t])
        outputs.append(y)
    hold(gru(x, kernel, recurrent, bias, recurrent_bias, carry[0]), (h, jnp.stack(outputs, 1)))


def test_smoothing_equals_scipy_and_begins_with_the_first_valid_step(x):
    import scipy.signal

    valid = np.array([[0, 1, 1, 0, 1, 1, 1], [0, 0, 0, 0, 0, 0, 0]], bool)
    rate, before = np.array([0.1, 0.5, 0.9], np.float32), np.full((2, 3), 0.7, np.float32)
    smooth = jax.jit(ops.exponential_smoother)
    for begun in (True, False):
        (last, known), got = smooth(x, rate, (before, np.full(2, begun)), valid)
        steps = x[0, valid[0]]
        for channel, s in enumerate(rate):
            zi = (1 - s) * (before[0, channel] if begun else steps[0, channel])
            want = scipy.signal.lfilter([s], [1, s - 1], steps[:, channel], zi=[zi])[0]
            np.testing.assert_allclose(got[0, valid[0], channel], want, rtol=0, atol=1e-6)
        np.testing.assert_array_equal(last[0], got[0, -1])
        np.testing.assert_array_equal(last[1], before[1])
        np.testing.assert_array_equal(known, [True, begun])


def test_a_parallel_prefix_scan_equals_the_loop_in_values_and_gradients(x, carry):
    decay, start = jax.nn.sigmoid(x), x[:, 0]

    def loss(run, *args):
        y = run(*args)
        return jnp.sum(y * jnp.cos(jnp.arange(y.size, dtype=y.dtype).reshape(y.shape))), y

    variants = (recurrence._linear_recurrence_parallel, recurrence._linear_recurrence_reference)
    grads = [jax.jit(jax.value_and_grad(functools.partial(loss, run), (0, 1, 2), has_aux=True)) for run in variants]
    hold(*(grad(decay, x, start) for grad in grads))
