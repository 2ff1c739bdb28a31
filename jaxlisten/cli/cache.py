"""Compiled programs that are kept from one command to the next."""

from __future__ import annotations

import os
from pathlib import Path

import jax

from jaxlisten.cli import say


def keep() -> None:
    """Keep what is compiled in the user's cache folder, and take what is there already."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(home) / "jaxlisten" / "compiled"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        say.note(f"--cache: {folder} can't be made ({error.strerror}); compiling without it")
        return
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
