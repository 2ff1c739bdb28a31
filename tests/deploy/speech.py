"""What the tests of exporting share: sounds like speech, and models as training leaves them."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np

import jaxlisten as jl
from jaxlisten.types import Padded

SR = 8000
CLASSES = ("one", "zwei", "três")
FRONT = jl.LogMel(sr=SR, n_fft=256, hop_length=80, n_mels=20)
MODELS = {
    "cnn1d": jl.serial(FRONT, jl.models.cnn1d(len(CLASSES), channels=(8, 12), kernel=3)),
    "lstm": jl.serial(FRONT, jl.models.lstm(len(CLASSES), units=(9, 7))),
}


def speech(lengths=(4000, 3999, 2501, 700, 90), seed=0) -> list[np.ndarray]:
    """Voiced syllables with gliding pitch over faint noise, with digital silence at the end."""
    noise = np.random.default_rng(seed)
    clips = []
    for n in lengths:
        t = np.arange(n) / SR
        pitch = 2 * np.pi * np.cumsum(noise.uniform(90, 220) * (1 + 0.2 * np.sin(2 * np.pi * 3 * t))) / SR
        voice = sum(np.sin(k * pitch) / k**1.5 for k in range(1, 15))
        sound = 0.2 * voice * np.sin(2 * np.pi * 4 * t) ** 2 + 1e-4 * noise.standard_normal(n)
        clips.append(np.where(np.arange(n) < 0.9 * n, sound, 0).astype(np.float32))
    return clips


def padded(clips, beyond=np.nan, extra=37) -> Padded:
    """Put clips in one batch, an absent one last, with `beyond` behind their ends."""
    length = np.array([len(clip) for clip in clips] + [0], np.int32)
    values = np.full((len(length), length.max() + extra), beyond, np.float32)
    for row, clip in zip(values, clips, strict=False):
        row[: len(clip)] = clip
    return Padded(values, length)


@functools.cache
def trained(name: str):
    """Return a model with params and state away from their first values: levels around -40 dB, variance 200."""
    model, noise = MODELS[name], np.random.default_rng(1)
    trees = jax.eval_shape(model.init, jax.random.key(0), jax.ShapeDtypeStruct((1, SR), jnp.float32))

    def drawn(a):
        scale = 1.5 / np.sqrt(np.prod(a.shape[:-1])) if a.ndim > 1 else 1.0
        return (scale * noise.standard_normal(a.shape)).astype(np.float32)

    params, state = jax.tree.map(drawn, trees[0]), jax.tree.map(lambda a: np.abs(drawn(a)) + 0.5, trees[1])
    bands = FRONT.n_mels
    state["normalize"] = {
        "count": np.float32(1e5),
        "mean": (-40 + 5 * noise.standard_normal(bands)).astype(np.float32),
        "variance": (200 * noise.uniform(0.5, 2, bands)).astype(np.float32),
    }
    return model, params, state


@functools.partial(jax.jit, static_argnums=0)
def logits(model, params, state, x):
    return model.apply(params, state, x)[0]


def ours(name: str, x: Padded) -> tuple[np.ndarray, np.ndarray]:
    """Return the logits and the probabilities of our own forward pass, which must not be saturated."""
    scores = logits(*trained(name), x)
    probabilities = np.asarray(jax.nn.softmax(scores))
    assert 0.01 < np.median(probabilities) < 0.99
    return np.asarray(scores), probabilities
