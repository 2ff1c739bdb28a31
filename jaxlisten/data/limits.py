"""How much a file from outside may ask for, and whether it is decoded in this process."""

from __future__ import annotations

import dataclasses
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from jaxlisten.data.isolation import Decoders
from jaxlisten.errors import InputError

AnyPath = str | os.PathLike[str]

VARIABLE = "JAXLISTEN_LIMITS"


@dataclass(frozen=True)
class Limits:
    """What a file may ask for. Each is far above what recordings need; what goes beyond is an `InputError`.

    The environment variable ``JAXLISTEN_LIMITS`` changes them for a process (``channels=512,seconds=1e7``), `reading`
    for a block of code.

    Attributes:
        samples: of a recording that is held as a whole, at its own rate and at the one wanted. The default is 9 hours
            at 16 kHz, 3 hours at 48 kHz, 2 GiB.
        seconds: of any recording, also of one that is read piece by piece: a week.
        channels: of a recording.
        sr: the highest sample rate, in Hz.
        file_bytes: of a recording: 64 GiB.
        table_bytes: of a table of clips or events: 128 MiB.
        config_bytes: of ``config.json``, of ``metrics.csv``, and of what is in a file of weights besides them: 16 MiB.
        dataset_samples: of all clips of a data set together, at the rate wanted: 32 GiB.
        patience: seconds that an isolated decoder may take to open a file or to decode a piece of it.
        decoder_bytes: memory that an isolated decoder may take, where the system can hold it to that (Linux): 2 GiB.

    Raises:
        InputError: a limit is not above 0.

    Example:
        >>> Limits(channels=2).channels
        2
    """

    samples: int = 2**29
    seconds: float = 7 * 24 * 3600.0
    channels: int = 256
    sr: int = 10_000_000
    file_bytes: int = 2**36
    table_bytes: int = 2**27
    config_bytes: int = 2**24
    dataset_samples: int = 2**33
    patience: float = 30.0
    decoder_bytes: int = 2**31

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value > 0:
                raise InputError(f"Limits: expected {name} above 0, got {value!r}")

    def check(self, path: AnyPath, name: str, found: float) -> None:
        """Refuse a file that asks for more than the limit `name`."""
        limit = getattr(self, name)
        if found > limit:
            self.refuse(path, f"{found:,.15g} {name.replace('_', ' ')}", name)

    def refuse(self, path: AnyPath, what: str, name: str) -> NoReturn:
        """Raise the `InputError` of a file that asks for more than the limit `name`."""
        raise InputError(
            f"'{os.fspath(path)}' has {what}, and the limit is {getattr(self, name):,.15g}; take it out, or where it "
            f"can be trusted, raise the limit: {VARIABLE}={name}=NUMBER"
        )


@dataclass(frozen=True)
class _Policy:
    limits: Limits
    decoders: Decoders | None = None


_POLICY: _Policy | None = None
"""What `reading` has set. It is the whole process's, because a thread that it misses would be one that it fails."""


@contextmanager
def reading(*, limits: Limits | None = None, isolated: bool | None = None) -> Iterator[None]:
    """Set how sound files are read while the block runs: by all of the library, in all threads of the process.

    Isolated, a file is decoded by one of a few child processes. A file that makes the decoder crash, hang or ask for
    too much memory is then an `InputError` for that file, and everything else goes on. What comes back is the same.

    Args:
        limits: what a file may ask for; None: as it is.
        isolated: whether files are decoded in child processes; None: as it is, which by default is in this process.

    Example:
        >>> with reading(isolated=True, limits=Limits(channels=2)):  # doctest: +SKIP
        ...     for path, said in listener.predict_many(uploads):
        ...         print(path, said)
    """
    global _POLICY
    before, now = _POLICY, _policy()
    decoders = now.decoders if isolated is None else Decoders() if isolated else None
    _POLICY = _Policy(limits or now.limits, decoders)
    try:
        yield
    finally:
        _POLICY = before
        if decoders is not None and decoders is not now.decoders:
            decoders.close()


def limits() -> Limits:
    """Return the limits that hold now."""
    return _policy().limits


def decoders() -> Decoders | None:
    """Return what decodes in child processes now; None: this process decodes."""
    return _policy().decoders


def _policy() -> _Policy:
    return _POLICY or _Policy(of_environment(os.environ.get(VARIABLE, "")))


def of_environment(text: str) -> Limits:
    """Read limits such as ``channels=512,seconds=1e7``.

    Raises:
        InputError: it is no such list, or a limit is not known or not above 0.
    """
    known = {field.name: type(field.default) for field in dataclasses.fields(Limits)}
    given: dict[str, Any] = {}
    for item in filter(None, (item.strip() for item in text.split(","))):
        name, _, value = item.partition("=")
        try:
            given[name] = known[name](float(value))
        except (KeyError, ValueError, OverflowError):
            names = ", ".join(known)
            raise InputError(f"{VARIABLE}: expected NAME=NUMBER with one of {names}, got {item!r}") from None
    return Limits(**given)


def check_file(path: AnyPath, what: str, limit: str) -> None:
    """Refuse what is no regular file, before anything waits for it or reads without an end.

    Args:
        path: the file.
        what: it should be, with its article.
        limit: the one for its size.

    Raises:
        InputError: it is not there, is a folder, a pipe or a device, or is too large.
    """
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(
            f"there is no file '{os.fspath(path)}'; check the name and the folder that it is relative to"
        ) from None
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        reason = error.strerror if isinstance(error, OSError) else "no name has a zero byte"
        raise InputError(f"'{os.fspath(path)}' can't be opened ({reason}); correct the name") from None
    if stat.S_ISDIR(found.st_mode):
        raise InputError(f"'{os.fspath(path)}' is a folder where {what} is expected; name a file in it")
    if not stat.S_ISREG(found.st_mode):
        raise InputError(f"'{os.fspath(path)}' is a pipe or a device where {what} is expected; copy it to a file")
    limits().check(path, limit, found.st_size)


def read_text(path: Path, *, encoding: str = "utf-8") -> str:
    """Read a whole text file of at most `Limits.config_bytes`.

    Raises:
        InputError: it is no regular file, or too large.
        OSError, UnicodeDecodeError: as `pathlib.Path.read_text`.
    """
    check_file(path, "a text file", "config_bytes")
    return path.read_text(encoding=encoding)
