"""Notes as sound."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxlisten.types import Array

_ATTACK_SECONDS, _RELEASE_SECONDS = 0.01, 0.04
_DECAY = 1.5
"""How fast the fundamental fades, e-folds a second; harmonic k fades k times as fast."""


def additive(notes: Array, samples: int, sr: int, *, harmonics: int = 8) -> jax.Array:
    """Sound notes one after another by additive synthesis.

    With f the note's frequency, ``440 * 2 ** ((pitch - 69) / 12)`` Hz, and t the time since its beginning,

        y(t) = 0.5 * a(t) * sum_k exp(-1.5 * k * t) / k**1.5 * sin(2 * pi * k * f * t)

    over the harmonics k below half of the sample rate, where a rises from 0 to 1 in 10 ms, and falls back in the last
    40 ms.

    Args:
        notes: ``[n, 3]``: start and end in seconds and MIDI pitch, which may be any number; in the order of their
            starts, none beginning before the one before it ends, as `jaxlisten.data.notes` gives them.
        samples: how many to make.
        sr: sample rate in Hz.
        harmonics: how many there are at most, the fundamental included.

    Returns:
        Float32 ``[samples]``, from -1 to 1; silence between the notes.

    Example:
        >>> y = additive(jnp.array([[0.0, 0.5, 69.0]]), 8000, 8000)
        >>> y.shape, float(jnp.abs(y[4000:]).max())
        ((8000,), 0.0)
    """
    notes = jnp.asarray(notes, jnp.float32)
    if not len(notes):
        return jnp.zeros(samples)
    starts, ends = (jnp.round(notes[:, i] * sr).astype(jnp.int32) for i in (0, 1))
    place = jnp.arange(samples, dtype=jnp.int32)
    which = jnp.searchsorted(starts, place, side="right") - 1
    note = jnp.maximum(which, 0)
    # Times are counted in samples from the note's own beginning: seconds from the first one would lose precision.
    since, left = ((x.astype(jnp.float32) / sr) for x in (place - starts[note], ends[note] - place))
    hz = 440 * 2 ** ((notes[note, 2] - 69) / 12)
    k = jnp.arange(1, harmonics + 1, dtype=jnp.float32)[:, None]
    partials = jnp.exp(-_DECAY * k * since) / k**1.5 * jnp.sin(2 * jnp.pi * ((k * hz * since) % 1))
    audible = (k * hz < sr / 2) & (which >= 0) & (left > 0)
    envelope = jnp.clip(jnp.minimum(since / _ATTACK_SECONDS, left / _RELEASE_SECONDS), 0, 1)
    return 0.5 * envelope * jnp.where(audible, partials, 0.0).sum(axis=0)
