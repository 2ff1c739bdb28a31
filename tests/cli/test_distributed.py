"""``jaxlisten train --distributed``, as far as one process can tell; `tests/test_devices.py` runs two."""

from collections.abc import Sequence

import jax
import pytest

import jaxlisten as jl
from jaxlisten.cli import distributed


@pytest.mark.parametrize("option", ["--coordinator-address", "--num-processes", "--process-id"])
def test_options_of_processes_go_with_distributed(option, sounds, tmp_path, refused):
    message = refused("train", sounds, "--out", tmp_path / "run", option, "1")
    assert message == f"{option} goes with --distributed"
    assert not (tmp_path / "run").exists()


def test_one_process_does_all_of_the_work():
    assert distributed.share(lambda some: [2 * thing for thing in some], [1, 2, 3]) == [2, 4, 6]


def test_every_process_works_on_its_share_and_gets_all_answers(monkeypatch):
    worked_on: list[str] = []

    def upper(some: Sequence[str]) -> list[str]:
        worked_on.extend(some)
        return [thing.upper() for thing in some]

    monkeypatch.setattr(jax, "process_count", lambda: 2)
    monkeypatch.setattr(jax, "process_index", lambda: 1)
    monkeypatch.setattr(distributed.devices, "gathered", lambda mine: [(mine[0], ["A", "C", "E"]), mine])
    assert distributed.share(upper, ["a", "b", "c", "d", "e"]) == ["A", "B", "C", "D", "E"]
    assert worked_on == ["b", "d"]
    monkeypatch.setattr(distributed.devices, "gathered", lambda mine: [("another list", []), mine])
    with pytest.raises(jl.InputError, match="don't find the same recordings"):
        distributed.share(upper, ["a", "b"])
