"""Exporting a model to a file that is known to work: what is written is read back, run and compared first."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxlisten.deploy.onnx import run_onnx, to_onnx
from jaxlisten.deploy.onnx_graph import need
from jaxlisten.deploy.stablehlo import run_stablehlo, to_stablehlo
from jaxlisten.errors import InputError, TrainingError
from jaxlisten.files import replacing
from jaxlisten.nn import Layer
from jaxlisten.tasks import LINKS
from jaxlisten.types import Array, Padded, Params, State

FORMATS = {".onnx": ("onnx", "onnxruntime"), ".stablehlo": ("flatbuffers",)}
"""The formats by the ending of the file, with the packages that each needs."""


class Exported(NamedTuple):
    """What `export` wrote.

    Attributes:
        path: the file.
        bytes: its size.
        difference: the largest difference between its probabilities and the model's; of numbers, as a share of the
            largest one where that is above 1.
        clips: how many clips were compared.
    """

    path: Path
    bytes: int
    difference: float
    clips: int


def export(
    model: Layer,
    params: Params,
    state: State,
    path: str | os.PathLike[str],
    *,
    sr: int,
    classes: Sequence[str],
    longest: int,
    link: str = "softmax",
    clips: Sequence[np.ndarray] = (),
    tolerance: float = 1e-4,
) -> Exported:
    """Write a model, from the waveform to the link of its scores, to one file, and check the file.

    The file is written under another name, read back, and run on `clips`; only if its probabilities are the model's
    does it appear at `path`, in one step. Otherwise what stood at `path` stays as it was.

    Args:
        model: from raw sound to one score a class.
        params, state: of the model.
        path: ends in ``.onnx`` (see `jaxlisten.deploy.onnx.to_onnx`) or ``.stablehlo`` (see
            `jaxlisten.deploy.stablehlo.to_stablehlo`).
        sr: sample rate in Hz that the model is for.
        classes: their names, in the order of the scores.
        longest: samples of the longest clip that it was trained on: an ONNX file says it, and the noise is that long
            if there are no clips.
        link: what makes an answer of the scores: "softmax", "sigmoid" or "identity"; see `jaxlisten.tasks.LINKS`.
        clips: recordings ``[time]`` to compare on, of any lengths, at `sr`; none: seeded noise of a few lengths.
        tolerance: the largest difference that is let through, as `Exported` counts it.

    Raises:
        InputError: another ending, a folder that is missing or can't be written to, a missing package, an unknown
            `link`, a layer that the format has no form for, or a clip that is not one-dimensional.
        TrainingError: the file's probabilities differ from the model's by more than `tolerance`.
    """
    path = _checked(Path(path))
    sounds = [np.asarray(clip, np.float32) for clip in clips] or _noise(longest)
    if any(clip.ndim != 1 for clip in sounds):
        raise InputError(f"export: expected clips [time], got shapes {[clip.shape for clip in sounds]}")
    batch = _padded(sounds)
    if path.suffix == ".onnx":
        proto = to_onnx(model, params, state, sr=sr, classes=classes, link=link, longest=longest)
        content = proto.SerializeToString()
    else:
        content = to_stablehlo(model, params, state, link=link)
    ours = np.asarray(jax.jit(_answers, static_argnums=(0, 1))(model, link, params, state, batch))
    with replacing(path) as draft:
        draft.write_bytes(content)
        difference = _difference(draft.read_bytes(), path.suffix, batch, ours) / max(1.0, float(np.abs(ours).max()))
        if not difference <= tolerance:  # also where it is not a number
            raise TrainingError(
                f"export: the probabilities of the exported file differ from the model's by up to {difference:.2g}, "
                f"above the tolerance of {tolerance:.2g}; nothing was written to {path}"
            )
    return Exported(path, len(content), difference, len(sounds))


def _checked(path: Path) -> Path:
    if path.suffix not in FORMATS:
        raise InputError(f"export: expected a file that ends in {' or '.join(FORMATS)}, got {path.name!r}")
    if path.is_dir():
        raise InputError(f"export: {path} is a folder; give the name of a file")
    if not path.parent.is_dir():
        raise InputError(f"export: the folder {path.parent} does not exist")
    if not os.access(path.parent, os.W_OK):
        raise InputError(f"export: the folder {path.parent} can't be written to")
    need(*FORMATS[path.suffix])
    return path


def _noise(longest: int) -> list[np.ndarray]:
    noise = np.random.default_rng(0)
    lengths = sorted({max(1, longest // part) for part in (1, 2, 3, 7)}, reverse=True)
    return [0.1 * noise.standard_normal(n).astype(np.float32) for n in lengths]


def _padded(clips: Sequence[np.ndarray]) -> Padded:
    length = np.array([len(clip) for clip in clips], np.int32)
    values = np.zeros((len(clips), max(1, length.max())), np.float32)
    for row, clip in zip(values, clips, strict=True):
        row[: len(clip)] = clip
    return Padded(values, length)


def _answers(model: Layer, link: str, params: Params, state: State, x: Padded) -> Array:
    return LINKS[link](model.apply(params, state, x)[0].astype(jnp.float32))


def _difference(content: bytes, ending: str, batch: Padded, ours: np.ndarray) -> float:
    """Return the largest difference between the file's probabilities and ours, in a batch and of one clip alone."""
    if ending == ".stablehlo":
        return float(np.abs(run_stablehlo(content, batch.values, batch.length) - ours).max())
    together = np.abs(run_onnx(content, batch.values, batch.length) - ours).max()
    if not batch.length[0]:
        return float(together)
    alone = np.abs(run_onnx(content, batch.values[:1, : batch.length[0]]) - ours[:1]).max()
    return float(np.maximum(together, alone))
