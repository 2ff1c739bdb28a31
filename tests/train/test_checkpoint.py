"""Checkpoints: everything comes back, whatever is not as it was written is found, and nothing in them is executed."""

import contextlib
import functools
import json
import random
import shutil
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxlisten as jl
from benchmarks.mutations import changed, in_bytes
from jaxlisten.train import checkpoint
from jaxlisten.train.checkpoint import Begun, Memory
from tests.train.small import assert_same_bits

MODEL = jl.serial(jl.BatchNorm(), jl.GlobalPool("mean"), jl.Dense(3))
KEY = jax.random.key(5)


SGD, ADAM = optax.sgd(0.1, momentum=0.9), optax.adam(0.1)


@functools.cache
def memory(epochs: int = 2, optimizer: optax.GradientTransformation = SGD, seed: int = 0) -> Memory:
    """A run with everything that a run can have."""
    x = jax.ShapeDtypeStruct((4, 10, 8), np.float32)
    now = jl.init_train_state(MODEL, optimizer, jax.random.key(seed), x, average=0.9)
    odd = {"nothing": jnp.zeros((0, 3)), "half": jnp.ones(3, jnp.bfloat16), "key": jax.random.key(7, impl="rbg")}
    now = now._replace(state={**now.state, "odd": odd})
    history = [{"epoch": i + 1, "train_loss": 0.1 + i, "val_average_precision": float("nan")} for i in range(epochs)]
    return Memory(now, jax.device_get((now.params, {})), history, KEY)


def save(run: Path, memory: Memory) -> None:
    checkpoint.write(run, checkpoint.snapshot(memory))


def bare(memory: Memory):
    """The arrays of a memory, keys as numbers."""
    leaves = jax.tree.leaves((memory.now, memory.best, memory.key))
    return [jax.random.key_data(leaf) if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf for leaf in leaves]


@pytest.fixture(scope="module")
def stored(tmp_path_factory) -> Path:
    """A run folder with the checkpoints of two epochs. It is shared: change a `run` instead."""
    run = tmp_path_factory.mktemp("stored")
    for epochs in (1, 2, 3):
        save(run, memory(epochs))
    return run


@pytest.fixture
def run(stored, tmp_path) -> Path:
    return shutil.copytree(stored, tmp_path / "run")


def files(stored: Path) -> list[str]:
    """Kinds of files: orbax names some by chance."""
    return sorted(str(path.relative_to(stored)) for path in (stored / "checkpoints" / "3").rglob("*") if path.is_file())


def test_everything_comes_back(stored):
    back, written = checkpoint.restore(stored, memory(seed=1)), memory(3)
    assert back is not None
    assert_same_bits(bare(back), bare(written))
    assert jax.tree.structure(back.now) == jax.tree.structure(written.now)
    assert jax.random.key_impl(back.now.state["odd"]["key"]) == "rbg"
    assert json.dumps(back.history) == json.dumps(written.history)


def test_the_last_two_are_kept_and_nothing_half_written(stored):
    assert sorted(path.name for path in (stored / "checkpoints").iterdir()) == ["2", "3"]


def test_a_checkpoint_within_an_epoch_comes_back_and_goes_with_the_next_epochs(run):
    begun = Begun(1250, 0.1 + 0.2, 40_000.0, 3.5)
    save(run, memory(3)._replace(begun=begun))
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == ["3", "3.1250"]
    back = checkpoint.restore(run, memory())
    assert back is not None
    assert (len(back.history), back.begun) == (3, begun)
    for content in ('{"steps": 1250}', json.dumps({**begun._asdict(), "steps": 1251}), "[]"):
        (run / "checkpoints" / "3.1250" / "begun.json").write_text(content)
        (run / "checkpoints" / "3.1250" / "SHA256SUMS").write_text(checkpoint._sums(run / "checkpoints" / "3.1250"))
        back = checkpoint.restore(run, memory())
        assert back is not None
        assert back.begun == Begun()
    save(run, memory(4))
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == ["3.1250", "4"]


def test_no_checkpoint_is_none(tmp_path):
    assert checkpoint.restore(tmp_path, memory()) is None


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def linked(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


@pytest.mark.parametrize("damage", [flipped, truncated, Path.unlink, linked])
def test_damage_to_any_file_is_found_and_the_checkpoint_before_is_used(damage, stored, tmp_path, capsys):
    assert len(files(stored)) > 5
    for i, name in enumerate(files(stored)):
        run = shutil.copytree(stored, tmp_path / str(i))
        damage(run / name)
        back = checkpoint.restore(run, memory())
        assert back is not None
        assert len(back.history) == 2, name
        assert f"note: the checkpoint {run / 'checkpoints' / '3'} is damaged: " in capsys.readouterr().err


def test_a_file_too_many_is_found(run):
    (run / "checkpoints" / "3" / "arrays" / "more.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    back = checkpoint.restore(run, memory())
    assert back is not None
    assert len(back.history) == 2


def test_a_damaged_checkpoint_is_written_anew(run):
    flipped(run / "checkpoints" / "3" / "history.json")
    save(run, memory(3))
    back = checkpoint.restore(run, memory())
    assert back is not None
    assert len(back.history) == 3


def test_where_none_is_whole_it_says_so(run):
    for epoch in "23":
        truncated(run / "checkpoints" / epoch / "history.json")
    with pytest.raises(jl.InputError, match="has no checkpoint that is whole; delete it to begin the run again"):
        checkpoint.restore(run, memory())


def test_checkpoint_of_another_run_is_refused(run):
    with pytest.raises(jl.InputError, match="belongs to a run with another model or optimizer"):
        checkpoint.restore(run, memory(optimizer=ADAM))
    with pytest.raises(jl.InputError, match="belongs to a run with another key"):
        checkpoint.restore(run, memory()._replace(key=jax.random.key(6)))


def test_checkpoint_from_before_orbax_is_refused(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "last.safetensors").touch()
    with pytest.raises(jl.InputError, match="was written by an earlier jaxlisten"):
        checkpoint.restore(tmp_path, memory())


HOSTILE = {
    "empty": b"",
    "object": b"{}",
    "deep": b"[" * 100_000,
    "ones": b"\xff" * 100,
    "odd list": b'[{"epoch": 1}, [], 3]',
    "pickle": b"cos\nsystem\n(S'true'\ntR.",
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_hostile_files_with_right_sums_are_an_error_of_ours_or_change_nothing(content, stored, tmp_path, capfd):
    """Whoever writes the files can write the sums too. Not every file is read."""
    errors = []
    for i, name in enumerate(files(stored)):
        run = shutil.copytree(stored, tmp_path / str(i))
        shutil.rmtree(run / "checkpoints" / "2")
        last = run / "checkpoints" / "3"
        (run / name).write_bytes(content)
        if not name.endswith("SHA256SUMS"):
            (last / "SHA256SUMS").write_text(checkpoint._sums(last))
        try:
            back = checkpoint.restore(run, memory())
        except jl.InputError as error:
            errors.append(str(error))
        else:
            assert_same_bits(bare(back), bare(memory(3)))
    assert len(errors) >= 4
    assert all("no checkpoint that is whole" in error or "another model" in error for error in errors)
    assert all(line.startswith("note: the checkpoint ") for line in capfd.readouterr().err.splitlines())


@pytest.mark.parametrize("n", [50, pytest.param(2000, marks=pytest.mark.slow)])
def test_changed_bytes_with_right_sums_are_an_error_of_ours_or_a_memory_of_that_shape(n, stored, tmp_path, capfd):
    last, wanted = tmp_path / "checkpoints" / "3", memory()
    for i in range(n):
        chance = random.Random(i)
        shutil.rmtree(last, ignore_errors=True)
        shutil.copytree(stored / "checkpoints" / "3", last)
        path = tmp_path / chance.choice([name for name in files(stored) if not name.endswith("SHA256SUMS")])
        path.write_bytes(changed(path.read_bytes(), chance, in_bytes))
        (last / "SHA256SUMS").write_text(checkpoint._sums(last))
        with contextlib.suppress(jl.InputError):
            back = checkpoint.restore(tmp_path, wanted)
            assert back is not None
            assert [(a.shape, a.dtype) for a in bare(back)] == [(a.shape, a.dtype) for a in bare(wanted)]
    assert all(line.startswith("note: the checkpoint ") for line in capfd.readouterr().err.splitlines())


@pytest.mark.parametrize(
    "history",
    [
        [{"epoch": 1}, {"epoch": 3}],
        [{"epoch": 1}, {"epoch": 2, "a": 1.0}, {"epoch": 3}],
        [{"epoch": i, "a": "x"} for i in (1, 2, 3)],
    ],
)
def test_history_that_is_no_table_is_found(history, run):
    last = run / "checkpoints" / "3"
    (last / "history.json").write_text(json.dumps(history))
    (last / "SHA256SUMS").write_text(checkpoint._sums(last))
    back = checkpoint.restore(run, memory())
    assert back is not None
    assert len(back.history) == 2


def test_full_disk_costs_nothing_that_was_there(run, small_disk):
    with (
        small_disk(10_000),
        pytest.raises(jl.errors.StorageError, match="can't save .*4: File too large; what was there"),
    ):
        save(run, memory(4))
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == ["2", "3"]
    back = checkpoint.restore(run, memory())
    assert back is not None
    assert len(back.history) == 3
    save(run, memory(4))
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == ["3", "4"]


def test_what_is_in_the_way_is_named(tmp_path):
    (tmp_path / "checkpoints").touch()
    with pytest.raises(jl.InputError, match="can't make the folder .*checkpoints"):
        save(tmp_path, memory())


def test_sums_are_those_of_sha256sum(stored):
    import hashlib

    last = stored / "checkpoints" / "3"
    lines = (last / "SHA256SUMS").read_text().splitlines()
    assert len(lines) == len(files(stored)) - 1
    for line in lines:
        digest, name = line.split("  ")
        assert hashlib.sha256((last / name).read_bytes()).hexdigest() == digest


def test_orbax_reads_a_checkpoint_without_us(stored):
    import orbax.checkpoint as ocp

    with ocp.PyTreeCheckpointer() as reader:
        arrays = reader.restore((stored / "checkpoints" / "3" / "arrays").absolute())
    np.testing.assert_array_equal(arrays["best/0/dense/kernel"], memory().best[0]["dense"]["kernel"])
