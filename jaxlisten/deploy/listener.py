"""A trained listener, ready for use."""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxlisten import data, runs
from jaxlisten.deploy.export import Exported, export
from jaxlisten.detect import Deciding, Detection, Hearing, detector
from jaxlisten.errors import InputError
from jaxlisten.nn import Layer
from jaxlisten.runs import Fitted
from jaxlisten.tasks import HOLDS, Task
from jaxlisten.types import Array, Padded, Params, State

_WINDOWS = 16
"""Windows of a long recording that go through the model at once."""


_PIECE_SECONDS = 5.0
"""What is read of a file at once."""


class Prediction(NamedTuple):
    """What a listener says about one recording.

    Attributes:
        label: the most probable class or label; "" where it says numbers.
        probability: of that class or label, from 0 to 1; NaN where it says numbers.
        top: every class or label with its probability, the most probable first; empty where it says numbers.
        labels: where a recording may have several labels or none, those that it has: of a probability of 1/2 or more.
            Otherwise the one class, or nothing where it says numbers.
        numbers: each number by its name; empty where it says classes or labels.
    """

    label: str
    probability: float
    top: tuple[tuple[str, float], ...]
    labels: tuple[str, ...] = ()
    numbers: tuple[tuple[str, float], ...] = ()


class Listener:
    """A trained model with its classes and its sample rate; made by `load`.

    Attributes:
        fitted: the model, its weights and where it comes from.
    """

    def __init__(self, fitted: Fitted):
        self.fitted = fitted
        self._step = functools.partial(_probabilities, fitted.model, fitted.task)
        self._weights = jax.device_put((fitted.params, fitted.state))

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that it tells apart, the labels that it knows, or the names of its numbers."""
        return self.fitted.classes

    @property
    def sr(self) -> int:
        """The sample rate that it listens at, in Hz."""
        return self.fitted.sr

    def __repr__(self) -> str:
        known = f"{len(self.classes)} {self.fitted.task.things}"
        return f"Listener({known}, {self.sr} Hz: {', '.join(self.classes[:12])})"

    def predict(self, sound: str | os.PathLike[str] | np.ndarray, *, sr: int | None = None) -> Prediction:
        """Say what a recording is: its class, its labels, or its numbers, as the listener has learnt.

        A recording more than twice as long as any clip of the training is heard in half-overlapping windows of the
        longest one, and their probabilities (or numbers) are averaged.

        Args:
            sound: a file (wav, flac, ogg, mp3, ...), or samples ``[time]`` from -1 to 1.
            sr: sample rate of the samples in Hz; None: that of the listener. A file brings its own.

        Raises:
            InputError: the file can't be read, the samples are not floating-point ``[time]``, none, or not finite, or
                the listener was trained on features.
        """
        if not self.sr:
            raise InputError("predict: this listener was trained on features, not on sound; apply fitted.model to them")
        if isinstance(sound, str | os.PathLike):
            samples, _ = data.read(sound, sr=self.sr)
        else:
            samples = _resampled(np.asarray(sound), self.sr if sr is None else sr, self.sr)
        said = self.probabilities(samples)
        if self.fitted.task.kind == "numbers":
            return Prediction("", math.nan, (), numbers=tuple(zip(self.classes, said.tolist(), strict=True)))
        top = tuple((self.classes[i], float(said[i])) for i in np.argsort(-said, kind="stable"))
        several = self.fitted.task.kind == "labels"
        labels = tuple(name for name, probability in top if probability >= HOLDS) if several else (top[0][0],)
        return Prediction(*top[0], top, labels)

    def probabilities(self, samples: np.ndarray) -> np.ndarray:
        """Return the probability of each class, ``[classes]``, for samples ``[time]`` at the listener's rate.

        Where the listener says numbers, these are the numbers.
        """
        window = self.fitted.longest
        if len(samples) <= 2 * window:
            grain = max(1, self.sr // 4)  # a few shapes for clips of any length
            return self._run([samples], -(-len(samples) // grain) * grain)[0]
        starts = [*range(0, len(samples) - window, max(1, window // 2)), len(samples) - window]
        total = np.zeros(len(self.classes))
        for i in range(0, len(starts), _WINDOWS):
            pieces = [samples[start : start + window] for start in starts[i : i + _WINDOWS]]
            total += self._run(pieces, window, _WINDOWS).sum(axis=0, dtype=np.float64)
        return (total / len(starts)).astype(np.float32)

    def listen(
        self,
        stream: str | os.PathLike[str] | Iterable[np.ndarray],
        *,
        sr: int | None = None,
        threshold: float | Mapping[str, float] | None = None,
        smooth: float | None = None,
        refractory: float | None = None,
        window: float | None = None,
    ) -> Iterator[Detection]:
        """Find sounds in a stream, each as soon as it can be said.

        Where the model has a streaming form, that runs, with exactly the answers of the model on the whole stream;
        where it has none, it is given the last `window` seconds again and again. `jaxlisten.detect.Hearing` tells
        which it does.

        Args:
            stream: a sound file of any length, or pieces of sound as they come, floating-point ``[time]`` each, from
                -1 to 1; see `jaxlisten.data.pcm` and `jaxlisten.data.microphone`.
            sr: sample rate of the pieces in Hz; None: that of the listener. A file brings its own.
            threshold: the probability from which a class is found, for all classes or by name; None: what the run has
                stored, or else 0.8.
            smooth: seconds that probabilities are averaged over; None: what is stored, or else 0.25.
            refractory: seconds of rest after a detection; None: what is stored, or else 0.75.
            window: how many of the last seconds count; None: as many as the longest clip of the training has.

        Yields:
            Detections in the order of time, see `jaxlisten.detect.Detector` for the rule. Classes whose name begins
            with an underscore are never among them.

        Raises:
            InputError: the file can't be read, a piece is not such samples, a setting is out of range, or the listener
                says numbers or was trained on features.

        Example:
            >>> for found in listener.listen("street.flac", threshold=0.9):  # doctest: +SKIP
            ...     print(f"{found.time:8.2f} s  {found.label}  {found.probability:.0%}")
        """
        hearing = Hearing(self.fitted, window)
        deciding = detector(
            self.classes,
            exclusive=self.fitted.task.kind == "class",
            stored=self.fitted.about.get("detector"),
            threshold=threshold,
            smooth=smooth,
            refractory=refractory,
        ).begin(hearing.period, hearing.delay)
        return _found(hearing, deciding, self._pieces(stream, sr))

    def _pieces(self, stream: Any, sr: int | None) -> Iterable[np.ndarray]:
        if isinstance(stream, str | os.PathLike):
            return data.blocks(stream, sr=self.sr, seconds=_PIECE_SECONDS)
        if sr is not None and sr < 1:
            raise InputError(f"listen: expected a sample rate of 1 Hz or more, got sr={sr}")
        return data.resampled(stream, sr or self.sr, self.sr)

    def export(self, path: str | os.PathLike[str], *, clips: Sequence[np.ndarray] = ()) -> Exported:
        """Write one file from waveform to probabilities or numbers, ``.onnx`` or ``.stablehlo``.

        See `jaxlisten.deploy.export`.

        Args:
            path: where to.
            clips: sounds ``[time]`` at the listener's rate to compare the file on; none: noise.
        """
        fitted = self.fitted
        return export(
            fitted.model,
            fitted.params,
            fitted.state,
            path,
            sr=fitted.sr,
            classes=fitted.classes,
            longest=fitted.longest,
            link=fitted.task.activation,
            clips=clips,
        )

    def _run(self, clips: Sequence[np.ndarray], length: int, batch: int = 1) -> np.ndarray:
        values = np.zeros((batch, length), np.float32)
        lengths = np.zeros(batch, np.int32)
        for i, clip in enumerate(clips):
            values[i, : len(clip)] = clip
            lengths[i] = len(clip)
        return np.asarray(self._step(*self._weights, Padded(values, lengths)))[: len(clips)]


def _found(hearing: Hearing, deciding: Deciding, pieces: Iterable[np.ndarray]) -> Iterator[Detection]:
    for piece in pieces:
        yield from deciding.feed(hearing.feed(piece))
    yield from deciding.feed(hearing.end())


def load(run_dir: str | os.PathLike[str], *, model: Layer | None = None) -> Listener:
    """Load a trained listener from its run folder. Nothing in the folder is executed.

    Args:
        run_dir: what ``fit(run_dir=...)`` or ``jaxlisten train --out`` wrote.
        model: the model, where it has a layer that can't be stored.

    Raises:
        InputError: a file is missing, damaged or of another format, or the weights don't fit the model.
    """
    return Listener(runs.read(run_dir, model=model))


@functools.partial(jax.jit, static_argnums=(0, 1))
def _probabilities(model: Layer, task: Task, params: Params, state: State, x: Any) -> Array:
    return task.link(model.apply(params, state, x)[0])


def _resampled(samples: np.ndarray, sr: int, wanted: int) -> np.ndarray:
    if samples.ndim != 1 or not len(samples) or samples.dtype.kind != "f":
        raise InputError(
            f"predict: expected floating-point samples [time], one or more, got {samples.dtype} {list(samples.shape)}: "
            "average the channels, and divide 16-bit integers by 32768"
        )
    if not np.isfinite(samples).all():
        raise InputError("predict: some of the samples are NaN or infinite; mend or leave out this recording")
    if sr < 1:
        raise InputError(f"predict: expected a sample rate of 1 Hz or more, got sr={sr}")
    samples = samples.astype(np.float32)
    if sr == wanted:
        return samples
    import soxr

    samples = soxr.resample(samples, sr, wanted, quality="HQ")
    if not len(samples):
        raise InputError(f"predict: the samples are too few to have one at {wanted} Hz")
    return samples
