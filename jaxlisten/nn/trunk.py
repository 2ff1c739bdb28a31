"""A model without its last layer: what it makes of a sound before it decides."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import singledispatch
from typing import Any, NamedTuple

from jaxlisten.errors import InputError
from jaxlisten.nn.combine import Identity, Parallel, Serial
from jaxlisten.nn.layer import Layer
from jaxlisten.nn.linear import Dense
from jaxlisten.nn.stream import OnStreams
from jaxlisten.nn.wrap import Frozen, Wrapper
from jaxlisten.types import Params, State


class Trunk(NamedTuple):
    """The first part of a model, with the weights that belong to it.

    Attributes:
        layer: a layer like any other: it can stand in a `serial` below another head, or in a `Frozen`.
        params, state: the model's own arrays, not copied, without those of the layers that are left out.
    """

    layer: Layer
    params: Params
    state: State


def trunk(model: Layer, params: Params, state: State, until: str | None = None) -> Trunk:
    """Cut a model off before its last dense layer, or behind a layer that is named.

    Args:
        model: any model of layers from `serial`, `parallel` and wrappers.
        params, state: its weights.
        until: the path of the last layer to keep, such as ``"block2"`` or ``"network/pool"``; None: all up to the last
            `Dense`, which is the one that gives the logits. Of an ensemble (`jaxlisten.ensemble`), that is done to each
            member, and what they give is concatenated.

    Raises:
        InputError: there is no dense layer to leave out, or no layer of that path.

    Example:
        >>> import jax, jaxlisten as jl
        >>> model = jl.serial(jl.LogMel(16_000), jl.models.cnn1d(10))
        >>> params, state = model.init(jax.random.key(0), jax.ShapeDtypeStruct((16_000,), "float32"))
        >>> kept = jl.trunk(model, params, state)
        >>> kept.layer.names[-2:], sorted(set(params) - set(kept.params))
        (('pool', 'dropout'), ['logits'])
    """
    path = None if until is None else tuple(until.split("/"))
    found = _cut(model, params, state, path)
    if found is not None:
        return found
    if until is None:
        raise InputError(
            "trunk: the model has no dense layer at its end, before which it could be cut; name the last layer to keep "
            "with until="
        )
    names = ", ".join(getattr(model, "names", ())) or "none by name"
    raise InputError(f"trunk: there is no layer {until!r} in the model; its layers are {names}")


@singledispatch
def _cut(layer: Any, params: Params, state: State, path: tuple[str, ...] | None) -> Trunk | None:
    """Cut a layer; None: there is nothing to cut in it."""
    return Trunk(layer, params, state) if path == () else None


@_cut.register
def _(layer: Dense, params: Params, state: State, path: tuple[str, ...] | None) -> Trunk | None:
    return Trunk(Identity(), {}, {}) if path is None else Trunk(layer, params, state) if path == () else None


@_cut.register
def _(layer: Serial, params: Params, state: State, path: tuple[str, ...] | None) -> Trunk | None:
    if path == ():
        return Trunk(layer, params, state)
    for index in reversed(range(len(layer.layers))):
        name, child = layer.names[index], layer.layers[index]
        if path is not None and name != path[0]:
            continue
        found = _cut(child, params.get(name, {}), state.get(name, {}), path and path[1:])
        if found is not None:
            empty = isinstance(found.layer, Identity) and path is None and index > 0
            last = () if empty else ((name, found.layer),)
            kept = [*zip(layer.names[:index], layer.layers[:index], strict=True), *last]
            names, layers = zip(*kept, strict=True)
            return Trunk(
                Serial(layers, names),
                _kept(params, names, found.params, name),
                _kept(state, names, found.state, name),
            )
    return None


def _kept(tree: Mapping[str, Any], names: tuple[str, ...], new: dict[str, Any], last: str) -> dict[str, Any]:
    """Return the part of a tree that belongs to some layers, with what is new of the last of them."""
    kept = {name: tree[name] for name in names if name in tree and name != last}
    return kept | ({last: new} if new else {})


@_cut.register
def _(layer: Parallel, params: Params, state: State, path: tuple[str, ...] | None) -> Trunk | None:
    if path == ():
        return Trunk(layer, params, state)
    branches = {
        name: _cut(child, params.get(name, {}), state.get(name, {}), path and path[1:])
        for name, child in layer.children()
        if path is None or name == path[0]
    }
    found = {name: branch for name, branch in branches.items() if branch is not None}
    if path is not None:  # of one branch only, whose weights keep no name
        return next(iter(found.values()), None)
    if layer.merge != "mean" or len(found) < len(layer.layers):
        return None
    return Trunk(
        Parallel(tuple(branch.layer for branch in found.values()), layer.names, "concatenate"),
        {name: branch.params for name, branch in found.items() if branch.params},
        {name: branch.state for name, branch in found.items() if branch.state},
    )


@_cut.register
def _(layer: Wrapper, params: Params, state: State, path: tuple[str, ...] | None) -> Trunk | None:
    found = _cut(layer.inner, params, state, path)
    return found and found._replace(layer=dataclasses.replace(layer, inner=found.layer))  # pyright: ignore


@_cut.register
def _(layer: OnStreams, params: Params, state: State, path: tuple[str, ...] | None) -> Trunk | None:
    return _cut(layer.inner, params, state, path)  # on whole clips it is what it wraps


@_cut.register
def _(layer: Frozen, params: Params, state: State, path: tuple[str, ...] | None) -> Trunk | None:
    found = _cut(layer.inner, state.get("params", {}), state.get("state", {}), path)
    return found and Trunk(Frozen(found.layer), {}, Frozen.hold(found.params, found.state))
