"""Long tables of cases, of which the default run takes a part."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def every(n: int, cases: Iterable[Any]) -> list[Any]:
    """Keep every `n`-th case, from the first one on, for the default run; the others run behind ``-m wide``."""
    return [case if k % n == 0 else _wide(case) for k, case in enumerate(cases)]


def _wide(case: Any) -> Any:
    return pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.wide)
