"""What commands refuse before the work begins, and data that there is nothing to learn from."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from jaxlisten.data import Dataset
from jaxlisten.errors import InputError

RATES = ("batch_size", "learning_rate", "weight_decay")
"""Options that change the recipe."""


def named(option: str, name: str, known: Mapping[str, Any], purpose: str = "") -> Any:
    """Look up what an option names."""
    if name not in known:
        raise InputError(f"{option}: expected one of {', '.join(known)}{purpose}, got {name!r}")
    return known[name]


def check_least(options: argparse.Namespace, **least: int) -> None:
    """Refuse numbers below the least that each may be; a number that is not given is fine."""
    for name, bound in least.items():
        value = getattr(options, name)
        if value is not None and not value >= bound:
            raise InputError(f"--{name.replace('_', '-')}: expected at least {bound}, got {value}")


def check_seed(options: argparse.Namespace) -> None:
    """Refuse seeds that a key can't be made of."""
    if not 0 <= options.seed < 2**32:
        raise InputError(f"--seed: expected a number from 0 to {2**32 - 1}, got {options.seed}")


def check_left_out(options: argparse.Namespace, does: str, *names: str) -> None:
    """Refuse options that do not go with the task; `does` says what it does."""
    for name in names:
        if getattr(options, name):
            raise InputError(f"--task {options.task} {does}; leave out --{name.replace('_', '-')}")


def check_classes(clips: Dataset, source: str, purpose: str = "") -> None:
    """Refuse clips of one class only."""
    if clips.kind != "class":
        return
    found = sorted({clips.classes[target] for target in clips.targets})
    if len(found) < 2:
        raise InputError(
            f"'{source}' has usable clips of one class only{purpose}, {', '.join(map(repr, found))}; add clips, two or "
            "more of each of at least two classes, so that there is something to tell apart"
        )
