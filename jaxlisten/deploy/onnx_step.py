"""From a model to an ONNX file that listens to a stream: one step, with the carry as explicit inputs and outputs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from jaxlisten.deploy.fold import folded
from jaxlisten.deploy.onnx import LINKS, check_link, emit_step, floats, session_of
from jaxlisten.deploy.onnx_carry import infos, named, parts_of
from jaxlisten.deploy.onnx_graph import Graph, Wire, need
from jaxlisten.errors import InputError
from jaxlisten.nn import Layer
from jaxlisten.nn.stream import needs_whole
from jaxlisten.nn.time import valid_steps
from jaxlisten.types import Chunk, Padded, Params, State, Timing


def to_onnx_step(
    model: Layer,
    params: Params,
    state: State,
    *,
    sr: int,
    classes: Sequence[str],
    link: str | None = "softmax",
    input_shape: tuple[str | int, ...] = ("batch", "samples"),
    int8: bool = False,
) -> Any:
    """Build the ONNX form of ``model.step(params, state, carry, Chunk(chunk, chunk_valid))``, with the link behind it.

    Inputs: ``chunk``, float32 ``[batch, samples]``, a multiple of `block` samples; ``chunk_valid``, bool of the same
    shape, which may be left out: then all samples count; and the carry, each array under its path, such as
    ``carry/log_mel/values``. Outputs: ``probabilities``, float32 ``[batch, steps, classes]``; ``valid``, bool
    ``[batch, steps]``, which of them count (the others are 0); and the carry for the next chunk,
    ``next/log_mel/values`` and so on, of the same shapes. The carry before the first chunk is zeros (and False).

    Metadata: ``classes``, a JSON list; ``sr``; ``block``; ``delay``, how many of the first steps are warm-up and come
    out invalid; ``flush``, how many invalid samples bring out the last steps behind a stream that ends on a block; and
    ``carry``, a JSON list of objects with ``input``, ``output``, ``shape`` and ``dtype``. `stream_onnx` is the
    reference of how to run such a file.

    Args:
        model: from raw sound to one score a class at each step: `jaxlisten.streaming` makes it of one for whole clips.
        params, state: of the model.
        sr: sample rate in Hz that the model is for.
        classes: their names, in the order of the scores.
        link: "softmax", "sigmoid" (several labels a clip), "identity" (numbers; the output is then called
            ``predictions``), or None for the scores themselves (``logits``).
        input_shape: of a model that does not begin with raw sound, such as ``("batch", "steps", 40)``; axes with a
            name are free.
        int8: store large kernels as 8-bit integers, as `jaxlisten.deploy.onnx.to_onnx` does.

    Returns:
        An `onnx.ModelProto`, checked by `onnx.checker`.

    Raises:
        InputError: onnx is missing, a layer has no streaming form or no ONNX form of it, `link` is unknown, or the
            model does not give one score a class at each step.
    """
    need("onnx")
    check_link("to_onnx_step", link)
    x = _like(model, input_shape, np.float32)
    shape = _step_shapes(model, params, state, x)[1].values.shape
    if len(shape) != 3 or shape[2] != len(classes):
        raise InputError(
            f"to_onnx_step: expected {len(classes)} scores at each step, as there are classes, got {shape[2:]}"
        )
    metadata = {"classes": json.dumps(list(classes), ensure_ascii=False), "sr": str(sr)}
    return _step_model(model, params, state, x, input_shape, link, metadata, int8)


def stream_onnx(model: Any, x: Padded | Chunk, *, chunk: int | None = None) -> Chunk:
    """Run a streaming file over whole signals in onnxruntime on the CPU, chunk by chunk, with the flush.

    What `jaxlisten.stream` does with the model itself.

    Args:
        model: an `onnx.ModelProto` of `to_onnx_step`, or the bytes of a file.
        x: ``[batch, time]``, or with features behind time.
        chunk: input steps a chunk, a multiple of the block; None: one block.

    Returns:
        All that comes out, warm-up and flush included and marked invalid; NumPy arrays.

    Raises:
        InputError: onnxruntime is missing, or `chunk` is no multiple of the block.
    """
    session = session_of(model)
    metadata = session.get_modelmeta().custom_metadata_map
    block, flush = int(metadata["block"]), int(metadata["flush"])
    chunk = chunk or block
    if chunk % block:
        raise InputError(f"stream_onnx: expected chunks of a multiple of {block} samples, got {chunk}")
    values, valid = np.asarray(x.values), np.asarray(x.valid if isinstance(x, Chunk) else valid_steps(x))
    time = valid.shape[1]
    steps = math.ceil((math.ceil(time / block) * block + flush) / chunk) * chunk
    values, valid = (np.pad(a, [(0, 0), (0, steps - time), *[(0, 0)] * (a.ndim - 2)]) for a in (values, valid))
    parts = json.loads(metadata["carry"])
    carry = {part["input"]: np.zeros((len(values), *part["shape"][1:]), part["dtype"]) for part in parts}
    answers = list[tuple[np.ndarray, np.ndarray]]()
    for start in range(0, steps, chunk):
        now = slice(start, start + chunk)
        answer, counts, *after = session.run(None, {"chunk": values[:, now], "chunk_valid": valid[:, now], **carry})
        carry = {part["input"]: array for part, array in zip(parts, after, strict=True)}
        answers.append((answer, counts))
    return Chunk(*(np.concatenate(part, axis=1) for part in zip(*answers, strict=True)))


def stream_layer_onnx(
    layer: Layer, params: Params, state: State, x: Padded | Chunk, *, chunk: int | None = None
) -> Chunk:
    """Run the streaming ONNX form of a single layer over whole signals: what `jaxlisten.stream` gives.

    Args:
        layer: any layer that has a streaming form and an ONNX form.
        params, state: of the layer.
        x: ``[batch, time, ...]``, as the layer takes it. Whole numbers stay whole.
        chunk: input steps a chunk, a multiple of the block; None: one block.

    Raises:
        InputError: onnx or onnxruntime is missing, or the layer has no such form.
    """
    need("onnx")
    values = np.asarray(x.values)
    values = values.astype(np.int64 if np.issubdtype(values.dtype, np.integer) else np.float32)
    x = Padded(values, x.length) if isinstance(x, Padded) else Chunk(values, x.valid)
    shape = ("batch", "steps", *values.shape[2:])
    like = _like(layer, shape, np.int32 if values.dtype == np.int64 else np.float32)  # JAX has no int64 by default
    proto = _step_model(layer, params, state, like, shape, None, {}, int8=False)
    return stream_onnx(proto, x, chunk=chunk)


def _step_model(
    model: Layer,
    params: Params,
    state: State,
    x: Chunk,
    shape: Sequence[str | int],
    link: str | None,
    metadata: Mapping[str, str],
    int8: bool,
) -> Any:
    """Build the graph of one step for chunks like `x`, of the named `shape`, with the link behind it."""
    from onnx import TensorProto, checker, helper

    model, params, state = folded(model, *jax.device_get((params, state)))
    timing = _timing(model)
    carry, out = _step_shapes(model, params, state, x)
    names = named(model, "carry", carry)
    parts = parts_of(names, carry)
    graph = Graph(int8=int8)
    kind = TensorProto.FLOAT if np.issubdtype(x.values.dtype, np.floating) else TensorProto.INT64
    inputs = [
        helper.make_tensor_value_info("chunk", kind, list(shape)),
        helper.make_tensor_value_info("chunk_valid", TensorProto.BOOL, [None, None]),  # the default is for any batch
    ]
    graph.tensors["chunk_valid"] = np.ones((1, 1), np.bool_)
    after, y = emit_step(model, graph, params, state, names, _entry(graph, x, timing.block))
    operator, settings, output = LINKS[link]
    y = y._replace(values=graph.add(operator, y.values, **settings))
    graph.call(output, graph.masked(y, step_ndim=out.values.ndim - 2))
    graph.call("valid", graph.valid(y))
    kept = [then for name, then in zip(jax.tree.leaves(names), jax.tree.leaves(after), strict=True) if name]
    for part, then in zip(parts, kept, strict=True):
        graph.call(part.output, then)
    outputs = [
        floats(output, ["batch", "steps_out", *out.values.shape[2:]]),
        helper.make_tensor_value_info("valid", TensorProto.BOOL, ["batch", "steps_out"]),
    ]
    proto = graph.model([*inputs, *infos(parts, "input")], [*outputs, *infos(parts, "output")], "jaxlisten")
    listed = json.dumps([part._asdict() for part in parts])
    about = {"block": str(timing.block), "delay": str(timing.delay), "flush": str(timing.flush), "carry": listed}
    helper.set_model_props(proto, {**metadata, **about})
    checker.check_model(proto, full_check=True)
    return proto


def _timing(model: Layer) -> Timing:
    timing = model.timing()
    if timing is None:
        raise InputError(f"export: there is no streaming form: {needs_whole(model)}; export without streaming")
    return timing


def _like(model: Layer, shape: Sequence[str | int], dtype: Any) -> Chunk:
    """Return the shape of the smallest chunk."""
    sizes = [n if isinstance(n, int) else 1 if axis == 0 else _timing(model).block for axis, n in enumerate(shape)]
    return Chunk(jax.ShapeDtypeStruct(tuple(sizes), dtype), jax.ShapeDtypeStruct(tuple(sizes[:2]), np.bool_))


def _step_shapes(model: Layer, params: Params, state: State, x: Chunk) -> tuple[Any, Chunk]:
    """Return the shapes of the carry and of what comes out."""
    _timing(model)
    carry = jax.eval_shape(model.start, params, state, x)
    return carry, jax.eval_shape(model.step, params, state, carry, x)[1]


def _entry(graph: Graph, x: Chunk, block: int) -> Wire:
    """Return the chunk with its validity; a chunk that is no multiple of the block stops the runtime."""
    shape = graph.add("Shape", "chunk", start=0, end=2)
    values = "chunk"
    if block > 1:
        with graph.within(f"chunk_has_a_multiple_of_{block}_samples"):
            features = x.values.shape[2:]
            values = graph.add("Reshape", values, graph.constant([0, -1, block, *features]))
            values = graph.add("Reshape", values, graph.constant([0, -1, *features]))
    return Wire(values, valid=graph.add("Expand", "chunk_valid", shape))
