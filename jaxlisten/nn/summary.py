"""What is in a model: layers, shapes, parameters, multiply-adds and activations."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp

from jaxlisten.nn.combine import Parallel, Serial
from jaxlisten.nn.layer import Layer, out_spec, spec
from jaxlisten.nn.rebuild import Reconstruction
from jaxlisten.nn.wrap import Frozen, Wrapper
from jaxlisten.types import Padded


@dataclass(frozen=True)
class Row:
    """One layer of a `Summary`. Shapes leave the batch axis out where there is none in the input.

    Attributes:
        path: names of the layers that hold it, and its own.
        layer: the layer in words.
        output: shape of what comes out.
        parameters: how many numbers are in its params.
        multiply_adds: of its products and convolutions.
        activations: how many numbers are alive while it runs; see `Summary`.
    """

    path: str
    layer: str
    output: tuple[int, ...]
    parameters: int
    multiply_adds: int
    activations: int


@dataclass(frozen=True)
class Summary:
    """The layers of a model. Printing it gives a table.

    Attributes:
        rows: a row a layer, children in place of the combinators that hold them.
        parameters: how many numbers are in the params and, of frozen layers, in the state.
        multiply_adds: of one forward pass for the given shape: those of products and convolutions. Transforms and
            elementwise functions are not counted.
        activations: the peak of activations, in numbers: the most that are alive at once while layers run one after
            the other. Alive are the input and the output of the layer that runs, and, where branches stand beside each
            other, the input of those that wait and the outputs of those that are done; where they are joined, all
            their outputs and what they become. Nothing is done in place, and what a layer needs within itself, such as
            frames and spectra, is not counted; nor are params and state.
        activation_bytes: the same in bytes as float32.
    """

    rows: tuple[Row, ...]

    @property
    def parameters(self) -> int:
        return sum(row.parameters for row in self.rows)

    @property
    def multiply_adds(self) -> int:
        return sum(row.multiply_adds for row in self.rows)

    @property
    def activations(self) -> int:
        return max(row.activations for row in self.rows)

    @property
    def activation_bytes(self) -> int:
        return 4 * self.activations

    def __str__(self) -> str:
        cells = [("path", "layer", "output", "parameters", "multiply-adds", "activations")]
        cells += [(r.path, r.layer, str(r.output), *_counts(r)) for r in self.rows]
        cells += [("total", "(of activations the peak)", "", *_counts(self))]
        widths = [max(len(row[i]) for row in cells) for i in range(6)]
        lines = [
            "  ".join(c.ljust(w) if i < 3 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
            for row in cells
        ]
        rule = "-" * len(lines[0])
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])


def _counts(found: Row | Summary) -> tuple[str, str, str]:
    return f"{found.parameters:,}", f"{found.multiply_adds:,}", f"{found.activations:,}"


def summary(model: Layer, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Summary:
    """List a model's layers with shapes, parameters, multiply-adds and activations, without running it.

    Args:
        model: a layer.
        shape: of the input: ``(samples,)`` for one clip of raw sound, or with any batch axes before.
        dtype: of the input.

    Example:
        >>> import jaxlisten as jl
        >>> print(jl.summary(jl.serial(jl.Dense(3), jl.ReLU()), (8,)))
        path   layer                      output  parameters  multiply-adds  activations
        --------------------------------------------------------------------------------
        dense  Dense(units=3)             (3,)            27             24           11
        relu   ReLU()                     (3,)             0              0            6
        --------------------------------------------------------------------------------
        total  (of activations the peak)                  27             24           11
    """
    x = jax.ShapeDtypeStruct(tuple(shape), dtype)
    params, state = jax.eval_shape(model.init, jax.random.key(0), x)
    return Summary(tuple(_walk("", model, params, state, x, ())[0]))


def _walk(path: str, layer: Any, params: Any, state: Any, x: Any, held: tuple[Any, ...]) -> tuple[list[Row], Any]:
    """Return the rows of the layers below `path`, and what comes out; what is `held` waits for other layers."""
    if isinstance(layer, Frozen):
        return _walk(path, layer.inner, state.get("params", {}), state.get("state", {}), x, held)
    if isinstance(layer, Wrapper):
        return _walk(path, layer.inner, params, state, x, held)
    if isinstance(layer, Serial):
        rows = list[Row]()
        for name, child in layer.children():
            more, x = _walk(_join(path, name), child, params.get(name, {}), state.get(name, {}), x, held)
            rows += more
        return rows, x
    if isinstance(layer, Parallel):
        return _walk_branches(path, layer, params, state, x, held)
    if isinstance(layer, Reconstruction):
        return _walk_there_and_back(path, layer, params, state, x, held)
    y = out_spec(layer, params, state, x)
    size = sum(math.prod(a.shape) for a in jax.tree.leaves(params))
    jaxpr = jax.make_jaxpr(lambda p, s, x: layer.apply(p, s, x)[0])(params, state, spec(x)).jaxpr
    if set(jaxpr.outvars) <= set(jaxpr.invars):  # what does nothing outside of training makes no copy
        y = x
    shape = (y.values if isinstance(y, Padded) else y).shape
    return [Row(path, repr(layer), shape, size, _multiply_adds(jaxpr), _numbers(*held, x, y))], y


def _walk_branches(
    path: str, layer: Parallel, params: Any, state: Any, x: Any, held: tuple[Any, ...]
) -> tuple[list[Row], Any]:
    """Walk along one branch after the other; the input waits for the last of them, and outputs for being joined."""
    rows, outputs = list[Row](), list[Any]()
    for left, (name, child) in zip(reversed(range(len(layer.layers))), layer.children(), strict=True):
        waiting = (*held, *outputs, *([x] if left else []))
        more, y = _walk(_join(path, name), child, params.get(name, {}), state.get(name, {}), x, waiting)
        rows += more
        outputs.append(y)
    if len(outputs) == 1:
        return rows, outputs[0]
    joined = out_spec(layer, params, state, x)
    most = max(rows[-1].activations, _numbers(*held, *outputs, joined))
    return [*rows[:-1], replace(rows[-1], activations=most)], joined


def _walk_there_and_back(
    path: str, layer: Reconstruction, params: Any, state: Any, x: Any, held: tuple[Any, ...]
) -> tuple[list[Row], Any]:
    """Walk to the code and back; the features wait to be compared with what becomes of them."""
    rows, y, waiting = list[Row](), x, held
    for name, child in layer.children():
        more, y = _walk(_join(path, name), child, params.get(name, {}), state.get(name, {}), y, waiting)
        rows += more
        if name == "front_end":
            waiting = (*held, y)
        elif name == "encoder":
            y = layer.code(y)
    made = out_spec(layer, params, state, x)
    most = max(rows[-1].activations, _numbers(*waiting, y, made))
    return [*rows[:-1], replace(rows[-1], activations=most)], made


def _numbers(*alive: Any) -> int:
    """Count the numbers in some arrays, each once."""
    distinct = {id(x): x for x in alive}.values()
    return sum(math.prod(a.shape) for x in distinct for a in jax.tree.leaves(x))


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
