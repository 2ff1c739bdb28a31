"""Rows of probabilities: those of the model on the whole stream, however the stream comes."""

import functools

import jax
import numpy as np
import pytest

import jaxlisten as jl
from jaxlisten import runs
from jaxlisten.detect import Hearing
from tests.deploy.speech import CLASSES, FRONT, SR, speech, trained

STREAM = np.concatenate(speech())
WINDOW = 3000
PIECES = {"at once": [len(STREAM)], "small": [7] * 400, "uneven": [1, 5000, 0, 333, 4000, 79]}


def fitted(model, params, state, item=(WINDOW,)):
    return runs.Fitted(model, params, state, jl.tasks.find("classification"), CLASSES, SR, item)


@functools.cache
def hearing(name="cnn1d") -> Hearing:
    return Hearing(fitted(*trained(name)))


def pieces(sizes):
    ends = np.cumsum(sizes)
    return [*np.split(STREAM, ends[ends < len(STREAM)])]


def heard(ear, parts):
    ear.restart()
    rows = [*map(ear.feed, parts), ear.end()]
    return np.concatenate([row.times for row in rows]), np.concatenate([row.probabilities for row in rows])


@functools.cache
def whole(name):
    """Return what the streaming form says about the whole stream, which the laws hold to its steps."""
    model, params, state = trained(name)
    logits, _ = jax.jit(jl.streaming(model, WINDOW).apply)(params, state, STREAM[None])
    return np.asarray(jax.nn.softmax(logits))[0]


@pytest.mark.parametrize("name", ["cnn1d", "lstm"])
@pytest.mark.parametrize("sizes", PIECES.values(), ids=PIECES)
def test_rows_are_those_of_the_model_on_the_whole_stream(name, sizes):
    ear = hearing(name)
    times, rows = heard(ear, pieces(sizes))
    assert ear.exact
    np.testing.assert_allclose(rows, whole(name), atol=2e-6)
    np.testing.assert_allclose(times, np.arange(len(rows)) * ear.period)
    assert times[-1] <= len(STREAM) / SR


def test_a_row_comes_within_the_delay_that_is_told():
    ear = hearing()
    ear.restart()
    for k, piece in enumerate(np.split(STREAM[:8000], 200)):
        now = (k + 1) * 40 / SR
        times = ear.feed(piece).times
        assert all(time <= now <= time + ear.delay + 40 / SR for time in times)


@pytest.mark.wide
def test_a_model_that_can_not_stream_is_given_windows():
    model = jl.serial(FRONT, jl.Bidirectional(jl.LSTM(5)), jl.GlobalPool(), jl.Dense(3))
    params, state = model.init(jax.random.key(0), jax.ShapeDtypeStruct((1, SR), np.float32))
    ear = Hearing(fitted(model, params, state, (800,)))
    assert not ear.exact
    assert "Bidirectional" in ear.why
    times, rows = heard(ear, pieces([333] * 9))
    np.testing.assert_allclose(times, np.minimum(np.arange(1, len(rows) + 1) * 100, len(rows) * 100) / SR)
    end = 100 * 37
    scores, _ = model.apply(params, state, STREAM[None, end - 800 : end])
    np.testing.assert_allclose(rows[36], np.asarray(jax.nn.softmax(scores))[0], atol=1e-5)
    scores, _ = model.apply(params, state, STREAM[None, :300])
    np.testing.assert_allclose(rows[2], np.asarray(jax.nn.softmax(scores))[0], atol=1e-5)


def test_the_window_is_that_of_the_training_or_the_one_that_is_asked_for():
    model, params, state = trained("cnn1d")
    assert hearing().window == WINDOW / SR
    assert Hearing(fitted(model, params, state), 0.25).window == 0.25


def test_an_hour_of_silence_gives_finite_rows_and_keeps_nothing():
    ear = hearing()
    ear.restart()
    rows = [ear.feed(np.zeros(SR * 5, np.float32)).probabilities for _ in range(20)]
    assert all(np.isfinite(row).all() for row in rows)
    np.testing.assert_allclose(rows[-1], rows[-2], atol=1e-6)
    assert len(ear._pending) < 64 * 5 * SR


@pytest.mark.parametrize(
    ("piece", "said"),
    [
        (np.zeros((2, 9), np.float32), r"floating-point samples \[time\] in each piece, got float32 \[2, 9\]"),
        (np.zeros(9, np.int16), "divide 16-bit integers by 32768"),
        (np.array([0.0, np.nan]), "some samples after 0.00 s are NaN or infinite"),
        (np.array([0.0, 1e30]), "some samples after 0.00 s are NaN or infinite, or beyond 1e.12"),
    ],
)
def test_what_is_no_sound_is_refused_and_the_stream_goes_on(piece, said):
    ear = hearing()
    ear.restart()
    with pytest.raises(jl.InputError, match=said):
        ear.feed(piece)
    _, rows = ear.feed(STREAM)
    np.testing.assert_allclose(rows, whole("cnn1d")[: len(rows)], atol=2e-6)


def test_listeners_of_numbers_and_features_are_refused():
    model, params, state = trained("cnn1d")
    numbers = runs.Fitted(model, params, state, jl.tasks.find("regression"), CLASSES, SR, (9,))
    features = runs.Fitted(model, params, state, jl.tasks.find("classification"), CLASSES, 0, (9, 4))
    for one, said in ((numbers, "says numbers"), (features, "trained on features")):
        with pytest.raises(jl.InputError, match=said):
            Hearing(one)
    with pytest.raises(jl.InputError, match="a window above 0 seconds, got 0"):
        Hearing(fitted(model, params, state), 0.0)
