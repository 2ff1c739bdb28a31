"""Cutting recordings into windows, and reading ahead."""

import itertools
import threading

import numpy as np
import pytest

from jaxlisten.deploy.pieces import cut, read_ahead
from jaxlisten.errors import InputError


def in_blocks(samples: np.ndarray, size: int):
    for i in range(0, len(samples), size):
        yield samples[i : i + size]


def starts_of(n: int, window: int) -> list[int]:
    return [0] if n <= 2 * window else [*range(0, n - window, max(1, window // 2)), n - window]


@pytest.mark.parametrize("size", [1, 7, 100, 199, 1000, 5000])
@pytest.mark.parametrize("n", [1, 99, 100, 200, 201, 249, 250, 251, 1000, 1049, 1050])
def test_windows_do_not_depend_on_the_blocks(n, size):
    samples = np.arange(n, dtype=np.float32)
    pieces = list(cut(in_blocks(samples, size), 100))
    assert [piece.start for piece in pieces] == starts_of(n, 100)
    assert [piece.last for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    for piece in pieces:
        np.testing.assert_array_equal(piece.samples, samples[piece.start : piece.end])
        assert len(piece.samples) == (n if n <= 200 else 100)


@pytest.mark.parametrize("window", [1, 2, 3])
def test_the_smallest_windows(window):
    pieces = list(cut(in_blocks(np.arange(10, dtype=np.float32), 4), window))
    assert [piece.start for piece in pieces] == starts_of(10, window)
    assert all(piece.samples[0] == piece.start for piece in pieces)


def test_a_window_holds_on_to_no_more_than_its_block():
    pieces = cut((np.zeros(400, np.float32) for _ in itertools.count()), 100)
    for piece in itertools.islice(pieces, 500):
        assert piece.samples.base is None or piece.samples.base.size <= 500


def test_recordings_are_read_in_order_and_their_errors_stand_in_their_places():
    def blocks(n):
        if n == 3:
            raise InputError("not to be opened")
        for i in range(n):
            if (n, i) == (5, 4):
                raise InputError("damaged")
            yield np.full(100, n, np.float32)

    pieces = list(read_ahead([1, 2, 3, 4, 5, 6], blocks, 100))
    ends = [i for i, piece in enumerate(pieces) if piece.last]
    of = [pieces[begin + 1 : end + 1] for begin, end in itertools.pairwise([-1, *ends])]
    assert [len(one) for one in of] == [1, 1, 1, len(starts_of(400, 100)), 6 + 1, len(starts_of(600, 100))]
    assert [str(one[-1].error) for one in of] == ["None", "None", "not to be opened", "None", "damaged", "None"]
    for n, one in enumerate(of, start=1):
        assert all((piece.samples == n).all() for piece in one)


def test_endless_lists_and_endless_recordings_are_read_a_little_ahead_only():
    asked, read = itertools.count(), itertools.count()

    def blocks(_):
        for _ in itertools.count():
            next(read)
            yield np.zeros(100, np.float32)

    before = threading.active_count()
    pieces = read_ahead(asked, blocks, 100)
    assert all(not piece.last for piece in itertools.islice(pieces, 1000))
    assert next(asked) < 50
    pieces.close()
    assert threading.active_count() == before
    assert next(read) < 1000


def test_an_error_that_is_not_of_the_input_is_raised():
    def blocks(_):
        yield np.zeros(10, np.float32)
        raise ZeroDivisionError

    before = threading.active_count()
    with pytest.raises(ZeroDivisionError):
        list(read_ahead([1, 2, 3], blocks, 100))
    assert threading.active_count() == before
