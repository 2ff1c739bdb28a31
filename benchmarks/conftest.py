"""What `pytest benchmarks` says about each figure: on what it was taken, how much work it is, how near to the limit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from benchmarks.timing import alternate, middle
from benchmarks.versus import about


@pytest.fixture(scope="session")
def peak_gflops() -> float:
    """Measure the rate of a large float32 matrix product on this device."""
    n = 2048
    a = jax.random.normal(jax.random.key(0), (n, n))
    product = jax.jit(lambda a: jnp.matmul(a, a, precision="highest"))
    seconds = middle(alternate({"product": lambda: jax.block_until_ready(product(a))}, rounds=7)["product"])
    return 2 * n**3 / seconds / 1e9


@pytest.fixture
def timed(benchmark: Any, peak_gflops: float) -> Callable[..., None]:
    """Return a function that times a call, which waits for its result, after one call that compiles."""

    def run(call: Callable[[], object], *, clips: int, gflop: float = 0.0, **shapes: Any) -> None:
        call()
        benchmark(call)
        info = benchmark.extra_info
        info |= about() | shapes
        if benchmark.stats is None:  # --benchmark-disable
            return
        seconds = benchmark.stats.stats.median
        info["clips_per_second"] = round(clips / seconds)
        if gflop:
            info |= {"gflop": round(gflop, 4), "gflops": round(gflop / seconds, 1)}
            info["share_of_peak"] = round(gflop / seconds / peak_gflops, 3)

    return run
