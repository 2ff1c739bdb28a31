"""Writing files so that a reader sees the old content or the new, never a part."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

from jaxlisten.errors import InputError


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside `path` to write to, and move it into place when the block ends well.

    Args:
        path: the file to make or to replace.

    Yields:
        The path to write to; it ends like `path`. Nothing is left there if the block raises.

    Raises:
        InputError: the folder doesn't exist or can't be written to.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise InputError(f"can't save {path}: there is no folder {path.parent}")
    temporary = path.with_name(f".{uuid.uuid4().hex}{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        raise InputError(f"can't save {path}: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)
