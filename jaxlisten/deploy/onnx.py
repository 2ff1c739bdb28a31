"""From a model to an ONNX file: one graph from the waveform to the probabilities, for any batch and any time.

Most models need no more than `to_onnx`. For a layer of your own, register its form with ``@emit.register``; it
is then also the form of its stream, unless the layer has a `step` of its own (``@emit_step.register``).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from jaxlisten.deploy import (  # noqa: F401  each registers its emitters
    onnx_attention,
    onnx_convolution,
    onnx_front_end,
    onnx_normalize,
    onnx_pooling,
    onnx_rebuild,
    onnx_recurrent,
)
from jaxlisten.deploy.fold import folded
from jaxlisten.deploy.onnx_graph import Graph, Wire, need
from jaxlisten.deploy.onnx_layers import emit
from jaxlisten.deploy.onnx_streaming import emit_step
from jaxlisten.errors import InputError
from jaxlisten.nn import Layer
from jaxlisten.nn.layer import out_spec
from jaxlisten.types import Array, Padded, Params, State

__all__ = ["Graph", "Wire", "emit", "emit_step", "run_layer_onnx", "run_onnx", "to_onnx"]

LINKS: dict[str | None, tuple[str, dict[str, int], str]] = {
    "softmax": ("Softmax", {"axis": -1}, "probabilities"),
    "sigmoid": ("Sigmoid", {}, "probabilities"),
    "identity": ("Identity", {}, "predictions"),
    None: ("Identity", {}, "logits"),
}
"""The last node of a graph by the link, with its settings and the name of its output."""

_EVERYTHING = 2**62
"""The default of the input `length`: more steps than any clip has."""


def to_onnx(
    model: Layer,
    params: Params,
    state: State,
    *,
    sr: int,
    classes: Sequence[str],
    link: str | None = "softmax",
    longest: int | None = None,
    input_shape: tuple[str | int, ...] | None = None,
    int8: bool = False,
    steps: bool = False,
) -> Any:
    """Build the ONNX form of ``link(model.apply(params, state, Padded(waveform, length)))``.

    Inputs: ``waveform``, float32 ``[batch, time]``, and ``length``, int64 ``[batch]``, which may be left out: then
    every sample is valid. Output: ``probabilities``, float32 ``[batch, classes]``. Metadata: ``classes``, a JSON list,
    ``sr``, and ``longest`` where it is given; with `steps` also ``answers``: "steps", and of transcripts ``blank``:
    "0", the place of the blank among the classes, whose name is empty. Batch and time are free. A runtime that knows no
    optional inputs takes clips of one length at a time.

    Args:
        model: from raw sound to one score a class.
        params, state: of the model.
        sr: sample rate in Hz that the model is for.
        classes: their names, in the order of the scores.
        link: "softmax", "sigmoid" (several labels a clip), "identity" (numbers; the output is then called
            ``predictions``), or None for the scores themselves (``logits``).
        longest: samples of the longest clip that it was trained on, for whoever has to cut a long recording.
        input_shape: of a model that does not begin with raw sound, such as ``("batch", "time", 40)``; axes with a
            name are free. The input is then called ``features``.
        int8: store large kernels of dense, convolutional and recurrent layers as 8-bit integers with a scale for each
            output channel. All else, the front end and the arithmetic too, stays float32.
        steps: the model keeps its time, as an autoencoder does: the output is ``[batch, steps, classes]``, and a second
            one, ``steps``, int64 ``[batch]``, says how many of the steps of each clip are valid.

    Returns:
        An `onnx.ModelProto`, checked by `onnx.checker`.

    Raises:
        InputError: onnx is missing, a layer has no ONNX form, `link` is unknown, or the model does not give one score
            a class for each clip.
    """
    need("onnx")
    from onnx import TensorProto, checker, helper

    check_link("to_onnx", link)
    shape = input_shape or ("batch", "time")
    _check_scores(model, params, state, shape, len(classes), steps)
    graph, name = Graph(int8=int8), "waveform" if input_shape is None else "features"
    inputs, length = [floats(name, shape)], None
    if isinstance(shape[1], str):
        # No name for this axis: the default has one item, whatever the batch.
        inputs.append(helper.make_tensor_value_info("length", TensorProto.INT64, [None]))
        graph.tensors["length"] = np.array([_EVERYTHING], np.int64)
        length = _clipped(graph, name)
    model, params, state = folded(model, *jax.device_get((params, state)))
    y = emit(model, graph, params, state, Wire(name, length))
    operator, settings, output = LINKS[link]
    graph.call(output, graph.add(operator, y.values, **settings))
    outputs = [floats(output, ("batch", *(["steps_out"] if steps else []), len(classes)))]
    if steps and y.length is not None:
        graph.call("steps", y.length)
        outputs.append(helper.make_tensor_value_info("steps", TensorProto.INT64, ["batch"]))
    proto = graph.model(inputs, outputs, "jaxlisten")
    metadata = {"classes": json.dumps(list(classes), ensure_ascii=False), "sr": str(sr)}
    if longest is not None:
        metadata["longest"] = str(longest)
    if steps:
        metadata["answers"] = "steps"
        metadata |= {"blank": "0"} if classes[0] == "" else {}
    helper.set_model_props(proto, metadata)
    checker.check_model(proto, full_check=True)
    return proto


def run_onnx(model: Any, waveform: Any, length: Any = None) -> np.ndarray:
    """Run an exported model in onnxruntime on the CPU.

    Args:
        model: an `onnx.ModelProto`, or the bytes of a file.
        waveform: ``[batch, time]``.
        length: ``[batch]``, or None: all of it is valid.

    Returns:
        The first output, ``[batch, classes]``.

    Raises:
        InputError: onnxruntime is missing.
    """
    answers = run_onnx_steps(model, waveform, length)
    return answers.values if isinstance(answers, Padded) else answers


def run_onnx_steps(model: Any, waveform: Any, length: Any = None) -> Any:
    """Run an exported model as `run_onnx` does; where it answers step by step, return a `Padded` of its answers."""
    session = session_of(model)
    feeds: dict[str, np.ndarray] = {session.get_inputs()[0].name: np.asarray(waveform, np.float32)}
    if length is not None:
        feeds["length"] = np.asarray(length, np.int64)
    answers, *steps = session.run(None, feeds)
    return Padded(np.asarray(answers), np.asarray(steps[0])) if steps else np.asarray(answers)


def run_layer_onnx(layer: Layer, params: Params, state: State, x: Array | Padded) -> Any:
    """Emit a single layer for inputs like `x`, and run it in onnxruntime.

    Args:
        layer: any layer that has an ONNX form.
        params, state: of the layer.
        x: ``[batch, time]``, ``[batch, time, channel]``, ``[batch, time, freq, channel]`` or ``[batch, channel]``, as
            the layer takes it; a `Padded` where there is an axis of time. Whole numbers stay whole.

    Returns:
        What ``layer.apply(params, state, x)[0]`` is, a NumPy array or a `Padded` of them. Values behind the end of an
        item are arbitrary.

    Raises:
        InputError: onnx or onnxruntime is missing, or the layer has no ONNX form.
    """
    need("onnx")
    from onnx import TensorProto, checker, helper

    padded = isinstance(x, Padded)
    values = np.asarray(x.values if padded else x)
    values = values.astype(np.int64 if np.issubdtype(values.dtype, np.integer) else np.float32)
    graph, feeds = Graph(), dict[str, np.ndarray](x=values)
    names = ("batch", *(["time"] if padded or values.ndim >= 3 else []))
    kind = helper.np_dtype_to_tensor_dtype(values.dtype)
    inputs = [helper.make_tensor_value_info("x", kind, [*names, *values.shape[len(names) :]])]
    if padded:
        feeds["length"] = np.asarray(x.length, np.int64)
        inputs.append(helper.make_tensor_value_info("length", TensorProto.INT64, ["batch"]))
    y = emit(layer, graph, *jax.device_get((params, state)), Wire("x", "length" if padded else None))
    shape = out_spec(layer, params, state, x)
    rank = len((shape.values if isinstance(shape, Padded) else shape).shape)
    # An output may not be an input, which it is for layers that do nothing; so each gets a node of its own.
    outputs = [floats(graph.add("Identity", y.values), [None] * rank)]
    if y.length is not None:
        outputs.append(helper.make_tensor_value_info(graph.add("Identity", y.length), TensorProto.INT64, ["batch"]))
    proto = graph.model(inputs, outputs, type(layer).__name__)
    checker.check_model(proto, full_check=True)
    result = session_of(proto).run(None, feeds)
    return Padded(*result) if y.length is not None else result[0]


def session_of(model: Any) -> Any:
    """Return an `onnxruntime.InferenceSession` on the CPU for a model or the bytes of a file."""
    need("onnxruntime")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    content = model if isinstance(model, bytes) else model.SerializeToString()
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def floats(name: str, shape: Sequence[str | int | None]) -> Any:
    """Describe a float32 input or output."""
    from onnx import TensorProto, helper

    return helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))


def check_link(function: str, link: str | None) -> None:
    """Refuse an unknown link."""
    if link not in LINKS:
        raise InputError(f"{function}: expected link 'softmax', 'sigmoid', 'identity' or None, got {link!r}")


def _clipped(graph: Graph, x: str) -> str:
    """Return the input ``length``, at most the time of `x`, one for each item of its batch."""
    length = graph.add("Min", "length", graph.add("Shape", x, start=1, end=2))
    return graph.add("Expand", length, graph.add("Shape", x, start=0, end=1))


def _check_scores(
    model: Layer, params: Params, state: State, shape: Sequence[str | int], classes: int, steps: bool
) -> None:
    sizes = tuple(size if isinstance(size, int) else 1 if axis == 0 else 2**14 for axis, size in enumerate(shape))
    x = jax.ShapeDtypeStruct(sizes, np.float32)
    got = out_spec(model, params, state, x).shape[1:]
    if steps and (len(got) != 2 or got[1] != classes):
        raise InputError(f"to_onnx: expected {classes} scores at each step, as there are classes, got {got}")
    if not steps and got != (classes,):
        raise InputError(
            f"to_onnx: expected {classes} scores for each clip, as there are classes, got {got}; "
            "a model that still has time needs a GlobalPool, or steps=True"
        )
