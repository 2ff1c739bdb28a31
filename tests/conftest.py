"""What all tests share."""

import os
from pathlib import Path

import jax
import pytest

jax.config.update("jax_numpy_dtype_promotion", "strict")


@pytest.fixture(scope="session")
def real() -> Path:
    """The folder of real recordings, from the environment variable JAXLISTEN_DATA."""
    if not os.environ.get("JAXLISTEN_DATA"):
        pytest.skip("JAXLISTEN_DATA is not set: it names the folder with the real recordings")
    return Path(os.environ["JAXLISTEN_DATA"])
