"""Writing files so that a reader sees the old content or the new, never a part."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from jaxlisten.errors import InputError, StorageError

_DRAFT = ".jaxlisten-"
_NO_FAULT_OF_THE_USER = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside `path` to write to, and move it into place when the block ends well.

    Args:
        path: the file or the folder to make or to replace.

    Yields:
        The path to write to, or to make a folder at; it ends like `path`. Nothing is left there if the block raises.

    Raises:
        InputError: the folder doesn't exist or can't be written to.
        StorageError: the disk is full, or fails; what was at `path` is still there.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise InputError(f"can't save {path}: there is no folder {path.parent}")
    temporary = _beside(path)
    try:
        yield temporary
        if temporary.is_dir():
            remove(path)  # a folder takes the place of no other
        os.replace(temporary, path)
    except OSError as error:
        message = f"can't save {path}: {error.strerror or error}"
        if error.errno in _NO_FAULT_OF_THE_USER:
            raise StorageError(f"{message}; what was there before is as it was, make room and try again") from error
        raise InputError(message) from error
    finally:
        _delete(temporary)


def remove(path: Path) -> None:
    """Delete a file or a folder, if it is there, so that a reader sees all of it or nothing."""
    with contextlib.suppress(FileNotFoundError):
        _delete(path.rename(_beside(path)))


def sweep(folder: Path) -> None:
    """Delete what a process that was killed left behind half written."""
    for draft in folder.glob(f"{_DRAFT}*"):
        _delete(draft)


def _beside(path: Path) -> Path:
    return path.with_name(f"{_DRAFT}{uuid.uuid4().hex}{path.suffix}")


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
