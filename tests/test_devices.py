"""Several devices and several processes find what one device finds."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from safetensors.numpy import load_file

from jaxlisten import devices
from jaxlisten.errors import InputError
from tests.cli.conftest import write_sounds

# XLA's threads for collectives are as many as there seem to be cores: fewer than devices can wait for each other.
ENVIRONMENT = {**os.environ, "NPROC": "16", "JAX_PLATFORMS": "cpu"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("devices")


def on_eight_devices(*words: object) -> dict[str, Any]:
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=8"}
    command = [sys.executable, "-m", "tests.on_devices", *map(str, words)]
    done = subprocess.run(command, env=ENVIRONMENT | flags, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def eight(folder) -> dict[str, Any]:
    return on_eight_devices("eight", folder)


def test_eight_devices_find_what_one_finds(eight):
    assert eight["devices"] == 8
    for what in ("weights", "files", "validation", "resumed"):
        assert eight[what] < 1e-5, what


@pytest.mark.slow
def test_compiled_loops_and_many_runs_on_eight_devices_find_what_one_finds():
    found = on_eight_devices("loops")
    assert found["compiled loop"] < 1e-5
    assert found["many runs"] < 1e-5


def test_loops_over_items_go_over_those_of_the_device(eight):
    assert eight["kernels"] < 1e-5
    assert eight["gathers"] == 0


def test_a_step_on_eight_devices_lowers_for_platforms_that_are_not_here(eight):
    assert eight["lowered"] == 8


def test_batches_that_the_host_makes_are_shared_out(eight):
    assert (eight["batches of the host"], eight["their shares"]) == (0, [1])
    assert eight["given"] == [[2, 0], [5, 0]]


def test_two_processes_find_what_one_finds(eight, folder):
    run = folder / "run"
    both = two("tests.on_devices", lambda i, port: ["process", i, port, run, 1])
    first, second = (finish(each, 300) for each in both)
    assert (first.code, second.code) == (0, 0), first.err + second.err
    assert_near(run, folder)
    assert {path.name for path in run.iterdir()} >= {"config.json", "metrics.csv", "report.json", "checkpoints"}
    assert "epoch 1/1" in first.err
    assert "epoch" not in second.err


def test_an_error_of_one_process_is_raised_in_all_of_them():
    def fail() -> None:
        raise InputError("no")

    with pytest.raises(InputError, match=r"^no$"):
        devices.agreed(fail)
    assert devices.agreed(lambda: 3) == 3
    assert devices.gathered(3) == [3]
    with pytest.raises(ValueError, match="Gloo"), devices.watched():
        raise ValueError("Gloo all-reduce failed")  # with one process it is something else


@pytest.mark.slow
@pytest.mark.parametrize("victim", [1, 0])
def test_the_command_of_two_processes_ends_when_one_is_killed_and_goes_on(victim, tmp_path):
    sounds, run = write_sounds(tmp_path / "sounds", each=20), tmp_path / "run"
    words = ["train", str(sounds), "--out", str(run), "--model", "linear"]
    alone = subprocess.run([sys.executable, "-m", "jaxlisten", *words, "--epochs", "1"], capture_output=True)
    assert alone.returncode == 0
    run.rename(tmp_path / "alone")

    both = commands([*words, "--epochs", "1"])
    first, second = (finish(each, 300) for each in both)
    assert (first.code, second.code, second.err, second.out, first.out) == (0, 0, "", "", ""), first.err + second.err
    assert_near(run, tmp_path / "alone")

    both = commands([*words, "--epochs", "5000", "--resume"])
    until(lambda: epochs(run) > 3, 300)
    os.kill(both[victim].pid, signal.SIGKILL)
    begin, ended = time.monotonic(), finish(both[1 - victim], 100)
    assert time.monotonic() - begin < 60
    assert ended.code not in (0, None)
    assert "another process has ended" in ended.err or "another task died" in ended.err, ended.err
    finish(both[victim], 10)

    done = epochs(run)
    first, second = (finish(each, 300) for each in commands([*words, "--epochs", str(done + 1), "--resume"]))
    assert (first.code, second.code, second.err) == (0, 0, ""), first.err + second.err
    assert epochs(run) == done + 1
    assert f"epoch {done + 1}/{done + 1}" in first.err
    assert "epoch 1/" not in first.err

    first, second = (finish(each, 100) for each in commands(words))
    assert (first.code, second.code, second.err) == (2, 2, "")
    assert "is not empty" in first.err.splitlines()[-1]


class Ended(NamedTuple):
    """How a process ended, and what it has said."""

    code: int
    out: str
    err: str


def finish(process: subprocess.Popen, seconds: float) -> Ended:
    """Wait for a process, so long at most."""
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        pytest.fail(f"it did not end within {seconds} s: {out}{err}")
    return Ended(process.returncode, out, err)


def two(program: str, words: Callable[[int, int], Sequence[Any]]) -> list[subprocess.Popen]:
    """Start two processes of one run; `words` are made of the number of each and of the port where they meet."""
    with socket.create_server(("localhost", 0)) as server:
        port = server.getsockname()[1]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return [
        subprocess.Popen([sys.executable, "-m", program, *map(str, words(i, port))], env=ENVIRONMENT, **pipes)
        for i in (0, 1)
    ]


def commands(words: Sequence[str]) -> list[subprocess.Popen]:
    where = ["--distributed", "--num-processes", 2]
    return two(
        "jaxlisten", lambda i, port: [*words, *where, "--process-id", i, "--coordinator-address", f"localhost:{port}"]
    )


def assert_near(run: Path, other: Path) -> None:
    first, second = (load_file(at / "weights.safetensors") for at in (run, other))
    assert first.keys() == second.keys()
    for name in first:
        assert np.abs(first[name] - second[name]).max() < 1e-5 * max(1, np.abs(second[name]).max()), name


def epochs(run: Path) -> int:
    table = run / "metrics.csv"
    return len(table.read_text().splitlines()) - 1 if table.exists() else 0


def until(holds: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)
