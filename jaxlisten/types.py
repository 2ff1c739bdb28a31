"""The values that pass between the rooms, and the names of their axes.

Axis glossary, used in every docstring:

=============  =====================================================================
``*batch``     any number of leading axes, also none; layers leave them as they are
``time``       samples of a waveform, or frames (steps) of a feature
``channel``    features of one step: mel bands, filters, units
``freq``       frequency bins or mel bands where they are an axis of their own
``classes``    one score a class
=============  =====================================================================

Raw sound is ``[*batch, time]``; inside a model it is ``[*batch, time, channel]`` or
``[*batch, time, freq, channel]``. Functions of `jaxlisten.features` keep librosa's order, ``[*batch, freq, time]``.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import jax

Array = Any
"""A JAX or NumPy array, a tracer, or, where only the shape matters, a `jax.ShapeDtypeStruct`."""

Params = dict[str, Any]
"""What is trained: a nested dict of arrays with readable paths, such as ``block0/conv/kernel``."""

State = dict[str, Any]
"""What a forward pass may change (running statistics): a nested dict like `Params`."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Padded:
    """Clips of different length in one array. A plain array in its place means that all of it is valid.

    Whatever stands behind a clip's end, NaN included, never changes an answer or a gradient.
    A length of 0 is an absent item: it has no weight in any loss or statistic.

    Attributes:
        values: ``[*batch, time, ...]``.
        length: ``[*batch]``, integers from 0 to ``time``: how many leading steps of each item are valid.
    """

    values: Array
    length: Array


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Chunk:
    """A piece of a stream. Steps of warm-up and of flushing are invalid, not zero.

    Attributes:
        values: ``[*batch, time, ...]``; what stands in invalid steps is arbitrary.
        valid: ``[*batch, time]``, booleans.
    """

    values: Array
    valid: Array


class Timing(NamedTuple):
    """How a layer runs chunk by chunk.

    Attributes:
        block: chunks are multiples of this many input steps.
        ratio: output steps per input step.
        delay: how many first outputs are warm-up (they come out invalid).
        flush: how many invalid inputs, behind a stream that ends on a block, bring out the last outputs.
    """

    block: int = 1
    ratio: Fraction = Fraction(1)
    delay: int = 0
    flush: int = 0


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Prompted:
    """Sound with what is said in it: what a model that writes symbol by symbol is given in training (teacher forcing).

    Attributes:
        x: the input, as the model takes it without a prompt.
        symbols: ``Padded(int32 [*batch, longest], int32 [*batch])``, symbols from 0 upwards.
    """

    x: Any
    symbols: Padded


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Pair:
    """Clips in two forms: what a model is given in training where clips are all that it learns from.

    Attributes:
        x: the input, as the model takes it alone.
        y: the same clips otherwise: without what was done to `x`, or with something else done to them.
    """

    x: Any
    y: Any


class Batch(NamedTuple):
    """What a training or evaluation step takes.

    Attributes:
        x: the input, ``[batch, ...]``: an array, a `Padded`, or a pytree of them.
        y: the targets, ``[batch, ...]``: an array, or a `Padded` of transcripts.
        weight: ``[batch]``, float32; 0 marks an absent item of a partial batch.
    """

    x: Any
    y: Any
    weight: Array
