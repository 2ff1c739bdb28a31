"""Run folders that other sets of packages wrote, on another machine: `tests/moved/make.py` made them.

Each is loaded, asked, exported and trained further with the packages that are here.
"""

import json
import lzma
import shutil
import warnings
from pathlib import Path

import jax
import numpy as np
import pytest

import jaxlisten as jl
from jaxlisten.cli.main import main
from jaxlisten.deploy.onnx import run_onnx
from jaxlisten.deploy.stablehlo import run_stablehlo
from tests.moved.make import signal, train, write_sounds

SETS = sorted(path for path in (Path(__file__).parent / "moved").iterdir() if (path / "linear").is_dir())
RUNS = [run for made in SETS for run in (made / "linear", made / "network")]
OTHERS = [made for made in SETS if f"jax{jax.__version__}" not in made.name]
each_set = pytest.mark.parametrize("made", SETS, ids=lambda path: path.name)
each_run = pytest.mark.parametrize("run", RUNS, ids=lambda path: f"{path.parent.name}/{path.name}")


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    return write_sounds(tmp_path_factory.mktemp("elsewhere") / "sounds")


def answers(run: Path) -> np.ndarray:
    return np.array(list(json.loads((run / "answers.json").read_text()).values()))


def version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())


def test_there_are_runs_of_two_sets_of_packages():
    assert len({json.loads((run / "config.json").read_text())["versions"]["jax"] for run in RUNS}) == len(SETS) == 2


@each_run
def test_a_moved_run_answers_as_where_it_was_made(run, tmp_path):
    moved = shutil.copytree(run, tmp_path / "a folder with spaces")
    listener = jl.load(moved)
    assert list(listener.classes) == list(json.loads((run / "answers.json").read_text()))
    np.testing.assert_allclose(listener.probabilities(signal()), answers(run), rtol=0, atol=1e-5)
    assert len(listener.fitted.history) == 2


@pytest.mark.wide
@each_run
def test_a_moved_run_is_exported_with_equal_answers(run, tmp_path):
    listener, x = jl.load(run), signal()
    for name in ("run.onnx", "run.stablehlo"):
        listener.export(tmp_path / name, clips=[x])
    content = (tmp_path / "run.onnx").read_bytes()
    np.testing.assert_allclose(run_onnx(content, x[None])[0], answers(run), rtol=0, atol=1e-5)
    content = (tmp_path / "run.stablehlo").read_bytes()
    np.testing.assert_allclose(run_stablehlo(content, x[None], [len(x)])[0], answers(run), rtol=0, atol=1e-5)


@each_set
def test_an_exported_program_is_read_by_a_later_jax_and_refused_by_an_earlier_one(made):
    program = lzma.decompress((made / "network.stablehlo.xz").read_bytes())
    x, written_by = signal(), json.loads((made / "network" / "config.json").read_text())["versions"]["jax"]
    if version(written_by)[:2] <= version(jax.__version__)[:2]:
        got = run_stablehlo(program, x[None], [len(x)])[0]
        np.testing.assert_allclose(got, answers(made / "network"), rtol=0, atol=1e-5)
    else:
        with pytest.raises(
            jl.InputError, match="can't read this program, because a later JAX wrote it: export the run"
        ):
            run_stablehlo(program, x[None], [len(x)])


@pytest.mark.wide
@each_set
def test_commands_say_nothing_odd_about_a_moved_run(made, sounds, tmp_path, capsys):
    moved = shutil.copytree(made / "linear", tmp_path / "run")
    config = json.loads((moved / "config.json").read_text())
    config["examples"] = [path.replace("/", "\\") for path in config["examples"]]  # as from another system
    (moved / "config.json").write_text(json.dumps(config))
    wav = str(min(sounds.rglob("*.wav")))
    said = {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for words in (
            ["predict", str(moved), wav],
            ["evaluate", str(moved), str(sounds), "--json"],
            ["export", str(moved), str(tmp_path / "run.onnx")],
        ):
            assert main(words) == 0
            said[words[0]] = capsys.readouterr()
    assert said["predict"].err == said["evaluate"].err == said["export"].err == ""
    assert said["predict"].out.startswith(f"{wav}  ")
    assert json.loads(said["evaluate"].out)["n"] == 36
    assert "clips of noise (give recordings with --clips)" in said["export"].out


@pytest.mark.parametrize("made", OTHERS, ids=lambda path: path.name)
def test_a_moved_run_is_resumed(made, sounds, tmp_path):
    moved = shutil.copytree(made / "linear", tmp_path / "run")
    model = jl.load(moved).fitted.model
    with jax.numpy_dtype_promotion("standard"):  # optax mixes dtypes
        fitted = train(model, sounds, moved, epochs=3, resume=True)
    rows = (moved / "metrics.csv").read_text().splitlines()
    assert rows[:3] == (made / "linear" / "metrics.csv").read_text().splitlines()
    assert len(rows) == 4
    assert fitted.history[2]["val_loss"] < fitted.history[0]["val_loss"]
    with pytest.raises(jl.InputError, match="was begun with another model; resume it with the same"):
        train(jl.serial(model, jl.Dense(6)), sounds, moved, epochs=4, resume=True)
