"""Run folders: what is read is what was written, and every missing, damaged or hostile file is named."""

import builtins
import importlib
import json
import os
import pickle
import random
import shutil
import sys
from pathlib import Path

import jax
import ml_dtypes
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

import jaxlisten as jl
from benchmarks.mutations import changed, in_header, in_json
from jaxlisten import runs
from tests.deploy.speech import CLASSES, MODELS, SR, trained

HISTORY = ({"epoch": 1.0, "val_accuracy": 0.5, "val_loss": 2.0}, {"epoch": 2.0, "val_accuracy": 0.75, "val_loss": 1.0})


def fitted(name="cnn1d", **changes):
    model, params, state = trained(name)
    task = jl.tasks.find("classification")
    settings = {"classes": CLASSES, "sr": SR, "item": (4000,), "history": HISTORY, "about": {"seed": 7}}
    return runs.Fitted(model, params, state, task, **(settings | changes))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    run = runs.create(tmp_path_factory.mktemp("runs") / "run")
    write(run, fitted())
    return run


def write(run, listener):
    runs.write_config(run, listener)
    runs.write_weights(run, listener.params, listener.state)
    runs.write_metrics(run, listener.history)


@pytest.fixture
def run(written, tmp_path):
    return shutil.copytree(written, tmp_path / "run")


@pytest.mark.parametrize("name", MODELS)
def test_what_is_read_is_what_was_written(name, tmp_path):
    ours = fitted(name)
    write(tmp_path, ours)
    read = runs.read(tmp_path)
    assert (read.model, read.task, read.classes, read.sr, read.item) == (
        ours.model,
        ours.task,
        ours.classes,
        ours.sr,
        ours.item,
    )
    assert (read.history, read.best_epoch, read.about["seed"], read.longest) == (HISTORY, 2, 7, 4000)
    same = jax.tree.map(
        lambda a, b: a.dtype == b.dtype and np.array_equal(a, b), (read.params, read.state), ours_of(ours)
    )
    assert all(jax.tree.leaves(same))


def ours_of(listener):
    return listener.params, listener.state


def test_flatten_is_undone_by_unflatten():
    tree = {"a": {"b": np.ones(2), "c": {"d": np.zeros(())}}, "e": np.arange(3)}
    flat = runs.flatten(tree)
    assert list(flat) == ["a/b", "a/c/d", "e"]
    assert jax.tree.all(jax.tree.map(np.array_equal, runs.unflatten(flat), tree))


def test_epochs_without_a_row_need_no_file(run):
    (run / "metrics.csv").unlink()
    assert runs.read(run).history == ()
    assert runs.read(run).best_epoch is None


def test_folder_is_made_with_those_above_it(tmp_path):
    assert runs.create(tmp_path / "a" / "b").is_dir()
    assert runs.create(tmp_path / "a" / "b") == tmp_path / "a" / "b", "an empty folder is as good as none"


@pytest.mark.parametrize("resume", [False, True])
def test_folder_with_other_things_is_left_alone(resume, tmp_path):
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(jl.InputError, match="give another folder"):
        runs.create(tmp_path, resume=resume)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def refusal(run: Path) -> str:
    with pytest.raises(jl.InputError) as caught:
        runs.read(run)
    message = str(caught.value)
    assert str(run) in message
    assert len(message) < 500
    return message


@pytest.mark.parametrize("name", ["config.json", "weights.safetensors"])
def test_missing_file_is_named(name, run):
    (run / name).unlink()
    assert f"has no {name}" in refusal(run)
    (run / name).mkdir()
    refusal(run)


DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize(
    "text",
    ["", "{", "no JSON", "\x00", '{"format": 1,', DEEP, '{"format": ' + "9" * 5000 + "}", "\udcff"],
    ids=["empty", "brace", "words", "zero", "cut", "deep", "digits", "bytes"],
)
def test_config_that_is_no_json_is_named(text, run):
    (run / "config.json").write_bytes(text.encode(errors="surrogateescape"))
    assert f"{run / 'config.json'} is damaged, it is not valid JSON; restore it" in refusal(run)


@pytest.mark.parametrize("config", [[], 1, None, {}, {"format": 2}, {"format": "1"}, {"format": None}])
def test_another_format_is_named(config, run):
    (run / "config.json").write_text(json.dumps(config))
    assert "expected format 1, got" in refusal(run)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("classes", value) for value in ([], "abc", [1, 2, 3], ["a", "a", "b"], None, {"a": 1})),
        *(("sr", value) for value in (-1, "8000", 8000.0, True, 10**30, None)),
        *(("item", value) for value in ([], [0], [-4], [1.5], ["4000"], [True], [10**30], 4000, None)),
        *(("task", value) for value in ("guessing", 1, None, ["classification"], "__import__")),
        ("format", True),
    ],
)
def test_wrong_field_is_named(key, value, run):
    change(run, **{key: value})
    message = refusal(run)
    assert f"'{key}' is missing or damaged; restore it, or train the run again" in message


def change(run: Path, **fields) -> None:
    path = run / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def nested(depth: int):
    tree = {"layer": "ReLU"}
    for _ in range(depth):
        tree = {"layer": "Serial", "layers": [tree], "names": ["a"]}
    return tree


HOSTILE = {
    "no layer": 5,
    "a list": [],
    "words": "Serial",
    "unknown": {"layer": "Evil"},
    "a module": {"layer": "os.system", "command": "touch /tmp/evil"},
    "no name": {"sr": 8000},
    "odd name": {"layer": ["Dense"]},
    "unknown setting": {"layer": "Dense", "units": 3, "evil": 1},
    "no setting": {"layer": "Dense"},
    "wrong type": {"layer": "Dense", "units": "three"},
    "layer as size": {"layer": "Dense", "units": {"layer": "ReLU"}},
    "negative": {"layer": "Dense", "units": -3},
    "not a number": {"layer": "Dropout", "rate": float("nan")},
    "huge": {"layer": "Dense", "units": 10**15},
    "huger": {"layer": "Dense", "units": 10**40},
    "huge spectrum": {"layer": "LogMel", "sr": 8000, "n_fft": 2**40},
    "huge filters": {"layer": "LogMel", "sr": 8000, "n_fft": 2**20, "n_mels": 2**20},
    "another model": {"layer": "Dense", "units": 3},
    "a front end alone": {"layer": "LogMel", "sr": 8000},
    "deep": nested(200),
    "deeper": nested(320),
    "children that are none": {"layer": "Serial", "layers": ["a", "b"], "names": ["a", "b"]},
    "names that are none": {"layer": "Serial", "layers": [{"layer": "ReLU"}], "names": [{"layer": "ReLU"}]},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_model_is_refused_by_the_name_of_its_file(name, run):
    change(run, model=HOSTILE[name])
    message = refusal(run)
    assert f"{run / 'config.json'}: the model in it can't be built" in message or "weights.safetensors: at" in message


def test_number_of_logits_is_checked(run):
    change(run, classes=["a", "b"])
    assert "3 logits for 2 classes" in refusal(run)


def test_missing_model_asks_for_one(run):
    change(run, model=None)
    assert "give it: jl.load(run, model=model)" in refusal(run)
    assert runs.read(run, model=MODELS["cnn1d"]).model == MODELS["cnn1d"]
    with pytest.raises(jl.InputError, match="the model expects"):
        runs.read(run, model=MODELS["lstm"])


@pytest.mark.parametrize("content", [b"", b"\x00" * 7, b"\xff" * 100, b"\x10" + b"\x00" * 7 + b"{}", b"hello world"])
def test_weights_that_are_none_are_named(content, run):
    (run / "weights.safetensors").write_bytes(content)
    assert f"{run / 'weights.safetensors'} is damaged" in refusal(run)


@pytest.mark.parametrize("keep", [0.01, 0.5, 0.999])
def test_truncated_weights_are_named(keep, run):
    path = run / "weights.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content))])
    assert f"{path} is damaged" in refusal(run)


def changed_weights(run: Path, alter) -> str:
    path = run / "weights.safetensors"
    weights = load_file(path)
    alter(weights)
    save_file(weights, path)
    return refusal(run)


def first(weights) -> str:
    return min(weights)


def test_weights_of_another_model_are_named(run):
    runs.write_weights(run, *trained("lstm")[1:])
    assert "is it another run's?" in refusal(run)


def test_extra_weight_is_named(run):
    message = changed_weights(run, lambda weights: weights.update({"params/extra": np.ones(3, np.float32)}))
    assert "at params/extra the model expects nothing, the file has float32 [3]; is it another run's?" in message


def test_missing_weight_is_named(run):
    assert "the file has nothing" in changed_weights(run, lambda weights: weights.pop(first(weights)))


@pytest.mark.parametrize("dtype", [np.int32, np.float16, np.float64, ml_dtypes.bfloat16])
def test_weight_of_another_dtype_is_named(dtype, run):
    message = changed_weights(
        run, lambda weights: weights.update({first(weights): weights[first(weights)].astype(dtype)})
    )
    assert np.dtype(dtype).name in message or "is damaged" in message


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weight_that_is_not_finite_is_named(value, run):
    message = changed_weights(run, lambda weights: weights[first(weights)].fill(value))
    assert "holds numbers that are not finite" in message


@pytest.mark.parametrize(
    "text",
    [
        "epoch,val_loss\n1,x\n",
        "a,b\n1,2\n",
        "epoch\n1\n3\n",
        "epoch\ninf\n",
        "epoch,a\n1\n",
        "epoch\n1,2\n",
        "\x00\n\x00\n",
    ],
)
def test_damaged_metrics_are_named(text, run):
    (run / "metrics.csv").write_text(text)
    assert "metrics.csv is damaged; restore it, or delete it to go on without the curves" in refusal(run)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"\x89PNG\r\n\x1a\n"])
def test_metrics_that_are_no_text_are_named(content, run):
    (run / "metrics.csv").write_bytes(content)
    assert "metrics.csv is damaged" in refusal(run)


def test_reading_runs_nothing(run, monkeypatch):
    """No stored name is imported or evaluated, and nothing is unpickled."""

    def never(*_, **__):
        raise AssertionError("something was run")

    for module, name in ((pickle, "loads"), (pickle, "load"), (builtins, "eval"), (importlib, "import_module")):
        monkeypatch.setattr(module, name, never)
    before = set(sys.modules)
    change(run, model={"layer": "antigravity"})
    assert "unknown layer 'antigravity'" in refusal(run)
    assert "antigravity" not in set(sys.modules) - before


def test_class_names_of_all_kinds_come_back(tmp_path):
    names = ('"', "a\nb", "😀\udcff")
    write(tmp_path, fitted(classes=names))
    assert runs.read(tmp_path).classes == names


@pytest.mark.skipif(sys.platform == "win32", reason="pipes have names on POSIX")
@pytest.mark.parametrize("name", ["config.json", "metrics.csv"])
def test_what_never_ends_is_not_waited_for(name, run):
    (run / name).unlink()
    os.mkfifo(run / name)
    if name == "config.json":
        assert "is a pipe or a device" in refusal(run)
    else:
        assert runs.read(run).history == ()


def test_sizes_of_files_are_bounded(run):
    with jl.data.reading(limits=jl.data.Limits(config_bytes=100)):
        assert "config bytes, and the limit is 100" in refusal(run)
    with (run / "weights.safetensors").open("ab") as file:
        file.truncate(2**40)
    assert "holds more than the weights of the model" in refusal(run)


@settings(max_examples=60, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chance=st.integers(0, 2**32).map(random.Random), name=st.sampled_from(["config.json", "weights.safetensors"]))
def test_changed_run_is_one_or_refused(chance, name, tmp_path):
    model = jl.serial(jl.Normalize(), jl.Dense(3))
    params, state = jax.device_get(model.init(jax.random.key(0), np.zeros((1, 4), np.float32)))
    task = jl.tasks.find("classification")
    write(tmp_path, runs.Fitted(model, params, state, task, CLASSES, 0, (4,), HISTORY, {"seed": 7}))
    path = tmp_path / name
    change = in_header if name == "weights.safetensors" else in_json
    path.write_bytes(changed(path.read_bytes(), chance, change))
    try:
        said = repr(runs.read(tmp_path))
    except jl.InputError as error:
        said = str(error)
    assert said.startswith("Fitted(") or str(tmp_path) in said
    assert len(said) < 1000
