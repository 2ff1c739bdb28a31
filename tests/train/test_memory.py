"""Freed memory stays in the process, where glibc allows it."""

import subprocess
import sys

import pytest

PAGES = """
import resource, jax, numpy as np
from jaxlisten.train import keep_memory
print(keep_memory())
def faults():
    for _ in range(3):
        np.ones(20_000_000, np.float32)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        np.ones(20_000_000, np.float32)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(faults())
"""


def run(monkeypatch, wanted):
    monkeypatch.setenv("JAXLISTEN_KEEP_MEMORY", wanted)
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    done = subprocess.run([sys.executable, "-c", PAGES], capture_output=True, text=True, check=True)
    changed, faults = done.stdout.split()
    return changed == "True", int(faults)


def test_large_arrays_are_made_of_memory_that_was_used_before(monkeypatch):
    changed, faults = run(monkeypatch, "1")
    if not changed:
        pytest.skip("only glibc's allocator is told")
    assert faults < 1000  # a page is 4 kB, an array 80 MB


def test_the_environment_can_say_no(monkeypatch):
    assert run(monkeypatch, "0")[0] is False
