"""What `weights.safetensors` holds, and what docs/interop.rst says torch wants of it."""

import csv
import dataclasses
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import load_file

import jaxlisten as jl
from jaxlisten import runs

DOCS = (Path(__file__).parents[2] / "docs" / "interop.rst").read_text()
TABLE = [row for row in csv.reader(DOCS.splitlines(), delimiter=";") if len(row) == 4 and row[0].startswith("   `")]


@dataclasses.dataclass
class Case:
    layer: jl.Layer
    settings: tuple = ()
    named: dict = dataclasses.field(default_factory=dict)
    item: tuple = (9, 3)


CASES = {
    "Dense": Case(jl.Dense(4), (3, 4)),
    "Conv1D": Case(jl.Conv1D(4, 5, stride=2, dilation=2), (3, 4, 5, 2), {"padding": 4, "dilation": 2}),
    "Conv2D": Case(jl.Conv2D(4, (3, 5)), (3, 4, (3, 5)), {"padding": (1, 2)}, (9, 6, 3)),
    "DepthwiseConv1D": Case(jl.DepthwiseConv1D(3), (3, 3, 3), {"padding": 1, "groups": 3}),
    "DepthwiseConv2D": Case(jl.DepthwiseConv2D((3, 5)), (3, 3, (3, 5)), {"padding": (1, 2), "groups": 3}, (9, 6, 3)),
    "ConvTranspose1D": Case(jl.ConvTranspose1D(4, 5, stride=3), (3, 4, 5, 3), {"padding": 2, "output_padding": 2}),
    "ConvTranspose2D": Case(
        jl.ConvTranspose2D(4, (4, 3)), (3, 4, (4, 3), 2), {"padding": (1, 1), "output_padding": (0, 1)}, (9, 6, 3)
    ),
    "LSTM": Case(jl.LSTM(4), (3, 4), {"batch_first": True}),
    "GRU": Case(jl.GRU(4), (3, 4), {"batch_first": True}),
    "BatchNorm": Case(jl.BatchNorm(), (3,)),
    "LayerNorm": Case(jl.LayerNorm(), (3,)),
    "Embedding": Case(jl.Embedding(7, 4), (7, 4), {}, (9,)),
}
LAST = {"Linear", "LSTM", "GRU", "LayerNorm", "Embedding"}
"""The modules of torch that have channels last."""


def stored(layer, item, folder):
    """Write a run folder with random weights, and give the weights."""
    noise = np.random.default_rng(0)
    x = jax.ShapeDtypeStruct((2, *item), jnp.int32 if len(item) == 1 else jnp.float32)
    shapes = jax.eval_shape(layer.init, jax.random.key(0), x)
    params, state = jax.tree.map(lambda a: noise.uniform(0.1, 0.9, a.shape).astype(np.float32), shapes)
    runs.write_weights(folder, params, state)
    return params, state


def test_weights_are_named_by_the_path_of_their_layer(tmp_path):
    model = jl.serial(jl.Normalize(), block0=jl.serial(jl.Conv1D(4, 5), jl.BatchNorm()), head=jl.Dense(2))
    stored(model, (9, 3), tmp_path)
    found = {name: list(array.shape) for name, array in load_file(tmp_path / "weights.safetensors").items()}
    assert found == {
        "params/block0/conv1d/kernel": [5, 3, 4],
        "params/block0/conv1d/bias": [4],
        "params/block0/batch_norm/scale": [4],
        "params/block0/batch_norm/bias": [4],
        "params/head/kernel": [4, 2],
        "params/head/bias": [2],
        "state/normalize/count": [],
        "state/normalize/mean": [3],
        "state/normalize/variance": [3],
        "state/block0/batch_norm/mean": [4],
        "state/block0/batch_norm/variance": [4],
    }


def test_torch_opens_the_same_names_and_numbers(tmp_path):
    pytest.importorskip("torch", reason="torch is not installed; the bench extra brings it")
    from safetensors.torch import load_file as load_torch

    stored(jl.serial(jl.Conv1D(4, 5), jl.BatchNorm()), (9, 3), tmp_path)
    ours, theirs = (load(tmp_path / "weights.safetensors") for load in (load_file, load_torch))
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():
        np.testing.assert_array_equal(theirs[name].numpy(), array)


@pytest.mark.parametrize("name", CASES)
def test_the_table_makes_a_module_of_torch_that_computes_the_same(name, tmp_path):
    torch = pytest.importorskip("torch", reason="torch is not installed; the bench extra brings it")
    from safetensors.torch import load_file as load_torch

    case = CASES[name]
    params, state = stored(case.layer, case.item, tmp_path)
    found = {path.split("/")[1]: tensor for path, tensor in load_torch(tmp_path / "weights.safetensors").items()}
    rows = [row for row in TABLE if row[0].strip() == f"`{name}`"]
    assert rows, "the table in docs/interop.rst lacks it"
    for _, array, axes, _ in rows:
        assert found[array.split(",")[0].strip()].ndim == len(axes.split(","))
    kind = rows[0][3].strip(" `").partition(".")[0]
    module = getattr(torch.nn, kind)(*case.settings, **case.named).eval()
    same = {own: found[own] for own, _ in module.named_parameters() if own in found}
    if kind == "LSTM":
        same["bias_hh_l0"] = 0 * found["bias"]
    assigned = (row[3].strip(" `").partition(".")[2].partition(" = ") for row in rows)
    same |= {target: eval(expression, {"torch": torch} | found) for target, _, expression in assigned}
    missing = module.load_state_dict(same, strict=False)
    assert set(missing.missing_keys) <= {"num_batches_tracked"}
    assert not missing.unexpected_keys
    noise = np.random.default_rng(1)
    x = noise.normal(size=(2, *case.item)).astype(np.float32)
    x = x if len(case.item) > 1 else noise.integers(0, 7, (2, *case.item)).astype(np.int32)
    want = np.asarray(jax.jit(case.layer.apply)(params, state, x)[0])
    with torch.inference_mode():
        given = torch.from_numpy(x if kind in LAST else np.moveaxis(x, -1, 1).copy())
        y = module(given)
    y = np.asarray((y[0] if isinstance(y, tuple) else y).numpy())
    np.testing.assert_allclose(y if kind in LAST else np.moveaxis(y, 1, -1), want, rtol=0, atol=1e-4)


def test_every_layer_with_a_module_in_torch_is_in_the_table():
    assert {row[0].strip(" `") for row in TABLE} == set(CASES)
