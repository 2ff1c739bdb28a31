"""Per-channel energy normalisation against librosa."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxlisten as jl
from jaxlisten.types import Padded
from tests.nn.compiled import apply, init

FRAMES = {"sr": 8000, "hop_length": 80}
SETTINGS = [{}, {"gain": 0.7, "bias": 10.0, "power": 0.25, "time_constant": 0.06, "eps": 1e-3}]


def energies(level=1.0):
    return (level * np.random.default_rng(0).standard_normal((2, 60, 5)) ** 2).astype(np.float32)


def oracle(E, **settings):
    import librosa

    return librosa.pcen(E.T.astype(np.float64), **settings).T


def hold(got, want):
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-5 * np.abs(want).max())


def applied(layer, x):
    params, state = init(layer, jax.random.key(0), x)
    return jax.jit(layer.apply)(params, state, x)[0]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("level", [1e-4, 1e4])
def test_pcen_equals_librosa_by_default_with_an_initial_mean_of_1(settings, level):
    E = energies(level)
    hold(applied(jl.PCEN(**FRAMES, **settings, initial=1.0), E)[0], oracle(E[0], **FRAMES, **settings))


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_the_mean_begins_with_the_first_step(settings):
    E, layer = energies(), jl.PCEN(**FRAMES, **settings)
    rate = np.asarray(layer.settings(init(layer, jax.random.key(0), E)[0])[0])
    zi = ((1 - rate) * E[0, 0])[:, None].astype(np.float64)
    hold(applied(layer, E)[0], oracle(E[0], **FRAMES, **settings, zi=zi))


def test_a_stationary_sound_gives_the_same_at_any_level():
    quiet, loud = (applied(jl.PCEN(**FRAMES, gain=1.0), energies(level)) for level in (1e3, 1e7))
    np.testing.assert_allclose(quiet, loud, rtol=1e-5)


def test_silence_gives_0_with_finite_gradients():
    layer, E = jl.PCEN(**FRAMES), jnp.zeros((9, 3))
    params, state = init(layer, jax.random.key(0), E)
    y, gradients = jax.value_and_grad(lambda p, E: apply(layer, p, state, E)[0].sum(), (0, 1))(params, E)
    assert y == 0
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradients))


def test_padding_does_not_reach_the_mean():
    E = energies()
    padded = Padded(jnp.asarray(E).at[1, 20:].set(jnp.nan), jnp.array([60, 20]))
    hold(applied(jl.PCEN(**FRAMES), padded).values[1, :20], applied(jl.PCEN(**FRAMES), E[1, :20]))


def test_a_front_end_of_both_equals_librosa_from_the_sound_on():
    import librosa

    sound = np.float32(np.random.default_rng(0).standard_normal(4001) * np.linspace(0, 1, 4001))
    frames = {"sr": 8000, "n_fft": 256, "hop_length": 80, "n_mels": 20, "win_length": 200, "fmin": 50.0}
    mel = librosa.feature.melspectrogram(y=sound, **frames, power=1.0, pad_mode="constant")
    want = librosa.pcen(mel.astype(np.float64), **FRAMES, **SETTINGS[1]).T
    front = jl.PCENMel(**frames, **SETTINGS[1], initial=1.0)
    np.testing.assert_allclose(applied(front, sound), want, rtol=0, atol=1e-4 * np.abs(want).max())
    assert jl.from_config(jl.to_config(front)) == front


def test_a_setting_of_neither_is_refused():
    with pytest.raises(TypeError, match="gian"):
        jl.PCENMel(8000, gian=0.9)
    with pytest.raises(jl.LayerError, match="gain above 0"):
        jl.PCENMel(8000, gain=0.0)
