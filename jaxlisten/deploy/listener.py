"""A trained listener, ready for use."""

from __future__ import annotations

import functools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import jax
import numpy as np

from jaxlisten import data, runs
from jaxlisten.deploy.batches import answers, shelves
from jaxlisten.deploy.export import Exported, export
from jaxlisten.deploy.pieces import Blocks, Piece, Sound, cut, read_ahead, safe, samples_of
from jaxlisten.deploy.prediction import Prediction, Window, check_answers, means, prediction, probabilities
from jaxlisten.deploy.transcribing import Said, check_beam, frame_probabilities, joined, said_in_stream
from jaxlisten.detect import Hearing, Listening, detector, event_rule, frames, seconds_a_step
from jaxlisten.errors import InputError
from jaxlisten.nn import Layer
from jaxlisten.nn.layer import out_spec
from jaxlisten.runs import Fitted

AnySound = TypeVar("AnySound", bound=Sound)

_UNSCORED = ("contours", "events", "transcripts", "none")
"""Kinds of which an exported file is compared, and not scored."""
_SHORTEST_SECONDS = 0.25
"""What a short recording is padded to at least, so that there are few shapes to compile."""


class Listener:
    """A trained model with its classes and its sample rate; made by `load`.

    Attributes:
        fitted: the model, its weights and where it comes from.
    """

    def __init__(self, fitted: Fitted):
        self.fitted = fitted
        spoken = fitted.task.kind == "transcripts"
        self._step = functools.partial(frame_probabilities if spoken else probabilities, fitted.model, fitted.task)
        self._whole = functools.partial(joined, task=fitted.task) if spoken else means
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
        if not self.classes:
            return f"Listener({self.fitted.task.name}, {self.sr} Hz)"
        known = f"{len(self.classes)} {self.fitted.task.things}"
        return f"Listener({known}, {self.sr} Hz: {', '.join(self.classes[:12])})"

    def predict(self, sound: Sound, *, sr: int | None = None, beam: int = 1) -> Prediction:
        """Say what a recording is: its class, its labels, its numbers, also over time, its events or its
        transcript, as it has learnt.

        A recording more than twice as long as any clip of the training is heard in half-overlapping windows of the
        longest one, and their probabilities (or numbers) are averaged; of transcripts, the middles of the windows are
        joined. A file is read as it is heard, so it may be of any length; `windows` tells of each window. Events, and
        numbers over time, are found in the whole recording, whatever its length (see `jaxlisten.detect.frames`).

        Args:
            sound: a file (wav, flac, ogg, mp3, ...), or samples ``[time]`` from -1 to 1.
            sr: sample rate of the samples in Hz; None: that of the listener. A file brings its own.
            beam: of transcripts, how many sequences the search for the most probable one keeps; 1: the most probable
                symbol is taken at each step.

        Raises:
            InputError: the file can't be read, the samples are not floating-point ``[time]``, none, or not finite, the
                listener was trained on features, or `beam` doesn't go with it.
        """
        check_beam(beam, self.fitted.task)
        if self.fitted.task.in_time:
            return self._in_time(sound, sr)
        (said,) = self._whole(self._alone(sound, sr))
        if isinstance(said, InputError):
            raise said
        return prediction(said, self.fitted, beam)

    def predict_many(
        self, sounds: Iterable[AnySound], *, sr: int | None = None, beam: int = 1
    ) -> Iterator[tuple[AnySound, Prediction | InputError]]:
        """Say of each of many recordings what it is: the same as `predict`, and faster.

        Threads read the next recordings while the device hears several at once. The memory that it takes does not
        grow with the number of recordings or with their length.

        Args:
            sounds: files or samples, as in `predict`, also ones of all lengths; they are asked for as they are needed.
            sr, beam: as in `predict`.

        Yields:
            Each recording with its prediction, or with the error where it can't be heard, in the order given.

        Raises:
            InputError: the listener was trained on features.

        Example:
            >>> for path, said in listener.predict_many(sorted(Path("night").glob("*.wav"))):  # doctest: +SKIP
            ...     print(path, said if isinstance(said, jl.InputError) else said.label)
        """
        if isinstance(sounds, str | os.PathLike):
            raise InputError(f"predict_many: expected several recordings, got '{sounds}'; give a list, or use predict")
        check_beam(beam, self.fitted.task)
        if self.fitted.task.in_time:
            return ((sound, self._or_error(sound, sr)) for sound in sounds)
        waiting: deque[AnySound] = deque()

        def noted() -> Iterator[AnySound]:
            for sound in sounds:
                waiting.append(sound)
                yield sound

        return (
            (waiting.popleft(), said if isinstance(said, InputError) else prediction(said, self.fitted, beam))
            for said in self._whole(self._answers(read_ahead(noted(), self._opener(sr), self.fitted.longest)))
        )

    def windows(self, sound: Sound, *, sr: int | None = None) -> Iterator[Window]:
        """Say what each window of a recording is, as it is read: where in an hour something is.

        Args:
            sound, sr: as in `predict`.

        Yields:
            The half-overlapping windows that `predict` averages, in order; a short recording is one window.

        Raises:
            InputError: as in `predict`; when the bad place of a file is reached, behind the windows before it.

        Example:
            >>> for window in listener.windows("night.flac"):  # doctest: +SKIP
            ...     print(f"{window.start:.1f} to {window.end:.1f} s: {window.said.label}")
        """
        if self.fitted.task.in_time:
            raise InputError(
                f"windows: this listener finds {self.fitted.task.target}, and says of a whole recording when they are: "
                "predict"
            )
        return self._windows(self._alone(sound, sr))

    def probabilities(self, samples: np.ndarray) -> np.ndarray:
        """Return the probability of each class, ``[classes]``, for samples ``[time]`` at the listener's rate.

        Where the listener says numbers, these are the numbers; where it says what is heard when, or numbers over
        time, they are those at every step, ``[steps, classes]``; where it says transcripts, those of the blank (or the
        end) and of each symbol, step by step: ``[steps, 1 + symbols]``.
        """
        if self.fitted.task.in_time:
            return next(frames(self.fitted, [[samples]]))
        return next(self._whole(self._answers(cut([samples], self.fitted.longest))))

    def listen(
        self,
        stream: str | os.PathLike[str] | Iterable[np.ndarray],
        *,
        sr: int | None = None,
        threshold: float | Mapping[str, float] | None = None,
        smooth: float | None = None,
        refractory: float | None = None,
        window: float | None = None,
    ) -> Listening:
        """Find sounds in a stream, each as soon as it can be said.

        Where the model has a streaming form, that runs, with exactly the answers of the model on the whole stream;
        where it has none, it is given the last `window` seconds again and again.

        Args:
            stream: a sound file of any length, or pieces of sound as they come, floating-point ``[time]`` each, from
                -1 to 1; see `jaxlisten.data.pcm` and `jaxlisten.data.microphone`.
            sr: sample rate of the pieces in Hz; None: that of the listener. A file brings its own.
            threshold: the probability from which a class is found, for all classes or by name; None: what the run has
                stored, or else 0.8.
            smooth: seconds that probabilities are averaged over; None: what is stored, or else 0.25.
            refractory: seconds of rest after a detection; None: what is stored, or else 0.75.
            window: how many of the last seconds count; None: as many as the longest clip of the training has.

        Returns:
            An iterator over detections in the order of time, see `jaxlisten.detect.Detector` for the rule. Classes
            whose name begins with an underscore are never among them. Its ``hearing.exact`` tells whether the model
            streams.

        Raises:
            InputError: the file can't be read, a piece is not such samples, a setting is out of range, or the listener
                says numbers or was trained on features.

        Example:
            >>> for found in listener.listen("street.flac", threshold=0.9):  # doctest: +SKIP
            ...     print(f"{found.time:8.2f} s  {found.label}  {found.probability:.0%}")
        """
        if self.fitted.task.kind == "transcripts":
            raise InputError("listen: this listener has learnt transcripts; see Listener.transcribe")
        check_answers(self.fitted)
        hearing = Hearing(self.fitted, window)
        deciding = detector(
            self.classes,
            exclusive=self.fitted.task.kind == "class",
            stored=self.fitted.about.get("detector"),
            threshold=threshold,
            smooth=smooth,
            refractory=refractory,
        ).begin(hearing.period, hearing.delay)
        return Listening(hearing, deciding, self._pieces(stream, sr))

    def transcribe(
        self, stream: str | os.PathLike[str] | Iterable[np.ndarray], *, sr: int | None = None
    ) -> Iterator[Said]:
        """Say what is said in a stream, each symbol as soon as it can be said.

        Args:
            stream, sr: as in `listen`.

        Yields:
            The symbols in the order of time: those that `predict` finds without a beam, were the stream one recording.

        Raises:
            InputError: as in `listen`, or the listener has not learnt transcripts by CTC, or its model doesn't stream.

        Example:
            >>> for said in listener.transcribe("digits.flac"):  # doctest: +SKIP
            ...     print(f"{said.time:8.2f} s  {said.symbol}")
        """
        if self.fitted.task.kind != "transcripts":
            raise InputError(f"transcribe: this listener has learnt {self.fitted.task.target}; see Listener.listen")
        return said_in_stream(Hearing(self.fitted), self._pieces(stream, sr))

    def _pieces(self, stream: Any, sr: int | None) -> Iterable[np.ndarray]:
        if isinstance(stream, str | os.PathLike):
            return data.blocks(stream, sr=self.sr)
        if sr is not None and sr < 1:
            raise InputError(f"listen: expected a sample rate of 1 Hz or more, got sr={sr}")
        return data.resampled(stream, sr or self.sr, self.sr)

    def export(
        self,
        path: str | os.PathLike[str],
        *,
        clips: Sequence[np.ndarray] = (),
        data: data.Dataset | None = None,
        streaming: bool = False,
        int8: bool = False,
    ) -> Exported:
        """Write one file from waveform to probabilities or numbers, ``.onnx`` or ``.stablehlo``.

        Of transcripts these are the probabilities of the blank, or the end, and of each symbol, step by step. See
        `jaxlisten.deploy.export`.

        Args:
            path: where to.
            clips: sounds ``[time]`` at the listener's rate to compare the file on; none: noise.
            data: labelled clips to compare and score it on, in place of `clips`.
            streaming: write one step of a stream, with its carry as inputs and outputs.
            int8: store large kernels as 8-bit integers.

        Raises:
            InputError: as `jaxlisten.deploy.export`, or the data has another rate, other classes or no clips.
        """
        fitted = self.fitted
        spoken = fitted.task.kind == "transcripts"
        if data is not None:
            self._check(data)
        if int8 and spoken:
            raise InputError(
                "export: 8-bit weights are checked on one answer a clip, not on transcripts; leave out int8"
            )
        return export(
            fitted.model,
            fitted.params,
            fitted.state,
            path,
            sr=fitted.sr,
            classes=self._outputs(),
            longest=fitted.longest,
            link=fitted.task.activation,
            clips=clips if data is None else data.audio,
            targets=None if data is None or self.fitted.task.kind in _UNSCORED else data.targets,
            streaming=streaming,
            int8=int8,
        )

    def _outputs(self) -> tuple[str, ...]:
        """Name the numbers that the model gives of a clip."""
        fitted = self.fitted
        if fitted.classes:
            return ("",) * fitted.task.special + fitted.classes
        if fitted.task.name != "contrast":
            return ("error", "novelty")
        clip = jax.ShapeDtypeStruct((1, fitted.longest), np.float32)
        numbers = out_spec(fitted.model, fitted.params, fitted.state, clip).shape[-1]
        return tuple(f"embedding {i}" for i in range(numbers))

    def _check(self, data: data.Dataset) -> None:
        """Refuse data that this listener can't be scored on."""
        if not len(data):
            raise InputError("export: expected at least one clip in data, got none")
        if self.fitted.task.kind == "none" and data.sr == self.sr:
            return
        if (data.sr, data.kind) != (self.sr, self.fitted.task.kind):
            raise InputError(
                f"export: expected data at {self.sr} Hz with a {self.fitted.task.kind} a clip, got {data}; "
                "read it with sr=listener.sr"
            )
        if data.classes != self.classes:
            raise InputError(
                f"export: expected data with the classes {', '.join(self.classes)}, in this order, got "
                f"{', '.join(data.classes)}; read it with classes=listener.classes"
            )

    def _opener(self, sr: int | None) -> Callable[[Sound], Blocks]:
        """Return what opens a recording, at `sr` where it is samples."""
        if not self.sr:
            raise InputError("predict: this listener was trained on features, not on sound; apply fitted.model to them")
        check_answers(self.fitted)
        return lambda sound: samples_of(sound, self.sr, self.sr if sr is None else sr, self.fitted.longest)

    def _alone(self, sound: Sound, sr: int | None) -> Iterator[tuple[Piece, np.ndarray]]:
        return self._answers(safe(cut(self._opener(sr)(sound), self.fitted.longest)))

    def _answers(self, found: Iterable[Piece]) -> Iterator[tuple[Piece, np.ndarray]]:
        lengths = shelves(self.fitted.longest, max(1, round(_SHORTEST_SECONDS * self.sr)))
        return answers(found, functools.partial(self._step, *self._weights), lengths)

    def _in_time(self, sound: Sound, sr: int | None) -> Prediction:
        """Find the events of a recording, or its numbers over time."""
        said, period = next(frames(self.fitted, [self._opener(sr)(sound)])), seconds_a_step(self.fitted)
        if self.fitted.task.kind == "contours":
            rows = enumerate(said.tolist())
            contour = tuple((round((i + 0.5) * period, 6), *numbers) for i, numbers in rows)
            return prediction(said.mean(axis=0), self.fitted)._replace(contour=contour)
        rule = event_rule(self.classes, stored=self.fitted.about.get("event_rule"))
        events = rule.found(said, period)
        whole = prediction(said.max(axis=0, initial=0.0), self.fitted)
        return whole._replace(labels=tuple(dict.fromkeys(event.label for event in events)), events=events)

    def _or_error(self, sound: Sound, sr: int | None) -> Prediction | InputError:
        try:
            return self._in_time(sound, sr)
        except InputError as error:
            return InputError(str(error))

    def _windows(self, heard: Iterator[tuple[Piece, np.ndarray]]) -> Iterator[Window]:
        for piece, scores in heard:
            if piece.error is not None:
                raise piece.error
            yield Window(piece.start / self.sr, piece.end / self.sr, prediction(scores, self.fitted))


def load(run_dir: str | os.PathLike[str], *, model: Layer | None = None) -> Listener:
    """Load a trained listener from its run folder. Nothing in the folder is executed.

    Args:
        run_dir: what ``fit(run_dir=...)`` or ``jaxlisten train --out`` wrote.
        model: the model, where it has a layer that can't be stored.

    Raises:
        InputError: a file is missing, damaged or of another format, or the weights don't fit the model.
    """
    return Listener(runs.read(run_dir, model=model))
