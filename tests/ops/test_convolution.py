"""The convolutions as patches against XLA's convolution, flax NNX and a plain NumPy loop."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxlisten import ops
from jaxlisten.ops.convolution import MOST_SLICES, _at_a_time, _conv_patches, _conv_reference, _way
from tests.ops.comparing import compiled, hold, hold_all, value_and_grads
from tests.thinned import every

conv1d, conv2d = compiled(ops.conv1d), compiled(ops.conv2d)


def patches1d(x, w, *, stride=1, dilation=1):
    return _conv_patches(x, w, stride=(stride,), dilation=(dilation,))


@compiled
def reference1d(x, w, *, stride=1, dilation=1):
    return _conv_reference(x, w, stride=(stride,), dilation=(dilation,))


# time, kernel, stride, dilation: odd and even, kernel over and under the stride, steps left over behind the last output
SHAPES = [
    (17, 1, 1, 1),
    (17, 3, 1, 1),
    (18, 4, 2, 1),
    (23, 5, 2, 1),
    (23, 5, 3, 1),
    (20, 2, 5, 1),
    (19, 3, 1, 2),
    (31, 4, 3, 3),
    (9, 9, 1, 1),
    (9, 3, 4, 4),
    (11, 3, 1, 5),
]


def operands(time, kernel, dtype=jnp.float32, batch=(3,)):
    rng = np.random.default_rng(time * 100 + kernel)
    x = rng.standard_normal((*batch, time, 4)).astype(dtype)
    return x, rng.standard_normal((kernel, 4, 6)).astype(dtype)


def operands2d(channels, kernel, dtype=jnp.float32):
    rng = np.random.default_rng(channels)
    x = rng.standard_normal((2, 11, 8, channels)).astype(dtype)
    return x, rng.standard_normal((*kernel, channels, 5)).astype(dtype)


@pytest.mark.parametrize(("time", "kernel", "stride", "dilation"), every(3, SHAPES))
def test_patches_equal_xla_in_values_and_gradients(time, kernel, stride, dilation):
    x, w = operands(time, kernel)
    got = value_and_grads(patches1d, x, w, stride=stride, dilation=dilation)
    want = value_and_grads(reference1d, x, w, stride=stride, dilation=dilation)
    hold_all(got, want)


@pytest.mark.parametrize(("time", "kernel", "stride", "dilation"), [(17, 3, 1, 1), (23, 5, 3, 1), (31, 4, 3, 3)])
def test_patches_equal_xla_in_bfloat16(time, kernel, stride, dilation):
    x, w = operands(time, kernel, jnp.bfloat16)
    got = value_and_grads(patches1d, x, w, stride=stride, dilation=dilation)
    want = value_and_grads(reference1d, x, w, stride=stride, dilation=dilation)
    assert got[0].dtype == jnp.bfloat16
    hold_all(got, want, 2e-2)


@pytest.mark.parametrize(("time", "kernel", "stride", "dilation"), SHAPES)
def test_conv1d_equals_its_equation(time, kernel, stride, dilation):
    x, w = operands(time, kernel, batch=())
    frames = 1 + (time - (kernel - 1) * dilation - 1) // stride
    want = np.zeros((frames, 6))
    for t in range(frames):
        for k in range(kernel):
            want[t] += np.asarray(x[t * stride + k * dilation], np.float64) @ np.asarray(w[k], np.float64)
    hold(conv1d(x, w, stride=stride, dilation=dilation), want)


def test_conv1d_equals_flax():
    from flax import nnx

    x, w = operands(23, 5)
    layer = nnx.Conv(4, 6, 5, strides=2, padding="VALID", use_bias=False, rngs=nnx.Rngs(0), kernel_init=lambda *_: w)
    hold(conv1d(x, w, stride=2), nnx.jit(layer)(x))


@pytest.mark.parametrize(("kernel", "stride"), [(MOST_SLICES, 1), (MOST_SLICES + 1, 1), (MOST_SLICES + 1, 2)])
def test_a_long_kernel_gives_the_same_whichever_way_it_is_computed(kernel, stride):
    x, w = operands(kernel + 7, kernel)
    hold(conv1d(x, w, stride=stride), reference1d(x, w, stride=stride, dilation=1))


def test_conv1d_under_vmap_over_the_input_equals_the_batch():
    x, w = operands(18, 4)
    hold(jax.jit(jax.vmap(lambda x: conv1d(x, w, stride=2)))(x), reference1d(x, w, stride=2, dilation=1))


@pytest.mark.wide
def test_conv1d_under_vmap_over_the_weights_equals_one_model_at_a_time():
    x, _ = operands(18, 4)
    many = jax.random.normal(jax.random.key(0), (5, 4, 4, 6))
    got = value_and_grads(lambda x, many: jax.vmap(lambda w: conv1d(x, w, stride=2))(many), x, many)
    hold(got[0], np.stack([reference1d(x, w, stride=2, dilation=1) for w in many]))
    assert got[2].shape == many.shape


def test_conv1d_inside_a_scan_equals_it_outside_in_values_and_gradients():
    xs, w = operands(19, 3, batch=(5, 2))

    def looped(xs, w):
        return jax.lax.scan(lambda carry, x: (carry, conv1d(x, w, stride=2)), 0, xs)[1]

    got = value_and_grads(looped, xs, w)
    want = value_and_grads(reference1d, xs, w, stride=2, dilation=1)
    hold_all(got, want)


def test_leading_axes_are_kept():
    x, w = operands(12, 3, batch=(2, 3))
    assert jax.eval_shape(conv1d, x, w).shape == (2, 3, 10, 6)
    assert jax.eval_shape(conv1d, x[0, 0], w).shape == (10, 6)


def test_an_input_of_one_step_too_few_gives_no_frames():
    x, w = operands(2, 3)
    assert conv1d(x, w).shape == reference1d(x, w, stride=1, dilation=1).shape == (3, 0, 6)


ONE = {"stride": (1, 1), "dilation": (1, 1)}

# kernel, stride and dilation, of time and frequency
SHAPES2D = [
    ((1, 1), (1, 1), (1, 1)),
    ((1, 1), (2, 3), (1, 1)),
    ((3, 3), (1, 1), (1, 1)),
    ((4, 3), (2, 1), (1, 2)),
    ((3, 2), (3, 2), (2, 3)),
    ((11, 8), (1, 1), (1, 1)),
]


@pytest.mark.parametrize(("kernel", "stride", "dilation"), every(2, SHAPES2D))
def test_patches_over_frequency_equal_xla_in_values_and_gradients(kernel, stride, dilation):
    x, w = operands2d(2, kernel)
    got = value_and_grads(_conv_patches, x, w, stride=stride, dilation=dilation)
    hold_all(got, value_and_grads(_conv_reference, x, w, stride=stride, dilation=dilation))


# the last one has too many taps for patches
@pytest.mark.parametrize(("channels", "kernel"), [(1, (3, 4)), (9, (1, 1)), (9, (2, 3)), (1, (9, 8))])
def test_conv2d_equals_flax_whichever_way_it_is_computed(channels, kernel):
    from flax import nnx

    x, w = operands2d(channels, kernel)
    settings = {"padding": "VALID", "use_bias": False, "rngs": nnx.Rngs(0), "kernel_init": lambda *_: w}
    layer = nnx.Conv(channels, 5, kernel, strides=(2, 1), **settings)
    hold(conv2d(x, w, stride=(2, 1)), nnx.jit(layer)(x))


def test_conv2d_in_bfloat16_stays_in_bfloat16():
    x, w = operands2d(2, (3, 3), jnp.bfloat16)
    got = value_and_grads(_conv_patches, x, w, stride=(1, 2), dilation=(1, 1))
    assert got[0].dtype == jnp.bfloat16
    hold_all(got, value_and_grads(_conv_reference, x, w, stride=(1, 2), dilation=(1, 1)), 2e-2)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_a_batch_that_outgrows_the_cache_is_convolved_in_parts(dtype):
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.standard_normal((12, 66, 60, 8)), dtype)
    w = jnp.asarray(rng.standard_normal((3, 3, 8, 8)), dtype)
    assert 1 < _at_a_time(x, w, _way(x, w, **ONE)) < 12
    got, want = (value_and_grads(way, x, w, **ONE) for way in (_conv_patches, _conv_reference))
    hold_all(got, want, 1e-5 if dtype == jnp.float32 else 2e-2)


@pytest.mark.wide
def test_parts_of_a_batch_under_vmap_over_the_weights_equal_one_model_at_a_time():
    x = jax.random.normal(jax.random.key(0), (12, 66, 60, 8))
    many = jax.random.normal(jax.random.key(1), (2, 3, 3, 8, 8))
    got = value_and_grads(lambda x, many: jax.vmap(lambda w: conv2d(x, w))(many), x, many)
    want = value_and_grads(lambda x, many: jnp.stack([_conv_reference(x, w, **ONE) for w in many]), x, many)
    hold_all(got, want)


# time, frequency, channels in and out; kernel, stride and dilation over frequency
MIXED = [
    (7, 5, 16, 16, 3, 1, 1),
    pytest.param(8, 6, 16, 40, 3, 1, 1, marks=pytest.mark.wide),
    pytest.param(9, 9, 24, 17, 5, 2, 1, marks=pytest.mark.wide),
    pytest.param(10, 7, 33, 16, 1, 1, 1, marks=pytest.mark.wide),
    (23, 9, 16, 16, 2, 3, 2),
]


@pytest.mark.parametrize(("time", "freq", "channels", "outputs", "kernel", "stride", "dilation"), MIXED)
def test_winograds_products_equal_xla_in_values_and_gradients(time, freq, channels, outputs, kernel, stride, dilation):
    rng = np.random.default_rng(time)
    x = jnp.asarray(rng.standard_normal((3, time, freq, channels)), jnp.float32)
    w = jnp.asarray(rng.standard_normal((3, kernel, channels, outputs)), jnp.float32)
    settings = {"stride": (1, stride), "dilation": (1, dilation)}
    assert len(_way(x, w, **settings).cut(x)) == 6
    hold_all(*(value_and_grads(way, x, w, **settings) for way in (_conv_patches, _conv_reference)))


@pytest.mark.slow
def test_winograds_products_of_parts_of_a_batch_equal_xla():
    x = jax.random.normal(jax.random.key(0), (12, 40, 34, 16))
    w = jax.random.normal(jax.random.key(1), (3, 3, 16, 32))
    assert 1 < _at_a_time(x, w, _way(x, w, **ONE)) < 12
    hold_all(*(value_and_grads(way, x, w, **ONE) for way in (_conv_patches, _conv_reference)))


@pytest.mark.slow
def test_winograds_products_under_vmap_over_the_weights_equal_one_model_at_a_time():
    x = jax.random.normal(jax.random.key(0), (4, 9, 8, 16))
    many = jax.random.normal(jax.random.key(1), (2, 3, 3, 16, 16))
    got = value_and_grads(lambda x, many: jax.vmap(lambda w: conv2d(x, w))(many), x, many)
    hold_all(got, value_and_grads(lambda x, many: jnp.stack([_conv_reference(x, w, **ONE) for w in many]), x, many))


@pytest.mark.parametrize(
    ("shape", "kernel", "stride", "dtype"),
    [
        ((2, 9, 8, 15), (3, 3), (1, 1), jnp.float32),  # too few channels
        ((2, 9, 8, 16), (3, 3), (2, 1), jnp.float32),
        ((2, 9, 8, 16), (4, 3), (1, 1), jnp.float32),
        ((2, 6, 8, 16), (3, 3), (1, 1), jnp.float32),  # too short
        ((2, 9, 8, 16), (3, 3), (1, 1), jnp.bfloat16),  # too coarse
    ],
)
def test_other_convolutions_are_one_product(shape, kernel, stride, dtype):
    x, w = jnp.ones(shape, dtype), jnp.ones((*kernel, shape[-1], 16), dtype)
    assert len(_way(x, w, stride, (1, 1)).cut(x)) == 1


def test_conv2d_keeps_leading_axes():
    x, w = operands2d(2, (3, 3))
    assert jax.eval_shape(conv2d, x[None], w).shape == (1, 2, 9, 6, 5)
    assert jax.eval_shape(conv2d, x[0], w).shape == (9, 6, 5)
