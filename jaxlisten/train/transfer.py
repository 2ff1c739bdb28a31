"""Beginning a training with what another one has learned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from jaxlisten.errors import InputError
from jaxlisten.heard import HeardClips
from jaxlisten.nn import Dense, Layer, Parallel, Serial, trunk
from jaxlisten.nn.frozen import frozen, thawed
from jaxlisten.runs import Fitted
from jaxlisten.types import Params, State


class Start(NamedTuple):
    """A model, and the weights that its training begins with.

    Attributes:
        model: a layer that ends in logits.
        params, state: those of its weights that are known, by path; the others are drawn.
        heard: the clips that they were learned from; None: they aren't known.
    """

    model: Layer
    params: Params
    state: State
    heard: HeardClips | None = None


def transfer(fitted: Fitted | Any, classes: int, *, freeze: bool | Sequence[str] = False) -> Start:
    """Take a listener without its last dense layer, and lay a new one over what is left: other classes, or numbers.

    All that lies below keeps its weights, names and paths (`jaxlisten.trunk`); what lies behind it goes with it.

    Args:
        fitted: from `jaxlisten.fit` or `jaxlisten.load`, of any task: of clips without labels
            (`jaxlisten.tasks.contrast`), or of other classes.
        classes: how many logits the new layer has.
        freeze: True: train the new layer alone, which is a linear probe of what was learned; or the paths of layers
            that stay as they are, such as ``("normalize", "image", "block0")``: see `jaxlisten.summary`. False: train
            all, those that were frozen included.

    Returns:
        The model, for `jaxlisten.fit`, which takes the whole as ``init=``.

    Raises:
        InputError: the model has no dense layer at its end, is the mean of several, or has no such layer to freeze.

    Example:
        ::

            start = jl.transfer(jl.load("runs/pretrained"), len(train.classes))
            fitted = jl.fit(start.model, train, val, init=start, key=jax.random.key(0))
    """
    fitted = getattr(fitted, "fitted", fitted)
    if isinstance(fitted.model, Parallel):
        raise InputError("transfer: expected one listener, got the mean of several; take one of them, such as RUN/run0")
    if classes < 1:
        raise InputError(f"transfer: expected 1 class or more, got {classes}")
    layer, params, state = trunk(*thawed(fitted.model, fitted.params, fitted.state))
    if not isinstance(layer, Serial):
        layer, params, state = (
            Serial((layer,), ("trunk",)),
            *({"trunk": tree} if tree else {} for tree in (params, state)),
        )
    if freeze:
        if isinstance(freeze, str):
            raise InputError(f"transfer: expected freeze as a tuple of paths, got {freeze!r}")
        weighty = [name for name in layer.names if name in params or name in state]
        layer, params, state = frozen(layer, params, state, weighty if freeze is True else freeze)
    model = Serial((*layer.layers, Dense(classes)), (*layer.names, "logits"))  # pyright: ignore
    return Start(model, params, state, fitted.heard)
