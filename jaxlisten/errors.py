"""The errors that jaxlisten raises.

Each message is one or two sentences: the function, what it expected, what it got and the likely cause.
The command line turns `InputError` into exit code 2 and every other `ListenError` into exit code 1.
"""

from __future__ import annotations

from typing import Any, NoReturn


class ListenError(Exception):
    """The base of every error that jaxlisten raises on purpose."""


class InputError(ListenError, ValueError):
    """Wrong usage, or input that can't be read: a file, a folder, a CSV, a run folder, a setting."""


class StorageError(ListenError):
    """A file that could not be written to its end, as on a full disk; what was there before is as it was."""


class TrainingError(ListenError, RuntimeError):
    """A run that started and could not go on, such as one whose loss is no longer finite.

    Attributes:
        fitted: where `jaxlisten.fit` raises it, the listener of the best epoch before; otherwise None.
    """

    fitted: Any = None


class ListenWarning(UserWarning):
    """What spoils a measurement and stops nothing, such as clips that are scored and were trained on."""


class LayerError(ListenError, ValueError):
    """A layer was given a shape, a dtype or a setting that it can't work with.

    Attributes:
        path: where the layer stands in its model, outermost name first, such as ``("block0", "conv")``.
        reason: the message without the path.
    """

    def __init__(self, reason: str, path: tuple[str, ...] = ()):
        self.reason = reason
        self.path = path
        super().__init__(f"{'/'.join(path)}: {reason}" if path else reason)

    def within(self, name: str) -> LayerError:
        """Return the same error as seen from the layer that holds this one under `name`."""
        return LayerError(self.reason, (name, *self.path))

    def __reduce__(self) -> tuple[type[LayerError], tuple[str, tuple[str, ...]]]:
        return LayerError, (self.reason, self.path)


def refuse(layer: object, expected: str, got: object, cause: str = "") -> NoReturn:
    """Raise a `LayerError`: ``Conv1D: expected <expected>, got <got>: <cause>``."""
    raise LayerError(f"{type(layer).__name__}: expected {expected}, got {got}" + (f": {cause}" if cause else ""))
