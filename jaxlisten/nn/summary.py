"""What is in a model: layers, shapes, parameters and multiply-adds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from jaxlisten.nn.combine import Parallel, Serial
from jaxlisten.nn.layer import Layer, out_spec, spec
from jaxlisten.nn.wrap import Frozen, Wrapper
from jaxlisten.types import Padded


@dataclass(frozen=True)
class Row:
    """One layer of a `Summary`. Shapes leave the batch axis out where there is none in the input."""

    path: str
    layer: str
    output: tuple[int, ...]
    parameters: int
    multiply_adds: int


@dataclass(frozen=True)
class Summary:
    """The layers of a model. Printing it gives a table.

    Attributes:
        rows: a row a layer, children in place of the combinators that hold them.
        parameters: how many numbers are in the params and, of frozen layers, in the state.
        multiply_adds: of one forward pass for the given shape: those of products and convolutions. Transforms and
            elementwise functions are not counted.
    """

    rows: tuple[Row, ...]

    @property
    def parameters(self) -> int:
        return sum(row.parameters for row in self.rows)

    @property
    def multiply_adds(self) -> int:
        return sum(row.multiply_adds for row in self.rows)

    def __str__(self) -> str:
        cells = [("path", "layer", "output", "parameters", "multiply-adds")]
        cells += [(r.path, r.layer, str(r.output), f"{r.parameters:,}", f"{r.multiply_adds:,}") for r in self.rows]
        cells += [("total", "", "", f"{self.parameters:,}", f"{self.multiply_adds:,}")]
        widths = [max(len(row[i]) for row in cells) for i in range(5)]
        lines = [
            "  ".join(c.ljust(w) if i < 3 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
            for row in cells
        ]
        rule = "-" * len(lines[0])
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])


def summary(model: Layer, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Summary:
    """List a model's layers with shapes, parameters and multiply-adds, without running it.

    Args:
        model: a layer.
        shape: of the input: ``(samples,)`` for one clip of raw sound, or with any batch axes before.
        dtype: of the input.

    Example:
        >>> import jaxlisten as jl
        >>> print(jl.summary(jl.serial(jl.Dense(3), jl.ReLU()), (8,)))
        path   layer           output  parameters  multiply-adds
        --------------------------------------------------------
        dense  Dense(units=3)  (3,)            27             24
        relu   ReLU()          (3,)             0              0
        --------------------------------------------------------
        total                                  27             24
    """
    x = jax.ShapeDtypeStruct(tuple(shape), dtype)
    params, state = jax.eval_shape(model.init, jax.random.key(0), x)
    return Summary(tuple(row for row, _ in _walk("", model, params, state, x)))


def _walk(path: str, layer: Any, params: Any, state: Any, x: Any) -> Iterator[tuple[Row, Any]]:
    """Yield the row of each layer below `path`, with the shape that comes out of it."""
    if isinstance(layer, Frozen):
        yield from _walk(path, layer.inner, state.get("params", {}), state.get("state", {}), x)
    elif isinstance(layer, Wrapper):
        yield from _walk(path, layer.inner, params, state, x)
    elif isinstance(layer, Serial):
        for name, child in layer.children():
            p, s = params.get(name, {}), state.get(name, {})
            yield from _walk(_join(path, name), child, p, s, x)
            x = out_spec(child, p, s, x)
    elif isinstance(layer, Parallel):
        for name, child in layer.children():
            yield from _walk(_join(path, name), child, params.get(name, {}), state.get(name, {}), x)
    else:
        y = out_spec(layer, params, state, x)
        size = sum(math.prod(a.shape) for a in jax.tree.leaves(params))
        jaxpr = jax.make_jaxpr(lambda p, s, x: layer.apply(p, s, x)[0])(params, state, spec(x))
        shape = (y.values if isinstance(y, Padded) else y).shape
        yield Row(path, repr(layer), shape, size, _multiply_adds(jaxpr.jaxpr)), y


def _join(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name


def _multiply_adds(jaxpr: Any) -> int:
    """Count the multiply-adds of the products and convolutions of a jaxpr, loops included."""
    total = 0
    for eqn in jaxpr.eqns:
        out = math.prod(eqn.outvars[0].aval.shape) if eqn.outvars else 0
        if eqn.primitive.name == "dot_general":
            (contracted, _), _ = eqn.params["dimension_numbers"]
            total += out * math.prod(eqn.invars[0].aval.shape[axis] for axis in contracted)
        elif eqn.primitive.name == "conv_general_dilated":
            kernel = eqn.invars[1].aval.shape
            channels_out = kernel[eqn.params["dimension_numbers"].rhs_spec[0]]
            total += out * math.prod(kernel) // channels_out
        elif eqn.primitive.name == "cond":  # the variants of one operation for several platforms cost the same
            total += max(_multiply_adds(branch.jaxpr) for branch in eqn.params["branches"])
        else:
            inner = [p for p in eqn.params.values() if hasattr(p, "eqns") or hasattr(p, "jaxpr")]
            times = eqn.params.get("length", 1) if eqn.primitive.name == "scan" else 1
            total += times * sum(_multiply_adds(getattr(p, "jaxpr", p)) for p in inner)
    return total
