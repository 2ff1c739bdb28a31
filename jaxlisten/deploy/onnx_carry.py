"""The carry of a stream as inputs and outputs of an ONNX graph: names that say which layer each array belongs to."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import numpy as np

from jaxlisten import nn


class Part(NamedTuple):
    """One array of a carry, as the metadata of a file lists it. It starts as zeros.

    Attributes:
        input: the name that it comes in by, such as ``carry/log_mel/values``.
        output: the name that it goes out by, such as ``next/log_mel/values``.
        shape: sizes of its axes, the first one a name.
        dtype: in NumPy's words.
    """

    input: str
    output: str
    shape: tuple[str | int, ...]
    dtype: str


_WORDS: dict[type, tuple[str, ...]] = {nn.LSTM: ("h", "c"), nn.PCEN: ("mean", "begun")}
"""What the parts of a carry are called that is a tuple."""


def named(layer: Any, path: str, carry: Any) -> Any:
    """Return a tree like the carry of a layer with a name below `path` for each array, "" for an empty one."""
    if isinstance(layer, nn.Frozen | nn.Wrapper):
        return named(layer.inner, path, carry)
    if isinstance(layer, nn.Serial):
        return {
            name: (_leaves(f"{path}/{name}/delay", carry[name][0]), named(child, f"{path}/{name}", carry[name][1]))
            for name, child in layer.children()
        }
    if isinstance(layer, nn.Parallel):
        return {
            name: (named(child, f"{path}/{name}", carry[name][0]), _leaves(f"{path}/{name}/delay", carry[name][1]))
            for name, child in layer.children()
        }
    return _leaves(path, carry, _WORDS.get(type(layer), ()))


def parts_of(names: Any, carry: Any) -> list[Part]:
    """List the arrays of a carry that have a name.

    Args:
        names: what `named` gave for the path ``carry``.
        carry: the arrays or their shapes, ``[batch, ...]``.
    """
    both = zip(jax.tree.leaves(names), jax.tree.leaves(carry), strict=True)
    return [
        Part(name, f"next{name.removeprefix('carry')}", ("batch", *array.shape[1:]), str(array.dtype))
        for name, array in both
        if name
    ]


def infos(parts: list[Part], field: str) -> list[Any]:
    """Return ONNX's descriptions of inputs (`field` "input") or outputs ("output")."""
    from onnx import helper

    return [
        helper.make_tensor_value_info(
            getattr(part, field), helper.np_dtype_to_tensor_dtype(np.dtype(part.dtype)), list(part.shape)
        )
        for part in parts
    ]


def _leaves(path: str, carry: Any, words: tuple[str, ...] = ()) -> Any:
    def word(key: Any) -> str:
        return words[key.idx] if words and hasattr(key, "idx") else jax.tree_util.keystr((key,), simple=True)

    def name(keys: tuple[Any, ...], array: Any) -> str:
        return "" if 0 in array.shape[1:] else "/".join([path, *map(word, keys)])

    return jax.tree_util.tree_map_with_path(name, carry)
