"""Going on from a beginning."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxlisten as jl
from jaxlisten.types import Chunk

MODEL = jl.models.melody(9, size=4, units=6)
KEY = jax.random.key(0)
PARAMS, STATE = MODEL.init(KEY, jnp.zeros(3, int))
# Twice the weights: the first ones say of all tokens that they are about equally likely.
PARAMS = jax.tree.map(lambda a: 4 * a, PARAMS)


def made(start=(3,), steps=12, key=KEY, temperature=1.0, model=MODEL):
    return np.asarray(jl.generate(model, PARAMS, STATE, list(start), steps, key=key, temperature=temperature))


@pytest.mark.parametrize("temperature", [0.0, 0.7])
def test_it_equals_stepping_in_python(temperature):
    chunk = Chunk(jax.ShapeDtypeStruct((1,), jnp.int32), jax.ShapeDtypeStruct((1,), bool))
    carry, said = MODEL.start(PARAMS, STATE, chunk), [3, 5]
    step = jax.jit(lambda carry, token: MODEL.step(PARAMS, STATE, carry, Chunk(token[None], jnp.ones(1, bool))))
    for i in range(10):
        carry, out = step(carry, jnp.int32(said[i]))
        noise = jax.random.gumbel(jax.random.fold_in(KEY, i), (9,))
        if i:
            said.append(int(jnp.argmax(out.values[0] + temperature * noise)))
    assert made((3, 5), 9, temperature=temperature).tolist() == said


def test_without_heat_each_token_is_the_most_probable_after_all_before_it():
    greedy = made(temperature=0)
    logits = np.asarray(MODEL.apply(PARAMS, STATE, greedy[:-1])[0])
    np.testing.assert_array_equal(logits.argmax(axis=1), greedy[1:])
    np.testing.assert_array_equal(made(temperature=0, key=jax.random.key(9)), greedy)


def test_tokens_are_drawn_with_their_probabilities():
    keys = jax.random.split(jax.random.key(2), 4000)
    drawn = made((4,), 1, key=keys, temperature=2.0)[:, 1]
    logits = np.asarray(MODEL.apply(PARAMS, STATE, np.array([4]))[0])[0]
    expected = np.asarray(jax.nn.softmax(logits / 2.0))
    np.testing.assert_allclose(np.bincount(drawn, minlength=9) / 4000, expected, atol=0.035)


def test_a_sequence_depends_on_its_own_key_alone():
    keys = jax.random.split(KEY, 3)
    several = made(key=keys)
    assert several.shape == (3, 13)
    np.testing.assert_array_equal(several[1], made(key=keys[1]))
    assert (several[0] != several[2]).any()
    np.testing.assert_array_equal(made(key=jax.random.key_data(keys)), several)


def test_nothing_more_than_the_beginning_may_be_asked_for():
    assert made((3, 1, 4), 0).tolist() == [3, 1, 4]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"start": ()}, r"integers \[n\], one or more"),
        ({"start": (0.5,)}, r"integers \[n\], one or more"),
        ({"start": (9,)}, "tokens from 0 to 8"),
        ({"start": (-1,)}, "tokens from 0 to 8"),
        ({"steps": -1}, "0 or more"),
        ({"temperature": float("nan")}, "0 or more"),
    ],
)
def test_wrong_input_is_refused(settings, message):
    with pytest.raises(jl.InputError, match=message):
        made(**settings)


def test_a_model_that_does_not_answer_each_step_at_once_is_refused():
    ahead = jl.serial(jl.Embedding(9, 4), jl.Conv1D(9, 3))
    with pytest.raises(jl.LayerError, match="answers each step at once"):
        jl.generate(ahead, *ahead.init(KEY, jnp.zeros(3, int)), [1], 2, key=KEY)


def test_it_learns_to_go_on_as_it_was_taught():
    scale = [0, 2, 4, 6, 8] * 3
    batches = jl.data.next_notes([scale[i : i + 8] for i in range(5)], 5)
    with jax.numpy_dtype_promotion("standard"):  # optax mixes dtypes
        settings = {"task": "classification", "optimizer": optax.adam(2e-2), "epochs": 200, "progress": False}
        fitted = jl.fit(MODEL, batches, key=KEY, **settings)
    said = jl.generate(MODEL, fitted.params, fitted.state, [4], 4, key=KEY, temperature=0)
    assert said.tolist() == [4, 6, 8, 0, 2]
