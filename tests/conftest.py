"""What all tests share."""

import contextlib
import gc
import itertools
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import jax
import pytest

# Much of librosa is compiled by numba when it is imported, and run once.
os.environ.setdefault("NUMBA_OPT", "0")

# The tests compile more than they compute. XLA reads its flags when it first computes; those of the environment win.
_QUICK = ["--xla_cpu_parallel_codegen_split_count=1"]
if tuple(map(int, version("jaxlib").split(".")[:2])) < (0, 11):  # a later one doesn't know it
    _QUICK.append("--xla_cpu_use_fusion_emitters=false")
os.environ.setdefault("XLA_FLAGS", " ".join(_QUICK))

# librosa compiles with numba, which keeps what it has compiled in files: two processes at once would break them.
_NUMBA = tempfile.TemporaryDirectory(prefix="jaxlisten-numba-")
os.environ["NUMBA_CACHE_DIR"] = _NUMBA.name

# Traces are many small objects that stay: to look through them often costs a tenth of the time.
gc.set_threshold(50_000, 20, 100)

# A shell's job in the background ignores Ctrl-C, and so do its children; tests send it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

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


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Examples in docstrings show what other tests hold: they are wide."""
    for item in items:
        if isinstance(item, pytest.DoctestItem):
            item.add_marker(pytest.mark.wide)


_MOST_PIECES = 20_000
"""Pieces of memory from which on programs are let go. Each compiled program takes several, and Linux gives 65,530."""
_TESTS = itertools.count()


def pytest_runtest_teardown() -> None:
    """Let go of compiled programs where there are many: without memory for another one XLA crashes."""
    if next(_TESTS) % 8 == 0 and _pieces() > _MOST_PIECES:
        jax.clear_caches()


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
