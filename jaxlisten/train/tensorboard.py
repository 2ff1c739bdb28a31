"""Watching a training in TensorBoard, through tensorboardX, which needs no TensorFlow."""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from jaxlisten import tasks
from jaxlisten.data import Dataset, batches, bucket_lengths
from jaxlisten.errors import InputError
from jaxlisten.evaluate import make_eval_step, plot, score
from jaxlisten.metrics import confusion_matrix
from jaxlisten.nn import Layer
from jaxlisten.tasks import Task
from jaxlisten.train.step import TrainState

_PARTS = {"train": "train", "val": "validation"}
_SHOWN = 10
"""Clips that are shown and played at most."""
_BATCH = 32


class TensorBoard:
    """A callback of `jaxlisten.fit` that writes what TensorBoard shows.

    After each epoch every figure of its row of history; after each best epoch so far the confusion matrix of the
    validation clips; with the first epoch a clip of each class (up to ten clips) to hear, and its spectrogram. All of
    it can be seen while the training goes on: ``tensorboard --logdir runs``.

    Args:
        folder: where to write; it is made after the first epoch. A run that goes on writes a file beside the first.
        validation: the clips to show and to be confused about; None: figures only.
        model: what is trained, for the confusion matrix, where `validation` has one class a clip; None: none is drawn.
        task: as `jaxlisten.fit` takes it.

    Raises:
        InputError: tensorboardX is not installed; after the first epoch, the folder can't be written to.

    Example:
        ::

            board = jl.TensorBoard("runs/first/tensorboard", validation, model)
            jl.fit(model, train, validation, key=key, run_dir="runs/first", callbacks=[board])
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        validation: Dataset | None = None,
        model: Layer | None = None,
        *,
        task: Task | str | None = None,
    ):
        _tensorboardx()
        self._folder, self._events = folder, None
        self._validation, self._best = validation, None
        self._task = task if isinstance(task, Task) else None if task is None else tasks.find(task)
        self._confusion = None
        if validation is not None:
            self._task = self._task or tasks.infer(validation.targets)
            if model is not None and validation.kind == "class":
                self._confusion = _confusion_of(model, self._task, validation)

    def __call__(self, row: dict[str, float], now: TrainState) -> None:
        """Write what is known after an epoch, so that a reader sees it at once."""
        epoch = int(row["epoch"])
        if self._events is None:
            self._events = _Events(self._folder)
            if self._validation is not None:
                _show(self._events, self._validation)
        for name, value in row.items():
            if name != "epoch":
                self._events.add("scalar", _tag(name), value, at=epoch)
        if self._confusion is not None and self._validation is not None and self._better(row):
            drawn = _drawn(plot.confusion, self._confusion(now), self._validation.classes)
            self._events.add("image", "validation/confusion", drawn, dataformats="HWC", at=epoch)
        self._events.flush()

    def _better(self, row: dict[str, float]) -> bool:
        """Whether an epoch is the best one so far by the task's figure."""
        assert self._task is not None
        figure = row.get(self._task.metric)
        if figure is None:
            return True
        signed = figure if self._task.maximize else -figure
        if self._best is not None and not signed > self._best:
            return False
        self._best = signed
        return True


def _show(events: _Events, clips: Dataset) -> None:
    """Write a clip of each class, or of each other target, to see and to hear."""
    chosen = dict(reversed([(str(target), i) for i, target in enumerate(clips.targets.tolist())]))
    for i in sorted(chosen.values())[:_SHOWN]:
        tag = f"clips/{clips.classes[clips.targets[i]] if clips.kind == 'class' else i}"
        events.add("text", tag, clips.paths[i].encode(errors="replace").decode())  # a file's name may be no text
        events.add("audio", tag, np.clip(clips.audio[i], -1, 1), sample_rate=clips.sr)
        events.add("image", tag, _drawn(plot.spectrogram, clips.audio[i], clips.sr), dataformats="HWC")


def _drawn(draw: Callable[..., Any], *arguments: Any) -> np.ndarray:
    """Draw a picture, uint8 ``[height, width, 3]``, without the windows and the settings of pyplot."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 5), dpi=90, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    draw(*arguments, ax=figure.add_subplot())
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]


def _confusion_of(model: Layer, task: Task, clips: Dataset) -> Callable[[TrainState], np.ndarray]:
    step, lengths = make_eval_step(model, task), bucket_lengths(clips.lengths)

    def confusion(now: TrainState) -> np.ndarray:
        said = score(step, *now.weights, batches(clips, _BATCH, lengths)).probabilities
        return confusion_matrix(clips.targets, np.asarray(said).argmax(axis=-1), len(clips.classes))

    return confusion


def _tag(name: str) -> str:
    """Name a figure as TensorBoard groups them: ``val_loss`` is ``validation/loss``, others ``speed/...``."""
    part, _, figure = name.partition("_")
    return f"{_PARTS[part]}/{figure}" if part in _PARTS else f"speed/{name}"


class _Events:
    """A file of events. What is added is there after `flush`: tensorboardX's own writer leaves it to a thread."""

    def __init__(self, folder: str | os.PathLike[str]):
        self._modules = _tensorboardx()
        try:
            os.makedirs(folder, exist_ok=True)
            self._file = self._modules.event_file_writer.EventsWriter(os.path.join(folder, "events"))
            weakref.finalize(self, self._file.close)
        except OSError as error:
            raise InputError(f"TensorBoard: can't write to {os.fspath(folder)}: {error.strerror}") from error

    def add(self, kind: str, tag: str, value: Any, *, at: int = 0, **settings: Any) -> None:
        summary = getattr(self._modules.summary, kind)(tag, value, **settings)
        event = self._modules.proto.event_pb2.Event(summary=summary, step=at, wall_time=time.time())
        self._file.write_event(event)

    def flush(self) -> None:
        self._file.flush()


def _tensorboardx() -> Any:
    try:
        import tensorboardX
        import tensorboardX.event_file_writer
        import tensorboardX.proto.event_pb2
        import tensorboardX.summary
    except ImportError:
        raise InputError(
            "TensorBoard: tensorboardX is not installed; pip install 'jaxlisten[tensorboard]' brings it"
        ) from None
    return tensorboardX
