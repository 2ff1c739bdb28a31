"""Timing of several things beside each other, in turn, so that a busy machine slows all of them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

AT_LEAST = 0.02
"""Seconds of one measurement: shorter calls are repeated within it."""


def alternate(calls: dict[str, Callable[[], object]], *, rounds: int) -> dict[str, list[float]]:
    """Time calls in turn; each has to wait for its own result.

    Args:
        calls: what to time, by name. Each is called twice before, to compile.
        rounds: how often each is measured.

    Returns:
        Seconds of a call, for each name a list of `rounds`.
    """
    repeats = {name: _repeats(call) for name, call in calls.items()}
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            call()  # caches, and threads that slept while the others ran
            begin = time.perf_counter()
            for _ in range(repeats[name]):
                call()
            times[name].append((time.perf_counter() - begin) / repeats[name])
    return times


def _repeats(call: Callable[[], object]) -> int:
    for _ in range(2):
        call()
    begin = time.perf_counter()
    call()
    return max(1, round(AT_LEAST / (time.perf_counter() - begin)))


def middle(seconds: list[float]) -> float:
    """Return the median."""
    return statistics.median(seconds)


def spread(seconds: list[float]) -> float:
    """Return half the distance of the quartiles, as a share of the median."""
    low, _, high = statistics.quantiles(seconds, n=4)
    return (high - low) / 2 / statistics.median(seconds)
