"""What `tune` draws from: models, front ends, and the numbers of their training."""

from __future__ import annotations

import inspect
import itertools
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxlisten.data import Dataset
from jaxlisten.data.limits import read_text
from jaxlisten.errors import InputError
from jaxlisten.models import FRONT_ENDS, MODELS
from jaxlisten.nn import Serial, serial
from jaxlisten.train.recipe import default_units

_DIGITS = 3
"""Of a rate that is drawn: more would say nothing."""


class Configuration(NamedTuple):
    """One choice of everything that is tuned. What it says where nothing is given is the default recipe.

    Attributes:
        model, front_end: names of `jaxlisten.models.MODELS` and `FRONT_ENDS`.
        n_mels: mel bands of the front end; None: it has none.
        batch_size: clips a step.
        learning_rate: at the peak of the cycle.
        weight_decay: of matrices and kernels.
    """

    model: str = "resnet"
    front_end: str = "log_mel"
    n_mels: int | None = 64
    batch_size: int = 32
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2

    @property
    def shape(self) -> tuple[str, str, int | None, int]:
        """What decides the compiled program: configurations that share it are trained together."""
        return self[:4]

    def build(self, train: Dataset) -> Serial:
        """Return the model for some training clips, as ``jaxlisten train`` would."""
        settings: dict[str, Any] = {} if self.n_mels is None else {"n_mels": self.n_mels}
        units = {}
        if train.kind == "numbers":
            units = {"units": default_units(train.targets)}
            settings |= {"relative": False} if self.front_end == "log_mel" else {}  # a number may be a level
        return serial(FRONT_ENDS[self.front_end](train.sr, **settings), MODELS[self.model](len(train.classes)), **units)


@dataclass(frozen=True)
class Space:
    """What configurations are drawn from: each of the first four fields at random, each rate log-uniformly.

    The model ``crnn`` hears samples, so it goes with the front end ``raw``, and that with no other model.

    Attributes:
        model, front_end, n_mels, batch_size: the choices; see `Configuration`.
        learning_rate, weight_decay: the least and the most.

    Raises:
        InputError: a field is empty, of a wrong type or unknown, or a range is not from one number above 0 to a larger
            one.
    """

    model: tuple[str, ...] = ("resnet", "cnn1d", "gru")
    front_end: tuple[str, ...] = ("log_mel", "mfcc", "pcen_mel")
    n_mels: tuple[int, ...] = (40, 64)
    batch_size: tuple[int, ...] = (16, 32, 64)
    learning_rate: tuple[float, float] = (5e-4, 2e-2)
    weight_decay: tuple[float, float] = (1e-4, 1e-1)

    def __post_init__(self) -> None:
        for field in fields(self):
            given = getattr(self, field.name)
            if not isinstance(given, list | tuple) or not given:
                raise InputError(f"Space: expected a list for '{field.name}', and not empty, got {given!r}")
            object.__setattr__(self, field.name, tuple(given))
        for name, known in (("model", MODELS), ("front_end", FRONT_ENDS)):
            unknown = [one for one in getattr(self, name) if not isinstance(one, str) or one not in known]
            if unknown:
                raise InputError(f"Space: expected '{name}' of {', '.join(known)}, got {unknown[0]!r}")
        for name in ("n_mels", "batch_size"):
            wrong = [one for one in getattr(self, name) if type(one) is not int or one < 1]
            if wrong:
                raise InputError(f"Space: expected whole numbers of at least 1 for '{name}', got {wrong[0]!r}")
        for name in ("learning_rate", "weight_decay"):
            ends = getattr(self, name)
            numbers = all(type(end) in (int, float) and 0 < end < math.inf for end in ends)
            if len(ends) != 2 or not numbers or ends[0] > ends[1]:
                raise InputError(f"Space: expected '{name}' from one number above 0 to another, got {list(ends)!r}")
        if not self._pairs:
            raise InputError(
                "Space: expected a model and a front end that go together: crnn goes with raw, and that with no other"
            )

    @property
    def _pairs(self) -> list[tuple[str, str]]:
        every = itertools.product(dict.fromkeys(self.model), dict.fromkeys(self.front_end))
        return [(model, front_end) for model, front_end in every if (model == "crnn") == (front_end == "raw")]

    def draw(self, n: int, *, together: int, seed: int = 0) -> tuple[Configuration, ...]:
        """Draw configurations; the first one is the default recipe.

        Args:
            n: how many.
            together: how many of a shape, if there are so many shapes: their numbers differ.
            seed: decides them.
        """
        shapes = [
            (model, front_end, n_mels, batch_size)
            for model, front_end in self._pairs
            for n_mels in (self.n_mels if _has_mels(front_end) else (None,))
            for batch_size in self.batch_size
        ]
        usual, rng = Configuration(), np.random.default_rng(seed)
        others = [shape for shape in dict.fromkeys(shapes) if shape != usual.shape]
        drawn = [others[i] for i in rng.permutation(len(others))]
        if usual.shape in shapes:
            drawn.insert(0, usual.shape)
        drawn = drawn[: math.ceil(n / together)]
        made = []
        for i in range(n):
            model, front_end, n_mels, batch_size = drawn[i % len(drawn)]
            rates = self._rate(rng, "learning_rate"), self._rate(rng, "weight_decay")
            made.append(Configuration(model, front_end, n_mels, batch_size, *rates))
        return (usual, *made[1:])

    def _rate(self, rng: np.random.Generator, name: str) -> float:
        low, high = getattr(self, name)
        rounded = float(f"{math.exp(rng.uniform(math.log(low), math.log(high))):.{_DIGITS}g}")
        return min(max(rounded, low), high)


def _has_mels(front_end: str) -> bool:
    return "n_mels" in inspect.signature(FRONT_ENDS[front_end]).parameters


def read_space(path: str | os.PathLike[str]) -> Space:
    """Read a space from a JSON file: an object with any of the fields of `Space`, whose others stay as they are.

    Raises:
        InputError: it can't be read, is no JSON object, or has a field that is none or of a wrong type.
    """
    try:
        given = json.loads(read_text(Path(path)))
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise InputError(f'{path}: expected JSON, such as {{"model": ["cnn", "gru"]}}') from None
    known = [field.name for field in fields(Space)]
    if not isinstance(given, Mapping):
        raise InputError(f"{path}: expected an object with any of {', '.join(known)}")
    unknown = [name for name in given if name not in known]
    if unknown:
        raise InputError(f"{path}: expected any of {', '.join(known)}, got '{unknown[0]}'")
    try:
        return Space(**given)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
