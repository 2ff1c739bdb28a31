"""Pooling layers against flax NNX on an input that is padded by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxlisten as jl
from jaxlisten.types import Padded
from tests.nn.compiled import apply

X = jax.random.normal(jax.random.key(0), (3, 17, 4)) - 3.0  # mostly below 0, where a padded zero would show

# window, stride, and how many steps a window sees before and behind its place
WINDOWS = [(2, None, 0, 1), (3, None, 1, 1), (4, 3, 1, 2), (5, 2, 2, 2), (3, 1, 1, 1), (2, 5, 0, 1)]


@pytest.mark.parametrize(("window", "stride", "before", "behind"), WINDOWS)
def test_windows_equal_those_of_flax_with_explicit_padding(window, stride, before, behind):
    from flax import nnx

    frames = -(-17 // (stride or window))
    behind = max(0, (frames - 1) * (stride or window) + 1 + behind - 17)  # what the last window still reaches
    settings = {"window_shape": (window,), "strides": (stride or window,), "padding": [(before, behind)]}
    got = apply(jl.MaxPool(window, stride), {}, {}, X)[0]
    np.testing.assert_array_equal(got, nnx.max_pool(X, **settings)[:, :frames])
    with jax.numpy_dtype_promotion("standard"):  # flax divides by an integer count
        want = nnx.avg_pool(X, **settings, count_include_pad=False)[:, :frames]
    np.testing.assert_allclose(apply(jl.MeanPool(window, stride), {}, {}, X)[0], want, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("window", "stride", "time", "freq"),
    [((2, 2), None, (0, 1), (0, 1)), ((3, 4), (2, 3), (1, 1), (1, 2)), ((1, 3), (1, 1), (0, 0), (1, 1))],
)
def test_windows_over_frequency_equal_those_of_flax_with_explicit_padding(window, stride, time, freq):
    from flax import nnx

    images = jax.random.normal(jax.random.key(1), (2, 9, 8, 3)) - 3.0
    settings = {"window_shape": window, "strides": stride or window, "padding": [time, freq]}
    frames, bins = (-(-n // s) for n, s in zip((9, 8), stride or window, strict=True))
    got = apply(jl.MaxPool2D(window, stride), {}, {}, images)[0]
    np.testing.assert_array_equal(got, nnx.max_pool(images, **settings)[:, :frames, :bins])
    with jax.numpy_dtype_promotion("standard"):  # flax divides by an integer count
        want = nnx.avg_pool(images, **settings, count_include_pad=False)[:, :frames, :bins]
    np.testing.assert_allclose(apply(jl.MeanPool2D(window, stride), {}, {}, images)[0], want, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("kind", "reduce"), [("mean", np.mean), ("max", np.max)])
def test_frequency_pool_equals_numpy(kind, reduce):
    images = X.reshape(3, 17, 2, 2)
    got, _ = apply(jl.FrequencyPool(kind), {}, {}, images)
    np.testing.assert_allclose(got, reduce(np.asarray(images), axis=2), rtol=0, atol=1e-6)


def test_pools_refuse_the_wrong_number_of_axes():
    length = jnp.array([17, 5, 1])
    with pytest.raises(jl.LayerError, match=r"GlobalPool: .*wrong number of axes; is a FrequencyPool missing\?"):
        apply(jl.GlobalPool(), {}, {}, Padded(X[..., None], length))
    with pytest.raises(
        jl.LayerError, match=r"FrequencyPool: expected x \[\*batch, time, freq, channel\], got \(3, 17, 4\)"
    ):
        apply(jl.FrequencyPool(), {}, {}, Padded(X, length))


@pytest.mark.parametrize(("kind", "reduce"), [("mean", np.mean), ("max", np.max), ("last", lambda x, axis: x[-1])])
def test_global_pool_equals_numpy_item_by_item(kind, reduce):
    length = jnp.array([17, 5, 1])
    got, _ = apply(jl.GlobalPool(kind), {}, {}, Padded(X, length))
    want = [reduce(np.asarray(x)[:n], axis=0) for x, n in zip(X, length, strict=True)]
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-6)
    np.testing.assert_allclose(apply(jl.GlobalPool(kind), {}, {}, X[0])[0], reduce(np.asarray(X[0]), axis=0), atol=1e-6)


@pytest.mark.parametrize("kind", ["mean", "max", "last"])
def test_an_absent_item_pools_to_0(kind):
    got, _ = apply(jl.GlobalPool(kind), {}, {}, Padded(jnp.full((1, 5, 2), jnp.nan), jnp.array([0])))
    np.testing.assert_array_equal(got, np.zeros((1, 2)))


@pytest.mark.parametrize("kind", ["mean", "max", "last"])
@pytest.mark.parametrize("window", [17, 40])
def test_the_last_step_of_a_sliding_pool_is_the_global_pool(kind, window):
    sliding, _ = apply(jl.SlidingPool(window, kind), {}, {}, X)
    np.testing.assert_allclose(sliding[:, -1], apply(jl.GlobalPool(kind), {}, {}, X)[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize(("kind", "reduce"), [("mean", np.mean), ("max", np.max)])
def test_a_sliding_pool_hears_the_last_steps_at_each_step(kind, reduce):
    got, _ = apply(jl.SlidingPool(5, kind), {}, {}, X)
    want = [reduce(np.asarray(X)[:, max(0, t - 4) : t + 1], axis=1) for t in range(17)]
    np.testing.assert_allclose(got, np.stack(want, 1), rtol=0, atol=1e-6)
