"""``jaxlisten train`` with ``--folds``, ``--seeds`` and ``--cache``."""

import csv
import json

import jax
import numpy as np
import pytest

import jaxlisten as jl
from tests.cli.conftest import CLASSES


@pytest.fixture(scope="module")
def crossed(request, tmp_path_factory):
    """A cross-validation of the shared sounds."""
    sounds = request.getfixturevalue("sounds")
    from jaxlisten.cli.main import main

    out = tmp_path_factory.mktemp("many") / "run"
    assert main(["train", str(sounds), "--out", str(out), "--folds", "3", "--epochs", "2", "--seeds", "2"]) == 0
    return out


@pytest.mark.wide
def test_every_clip_is_tested_on_once(crossed, sounds):
    report = json.loads((crossed / "report.json").read_text())
    assert report["n"] == 12
    assert {name: row["n"] for name, row in report["by_group"].items()} == {f"fold {i}": 4 for i in (1, 2, 3)}
    rows = list(csv.DictReader((crossed / "runs.csv").read_text().splitlines()))
    assert [(row["run"], row["clips"], row["seed"]) for row in rows] == [
        (f"run{2 * fold + seed}", f"fold {fold + 1}", str(seed)) for fold in range(3) for seed in range(2)
    ]
    for row in rows:
        mine = json.loads((crossed / row["run"] / "report.json").read_text())
        assert (mine["accuracy"], mine["n"]) == (float(row["accuracy"]), int(row["n"]))


def test_folder_of_all_is_the_mean_of_the_runs(crossed, sounds, command):
    done = command("predict", crossed, sounds / "low" / "0.wav", "--json")
    assert done.json["label"] in CLASSES
    clips = jl.data.folder(sounds)
    folders = [crossed, *(crossed / f"run{i}" for i in range(6))]
    with pytest.warns(jl.ListenWarning, match="of 12 clips were trained on"):
        reports = [jl.evaluate(jl.load(folder), clips) for folder in folders]
    expected = jax.nn.softmax(np.mean([np.log(report.probabilities) for report in reports[1:]], axis=0))
    np.testing.assert_allclose(reports[0].probabilities, expected, atol=1e-5)
    # Every clip is trained on by some run.
    assert len(reports[0].trained_on) == 12


@pytest.mark.wide
def test_first_seed_is_that_of_a_single_run_and_all_go_on(command, sounds, tmp_path):
    many, one = tmp_path / "many", tmp_path / "one"
    words = ("train", sounds, "--epochs", 2)
    done = command(*words, "--out", many, "--seeds", 2)
    assert "accuracy of the runs, on average: " in done.err
    assert command(*words, "--out", one).code == 0
    weights = [(folder / "weights.safetensors").read_bytes() for folder in (many / "run0", one)]
    assert weights[0] == weights[1]
    (many / "config.json").unlink()  # as if stopped before the end
    assert command(*words, "--out", many, "--seeds", 2, "--resume").code == 0
    assert (many / "run0" / "weights.safetensors").read_bytes() == weights[0]
    assert command("train", "--config", many / "config.json", "--out", tmp_path / "again").code == 0
    both = [(folder / "weights.safetensors").read_bytes() for folder in (many, tmp_path / "again")]
    assert both[0] == both[1]


@pytest.mark.parametrize(("option", "least"), [("--folds", 3), ("--seeds", 2)])
def test_too_few_runs_are_refused(option, least, refused, sounds, tmp_path):
    assert f"{option}: expected at least {least}, got 1" in refused(
        "train", sounds, "--out", tmp_path / "run", option, 1
    )


@pytest.mark.wide
def test_compiled_programs_are_kept(command, sounds, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    before = jax.config.jax_compilation_cache_dir
    try:
        done = command("train", sounds, "--out", tmp_path / "run", "--epochs", 1, "--cache", "--model", "mlp")
        assert done.code == 0
        assert any((tmp_path / "cache" / "jaxlisten" / "compiled").iterdir())
    finally:
        jax.config.update("jax_compilation_cache_dir", before)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 1.0)
