"""Memory that a training step lets go and takes again."""

from __future__ import annotations

import ctypes
import functools
import os
import sys

import jax

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of mallopt(3)
_LARGE = 2**30


@functools.cache
def keep_memory() -> bool:
    """Let this process keep freed memory for its next use, where that pays: on a CPU, with glibc.

    XLA asks for the temporary memory of a program at each call. glibc takes large blocks from the system and gives them
    back at once, so that every training step has each of its pages made, and filled with zeros, anew: up to half of its
    time. From this call on, freed memory stays in the process; what it holds is what it held at most.
    `make_train_step` makes it. With the environment variable ``JAXLISTEN_KEEP_MEMORY=0`` it does nothing.

    Returns:
        Whether anything was changed.

    Reference:
        mallopt(3), M_MMAP_THRESHOLD and M_TRIM_THRESHOLD.
    """
    if os.environ.get("JAXLISTEN_KEEP_MEMORY") == "0" or sys.platform != "linux" or jax.default_backend() != "cpu":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    done = [mallopt(setting, _LARGE) == 1 for setting in (_MMAP_THRESHOLD, _TRIM_THRESHOLD)]
    return all(done)
