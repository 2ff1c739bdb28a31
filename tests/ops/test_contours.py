"""Numbers over time as they are at each step."""

import numpy as np

from jaxlisten.ops import frame_values

TIMES = np.array([0.2, 0.5, 1.1, 1.2])


def test_they_lie_on_the_lines_between_the_points():
    values = np.random.default_rng(0).normal(size=(4, 2))
    points = np.stack([np.broadcast_to(TIMES[:, None], (4, 2)), values], axis=-1)
    middle = (np.arange(14) + 0.5) * 0.1
    inside = (middle >= 0.2) & (middle <= 1.2)
    expected = np.stack([np.where(inside, np.interp(middle, TIMES, v), np.nan) for v in values.T], axis=-1)
    np.testing.assert_allclose(frame_values(points, 14, 0.1), expected, atol=1e-5)
    # A batch is its items, and the last point may be repeated.
    longer = np.concatenate([points, np.repeat(points[-1:], 3, axis=0)])
    np.testing.assert_allclose(frame_values(np.stack([longer, longer + 1]), 14, 0.1)[0], expected, atol=1e-5)


def test_next_to_a_value_that_is_not_known_nothing_is():
    points = np.stack([TIMES, [1.0, 2.0, np.nan, 4.0]], axis=-1)[:, None]
    found = np.asarray(frame_values(points, 14, 0.1))[:, 0]
    assert np.isfinite(found).tolist() == [False] * 2 + [True] * 3 + [False] * 9
