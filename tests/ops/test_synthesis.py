"""Notes as sound."""

import jax
import numpy as np

from jaxlisten import ops

SR = 8000
NOTES = np.array([[0.0, 0.3, 69.0], [0.3, 0.5, 60.5], [0.6, 0.7, 100.0]])


def by_hand(notes, samples, sr, harmonics=8):
    y = np.zeros(samples)
    for start, end, pitch in notes:
        first, last = round(start * sr), round(end * sr)
        t, hz = np.arange(last - first) / sr, 440 * 2 ** ((pitch - 69) / 12)
        for k in range(1, harmonics + 1):
            if k * hz < sr / 2:
                y[first:last] += np.exp(-1.5 * k * t) / k**1.5 * np.sin(2 * np.pi * k * hz * t)
        y[first:last] *= 0.5 * np.clip(np.minimum(t / 0.01, (last - first - np.arange(len(t))) / sr / 0.04), 0, 1)
    return y


def test_it_is_the_sum_of_its_harmonics():
    found = np.asarray(jax.jit(ops.additive, static_argnums=(1, 2))(NOTES, 6000, SR))
    np.testing.assert_allclose(found, by_hand(NOTES, 6000, SR), atol=2e-4)
    assert np.abs(found).max() <= 1


def test_no_notes_are_silence():
    np.testing.assert_array_equal(ops.additive(np.zeros((0, 3)), 100, SR), np.zeros(100))
