"""Exporting a model to a file that is known to work: what is written is read back, run and compared first."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxlisten.deploy.compare import Judged, compare
from jaxlisten.deploy.forms import onnx_form, onnx_step_form, stablehlo_form
from jaxlisten.deploy.onnx_graph import need
from jaxlisten.errors import InputError, TrainingError
from jaxlisten.files import replacing
from jaxlisten.nn import Layer
from jaxlisten.types import Params, State

FORMATS: dict[str, tuple[str, ...]] = {".onnx": ("onnx", "onnxruntime"), ".stablehlo": ("flatbuffers",)}
"""The formats by the ending of the file, with the packages that each needs."""

TOLERANCE = 1e-4
"""The largest difference of probabilities that is let through where weights stay float32."""

LOSS = 0.01
"""What 8-bit weights may cost: a point of the score, or of the clips with the same answer; of few clips, one clip."""


class Exported(NamedTuple):
    """What `export` wrote.

    Attributes:
        path: the file.
        bytes: its size.
        difference: the largest difference between its probabilities and the model's; of numbers, as a share of the
            largest one where that is above 1. Of a stream, at any step.
        clips: how many clips were compared.
        float_bytes: the size that it would have with float32 weights.
        changed: to how many clips its answer is another class, set of labels or, by more than a hundredth, number.
        score: of the model's answers and of the file's; None where it is not known what is true of the clips.
    """

    path: Path
    bytes: int
    difference: float
    clips: int
    float_bytes: int
    changed: int
    score: Judged | None = None


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
    targets: np.ndarray | None = None,
    streaming: bool = False,
    int8: bool = False,
    tolerance: float | None = None,
) -> Exported:
    """Write a model, from the waveform to the link of its scores, to one file, and check the file.

    The file is written under another name, read back, and run on `clips`; only if its answers are the model's does it
    appear at `path`, in one step. Otherwise what stood at `path` stays as it was.

    With `int8`, probabilities move by more than rounding. The file is then let through if it costs at most a point
    (0.01): of the score where there are `targets`, otherwise of the clips that get the same answer. With fewer than a
    hundred clips, one clip may change.

    Args:
        model: from raw sound to one score a class.
        params, state: of the model.
        path: ends in ``.onnx`` (see `jaxlisten.deploy.onnx.to_onnx`) or ``.stablehlo`` (see
            `jaxlisten.deploy.stablehlo.to_stablehlo`).
        sr: sample rate in Hz that the model is for.
        classes: their names, in the order of the scores.
        longest: samples of the longest clip that it was trained on: an ONNX file says it, the windows of a stream hold
            as much, and the noise is that long if there are no clips.
        link: what makes an answer of the scores: "softmax", "sigmoid" or "identity"; see `jaxlisten.tasks.LINKS`.
        clips: recordings ``[time]`` to compare on, of any lengths, at `sr`; none: seeded noise of a few lengths.
        targets: what is true of the clips, as in a `Dataset` with these classes, to score both on; None: not known.
        streaming: write one step of a stream, with the carry as inputs and outputs (see
            `jaxlisten.deploy.onnx_step.to_onnx_step`); ``.onnx`` only. It is compared with `jaxlisten.stream`.
        int8: store large kernels as 8-bit integers; ``.onnx`` only.
        tolerance: the largest difference that is let through, as `Exported` counts it; None: 1e-4, and with `int8` any.

    Raises:
        InputError: another ending, a folder that is missing or can't be written to, a missing package, an unknown
            `link`, a layer that the format has no form for, a clip that is not one-dimensional, or targets without
            clips.
        LayerError: `streaming`, and a layer needs the whole signal.
        TrainingError: the file's answers differ from the model's by more than is let through.
    """
    path = _checked(Path(path), streaming=streaming, int8=int8)
    sounds = [np.asarray(clip, np.float32) for clip in clips] or _noise(longest)
    if any(clip.ndim != 1 for clip in sounds):
        raise InputError(f"export: expected clips [time], got shapes {[clip.shape for clip in sounds]}")
    if targets is not None and len(targets) != len(clips):
        raise InputError(f"export: expected targets of {len(clips)} clips, got {len(targets)}")
    settings = {"sr": sr, "classes": classes, "link": link, "longest": longest}
    if streaming:
        form = onnx_step_form(model, params, state, **settings)
    elif path.suffix == ".onnx":
        form = onnx_form(model, params, state, **settings)
    else:
        form = stablehlo_form(model, params, state, link=link)
    content = form.content(int8)
    with replacing(path) as draft:
        draft.write_bytes(content)
        file = draft.read_bytes()
        compared = compare(sounds, form.ours, partial(form.together, file), form.alone and partial(form.alone, file))
        done = Exported(
            path=path,
            bytes=len(content),
            difference=compared.difference / max(1.0, float(np.abs(compared.ours).max())),
            clips=len(sounds),
            float_bytes=len(form.content(False)) if int8 else len(content),
            changed=compared.changed(link),
            score=None if targets is None else compared.score(link, targets),
        )
        if tolerance is None:
            tolerance = np.inf if int8 else TOLERANCE
        _check(done, tolerance, int8)
    return done


def _checked(path: Path, *, streaming: bool, int8: bool) -> Path:
    if path.suffix not in FORMATS:
        raise InputError(f"export: expected a file that ends in {' or '.join(FORMATS)}, got {path.name!r}")
    if path.suffix != ".onnx" and (streaming or int8):
        what = "streaming form" if streaming else "8-bit weights"
        raise InputError(f"export: {path.suffix} has no {what}; give the file a name that ends in .onnx")
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


def _check(done: Exported, tolerance: float, int8: bool) -> None:
    """Refuse a file whose answers are too far from the model's."""
    if not done.difference <= tolerance:  # also where it is not a number
        raise TrainingError(
            f"export: the probabilities of the exported file differ from the model's by up to {done.difference:.2g}, "
            f"above the tolerance of {tolerance:.2g}; nothing was written to {done.path}"
        )
    allowed = max(LOSS, 1 / done.clips)
    if int8 and done.score is not None and not done.score.before - done.score.after <= allowed + 1e-9:
        raise TrainingError(
            f"export: 8-bit weights cost more than {allowed:.1%}: {done.score} on {done.clips} clips; nothing was "
            f"written to {done.path}; export without int8"
        )
    if int8 and done.score is None and done.changed > allowed * done.clips:
        raise TrainingError(
            f"export: 8-bit weights give another answer to {done.changed} of {done.clips} clips, above {allowed:.1%}; "
            f"nothing was written to {done.path}; export without int8"
        )
