"""The learned filter bank against librosa's mel scale, tones of known level and a direct computation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxlisten as jl
from tests.nn.compiled import apply, init

SR = 8000


def ready(**settings):
    layer = jl.FilterBank(SR, **({"n_filters": 8, "hop_length": 80, "win_length": 200} | settings))
    return layer, init(layer, jax.random.key(0), jnp.zeros(SR))[0]


def test_filters_start_on_the_mel_scale_of_librosa():
    import librosa

    layer, params = ready(fmin=100.0, fmax=3500.0)
    edges = librosa.mel_frequencies(n_mels=10, fmin=100.0, fmax=3500.0)
    centre, bandwidth = layer.frequencies(params)
    np.testing.assert_allclose(centre, edges[1:-1], rtol=1e-5)
    np.testing.assert_allclose(bandwidth, (edges[2:] - edges[:-2]) / 2, rtol=1e-5)


def test_the_response_of_a_filter_has_the_given_centre_and_width():
    layer, params = ready(win_length=400)
    real, imaginary = np.split(np.asarray(layer.kernels(params))[:, 0], 2, axis=-1)
    for m, (centre, bandwidth) in enumerate(zip(*layer.frequencies(params), strict=True)):
        at = np.array([centre - bandwidth / 2, centre, centre + bandwidth / 2])
        tones = np.exp(-2j * np.pi / SR * at[:, None] * np.arange(-200, 201))
        np.testing.assert_allclose(
            np.abs(tones @ (real + 1j * imaginary)[:, m]), np.sqrt(2) * np.array([0.5, 1, 0.5]), atol=0.01
        )


@pytest.mark.parametrize("stride", [1, 4])
def test_a_tone_has_its_level_in_its_filter(stride):
    layer, params = ready(stride=stride)
    centre = float(layer.frequencies(params)[0][4])
    tone = 0.1 * np.sin(2 * np.pi * centre / SR * np.arange(SR // 4)).astype(np.float32)
    levels, _ = jax.jit(layer.apply)(params, {}, tone)
    assert levels.shape == (26, 8)
    np.testing.assert_allclose(levels[8:18, 4], 10 * np.log10(0.1**2 / 2), atol=0.05)
    assert (np.argmax(levels[3:-3], axis=-1) == 4).all()


def test_frames_equal_a_direct_computation():
    layer, params = ready(stride=2, n_filters=3, win_length=50)
    y = np.random.default_rng(0).standard_normal(400).astype(np.float32)
    real, imaginary = np.split(np.asarray(layer.kernels(params), np.float64)[:, 0], 2, axis=-1)
    window = layer.average()
    padded, half = np.pad(y, 200), len(window) // 2
    want = np.zeros((6, 3))
    for t in range(6):
        for w, at in zip(window, 200 + 80 * t + 2 * np.arange(-half, half + 1), strict=True):
            piece = padded[at - 25 : at + 26]
            want[t] += w * ((piece @ real) ** 2 + (piece @ imaginary) ** 2)
    got, _ = jax.jit(layer.apply)(params, {}, y)
    np.testing.assert_allclose(got, 10 * np.log10(want), rtol=0, atol=1e-3)


def test_training_moves_the_filters_towards_a_tone():
    layer, params = ready(n_filters=1, stride=4)
    tone = jnp.sin(2 * jnp.pi * 1500 / SR * jnp.arange(800.0))
    grad = jax.jit(jax.grad(lambda params: -apply(layer, params, {}, tone)[0].mean()))
    before = float(layer.frequencies(params)[0][0])
    for _ in range(5):
        params = jax.tree.map(lambda p, g: p - 0.02 * g, params, grad(params))
    assert abs(float(layer.frequencies(params)[0][0]) - 1500) < abs(before - 1500)
