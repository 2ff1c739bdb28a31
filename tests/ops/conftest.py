"""Kernels are compiled as users compile them: fusion can break what is right on paper."""

import pytest


@pytest.fixture(autouse=True)
def as_users_compile_it(optimizations):
    with optimizations():
        yield
