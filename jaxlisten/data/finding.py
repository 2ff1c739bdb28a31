"""Finding sound files in folders."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from jaxlisten.errors import InputError

EXTENSIONS = (
    ".wav",
    ".wave",
    ".flac",
    ".ogg",
    ".oga",
    ".opus",
    ".mp3",
    ".aif",
    ".aiff",
    ".aifc",
    ".au",
    ".caf",
    ".w64",
)
"""What is taken for sound, in upper or lower case."""


def is_sound(name: str) -> bool:
    """Tell whether a file's name is that of a sound that is not hidden."""
    return name[0] != "." and name.lower().endswith(EXTENSIONS)


def sound_files(root: Path, refused: Callable[[OSError], object] | None = None) -> Iterator[Path]:
    """Yield the sound files below a folder at any depth, sorted; hidden files and folders are ignored.

    Links to folders are not followed, so there are no loops.

    Args:
        root: the folder.
        refused: called with the error where a folder can't be read; None: it counts as empty.
    """
    for place, folders, names in os.walk(root, onerror=refused):
        folders[:] = sorted(name for name in folders if name[0] != ".")
        yield from (Path(place, name) for name in sorted(names) if is_sound(name))


def class_files(root: Path) -> list[tuple[str, Path]]:
    """List the sound files of a folder that has one sub-folder a class, each with its sub-folder's name, sorted."""
    names = sorted(entry.name for entry in root.iterdir() if entry.is_dir() and entry.name[0] != ".")
    return [(name, file) for name in names for file in sound_files(root / name)]


def check_folder(root: Path, form: str) -> None:
    """Refuse what is no folder.

    Args:
        root: the folder that the user named.
        form: what it should hold, for the message.

    Raises:
        InputError: it is not there, or is a file.
    """
    if not root.is_dir():
        raise InputError(
            f"'{root}' is not a folder; {form}" if root.exists() else f"there is no folder '{root}'; {form}"
        )
