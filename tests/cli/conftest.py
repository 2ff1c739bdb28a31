"""What the tests of the commands share: a folder of sounds, a trained run, and a way to run a command."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import pytest
import soundfile

from jaxlisten.cli import again
from jaxlisten.cli.main import main

SR = 8000
CLASSES = {"high": 1800, "low": 300}


def tone(hz: float, seconds: float = 0.25, sr: int = SR, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal(round(seconds * sr))
    return (0.4 * np.sin(2 * np.pi * hz * np.arange(len(noise)) / sr) + 0.02 * noise).astype(np.float32)


def write(path: Path, samples: np.ndarray | None = None, sr: int = SR, **form: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, tone(440, sr=sr) if samples is None else samples, sr, **form)
    return path


def write_sounds(root: Path, names: tuple[str, ...] = tuple(CLASSES), each: int = 6) -> Path:
    """Write a folder a class."""
    for k, name in enumerate(names):
        for i in range(each):
            write(root / name / f"{i}.wav", tone(300 * 3**k + 10 * i, seed=i))
    return root


class Done(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out, parse_constant=_no_json)


def _no_json(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


Command = Callable[..., Done]


DEFAULT = again._OPTIONS["model"]
"""The model that is trained where none is named, outside these tests."""


@pytest.fixture(autouse=True, scope="session")
def small_and_as_users_run_it() -> Iterator[None]:
    """A model that is compiled quickly where none is named; and the dtype promotion that everybody has.

    What a command does with a model hardly depends on it; the demo trains the real default.
    """
    with pytest.MonkeyPatch.context() as patch, jax.numpy_dtype_promotion("standard"):  # optax mixes dtypes
        patch.setitem(again._OPTIONS, "model", (str, "linear"))
        yield


@pytest.fixture
def command(capsysbinary: pytest.CaptureFixture[bytes]) -> Command:
    """Return a function that runs a command in this process and holds what every command must."""

    def run(*words: object) -> Done:
        capsysbinary.readouterr()
        try:
            code = main([str(word) for word in words])
        except SystemExit as end:
            code = int(end.code or 0)
        # A file name may be no text; it comes out as the bytes that it is.
        done = Done(code, *(said.decode(errors="surrogateescape") for said in capsysbinary.readouterr()))
        assert code in (0, 1, 2)
        assert "Traceback" not in done.err + done.out
        return done

    return run


@pytest.fixture
def refused(command: Command) -> Callable[..., str]:
    """Return a function that runs a command that must fail with `code`, and returns its one line on stderr."""

    def run(*words: object, code: int = 2) -> str:
        done = command(*words)
        assert (done.code, done.out) == (code, ""), done
        message = done.err.splitlines()[-1]
        assert message.startswith("jaxlisten: ")
        assert "JAXLISTEN_TRACEBACK" not in message, "an error that nobody thought of"
        return message.removeprefix("jaxlisten: ")

    return run


@pytest.fixture(scope="session")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two classes of six clips. It is shared: add nothing to it."""
    return write_sounds(tmp_path_factory.mktemp("data") / "sounds")


@pytest.fixture(scope="session")
def trained(sounds: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder that `train` made. It is shared: change a `run` instead."""
    out = tmp_path_factory.mktemp("runs") / "trained"
    assert main(["train", str(sounds), "--out", str(out), "--epochs", "2"]) == 0
    return out


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of `trained` that may be changed."""
    return shutil.copytree(trained, tmp_path / "run")


def contents(folder: Path) -> dict[str, bytes | None]:
    """Return everything below a folder: of each file its bytes, of each folder None."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }
