"""What a listener makes of a stream: a row of probabilities every so often, while the samples come in."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxlisten.data.audio import LOUDEST
from jaxlisten.errors import InputError, LayerError
from jaxlisten.nn import Layer, streaming
from jaxlisten.nn.layer import spec
from jaxlisten.runs import Fitted
from jaxlisten.tasks import Task
from jaxlisten.types import Array, Chunk, Padded, Params, State

_STEPS = (64, 1)
"""Blocks that one call takes: many where many have come, as from a file, and one where they come as they are spoken."""
_HOPS = 8
"""How many windows begin within the length of one, where the model can't stream."""


class Heard(NamedTuple):
    """Rows of probabilities.

    Attributes:
        times: float64 ``[n]``: when in the stream the sound is that each row is about, in seconds from its beginning.
        probabilities: float32 ``[n, classes]``.
    """

    times: np.ndarray
    probabilities: np.ndarray


class Hearing:
    """A listener with an ear to one stream.

    Where the model has a streaming form, that runs, block by block: the rows are exactly those of the model on the
    whole stream, with pooling over the last `window` seconds. Where it has none, it is given the last `window` seconds
    eight times within that length.

    Args:
        fitted: a listener for raw sound.
        window: how many seconds count; None: `Fitted.longest`.

    Attributes:
        exact: whether the model streams.
        why: where it does not, what keeps it from that.
        window: seconds that count.
        period: seconds between two rows.
        delay: seconds by which a row comes later than the sound that it is about.

    Raises:
        InputError: the listener was trained on features, says numbers, or `window` is not above 0.

    Example:
        >>> hearing = Hearing(jl.load("runs/first").fitted)  # doctest: +SKIP
        >>> for piece in pieces:  # doctest: +SKIP
        ...     times, probabilities = hearing.feed(piece)
        >>> times, probabilities = hearing.end()  # doctest: +SKIP
    """

    def __init__(self, fitted: Fitted, window: float | None = None):
        if not fitted.sr:
            raise InputError("listen: this listener was trained on features, not on sound")
        if fitted.task.kind in ("numbers", "contours", "none"):
            raise InputError("listen: this listener says numbers; only classes and labels can be detected")
        if fitted.task.taught:
            raise InputError(
                "listen: this listener writes down whole clips; in streams, listeners of CTC can transcribe"
            )
        samples = fitted.longest if window is None else round(window * fitted.sr)
        if samples < 1:
            raise InputError(f"listen: expected a window above 0 seconds, got {window}")
        self.classes: tuple[str, ...] = fitted.classes
        self.sr: int = fitted.sr
        self.window: float = samples / fitted.sr
        self.why: str = ""
        self._task, self._weights = fitted.task, jax.device_put((fitted.params, fitted.state))
        try:
            self._model = streaming(fitted.model, samples)
        except LayerError as error:
            self._model, self.why = fitted.model, str(error)
        self.exact: bool = not self.why
        if fitted.task.kind == "transcripts" and not self.exact:
            raise InputError(f"listen: in a stream only a model that streams can transcribe ({self.why})")
        self.delay: float = 0.0
        self._samples, self._block = samples, max(1, samples // _HOPS)
        self.period: float = self._block / self.sr
        if self.exact:
            timing = self._model.timing()
            assert timing is not None
            self._block, self._flush = timing.block, timing.flush
            self.period = float(1 / (timing.ratio * self.sr))
            self.delay = (timing.delay + 1) * self.period
        self.restart()

    def restart(self) -> None:
        """Forget what was heard: another stream begins."""
        self._pending = self._past = np.zeros(0, np.float32)
        self._heard = self._rows = 0
        if self.exact:
            x = Chunk(np.zeros((1, self._block), np.float32), np.ones((1, self._block), bool))
            self._carry: Any = _start(self._model, *self._weights, x)

    def feed(self, samples: np.ndarray) -> Heard:
        """Hear the next samples of the stream.

        Args:
            samples: floating-point ``[time]`` at the listener's rate, from -1 to 1, as many as have come.

        Returns:
            The rows that are ready, often none.

        Raises:
            InputError: these are no such samples, or some of them are not finite.
        """
        samples = np.asarray(samples)
        if samples.ndim != 1 or samples.dtype.kind != "f":
            raise InputError(
                f"listen: expected floating-point samples [time] in each piece, got {samples.dtype} "
                f"{list(samples.shape)}: average the channels, and divide 16-bit integers by 32768"
            )
        if not (np.abs(samples) <= LOUDEST).all():
            second = (self._heard + len(self._pending)) / self.sr
            raise InputError(
                f"listen: some samples after {second:.2f} s are NaN or infinite, or beyond {LOUDEST:g}; mend the source"
            )
        self._pending = np.concatenate([self._pending, samples.astype(np.float32, copy=False)])
        said = []
        for steps in _STEPS if self.exact else (1,):
            size = steps * self._block
            while len(self._pending) >= size:
                said.append(self._hear(self._pending[:size], size))
                self._pending = self._pending[size:]
        return self._joined(said)

    def end(self) -> Heard:
        """Hear what is left of the stream, and bring out the rows that are still on their way."""
        rest, self._pending = self._pending, np.zeros(0, np.float32)
        if not self.exact:
            return self._joined([self._hear(rest, len(rest))] if len(rest) else [])
        behind = -(-len(rest) // self._block) * self._block + -(-self._flush // self._block) * self._block
        tail = np.concatenate([rest, np.zeros(behind - len(rest), np.float32)])
        pieces = range(0, behind, self._block)
        left = [max(0, len(rest) - place) for place in pieces]
        return self._joined(
            [self._hear(tail[k : k + self._block], min(self._block, n)) for k, n in zip(pieces, left, strict=True)]
        )

    def over(self, pieces: Iterable[np.ndarray]) -> Iterator[Heard]:
        """Hear all pieces of the stream, to its end; yield the rows as they come."""
        for piece in pieces:
            yield self.feed(piece)
        yield self.end()

    def _joined(self, said: list[np.ndarray]) -> Heard:
        rows = np.concatenate(said) if said else np.zeros((0, len(self.classes) + self._task.special), np.float32)
        index = self._rows + np.arange(len(rows))
        self._rows += len(rows)
        return Heard((index if self.exact else index + 1) * self.period, rows)

    def _hear(self, samples: np.ndarray, valid: int) -> np.ndarray:
        self._heard += valid
        if self.exact:
            chunk = Chunk(samples[None], (np.arange(len(samples)) < valid)[None])
            self._carry, rows, exists = _step(self._model, self._task, *self._weights, self._carry, chunk)
            return np.asarray(rows)[0][np.asarray(exists)[0]]
        self._past = np.concatenate([self._past, samples])[-self._samples :]
        x = np.pad(self._past, (0, self._samples - len(self._past)))
        return np.asarray(_whole(self._model, self._task, *self._weights, x[None], np.array([len(self._past)])))


@functools.partial(jax.jit, static_argnums=0)
def _start(model: Any, params: Params, state: State, x: Chunk) -> Any:
    return model.start(params, state, jax.tree.map(spec, x))


@functools.partial(jax.jit, static_argnums=(0, 1), donate_argnums=4)
def _step(model: Any, task: Task, params: Params, state: State, carry: Any, chunk: Chunk) -> tuple[Any, Array, Array]:
    carry, out = model.step(params, state, carry, chunk)
    return carry, task.link(out.values), out.valid


@functools.partial(jax.jit, static_argnums=(0, 1))
def _whole(model: Layer, task: Task, params: Params, state: State, x: Array, length: Array) -> Array:
    logits = model.apply(params, state, Padded(x, length))[0]
    if not isinstance(logits, Padded):
        return task.link(logits)
    # Of a model that answers at every step, what is most probable since the window before this one.
    step = jnp.arange(logits.values.shape[1])
    new = (step < logits.length[:, None]) & (step >= logits.length[:, None] - -(-len(step) // _HOPS))
    return jnp.where(new[..., None], task.link(logits.values), 0.0).max(axis=1)
