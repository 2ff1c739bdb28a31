"""Decoding and the loss of CTC, held to all paths written out, and to a slow search over a dictionary of prefixes."""

import collections
import functools
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxlisten import losses
from jaxlisten.ops import ctc_beam, ctc_greedy, frames_needed
from jaxlisten.types import Padded

NOISE = np.random.default_rng(0)


def normalized(logits):
    logits = logits - logits.max(-1, keepdims=True)
    return np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)


def said(path) -> tuple[int, ...]:
    """Merge equal neighbours, then leave the blanks out."""
    return tuple(symbol - 1 for symbol, _ in itertools.groupby(path) if symbol)


def all_paths(p: np.ndarray) -> dict[tuple[int, ...], float]:
    """Add up the probabilities of all paths that say a sequence, for each sequence."""
    total = collections.defaultdict(float)
    for path in itertools.product(range(p.shape[1]), repeat=len(p)):
        total[said(path)] += math.prod(p[t, symbol] for t, symbol in enumerate(path))
    return total


def slow_beam(p: np.ndarray, beams: int) -> list[tuple[tuple[int, ...], float]]:
    """Search over prefixes, each with the probabilities of its paths that end in the blank and in a symbol."""
    kept = {(): (1.0, 0.0)}
    for row in p:
        new = collections.defaultdict(lambda: [0.0, 0.0])
        for prefix, (blank, other) in kept.items():
            new[prefix][0] += row[0] * (blank + other)
            if prefix:
                new[prefix][1] += row[prefix[-1] + 1] * other
            for symbol in range(len(row) - 1):
                before = blank if prefix and prefix[-1] == symbol else blank + other
                new[(*prefix, symbol)][1] += row[symbol + 1] * before
        kept = dict(sorted(new.items(), key=lambda item: -sum(item[1]))[:beams])
    return [(prefix, sum(both)) for prefix, both in kept.items()]


@functools.partial(jax.jit, static_argnums=2)
def beam(p, lengths, beams):
    return jax.vmap(lambda p, n: ctc_beam(p, n, beams=beams))(jnp.log(p), lengths)


def listed(symbols, score):
    pairs = zip(np.asarray(symbols), np.asarray(score, np.float64), strict=True)
    return [(tuple(row[row >= 0].tolist()), math.exp(value)) for row, value in pairs if value > -1e20]


def test_a_wide_beam_finds_every_sequence_with_the_probability_of_all_its_paths():
    p, lengths = normalized(2 * NOISE.standard_normal((3, 4, 4))), np.array([4, 3, 1])
    p[1, 3:] = p[2, 1:] = np.nan  # behind the end of an item
    found = beam(p, lengths, 70)
    for i, n in enumerate(lengths):
        want, got = all_paths(p[i, :n]), listed(found.symbols[i], found.score[i])
        assert len(got) == len(want) == len(dict(got))
        np.testing.assert_allclose([want[sequence] for sequence, _ in got], [value for _, value in got], rtol=1e-5)
        np.testing.assert_allclose([value for _, value in got], sorted(want.values(), reverse=True), rtol=1e-5)


@pytest.mark.parametrize("beams", [1, 3, 8])
def test_a_narrow_beam_equals_the_slow_search(beams):
    p = normalized(1.5 * NOISE.standard_normal((6, 14, 5)))
    found = beam(p, np.full(6, 14), beams)
    for i in range(6):
        want, got = slow_beam(p[i], beams), listed(found.symbols[i], found.score[i])
        assert [sequence for sequence, _ in got] == [sequence for sequence, _ in want]
        np.testing.assert_allclose([value for _, value in got], [value for _, value in want], rtol=1e-4)


def test_sequences_no_longer_than_asked_for_are_found():
    p = normalized(NOISE.standard_normal((5, 3)))
    found = jax.jit(lambda p: ctc_beam(jnp.log(p), 5, beams=20, longest=2))(p)
    want = {sequence: value for sequence, value in all_paths(p).items() if len(sequence) <= 2}
    got = dict(listed(found.symbols, found.score))
    assert got.keys() == want.keys()
    assert found.symbols.shape == (20, 5)


def test_greedy_decoding_reads_the_best_path_up_to_its_end():
    logits, lengths = NOISE.standard_normal((8, 9, 4)), np.array([9, 9, 9, 5, 4, 3, 1, 0])
    logits[4, 4:] = np.nan
    found = np.asarray(jax.jit(jax.vmap(ctc_greedy))(logits, lengths))
    for row, path, n in zip(found, logits.argmax(-1), lengths, strict=True):
        assert tuple(row[row >= 0]) == said(path[:n])
        assert (row[len(said(path[:n])) :] == -1).all()


def test_equal_neighbours_need_a_blank_between_them():
    rows = np.array([[1, 1, 2, -1], [1, 2, 1, 2], [3, 3, 3, 3], [0, -1, -1, -1]])
    assert frames_needed(rows).tolist() == [4, 4, 7, 1]


SYMBOLS = Padded(np.array([[1, 1, 7], [0, 9, 9], [2, 0, 1]]), np.array([2, 1, 3]))


@jax.jit
def graded(x, lengths, weight):
    return jax.value_and_grad(lambda x: losses.ctc(Padded(x, lengths), SYMBOLS, weight))(x)


def test_the_loss_is_that_of_all_paths_for_each_symbol():
    logits = 2 * NOISE.standard_normal((3, 4, 4)).astype(np.float32)
    lengths, weight = np.array([4, 2, 4]), np.array([1.0, 0.5, 0.0], np.float32)
    padded = logits.copy()
    padded[1, 2:] = np.nan
    padded[2] = np.inf  # of no weight
    want = [-math.log(all_paths(normalized(logits[i, :n]))[s]) for i, n, s in ((0, 4, (1, 1)), (1, 2, (0,)))]
    value, gradient = graded(padded, lengths, weight)
    np.testing.assert_allclose(value, (want[0] / 2 + 0.5 * want[1]) / 1.5, rtol=1e-5)
    assert np.isfinite(gradient).all()
    assert not gradient[1, 2:].any()
    assert not gradient[2].any()


def test_a_transcript_that_is_too_long_for_its_frames_is_left_out_and_not_infinite():
    logits = NOISE.standard_normal((3, 4, 4)).astype(np.float32)
    lengths, ones, second = np.array([2, 2, 2]), np.ones(3, np.float32), np.array([0, 1, 0], np.float32)
    loss, gradient = graded(logits, lengths, ones)
    np.testing.assert_allclose(loss, graded(logits, lengths, second)[0], rtol=1e-6)
    assert not np.asarray(gradient)[[0, 2]].any()
    assert np.asarray(gradient)[1, :2].all()
    assert graded(logits, lengths, ones - second)[0] == 0


def test_each_step_has_to_say_its_symbol_and_then_the_end():
    logits = NOISE.standard_normal((3, 4, 4)).astype(np.float32)
    each = -np.log(normalized(logits.astype(np.float64)))
    steps = [(0, 2), (1, 2), (2, 0)], [(0, 1), (1, 0)]
    want = [np.mean([each[i, t, k] for t, k in pairs]) for i, pairs in enumerate(steps)]
    symbols, weight = Padded(SYMBOLS.values % 3, SYMBOLS.length), np.array([1.0, 3.0, 0.0], np.float32)
    plain, smoothed = (functools.partial(losses.next_symbol, label_smoothing=smoothing) for smoothing in (0.0, 0.2))
    np.testing.assert_allclose(jax.jit(plain)(logits, symbols, weight), (want[0] + 3 * want[1]) / 4, rtol=1e-5)
    smooth = jax.jit(smoothed)(logits, symbols, np.array([1.0, 0.0, 0.0], np.float32))
    even = np.mean([each[0, t].mean() for t, _ in steps[0]])
    np.testing.assert_allclose(smooth, 0.8 * want[0] + 0.2 * even, rtol=1e-5)


@pytest.mark.parametrize("loss", [losses.ctc, losses.next_symbol])
def test_what_is_no_transcript_is_refused(loss):
    with pytest.raises(ValueError, match=r"expected logits \[batch, frames, classes\] and symbols Padded"):
        loss(np.zeros((2, 3)), SYMBOLS)
    with pytest.raises(ValueError, match="got .* and ndarray"):
        loss(np.zeros((3, 4, 5)), SYMBOLS.values)
    with pytest.raises(ValueError, match="symbols as integers, got float"):
        loss(np.zeros((3, 4, 5)), Padded(SYMBOLS.values.astype(float), SYMBOLS.length))


def test_logits_without_room_for_the_end_are_refused():
    with pytest.raises(ValueError, match="logits of 4 steps .* got 3; was the model given the symbols"):
        losses.next_symbol(np.zeros((3, 3, 5)), SYMBOLS)
