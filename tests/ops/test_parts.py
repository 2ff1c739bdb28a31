"""A batch a few items at a time against the whole of it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxlisten as jl
from jaxlisten.ops import in_parts
from jaxlisten.types import Padded

MODEL = jl.serial(
    jl.AddChannel(),
    block=jl.serial(jl.Conv2D(8, (3, 3)), jl.BatchNorm(), jl.ReLU()),
    pool=jl.MaxPool2D((2, 2)),
    merge=jl.MergeFrequency(),
    last=jl.GlobalPool("max"),
)


def loops(function, *given) -> int:
    return jax.jit(function).lower(*given).as_text().count("stablehlo.while")


def test_parts_of_a_large_batch_equal_the_whole():
    x = jnp.arange(24.0).reshape(12, 2)
    assert loops(lambda x: in_parts(jnp.sin, x, 4_000_000), x) == 1
    assert loops(lambda x: in_parts(jnp.sin, x, 400), x) == 0
    np.testing.assert_array_equal(in_parts(jnp.sin, x, 4_000_000), jnp.sin(x))


@pytest.mark.wide
def test_inference_on_large_images_goes_in_parts():
    noise = np.random.default_rng(0)
    x = Padded(
        noise.standard_normal((2, 6, 400, 260)).astype(np.float32),
        noise.integers(0, 401, (2, 6)).astype(np.int32),
    )
    params, state = MODEL.init(jax.random.key(0), jax.ShapeDtypeStruct((1, 400, 260), np.float32))
    alone = jax.jit(lambda x: MODEL.apply(params, state, x)[0])  # too small to be cut up
    items = zip(x.values.reshape(12, 1, 400, 260), x.length.reshape(12, 1), strict=True)
    want = np.concatenate([alone(Padded(*item)) for item in items]).reshape(2, 6, -1)
    got, after = jax.jit(lambda x: MODEL.apply(params, state, x))(x)
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-5 * np.abs(want).max())
    assert jax.tree.map(np.shape, after) == jax.tree.map(np.shape, state)
    small = jax.tree.map(lambda a: a[0, :1], x)
    cut, uncut = (loops(lambda x: MODEL.apply(params, state, x)[0], given) for given in (x, small))
    assert cut > uncut
