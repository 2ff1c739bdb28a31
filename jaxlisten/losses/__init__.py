"""Losses: pure functions of outputs, targets and item weights, computed in float32 on top of `optax.losses`.

All but `concordance` are weighted means. An item of weight 0 is absent: it changes neither the value nor a
gradient, whatever stands in it, NaN included. The loss of a batch of absent items is 0.
"""

from jaxlisten.losses.classes import binary_cross_entropy, cross_entropy
from jaxlisten.losses.contrast import nt_xent
from jaxlisten.losses.numbers import concordance, mean_squared_error
from jaxlisten.losses.symbols import ctc, next_symbol

__all__ = [
    "binary_cross_entropy",
    "concordance",
    "cross_entropy",
    "ctc",
    "mean_squared_error",
    "next_symbol",
    "nt_xent",
]
