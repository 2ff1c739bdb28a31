"""Pieces through the model in batches: every answer in its place, in a few shapes, and none of them waits for ever."""

import itertools

import numpy as np
import pytest

from jaxlisten.deploy.batches import answers, shelves
from jaxlisten.deploy.pieces import Piece
from jaxlisten.errors import InputError

LENGTHS = (25, 50, 100, 200)


class Model:
    """Says of each piece its length and its sum, and remembers the shapes."""

    def __init__(self):
        self.shapes = []

    def __call__(self, x):
        self.shapes.append(x.values.shape)
        behind = np.arange(x.values.shape[1]) >= x.length[:, None]
        assert not x.values[behind].any()
        return np.stack([x.length, x.values.sum(axis=1)], axis=1)


def piece(n: int, value: float = 1.0) -> Piece:
    return Piece(np.full(n, value, np.float32), 0, n)


@pytest.mark.parametrize(
    ("window", "shortest", "lengths"),
    [
        (16_000, 4_000, (4_000, 8_000, 16_000, 32_000)),
        (18_262, 2_000, (2_283, 4_566, 9_131, 18_262, 36_524)),
        (1_000, 2_000, (1_000, 2_000)),
        (1, 1, (1, 2)),
    ],
)
def test_shelves_are_few_and_hold_every_piece(window, shortest, lengths):
    assert shelves(window, shortest) == lengths


def test_answers_come_in_order_whatever_the_lengths():
    lengths = np.random.default_rng(0).integers(1, 201, 500)
    model = Model()
    said = list(answers((piece(n, i) for i, n in enumerate(lengths)), model, LENGTHS, size=8))
    assert [done.end for done, _ in said] == lengths.tolist()
    np.testing.assert_allclose([scores for _, scores in said], [[n, n * i] for i, n in enumerate(lengths)])
    assert set(model.shapes) <= {(size, length) for size in (1, 8) for length in LENGTHS}
    assert len(model.shapes) < 1.3 * 500 / 8


def test_one_piece_is_a_batch_of_one_and_a_last_one_is_no_further_shape():
    alone, many = Model(), Model()
    list(answers([piece(60)], alone, LENGTHS, size=8))
    list(answers([piece(60)] * 9, many, LENGTHS, size=8))
    assert alone.shapes == [(1, 100)]
    assert many.shapes == [(8, 100), (8, 100)]


def test_a_rare_length_does_not_keep_the_others_waiting():
    asked = itertools.count()
    pieces = (piece(10 if next(asked) == 0 else 100) for _ in itertools.count())
    said = answers(pieces, Model(), LENGTHS, size=8)
    assert next(said)[0].end == 10
    assert next(asked) < 60


def test_errors_stand_in_their_places_and_need_no_batch():
    bad = Piece(np.zeros(0, np.float32), error=InputError("bad"))
    model = Model()
    said = list(answers([bad, piece(60), bad, piece(70), bad], model, LENGTHS, size=8))
    assert [done.error is bad.error for done, _ in said] == [True, False, True, False, True]
    assert [len(scores) for _, scores in said] == [0, 2, 0, 2, 0]
    assert model.shapes == [(8, 100)]
    assert next(answers(itertools.repeat(bad), model, LENGTHS))[0] is bad
