"""What all tests share."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import jax
import pytest

jax.config.update("jax_numpy_dtype_promotion", "strict")

OPTIMIZING = not jax.config.read("jax_disable_most_optimizations")
"""Whether tests that ask for it may have XLA's costly optimizations; the environment can say no."""

jax.config.update("jax_disable_most_optimizations", True)


@pytest.fixture
def optimizations() -> Callable[[], contextlib.AbstractContextManager[None]]:
    """Return what makes programs compile as users compile them.

    Tests go without optimizations where they don't ask: compiling takes most of their time, and most are about meaning.
    """
    return _optimizations


@contextlib.contextmanager
def _optimizations() -> Iterator[None]:
    jax.config.update("jax_disable_most_optimizations", not OPTIMIZING)
    yield
    jax.config.update("jax_disable_most_optimizations", True)


_MOST_PIECES = 20_000
"""Pieces of memory from which on programs are let go. Each compiled program takes several, and Linux gives 65,530."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let one process have all tests of a file, with what they compile and train, unless they say otherwise."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.location[0]))


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Let go of compiled programs between two groups of tests, when there are many: without memory XLA crashes."""
    if nextitem is not None and _group(item) != _group(nextitem) and _pieces() > _MOST_PIECES:
        jax.clear_caches()


def _group(item: pytest.Item) -> str:
    marker = item.get_closest_marker("xdist_group")
    return marker.args[0] if marker else ""


def _pieces() -> int:
    try:
        return Path("/proc/self/maps").read_bytes().count(b"\n")
    except OSError:  # not Linux
        return 0


@pytest.fixture
def small_disk() -> Callable[[int], contextlib.AbstractContextManager[None]]:
    """Return what makes the system refuse files above so many bytes, as a full disk does."""
    resource = pytest.importorskip("resource", reason="this system can't limit files")

    @contextlib.contextmanager
    def limited(size: int) -> Iterator[None]:
        _, most = before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return limited


@pytest.fixture(scope="session")
def real() -> Path:
    """The folder of real recordings, from the environment variable JAXLISTEN_DATA."""
    if not os.environ.get("JAXLISTEN_DATA"):
        pytest.skip("JAXLISTEN_DATA is not set: it names the folder with the real recordings")
    return Path(os.environ["JAXLISTEN_DATA"])
