"""Training layers one by one as autoencoders, as deep networks were begun before there was normalisation."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import numpy as np

from jaxlisten.data import Dataset, batches, bucket_lengths
from jaxlisten.errors import InputError
from jaxlisten.nn import Dense, Layer, Serial, serial
from jaxlisten.train.fit import fit
from jaxlisten.train.transfer import Start
from jaxlisten.types import Array, Batch, Padded, Params, State

_CLIPS, _STEPS, _MOST = 64, 256, 2**17
"""Clips that are heard at once, steps of time in a batch, and how many of them are learned from at most."""


def layerwise(model: Serial, clips: Dataset, layers: Sequence[str], *, key: Array, epochs: int = 10) -> Start:
    """Train layers of a model on clips without labels, each one alone: to keep what the layers below it give.

    The first is trained, with a dense layer behind it, to put together what goes into it; then the next is trained on
    what the first one gives, and so on. What they have learned is where the training of the whole model begins.

    Args:
        model: a chain of layers that ends in logits, such as ``jl.serial(jl.models.log_mel(sr), jl.models.mlp(10))``.
        clips: labels that they have are not looked at.
        layers: the names of those to train, the one nearest to the input first, such as ``("dense0", "dense1")``. Each
            sees one step of time, and lies directly on the one before it.
        key: decides everything random.
        epochs: passes over the steps of time, of which at most 131,072 are drawn, for each layer.

    Returns:
        The model and the weights of all layers up to the last one named, for `jaxlisten.fit`, which takes the whole as
        ``init=``.

    Raises:
        InputError: there are no clips, or the model has no such layers in that order.

    Reference:
        Hinton and Salakhutdinov 2006, *Reducing the dimensionality of data with neural networks*; Bengio et al. 2007,
        *Greedy layer-wise training of deep networks*.
    """
    places = [model.names.index(name) if name in model.names else -1 for name in layers]
    if not places or min(places) < 1 or places != list(range(places[0], places[0] + len(places))):
        raise InputError(
            f"layerwise: expected names of layers that lie on each other, of {', '.join(model.names)}; got "
            f"{', '.join(layers) or 'none'}"
        )
    if not len(clips):
        raise InputError("layerwise: expected at least one clip, got none")
    first, n = places[0], min(_CLIPS, len(clips))
    below = Serial(model.layers[:first], model.names[:first])
    heard = [batch.x for _, batch in batches(clips, n, bucket_lengths(clips.lengths))]
    params, state = below.init(key, heard[0])
    for index, x in enumerate(heard):  # statistics of the input
        state = _apply(below, params, state, x, jax.random.fold_in(key, index))[1]
    steps = np.concatenate([_valid(_apply(below, params, state, x)[0]) for x in heard])
    steps = np.random.default_rng(np.asarray(jax.random.key_data(key))).permutation(steps)[:_MOST]
    for index, name in enumerate(layers):
        layer = model.layers[first + index]
        both = serial(encoder=serial(layer=layer), decoder=Dense(steps.shape[1]))
        learned = fit(
            both,
            list(_batches(steps)),
            task="regression",
            epochs=epochs,
            key=jax.random.fold_in(key, index),
            progress=False,
        )
        own = [tree.get("encoder", {}).get("layer", {}) for tree in (learned.params, learned.state)]
        params, state = params | {name: own[0]}, state | {name: own[1]}
        steps = np.asarray(_apply(layer, *own, steps)[0])
    return Start(model, params, state)


@functools.partial(jax.jit, static_argnums=0)
def _apply(layer: Layer, params: Params, state: State, x: Any, key: Array | None = None) -> tuple[Any, State]:
    """Apply a layer; with a key, its running statistics take `x` in."""
    return layer.apply(params, state, x, key=key, train=key is not None)


def _valid(y: Padded) -> np.ndarray:
    """Return the steps of all items that are no padding, ``[n, channel]``."""
    values, inside = np.asarray(y.values), np.arange(y.values.shape[1]) < np.asarray(y.length)[:, None]
    return values[inside]


def _batches(steps: np.ndarray) -> Iterator[Batch]:
    size = min(_STEPS, len(steps))
    for i in range(0, len(steps) - size + 1, size):
        x = steps[i : i + size]
        yield Batch(x, x, np.ones(size, np.float32))
