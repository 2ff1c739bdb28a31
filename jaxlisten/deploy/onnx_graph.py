"""An ONNX graph under construction: nodes and weights with readable names."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxlisten.errors import InputError

OPSET = 18
"""Old enough for onnxruntime 1.14 and onnxruntime-web, new enough for reductions that take their axes as an input."""

IR_VERSION = 8
"""The file format that came with `OPSET`."""


FLOAT = 1
"""`onnx.TensorProto.FLOAT`, without importing onnx."""


class Wire(NamedTuple):
    """What flows between emitters: the graph's form of an array, or of a `Padded` where there is a length.

    Attributes:
        values: name of a float32 tensor, ``[batch, time]``, ``[batch, time, channel]``, or with freq before
            channel, or ``[batch, channel]``; of tokens, int64 ``[batch, time]``.
        length: name of an int64 tensor ``[batch]``: valid steps of each item; None: all of it is valid, or time is
            gone. What stands behind an item's end is arbitrary, NaN included.
    """

    values: str
    length: str | None = None


class Graph:
    """Collects nodes and weights. Names are paths, such as ``block0/conv1d/kernel`` and ``block0/conv1d/Conv``."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.tensors: dict[str, np.ndarray] = {}
        self._path: tuple[str, ...] = ()
        self._taken: set[str] = set()
        self._valid: dict[str, str] = {}

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

    def halves(self, x: str) -> tuple[str, str]:
        """Split the last axis of a tensor in two."""
        name = self._name("Split")
        first, second = f"{name}:0", f"{name}:1"
        self._node("Split", [x], [first, second], name, {"axis": -1, "num_outputs": 2})
        return first, second

    def weight(self, name: str, array: Any, dtype: Any = np.float32) -> str:
        """Add a tensor under the current path; return its name."""
        name = self._name(name)
        self.tensors[name] = np.ascontiguousarray(array, dtype)
        return name

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
        """Return ``[batch, time]`` booleans: which steps lie before the end of their item."""
        if x.length is None:
            raise ValueError("valid: all steps of a wire without a length are valid")
        if x.length not in self._valid:
            steps = self.count(self.size(x.values, 1))
            ends = self.add("Unsqueeze", x.length, self.constant([1]))
            self._valid[x.length] = self.add("Less", steps, ends)
        return self._valid[x.length]

    def masked(self, x: Wire, fill: float = 0.0, *, step_ndim: int = 1) -> str:
        """Return the values with `fill` behind the end of each item; a step has `step_ndim` axes."""
        if x.length is None:
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
