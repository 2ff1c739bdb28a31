"""The dtype promotion that everybody has, because optax mixes dtypes."""

from collections.abc import Iterator

import jax
import pytest


@pytest.fixture(autouse=True, scope="session")
def as_users_run_it() -> Iterator[None]:
    with jax.numpy_dtype_promotion("standard"):
        yield
