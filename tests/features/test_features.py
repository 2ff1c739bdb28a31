"""Every feature in the table against librosa, one clip at a time, and the laws that hold for all of them."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.features.table import CASES, LENGTH, Case

FIRSTS = list({case.name: case for case in reversed(CASES)}.values())[::-1]
CHOICES = {"estimate_tuning", "spectral_rolloff", "zero_crossing_rate"}
"""Features that are piecewise constant: their gradient is 0."""


def each(cases):
    """Run over cases; those that are not the first one of their feature behind ``-m wide``."""
    wide = [() if case in FIRSTS else pytest.mark.wide for case in cases]
    return pytest.mark.parametrize(
        "case", [pytest.param(case, id=str(case), marks=mark) for case, mark in zip(cases, wide, strict=True)]
    )


@functools.cache
def built_in(length=LENGTH):
    """Make a gliding voice in faint noise, noise, and bursts with silence between them."""
    rng = np.random.default_rng(length)
    t = np.arange(length) / 8000
    phase = 2 * np.pi * (180 * t + 90 * t**2)
    voice = sum(0.7**k * np.sin((k + 1) * phase) for k in range(8)) + 1e-3 * rng.standard_normal(length)
    noise = 0.1 * rng.standard_normal(length)
    bursts = noise * np.exp(-40 * (t % 0.25)) * (t % 0.25 < 0.1) * (t > 0.25)
    return {"voice": np.float32(0.2 * voice), "noise": np.float32(noise), "bursts": np.float32(bursts)}


@pytest.fixture(scope="module")
def recordings(real):
    """Cut `LENGTH` samples around the loudest out of a digit, a sentence, a bird's song and a dog's bark."""
    import soundfile

    places = [
        "fsdd/recordings/0_jackson_0.wav",
        "ljspeech32/wavs/LJ001-0001.wav",
        "birdsong/wav-koumura/Bird0/Wave/0.wav",
    ]
    paths = [real / place for place in places] + sorted((real / "esc10" / "001 - Dog bark").glob("*.ogg"))[:1]
    read = {path.name: soundfile.read(path, dtype="float32")[0] for path in paths}
    starts = {name: np.clip(np.abs(y).argmax() - LENGTH // 2, 0, len(y) - LENGTH) for name, y in read.items()}
    return {name: y[starts[name] :][:LENGTH] for name, y in read.items()}


@functools.cache
def compiled(index: int):
    return jax.jit(CASES[index].ours)


def run(case: Case, sound: np.ndarray):
    return np.asarray(compiled(CASES.index(case))(case.given(sound)))


def hold(case: Case, got, want, relative=None):
    assert got.shape == np.shape(want)
    if case.name == "yin":  # each frame by itself; rounding may choose another trough
        assert (np.abs(got - want) > 1e-4 * want).mean() <= 1 / 200
        return
    size = np.abs(want).max(initial=0)
    tolerance = case.absolute or (relative or case.relative) * size
    np.testing.assert_allclose(got, want, rtol=0, atol=tolerance)


@each(CASES)
def test_equals_librosa(case):
    sounds = [*built_in().values(), *([built_in(2113)["voice"]] if case in FIRSTS else [])]
    for sound in sounds:
        got, want = run(case, sound), case.librosas(case.given(sound))
        hold(case, got, want)
        assert np.isfinite(got).all()


@each(CASES)
def test_equals_librosa_on_recordings(case, recordings):
    for sound in recordings.values():
        hold(case, run(case, sound), case.librosas(case.given(sound)))


def batch_of(case: Case):
    """Return two batches of the three built-in sounds: ``[2, 3, ...]``."""
    voice, noise, bursts = (case.given(sound) for sound in built_in().values())
    return np.stack([np.stack([voice, noise, bursts]), np.stack([bursts, voice, noise])])


@each(FIRSTS)
def test_a_batch_and_a_vmapped_batch_equal_their_clips(case):
    got = np.asarray(jax.jit(jax.vmap(case.ours))(batch_of(case)))
    voice, noise, bursts = (run(case, sound) for sound in built_in().values())
    want = np.stack([np.stack([voice, noise, bursts]), np.stack([bursts, voice, noise])])
    hold(case, got, want)


@pytest.mark.slow
@each(FIRSTS)
def test_jit_equals_eager(case):
    sound = built_in()["voice"]
    hold(case, np.asarray(case.ours(case.given(sound))), run(case, sound))


@each(FIRSTS)
def test_gradients_are_finite_in_sound_in_silence_and_between(case):
    sounds = np.stack([case.given(sound) for sound in (*built_in().values(), np.zeros(LENGTH, np.float32))])
    gradient = np.asarray(jax.jit(jax.grad(lambda x: weighted(case.ours(x))))(sounds))
    assert np.isfinite(gradient).all()
    assert (np.abs(gradient[:3]).max() > 0) == (case.name not in CHOICES)


def weighted(y):
    """Add up all values, each with a weight of its own."""
    weight = np.random.default_rng(3).standard_normal(y.shape)
    parts = [y.real, y.imag] if jnp.iscomplexobj(y) else [y]
    return sum((part * jnp.asarray(weight, part.dtype)).sum() for part in parts)


@each([case for case in FIRSTS if case.name not in CHOICES])
def test_gradients_equal_finite_differences(case):
    with jax.enable_x64(True):
        x = jnp.asarray(case.given(built_in()["voice"]), np.complex128 if case.name == "istft" else np.float64)
        along = jnp.asarray(np.random.default_rng(4).standard_normal(x.shape), x.dtype) * x
        at = jax.jit(jax.value_and_grad(lambda step: weighted(case.ours(x + step.astype(x.dtype) * along))))
        slope = (at(jnp.float64(1e-8))[0] - at(jnp.float64(-1e-8))[0]) / 2e-8
        np.testing.assert_allclose(at(jnp.float64(0.0))[1], slope, rtol=1e-4)


@each(FIRSTS)
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16, jnp.float16])
def test_the_floating_dtype_that_comes_in_goes_out(case, dtype):
    given = case.given(built_in()["voice"])
    out = jax.eval_shape(case.ours, jax.ShapeDtypeStruct(given.shape, given.dtype if case.name == "istft" else dtype))
    always = {"stft": jnp.complex64, "cqt": jnp.complex64, "istft": jnp.float32, "estimate_tuning": jnp.float32}
    assert out.dtype == always.get(case.name, dtype)
