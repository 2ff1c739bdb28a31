"""The transposed convolution by pieces of its kernel against its equation, and against XLA's spread input."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxlisten import ops
from jaxlisten.ops import transposed_reach
from tests.ops.comparing import compiled, hold, hold_all, value_and_grads

conv_transpose = compiled(ops.conv_transpose)

# kernel, stride and lookahead over time: odd, even, shorter than the stride, causal, all lookahead
SETTINGS = [(4, 2, 1), (5, 2, 2), (3, 3, 1), (2, 5, 0), (7, 3, 0), (7, 3, 6), (1, 1, 0)]
SETTINGS2D = [((4, 3), (2, 2), (1, 1)), ((3, 2), (1, 3), (0, 1)), ((5, 7), (3, 2), (4, 3))]


def operands(*kernel):
    rng = np.random.default_rng(kernel)
    x = rng.standard_normal((2, *(9, 7)[: len(kernel)], 3))
    return x.astype(np.float32), rng.standard_normal((*kernel, 3, 4)).astype(np.float32)


def spread(x, kernel, *, stride, lookahead):
    """Compute the same as XLA does it: with zeros between the steps of the input."""
    padding = []
    for n, size, s, p in zip(x.shape[1:-1], kernel.shape, stride, lookahead, strict=False):
        left, right = transposed_reach(size, s, p)
        before = size - 1 - (left * s + p)
        padding.append((before, (n - left - right) * s + size - 1 - ((n - 1) * s + 1) - before))
    axes = ("NWC", "WIO", "NWC") if len(stride) == 1 else ("NHWC", "HWIO", "NHWC")
    flipped = jnp.flip(kernel, range(len(stride)))
    ones = (1,) * len(stride)
    return jax.lax.conv_general_dilated(x, flipped, ones, padding, lhs_dilation=stride, dimension_numbers=axes)


@pytest.mark.parametrize(("kernel", "stride", "lookahead"), SETTINGS)
def test_conv_transpose_equals_its_equation(kernel, stride, lookahead):
    x, w = operands(kernel)
    left, right = transposed_reach(kernel, stride, lookahead)
    want = np.zeros((2, (9 - left - right) * stride, 4))
    for t in range(want.shape[1]):
        for i in range(9):
            k = t + lookahead + left * stride - i * stride
            if 0 <= k < kernel:
                want[:, t] += np.asarray(x[:, i], np.float64) @ np.asarray(w[k], np.float64)
    hold(conv_transpose(x, w, stride=(stride,), lookahead=(lookahead,)), want)


@pytest.mark.parametrize(
    ("kernel", "stride", "lookahead"),
    [*(((kernel,), (stride,), (lookahead,)) for kernel, stride, lookahead in SETTINGS[1:5]), *SETTINGS2D],
)
def test_pieces_equal_xla_in_values_and_gradients(kernel, stride, lookahead):
    x, w = operands(*kernel)
    got = value_and_grads(conv_transpose, x, w, stride=stride, lookahead=lookahead)
    hold_all(got, value_and_grads(spread, x, w, stride=stride, lookahead=lookahead))


@pytest.mark.parametrize("stride", [1, 2, 5])
@pytest.mark.parametrize("kernel", [1, 4, 7])
def test_the_reach_holds_every_input_that_an_output_sees(kernel, stride):
    for lookahead in range(kernel):
        seen = [i for i in range(-9, 10) for t in range(stride) if 0 <= t + lookahead - i * stride < kernel]
        left, right = transposed_reach(kernel, stride, lookahead)
        assert (left, right) == (max(0, -min(seen)), max(0, max(seen)))


def test_leading_axes_are_kept():
    x, w = operands(4, 4)
    for many, shape in ((x[None], (1, 2, 16, 12, 4)), (x[0], (16, 12, 4))):
        assert jax.eval_shape(lambda x: conv_transpose(x, w, stride=(2, 2), lookahead=(0, 0)), many).shape == shape
