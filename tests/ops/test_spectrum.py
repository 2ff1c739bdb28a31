"""Magnitudes far below the peak."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxlisten.ops import exact_magnitude

WINDOW = np.hanning(128)


@pytest.fixture
def frames():
    """Return tones, ``[2, 3, 128]``, whose spectrum falls to 1e-6 of its peak."""
    rng = np.random.default_rng(0)
    tone = np.sin(0.3 * np.arange(128))
    return (tone + 3e-8 * rng.standard_normal((2, 3, 128))).astype(np.float32)


def exact(frames):
    return exact_magnitude(frames, WINDOW)


@pytest.mark.parametrize(
    "transform", [lambda f: f, jax.jit, lambda f: jax.vmap(jax.jit(f)), lambda f: jax.vmap(f, 1, 1)]
)
def test_every_value_is_right_however_soft(frames, transform):
    want = np.abs(np.fft.rfft(frames.astype(np.float64) * WINDOW))
    got = transform(exact)(frames)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, want, rtol=1e-6)
    plain = np.asarray(jnp.abs(jnp.fft.rfft(frames * WINDOW.astype(np.float32))))
    assert (np.abs(plain - want) > 1e-3 * want).any()  # otherwise, there would be no need


def test_derivatives_are_those_of_the_magnitude(frames):
    def plain(frames):
        return jnp.abs(jnp.fft.rfft(frames * jnp.asarray(WINDOW, frames.dtype).reshape(1, 1, -1)))

    weight = np.random.default_rng(1).standard_normal((2, 3, 65)).astype(np.float32)
    got, want = (jax.jit(jax.grad(lambda x, f=f: (weight * f(x)).sum()))(frames) for f in (exact, plain))
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-3 * np.abs(want).max())
    tangent = jax.jvp(exact, (frames,), (frames,))[1]
    np.testing.assert_allclose(tangent, exact(frames), rtol=0, atol=1e-4)
    assert (jax.grad(lambda x: exact(x).sum())(jnp.zeros((2, 128))) == 0).all()


def test_it_exports_for_every_platform(frames):
    from jax import export

    exported = export.export(jax.jit(exact), platforms=("cpu", "cuda", "tpu"))(jnp.asarray(frames))
    assert exported.out_avals[0].dtype == np.float32
    np.testing.assert_array_equal(exported.call(frames), jax.jit(exact)(frames))


def test_under_float64_it_is_float64(frames):
    with jax.enable_x64(True):
        assert jax.jit(exact)(frames.astype(np.float64)).dtype == np.float64
