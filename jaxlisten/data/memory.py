"""How much memory clips may take."""

from __future__ import annotations

import math
import os
from pathlib import Path

SHARE = 4
"""Clips are kept in memory, and on the device, where they take at most one part in this many of what is free there."""

_SMALL_MACHINE = 4 * 2**30
_GROUPS = Path("/sys/fs/cgroup")


def free_memory() -> int:
    """Return how many bytes this process can still take: of the machine, or of the container that it runs in.

    Memory that only caches files counts as free. Where the system doesn't say, it is what a small machine has.
    """
    return int(min(_of_machine(), _of_container()))


def _of_machine() -> float:
    try:
        return _table(Path("/proc/meminfo"))["MemAvailable:"] * 1024
    except (OSError, ValueError, KeyError):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return _SMALL_MACHINE


def _of_container() -> float:
    """Return what is left of the limit of a Linux control group, infinite where there is none."""
    try:
        groups = dict(line.split(":", 1) for line in Path("/proc/self/cgroup").read_text().splitlines())
        group = _GROUPS / groups["0"].removeprefix(":").lstrip("/")
        limit, used = (int((group / f"memory.{name}").read_text()) for name in ("max", "current"))
        return max(0, limit - used + _table(group / "memory.stat")["inactive_file"])
    except (OSError, ValueError, KeyError):  # no group, or the limit "max"
        return math.inf


def _table(path: Path) -> dict[str, int]:
    """Read lines of a name and a number."""
    rows = (line.split() for line in path.read_text().splitlines())
    return {row[0]: int(row[1]) for row in rows}
