"""The depthwise convolution as shifted products against XLA's grouped convolution and flax NNX."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxlisten import ops
from jaxlisten.ops.convolution import MOST_SLICES
from jaxlisten.ops.depthwise import _depthwise_products, _depthwise_reference
from tests.ops.comparing import compiled, hold, hold_all, value_and_grads

depthwise_conv = compiled(ops.depthwise_conv)

# kernel, stride and dilation, over time or over time and frequency
SETTINGS = [
    ((1,), (1,), (1,)),
    ((5,), (2,), (1,)),
    ((4,), (3,), (3,)),
    ((3, 3), (1, 1), (1, 1)),
    ((4, 3), (2, 1), (1, 2)),
    ((2, 5), (3, 2), (2, 1)),
]


def operands(kernel, dtype=jnp.float32):
    rng = np.random.default_rng(len(kernel))
    x = rng.standard_normal((2, *(13, 8)[: len(kernel)], 4))
    return x.astype(dtype), rng.standard_normal((*kernel, 4)).astype(dtype)


@pytest.mark.parametrize(("kernel", "stride", "dilation"), SETTINGS)
def test_shifted_products_equal_xla_in_values_and_gradients(kernel, stride, dilation):
    x, w = operands(kernel)
    got = value_and_grads(_depthwise_products, x, w, stride=stride, dilation=dilation)
    hold_all(got, value_and_grads(_depthwise_reference, x, w, stride=stride, dilation=dilation))


def test_bfloat16_is_summed_in_float32():
    x, w = operands((5, 3), jnp.bfloat16)
    got = value_and_grads(_depthwise_products, x, w, stride=(1, 2), dilation=(1, 1))
    exact = value_and_grads(_depthwise_reference, *operands((5, 3)), stride=(1, 2), dilation=(1, 1))
    for ours, theirs in zip(got, exact, strict=True):
        assert ours.dtype == jnp.bfloat16
        hold(ours, theirs, 1e-2)


@pytest.mark.parametrize("kernel", [(3,), (3, 2), (MOST_SLICES + 1,)])
def test_depthwise_conv_equals_flax(kernel):
    from flax import nnx

    x, w = operands(kernel)
    x = np.tile(x, (1, 6, *[1] * len(kernel)))
    rank, channels = len(kernel), w.shape[-1]
    settings = {"feature_group_count": channels, "padding": "VALID", "use_bias": False, "rngs": nnx.Rngs(0)}
    settings["kernel_init"] = lambda *_: jnp.asarray(w[..., None, :])
    oracle = nnx.Conv(channels, channels, kernel, strides=2, kernel_dilation=1, **settings)
    hold(depthwise_conv(x, w, stride=(2,) * rank, dilation=(1,) * rank), nnx.jit(oracle)(x))


def test_leading_axes_are_kept():
    x, w = operands((3, 3))
    for many, shape in ((x[None], (1, 2, 11, 6, 4)), (x[0], (11, 6, 4))):
        assert jax.eval_shape(lambda x: depthwise_conv(x, w, stride=(1, 1), dilation=(1, 1)), many).shape == shape
