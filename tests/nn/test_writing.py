"""The attention decoder: taught and on its own it computes the same, and its search finds what all sequences say."""

import functools
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxlisten as jl
from jaxlisten.tasks import find

LAYER = jl.AttentionDecoder(2, longest=3, units=4, size=3, kernel=3)
NOISE = np.random.default_rng(0)
STEPS = jl.Padded(NOISE.standard_normal((2, 6, 3)).astype(np.float32), np.array([6, 4]))
PARAMS = jax.tree.map(lambda a: np.asarray(a) * 3, LAYER.init(jax.random.key(1), STEPS)[0])


@jax.jit
def taught(steps, symbols):
    return LAYER.apply(PARAMS, {}, jl.Prompted(steps, symbols))[0]


def test_on_its_own_it_computes_what_it_is_taught_with_its_own_symbols():
    logits = np.asarray(LAYER.apply(PARAMS, {}, STEPS)[0])
    assert logits.shape == (2, 4, 3)
    said = np.asarray(find("dictation").answers(logits))
    length = (said >= 0).sum(axis=1)
    again = taught(STEPS, jl.Padded(np.maximum(said, 0)[:, :3], length))
    assert again.length.tolist() == (length + 1).tolist()
    for own, given, n in zip(logits, np.asarray(again.values), length, strict=True):
        np.testing.assert_allclose(given[: n + 1], own[: n + 1], atol=1e-5)
        assert (own[n + 1 :].argmax(-1) == 0).all(), "behind the end it says something"


def test_a_wide_search_finds_every_sequence_with_its_probability():
    found = jax.jit(functools.partial(LAYER.search, beams=15))(PARAMS, STEPS)
    rows = np.array([(*s, *(0,) * (3 - len(s))) for n in range(4) for s in itertools.product(range(2), repeat=n)])
    lengths = np.array([n for n in range(4) for _ in range(2**n)])
    for i in range(2):
        steps = jl.Padded(np.repeat(STEPS.values[i : i + 1], 15, 0), np.repeat(STEPS.length[i], 15))
        logits = taught(steps, jl.Padded(rows, lengths))
        log_p = np.asarray(jax.nn.log_softmax(logits.values))
        tokens = np.where(np.arange(4) < lengths[:, None], np.pad(rows, ((0, 0), (0, 1))) + 1, 0)
        each = np.take_along_axis(log_p, tokens[..., None], axis=2)[..., 0]
        want = {
            tuple(row[:n].tolist()): value[: n + 1].sum() for row, n, value in zip(rows, lengths, each, strict=True)
        }
        symbols = [tuple(row[row >= 0].tolist()) for row in np.asarray(found.symbols[i])]
        # Those that have not come to their end after the longest are cut there, so they count without it.
        ended = [
            k for k, s in enumerate(symbols) if len(s) < 3 or math.isclose(want[s], found.score[i, k], abs_tol=1e-4)
        ]
        assert len(set(symbols)) >= 7
        for k in ended:
            assert math.isclose(want[symbols[k]], found.score[i, k], abs_tol=1e-4)
        assert sorted(found.score[i].tolist(), reverse=True) == found.score[i].tolist()


def test_a_search_with_one_beam_is_greedy():
    one = np.asarray(jax.jit(functools.partial(LAYER.search, beams=1))(PARAMS, STEPS).symbols)[:, 0]
    greedy = np.asarray(find("dictation").answers(LAYER.apply(PARAMS, {}, STEPS)[0]))
    assert (one == greedy[:, :3]).all()


def test_the_children_of_a_model_have_names():
    model = jl.models.attention(3, filters=(2,), channels=(3,), units=3)
    x = jnp.zeros((1, 20, 8))
    params, state = jax.eval_shape(model.init, jax.random.key(0), x)
    assert set(params) == {"encoder", "decoder"}
    steps, _ = jax.eval_shape(model.encoder.apply, params["encoder"], state["encoder"], x)
    assert steps.shape == (1, 10, 6)


def test_another_decoder_is_refused():
    with pytest.raises(jl.LayerError, match="decoder to be an AttentionDecoder"):
        jl.EncoderDecoder(jl.ReLU(), jl.Dense(3))  # pyright: ignore[reportArgumentType]
