"""An ONNX graph under construction: nodes and weights with readable names."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np

from jaxlisten.errors import InputError

OPSET = 18
"""Old enough for onnxruntime 1.14 and onnxruntime-web, new enough for reductions that take their axes as an input."""

IR_VERSION = 8
"""The file format that came with `OPSET`."""

T = TypeVar("T")

FLOAT = 1
"""`onnx.TensorProto.FLOAT`, without importing onnx."""

_END = 2**63 - 1
"""Where a slice stops that goes to the end."""

_LARGE = 256
"""Numbers in the smallest kernel for which integers and their scales take less room."""


class Wire(NamedTuple):
    """What flows between emitters: the graph's form of an array, or of a `Padded` where there is a length.

    Attributes:
        values: name of a float32 tensor, ``[batch, time]``, ``[batch, time, channel]``, or with freq before
            channel, or ``[batch, channel]``; of tokens, int64 ``[batch, time]``.
        length: name of an int64 tensor ``[batch]``: valid steps of each item; None: all of it is valid, or time is
            gone. What stands behind an item's end is arbitrary, NaN included.
        valid: in a stream, name of a bool tensor ``[batch, time]``: which steps count; what stands in the others is
            arbitrary. The steps around a window are there, so a layer over windows gives the whole ones and pads
            nothing. None: not in a stream.
    """

    values: str
    length: str | None = None
    valid: str | None = None

    @property
    def ragged(self) -> bool:
        """Whether some of the steps may not count."""
        return self.length is not None or self.valid is not None


class Graph:
    """Collects nodes and weights. Names are paths, such as ``block0/conv1d/kernel`` and ``block0/conv1d/Conv``.

    Args:
        int8: store kernels as 8-bit integers; see `kernel`.
    """

    def __init__(self, *, int8: bool = False) -> None:
        self.int8 = int8
        self.nodes: list[Any] = []
        self.tensors: dict[str, np.ndarray] = {}
        self._path: tuple[str, ...] = ()
        self._taken: set[str] = set()
        self._made: dict[Hashable, Any] = {}

    @contextlib.contextmanager
    def within(self, name: str) -> Iterator[None]:
        """Put `name` before the names of what is added inside."""
        self._path = (*self._path, name)
        try:
            yield
        finally:
            self._path = self._path[:-1]

    def add(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output, of the same name; return it."""
        name = self._name(op)
        self._node(op, inputs, [name], name, attributes)
        return name

    def call(self, name: str, x: str) -> None:
        """Give a tensor a name of your own, as an output of the graph has one."""
        self._node("Identity", [x], [name], self._name("Identity"), {})

    def several(self, count: int, op: str, *inputs: str, **attributes: Any) -> list[str]:
        """Add a node with several outputs; return them."""
        name = self._name(op)
        outputs = [f"{name}:{index}" for index in range(count)]
        self._node(op, inputs, outputs, name, attributes)
        return outputs

    def halves(self, x: str, axis: int = -1) -> list[str]:
        """Split an axis of a tensor in two."""
        return self.several(2, "Split", x, axis=axis, num_outputs=2)

    def cut(self, x: str, start: int, stop: int = _END, step: int = 1, *, axis: int = 1) -> str:
        """Return ``x[start:stop:step]`` along an axis, with what a slice makes of numbers below 0."""
        return self.add("Slice", x, *(self.constant([n]) for n in (start, stop, axis, step)))

    def weight(self, name: str, array: Any, dtype: Any = np.float32) -> str:
        """Add a tensor under the current path; return its name."""
        name = self._name(name)
        self.tensors[name] = np.ascontiguousarray(array, dtype)
        return name

    def kernel(self, name: str, array: Any, axis: int) -> str:
        """Add a trained kernel, whose output channels lie along `axis`; return its name.

        With `int8`, a large one is stored as integers from -127 to 127 with a scale for each output channel, the
        largest magnitude over 127, and a node makes float32 of it again when the file runs.
        """
        array = np.asarray(array, np.float32)
        if not self.int8 or array.ndim < 2 or array.size < _LARGE:
            return self.weight(name, array)
        others = tuple(other for other in range(array.ndim) if other != axis)
        scale = np.maximum(np.abs(array).max(axis=others, keepdims=True) / 127, np.finfo(np.float32).tiny)
        whole = self.weight(f"{name}/int8", np.rint(array / scale), np.int8)
        return self.add("DequantizeLinear", whole, self.weight(f"{name}/scale", scale.ravel()), axis=axis)

    def constant(self, value: Any, dtype: Any = np.int64) -> str:
        """Return the name of a small constant, such as a shape; equal ones are stored once."""
        array = np.asarray(value, dtype)
        name = f"constant/{array.dtype}/{'x'.join(str(item) for item in array.ravel())}" + (
            "" if array.ndim else "/scalar"
        )
        self.tensors.setdefault(name, array)
        return name

    def size(self, x: str, axis: int) -> str:
        """Return the length of an axis of a tensor, an int64 scalar."""
        return self.add("Squeeze", self.add("Shape", x, start=axis, end=axis + 1))

    def count(self, stop: str) -> str:
        """Return ``[0, 1, ..., stop - 1]`` of an int64 scalar."""
        return self.add("Range", self.constant(0), stop, self.constant(1))

    def valid(self, x: Wire) -> str:
        """Return ``[batch, time]`` booleans: which steps lie before the end of their item, or count in a stream."""
        if x.valid is not None:
            return x.valid
        if x.length is None:
            raise ValueError("valid: all steps of a wire without a length are valid")
        ends = x.length
        return self.once(
            ("valid", ends),
            lambda: self.add(
                "Less", self.count(self.size(x.values, 1)), self.add("Unsqueeze", ends, self.constant([1]))
            ),
        )

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what `make` gave when it was first asked for `key`."""
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def masked(self, x: Wire, fill: float = 0.0, *, step_ndim: int = 1) -> str:
        """Return the values with `fill` in steps that don't count; a step has `step_ndim` axes."""
        if not x.ragged:
            return x.values
        valid = self.valid(x)
        if step_ndim:
            valid = self.add("Unsqueeze", valid, self.constant([2, 3][:step_ndim]))
        return self.add("Where", valid, x.values, self.constant(fill, np.float32))

    def model(self, inputs: Sequence[Any], outputs: Sequence[Any], name: str) -> Any:
        """Return the `onnx.ModelProto`. An input that is also among the tensors is optional: that is its default."""
        from onnx import helper, numpy_helper

        from jaxlisten.version import __version__

        tensors = [numpy_helper.from_array(array, name) for name, array in self.tensors.items()]
        return helper.make_model(
            helper.make_graph(self.nodes, name, list(inputs), list(outputs), tensors),
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="jaxlisten",
            producer_version=__version__,
        )

    def _node(self, op: str, inputs: Sequence[str], outputs: Sequence[str], name: str, attributes: dict) -> None:
        from onnx import helper

        self.nodes.append(helper.make_node(op, list(inputs), list(outputs), name=name, **attributes))

    def _name(self, last: str) -> str:
        """Return the path to `last`, numbered where it is taken."""
        first = name = "/".join((*self._path, last))
        number = 1
        while name in self._taken:
            name, number = f"{first}_{number}", number + 1
        self._taken.add(name)
        return name


def need(*modules: str) -> None:
    """Check that optional packages are there.

    Raises:
        InputError: one is missing; the message says how to install it.
    """
    import importlib.util

    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(
            f"export: {' and '.join(missing)} is missing; install it with: pip install 'jaxlisten[export]'"
        )
