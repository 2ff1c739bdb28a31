"""From a model to StableHLO: one program from the waveform to the probabilities, for CPU, GPU and TPU.

`jax.export` keeps such a file readable by later versions of JAX, not by earlier ones: a run folder goes both ways, so
export it where the file is used, or where JAX is older. Every layer can be exported, also your own.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxlisten.deploy.onnx_graph import need
from jaxlisten.errors import InputError
from jaxlisten.nn import Layer
from jaxlisten.tasks import LINKS
from jaxlisten.types import Array, Padded, Params, State

PLATFORMS = ("cpu", "cuda", "tpu")
"""What an exported program runs on."""


def to_stablehlo(
    model: Layer, params: Params, state: State, *, link: str | None = "softmax", time: int | None = None
) -> bytes:
    """Export ``link(model.apply(params, state, Padded(waveform, length)))`` with the weights inside.

    The program takes ``waveform``, float32 ``[batch, time]``, and ``length``, int32 ``[batch]``, and gives float32
    ``[batch, classes]``; of a model that keeps its time, such as an autoencoder, ``[batch, steps, classes]`` and how
    many steps of each clip are valid. Batch and time are free.

    Args:
        model: from raw sound to one score a class.
        params, state: of the model.
        link: "softmax", "sigmoid" (several labels a clip), "identity" (numbers), or None for the scores themselves.
        time: fixes the samples of a clip, for a model with a layer that has to know them; None: free.

    Returns:
        The content of a file; `run_stablehlo` and `jax.export.deserialize` read it.

    Raises:
        InputError: flatbuffers is missing, `link` is unknown, or a layer has to know the shape beforehand.
    """
    need("flatbuffers")
    from jax import export

    if link not in (*LINKS, None):
        raise InputError(f"to_stablehlo: expected link 'softmax', 'sigmoid', 'identity' or None, got {link!r}")
    activation = LINKS[link or "identity"]

    @jax.jit
    def listen(waveform: Array, length: Array) -> Any:
        y, _ = model.apply(params, state, Padded(waveform, length))
        if isinstance(y, Padded):
            return activation(y.values.astype(jnp.float32)), y.length
        return activation(y.astype(jnp.float32))

    waveform = jax.ShapeDtypeStruct(_shape(time), jnp.float32)
    length = jax.ShapeDtypeStruct(waveform.shape[:1], jnp.int32)
    try:
        with _without_folders():
            return bytes(export.export(listen, platforms=PLATFORMS)(waveform, length).serialize())
    except jax.errors.InconclusiveDimensionOperation as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"to_stablehlo: a layer has to know the shape beforehand ({reason}); give time=") from None


def run_stablehlo(program: bytes, waveform: Any, length: Any) -> Any:
    """Run an exported program on the default device.

    Args:
        program: what `to_stablehlo` gave.
        waveform: ``[batch, time]``.
        length: ``[batch]``, valid samples of each clip.

    Returns:
        ``[batch, classes]``; of a model that keeps its time, a `Padded` of ``[batch, steps, classes]``.

    Raises:
        InputError: flatbuffers is missing, the program is damaged, or a later JAX wrote it.
    """
    need("flatbuffers")
    from jax import export

    x, n = jnp.asarray(waveform, jnp.float32), jnp.asarray(length, jnp.int32)
    try:
        read = export.deserialize(bytearray(program))
    except (struct.error, ValueError, TypeError, KeyError, IndexError) as error:
        raise InputError("run_stablehlo: the program is damaged, or no exported one; export it again") from error
    try:
        y = read.call(x, n)
        return Padded(*map(np.asarray, y)) if isinstance(y, tuple) else np.asarray(y)
    except jax.errors.JaxRuntimeError as error:
        if "deserialize" not in str(error):
            raise
        raise InputError(
            f"run_stablehlo: jax {jax.__version__} can't read this program, because a later JAX wrote it: export the "
            "run with this version, or update jax"
        ) from error


@contextlib.contextmanager
def _without_folders() -> Iterator[None]:
    """Let JAX name source files without their folders: those of the machine that exports are nobody's business."""
    name = "jax_hlo_source_file_canonicalization_regex"
    before = getattr(jax.config, name)
    jax.config.update(name, r".*[\\/]")
    try:
        yield
    finally:
        jax.config.update(name, before)


def _shape(time: int | None) -> tuple[Any, ...]:
    from jax import export

    if time is not None:
        return *export.symbolic_shape("batch"), time
    batch, samples = export.symbolic_shape("batch, time", constraints=("time >= 1",))
    return batch, samples
