"""Trees of layers with some of them frozen, or none of them, and the weights that go with it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection
from typing import Any

from jaxlisten.errors import InputError
from jaxlisten.nn.combine import Parallel, Serial
from jaxlisten.nn.layer import Layer
from jaxlisten.nn.stream import OnStreams
from jaxlisten.nn.trunk import Trunk
from jaxlisten.nn.wrap import Frozen, Wrapper
from jaxlisten.types import Params, State

_Change = Callable[[str, Any, Params, State], Trunk | None]
"""What takes the place of a layer, of which the path is given; None: look into it."""


def frozen(model: Layer, params: Params, state: State, paths: Collection[str]) -> Trunk:
    """Freeze the layers of some paths, such as ``"block0"`` or ``"network/image0"``.

    Raises:
        InputError: there is no layer of such a path.
    """
    seen = dict[str, None]()

    def change(path: str, layer: Layer, params: Params, state: State) -> Trunk | None:
        seen[path] = None
        return Trunk(Frozen(layer), {}, Frozen.hold(params, state)) if path in paths else None

    found = _changed(change, "", model, params, state)
    unknown = [path for path in paths if path not in seen]
    if unknown:
        known = ", ".join(path for path in seen if path)
        raise InputError(f"freeze: there is no layer {unknown[0]!r} in the model; its layers are {known}")
    return found


def thawed(model: Layer, params: Params, state: State) -> Trunk:
    """Let all frozen layers be trained again."""

    def change(path: str, layer: Layer, params: Params, state: State) -> Trunk | None:
        if not isinstance(layer, Frozen):
            return None
        return _changed(change, path, layer.inner, state.get("params", {}), state.get("state", {}))

    return _changed(change, "", model, params, state)


def _changed(change: _Change, path: str, layer: Any, params: Params, state: State) -> Trunk:
    """Walk a tree of layers from its root."""
    new = change(path, layer, params, state)
    if new is not None:
        return new
    if isinstance(layer, Serial | Parallel):
        parts = {
            name: _changed(change, f"{path}/{name}".lstrip("/"), child, params.get(name, {}), state.get(name, {}))
            for name, child in layer.children()
        }
        return Trunk(
            dataclasses.replace(layer, layers=tuple(part.layer for part in parts.values())),
            {name: part.params for name, part in parts.items() if part.params},
            {name: part.state for name, part in parts.items() if part.state},
        )
    if isinstance(layer, Wrapper | OnStreams):
        inner = _changed(change, path, layer.inner, params, state)
        return inner._replace(layer=dataclasses.replace(layer, inner=inner.layer))  # pyright: ignore
    return Trunk(layer, params, state)
