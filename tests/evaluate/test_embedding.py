"""Embeddings: what goes into the last dense layer, in the order of the clips, whatever the batch."""

import dataclasses

import jax
import numpy as np
import pytest

import jaxlisten as jl
from jaxlisten.errors import InputError

SR = 8000
RNG = np.random.default_rng(0)
CLIPS = jl.data.arrays(
    [RNG.standard_normal(n).astype(np.float32) for n in (1500, 4000, 900, 4000, 2100, 3000, 800)],
    [0, 1, 0, 1, 1, 0, 1],
    sr=SR,
)


def made(model, **fields):
    params, state = model.init(jax.random.key(0), jax.ShapeDtypeStruct((4000,), "float32"))
    params, state = jax.tree.map(np.asarray, (params, state))
    known = {"task": jl.tasks.classification(), "classes": ("0", "1"), "sr": SR, "item": (4000,)}
    return jl.Fitted(model, params, state, **known | fields)


FRONT = jl.LogMel(SR, n_fft=256, hop_length=80, n_mels=16)
FITTED = made(jl.serial(FRONT, jl.models.mlp(2, units=(8,))))


def test_the_last_dense_layer_on_top_of_it_gives_the_logits():
    rows = jl.embed(FITTED, CLIPS, batch_size=4)
    assert rows.shape == (7, 16)
    assert rows.dtype == np.float32
    head = FITTED.params["logits"]
    report = jl.evaluate(FITTED, CLIPS)
    np.testing.assert_allclose(jax.nn.softmax(rows @ head["kernel"] + head["bias"]), report.probabilities, atol=1e-5)


def test_neither_the_batch_nor_what_stands_behind_a_clip_changes_a_row():
    rows = jl.embed(FITTED, CLIPS)
    order = np.array([4, 2, 6])
    np.testing.assert_allclose(jl.embed(FITTED, CLIPS.subset(order)), rows[order], atol=1e-5)


def test_steps_of_a_layer_in_the_middle_are_averaged_over_the_clip():
    rows = jl.embed(FITTED, CLIPS, until="dense0")
    mean = jl.embed(FITTED, CLIPS)[:, :8]  # the mean of the steps, and their largest values
    np.testing.assert_allclose(rows, mean, atol=1e-5)


def test_clips_of_other_kinds_and_other_classes_have_embeddings():
    numbers = dataclasses.replace(CLIPS, targets=np.ones((7, 2), np.float32), classes=("x", "y"))
    np.testing.assert_array_equal(jl.embed(FITTED, numbers), jl.embed(FITTED, CLIPS))


def test_what_has_no_embedding_is_refused():
    with pytest.raises(InputError, match="expected clips at 16000 Hz"):
        jl.embed(dataclasses.replace(FITTED, sr=16_000), CLIPS)
    with pytest.raises(InputError, match="at least one clip"):
        jl.embed(FITTED, CLIPS.subset([]))
    with pytest.raises(InputError, match="no layer 'conv'"):
        jl.embed(FITTED, CLIPS, until="conv")
    with pytest.raises(InputError, match="batch_size above 0"):
        jl.embed(FITTED, CLIPS, batch_size=0)
