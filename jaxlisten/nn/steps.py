"""How many steps a model answers with."""

from __future__ import annotations

from fractions import Fraction

from jaxlisten.errors import InputError
from jaxlisten.nn.layer import Layer

_MANY = 2**40
"""Input steps; so many that what the ends of a clip add can't be seen."""


def step_ratio(model: Layer) -> Fraction:
    """Return how many output steps an input step makes; 0 of a model that answers once a clip.

    Example:
        >>> import jaxlisten as jl
        >>> step_ratio(jl.serial(jl.LogMel(16_000, hop_length=160), jl.Conv1D(8, 3, stride=2), jl.Dense(3)))
        Fraction(1, 320)
    """
    steps = model.out_length(2 * _MANY) - model.out_length(_MANY)
    return Fraction(int(steps), _MANY).limit_denominator(2**20)


def period(model: Layer, sr: int) -> float:
    """Return the seconds from one answer of a model to the next.

    Args:
        model: from sound to steps.
        sr: the sample rate in Hz.

    Raises:
        InputError: it answers once a clip.

    Example:
        >>> import jaxlisten as jl
        >>> period(jl.serial(jl.models.log_mel(16_000), jl.models.event_crnn(3)), 16_000)
        0.02
    """
    ratio = step_ratio(model)
    if not ratio:
        raise InputError(
            "period: expected a model that answers at every step, such as jl.models.event_crnn, got one that answers "
            "once a clip; is there a GlobalPool in it?"
        )
    return float(1 / (ratio * sr))
