"""Every model that the package offers, behind every front end that fits: each form of it is written and run."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxlisten as jl
from jaxlisten.deploy.onnx import run_onnx, to_onnx
from jaxlisten.deploy.onnx_step import stream_onnx, to_onnx_step
from jaxlisten.deploy.stablehlo import run_stablehlo, to_stablehlo
from jaxlisten.types import Padded
from tests.deploy.speech import CLASSES, SR, logits, padded, speech

LONGEST = 1600
# Samples are no features: only a model that strides fits behind the raw sound.
PAIRS = [(m, f) for m in jl.models.MODELS for f in jl.models.FRONT_ENDS if f != "raw" or m == "crnn"]
# The laws hold each model by itself, so the quick ones are enough to hold all front ends.
QUICK = {("crnn", "raw"), *(("linear", f) for f in jl.models.FRONT_ENDS)}
CAUSAL = ("cnn", "cnn1d", "ds_cnn", "crnn")
AUTOENCODERS = (jl.models.autoencoder, jl.models.conv_autoencoder)


@functools.cache
def made(model):
    """Return params and state of a model as training begins, with statistics away from those of nothing."""
    params, state = jax.jit(model.init)(jax.random.key(0), jnp.zeros((1, LONGEST)))
    noise = np.random.default_rng(0)
    return params, jax.tree.map(lambda a: np.asarray(a + 0.3 * noise.random(a.shape), np.float32), state)


def marks(name: str, front_end: str):
    if (name, front_end) == ("cnn", "log_mel"):
        return ()
    return pytest.mark.wide if (name, front_end) in QUICK else pytest.mark.slow


def model_of(name: str, front_end: str, **settings) -> jl.Layer:
    return jl.serial(jl.models.FRONT_ENDS[front_end](SR), jl.models.MODELS[name](len(CLASSES), **settings))


def close(got, want):
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-5 * np.abs(want).max())


def streamed(proto, model, x: Padded):
    """Run a streaming file ten blocks at a time; return its valid answers, a clip after the other."""
    out = stream_onnx(proto, x, chunk=10 * model.timing().block)
    return [answers[valid] for answers, valid in zip(out.values, out.valid, strict=True)]


@pytest.mark.parametrize(
    ("name", "front_end"),
    [pytest.param(*pair, marks=marks(*pair), id="-".join(pair)) for pair in PAIRS],
)
def test_every_form_of_every_model_says_the_same(name, front_end):
    model = model_of(name, front_end)
    (params, state), x = made(model), padded(speech((LONGEST, 700)))
    want = np.asarray(logits(model, params, state, x))
    settings = {"sr": SR, "classes": CLASSES, "link": None}
    close(run_onnx(to_onnx(model, params, state, **settings), x.values, x.length), want)
    close(run_stablehlo(to_stablehlo(model, params, state, link=None), x.values, x.length), want)
    stream = jl.streaming(model, LONGEST)
    answers = streamed(to_onnx_step(stream, params, state, **settings), stream, x)
    close(np.stack([steps[-1] for steps in answers[:2]]), want[:2])
    assert len(answers[2]) == 0  # of an absent clip


@pytest.mark.slow
@pytest.mark.parametrize("name", CAUSAL)
def test_the_stream_of_a_causal_model_says_the_same(name):
    front = jl.Raw() if name == "crnn" else jl.LogMel(SR, n_fft=256, hop_length=80, n_mels=16)
    model = jl.serial(front, jl.models.MODELS[name](len(CLASSES), causal=True))
    (params, state), x = made(model), padded(speech((LONGEST, 700)))
    stream = jl.streaming(model, LONGEST)
    answers = streamed(to_onnx_step(stream, params, state, sr=SR, classes=CLASSES, link=None), stream, x)
    close(np.stack([steps[-1] for steps in answers[:2]]), logits(model, params, state, x)[:2])


@pytest.mark.wide
@pytest.mark.parametrize("autoencoder", AUTOENCODERS)
def test_every_form_of_an_autoencoder_says_the_same(autoencoder):
    bands = 16
    model = jl.serial(jl.LogMel(SR, n_fft=256, hop_length=80, n_mels=bands), autoencoder(bands))
    (params, state), x = made(model), padded(speech((LONGEST, 700)))
    want = logits(model, params, state, x)
    rows = [np.asarray(row)[:n] for row, n in zip(want.values, want.length, strict=True)]
    settings = {"sr": SR, "classes": range(bands), "link": None}
    whole = run_onnx(to_onnx(model, params, state, **settings, steps=True), x.values, x.length)
    program = run_stablehlo(to_stablehlo(model, params, state, link=None), x.values, x.length)
    np.testing.assert_array_equal(program.length, want.length)
    stream = streamed(to_onnx_step(model, params, state, **settings), model, x)
    for row, *got, answers in zip(rows, whole, program.values, stream, strict=True):
        assert len(answers) == len(row)
        for other in (*(one[: len(row)] for one in got), answers):
            if len(row):
                close(other, row)
