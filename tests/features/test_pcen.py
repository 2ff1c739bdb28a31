"""What the table does not say of per-channel energy normalisation: its state, and what it is for."""

import functools

import jax
import numpy as np
import pytest

from jaxlisten.features import pcen


@pytest.fixture
def energy():
    """Return energies of two clips, ``[2, 6, 40]``, as large as librosa advises."""
    return (2.0**20 * np.random.default_rng(0).exponential(size=(2, 6, 40))).astype(np.float32)


def test_pieces_of_a_stream_equal_the_whole(energy):
    step = jax.jit(functools.partial(pcen, b=0.05, return_zf=True))
    first, state = step(energy[..., :17])
    second, _ = jax.jit(functools.partial(pcen, b=0.05, return_zf=True))(energy[..., 17:], zi=state)
    whole = jax.jit(functools.partial(pcen, b=0.05))(energy)
    np.testing.assert_allclose(np.concatenate([first, second], axis=-1), whole, rtol=1e-5)


def test_state_and_reference_equal_librosa(energy):
    import librosa

    state = np.linspace(0, 2.0**20, 6, dtype=np.float32)[:, None]
    ref = energy[0][::-1].copy()
    settings = {"b": 0.2, "zi": state, "ref": ref, "return_zf": True}
    got, want = pcen(energy[0], **settings), librosa.pcen(energy[0], **settings)
    np.testing.assert_allclose(got[0], want[0], rtol=1e-4)
    np.testing.assert_allclose(got[1], want[1], rtol=1e-5)


def test_loudness_is_taken_out(energy):
    quiet, loud = (np.asarray(pcen(gain * energy, gain=1.0, b=0.1, zi=0 * energy[..., :1])) for gain in (1.0, 100.0))
    np.testing.assert_allclose(loud, quiet, rtol=1e-3)
