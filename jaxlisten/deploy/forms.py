"""The forms that a model is shipped in: how a file is made, how it is run, and what it should say."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxlisten import nn
from jaxlisten.deploy.compare import Answering
from jaxlisten.deploy.onnx import run_onnx_steps, to_onnx
from jaxlisten.deploy.onnx_step import stream_onnx, to_onnx_step
from jaxlisten.deploy.stablehlo import run_stablehlo, to_stablehlo
from jaxlisten.nn import Layer
from jaxlisten.nn.layer import out_spec
from jaxlisten.tasks import LINKS
from jaxlisten.types import Chunk, Padded, Params, State

_CHUNK_SECONDS = 0.1
"""About how much sound a stream hears at once in a comparison."""


class Form(NamedTuple):
    """One way to ship a model.

    Attributes:
        content: makes the bytes of the file, with 8-bit weights or without.
        ours: the answers that the file should give.
        together: runs the file on a batch of clips.
        alone: runs it on one clip as its simplest user would; None: in no other way.
    """

    content: Callable[[bool], bytes]
    ours: Answering
    together: Callable[[bytes, Padded], Chunk]
    alone: Callable[[bytes, Padded], Chunk] | None


def onnx_form(
    model: Layer, params: Params, state: State, *, sr: int, classes: Sequence[str], link: str, longest: int
) -> Form:
    """Return the form for whole clips in ONNX. Alone, a clip needs no length."""
    steps = keeps_time(model, params, state, longest)

    def content(int8: bool) -> bytes:
        settings = {"sr": sr, "classes": classes, "link": link, "longest": longest, "steps": steps}
        return to_onnx(model, params, state, **settings, int8=int8).SerializeToString()

    return Form(
        content,
        lambda batch: _at_once(model, batch, _answers(model, link, params, state, batch)),
        lambda file, batch: _at_once(model, batch, run_onnx_steps(file, batch.values, batch.length)),
        lambda file, batch: _at_once(model, batch, run_onnx_steps(file, batch.values)),
    )


def onnx_step_form(
    model: Layer, params: Params, state: State, *, sr: int, classes: Sequence[str], link: str, longest: int
) -> Form:
    """Return the form for streams in ONNX. Alone, a clip comes in chunks of one block."""
    streamed = nn.streaming(model, longest)
    timing = streamed.timing()
    assert timing is not None
    chunk = max(1, round(_CHUNK_SECONDS * sr / timing.block)) * timing.block

    def content(int8: bool) -> bytes:
        proto = to_onnx_step(streamed, params, state, sr=sr, classes=classes, link=link, int8=int8)
        return proto.SerializeToString()

    return Form(
        content,
        lambda batch: _cut(streamed, batch, _steps(streamed, link, chunk, params, state, batch)),
        lambda file, batch: _cut(streamed, batch, stream_onnx(file, batch, chunk=chunk)),
        lambda file, batch: _cut(streamed, batch, stream_onnx(file, batch)),
    )


def stablehlo_form(model: Layer, params: Params, state: State, *, link: str) -> Form:
    """Return the form for whole clips in StableHLO, whose weights stay float32."""
    return Form(
        lambda int8: to_stablehlo(model, params, state, link=link),
        lambda batch: _at_once(model, batch, _answers(model, link, params, state, batch)),
        lambda file, batch: _at_once(model, batch, run_stablehlo(file, batch.values, batch.length)),
        None,
    )


def keeps_time(model: Layer, params: Params, state: State, longest: int) -> bool:
    """Tell whether a model answers each step of a clip, and not the clip: for events and transcripts."""
    clip = Padded(jax.ShapeDtypeStruct((1, longest), jnp.float32), jax.ShapeDtypeStruct((1,), jnp.int32))
    return isinstance(out_spec(model, params, state, clip), Padded)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _answers(model: Layer, link: str, params: Params, state: State, x: Padded) -> Any:
    y = model.apply(params, state, x)[0]
    if isinstance(y, Padded):
        return Padded(LINKS[link](y.values.astype(jnp.float32)), y.length)
    return LINKS[link](y.astype(jnp.float32))


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _steps(model: Layer, link: str, chunk: int, params: Params, state: State, x: Padded) -> Chunk:
    out = nn.stream(model, params, state, x, chunk=chunk)
    return Chunk(LINKS[link](out.values.astype(jnp.float32)), out.valid)


def _at_once(model: Layer, batch: Padded, answers: Any) -> Chunk:
    """Return answers ``[batch, classes]`` to whole clips as those of a stream of one step; those at every step stay."""
    values = np.asarray(answers.values if isinstance(answers, Padded) else answers)
    if values.ndim == 2:
        return Chunk(values[:, None], np.ones((len(values), 1), bool))
    steps = answers.length if isinstance(answers, Padded) else model.out_length(np.asarray(batch.length))
    return Chunk(values, np.arange(values.shape[1]) < np.asarray(steps)[:, None])


def _cut(model: Layer, x: Padded, answers: Chunk) -> Chunk:
    """Cut the rest of the last chunk off, whose steps depend on how long a chunk is."""
    timing = model.timing()
    assert timing is not None
    steps = timing.delay + model.out_length(x.values.shape[1])
    return Chunk(np.asarray(answers.values)[:, :steps], np.asarray(answers.valid)[:, :steps])
