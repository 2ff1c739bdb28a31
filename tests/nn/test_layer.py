"""The registry: what is stored, what is built again, and that hostile settings end in one kind of error."""

import json

import jax
import jax.numpy as jnp
import pytest

import jaxlisten as jl


@pytest.fixture
def registry():
    """Take out again what a test registers."""
    before = dict(jl.REGISTRY)
    yield jl.REGISTRY
    jl.REGISTRY.clear()
    jl.REGISTRY.update(before)


def test_a_config_is_plain_json_with_every_default_written_out():
    config = jl.to_config(jl.serial(jl.Conv1D(3, 5), out=jl.Frozen(jl.Dense(2))))
    conv = {
        "layer": "Conv1D",
        "channels": 3,
        "kernel": 5,
        "stride": 1,
        "dilation": 1,
        "lookahead": None,
        "bias": True,
    }
    dense = {"layer": "Dense", "units": 2, "bias": True}
    layers = [conv, {"layer": "Frozen", "inner": dense}]
    assert config == {"layer": "Serial", "layers": layers, "names": ["conv1d", "out"]}


def test_a_layer_of_the_user_is_stored_and_built_again(registry):
    @jl.layer
    class Gain(jl.Stepwise):
        factor: float = 2.0
        bands: tuple[int, ...] = ()

        def forward(self, params, state, x, valid, *, key=None, train=False):
            return x * self.factor, state

    model = jl.serial(jl.Dense(3), Gain(0.5, bands=(1, 2)))
    again = jl.from_config(json.loads(json.dumps(jl.to_config(model))))
    assert again == model
    assert hash(again) == hash(model)
    assert registry["Gain"] is Gain
    assert repr(Gain(0.5)) == "Gain(factor=0.5)"
    assert Gain(3.0).apply({}, {}, jnp.ones(2))[0].tolist() == [3.0, 3.0]


def test_a_name_that_is_taken_is_refused(registry):
    with pytest.raises(
        jl.InputError, match=r"layer: the name 'Conv1D' is taken by jaxlisten.nn.convolution; choose another"
    ):

        @jl.layer
        class Conv1D(jl.Stepwise):
            pass

    assert registry["Conv1D"] is jl.Conv1D


def test_an_unknown_layer_is_named():
    with pytest.raises(jl.InputError) as error:
        jl.from_config({"layer": "Wavelet", "units": 3})
    want = "from_config: unknown layer 'Wavelet'; import the module that defines it, then load again"
    assert str(error.value) == want


def test_an_unknown_setting_is_named():
    with pytest.raises(jl.InputError, match=r"Dense refuses its stored settings: .*'colour'"):
        jl.from_config({"layer": "Dense", "units": 3, "colour": "red"})


RELU = {"layer": "ReLU"}
HOSTILE = [
    {},
    {"layer": None},
    {"layer": 3},
    {"layer": ["Dense"]},
    {"layer": {"layer": "Dense"}},
    {"layer": "os.system"},
    {"layer": "Layer"},
    {"layer": "Lift", "function": "abs"},
    {"layer": "dense", "units": 3},
    {"layer": "Dense"},
    {"layer": "Dense", "units": "x"},
    {"layer": "Dense", "units": [3]},
    {"layer": "Dense", "units": {"a": 3}},
    {"layer": "Dense", "units": True},
    {"layer": "Dense", "units": None},
    {"layer": "Dense", "units": 3.0},
    {"layer": "Dense", "units": -3},
    {"layer": "Dense", "units": 3, "self": 3},
    {"layer": "Dense", "units": 3, "__class__": "x"},
    {"layer": "Dense", "units": 3, "bias": "no"},
    {"layer": "Dense", "units": 3, "bias": [False]},
    {"layer": "Conv1D", "channels": "x", "kernel": 3},
    {"layer": "Conv1D", "channels": 3, "kernel": [3]},
    {"layer": "Conv1D", "channels": 3, "kernel": 3, "lookahead": "x"},
    {"layer": "Conv1D", "channels": 3, "kernel": 3, "lookahead": [1]},
    {"layer": "Conv1D", "channels": 3, "kernel": 3, "lookahead": 1.5},
    {"layer": "LogMel", "sr": "8000"},
    {"layer": "LogMel", "sr": 8000, "fmax": "x"},
    {"layer": "LogMel", "sr": 8000, "fmin": [0]},
    {"layer": "LogMel", "sr": 8000, "win_length": 2.5},
    {"layer": "LogMel", "sr": 8000, "amin": float("nan")},
    {"layer": "LogMel", "sr": 8000, "amin": None},
    {"layer": "MaxPool", "window": 2, "stride": "x"},
    {"layer": "GlobalPool", "kind": ["mean"]},
    {"layer": "GlobalPool", "kind": {"mean": 1}},
    {"layer": "SlidingPool", "window": None},
    {"layer": "Dropout", "rate": "x"},
    {"layer": "Dropout", "rate": float("nan")},
    {"layer": "Normalize", "epsilon": None},
    {"layer": "Normalize", "epsilon": float("nan")},
    {"layer": "Normalize", "horizon": "x"},
    {"layer": "Normalize", "horizon": 0},
    {"layer": "BatchNorm", "momentum": [0.9]},
    {"layer": "LSTM", "units": "x"},
    {"layer": "Serial"},
    {"layer": "Serial", "layers": "abc"},
    {"layer": "Serial", "layers": "abc", "names": "abc"},
    {"layer": "Serial", "layers": 5, "names": ["a"]},
    {"layer": "Serial", "layers": [RELU], "names": 5},
    {"layer": "Serial", "layers": [RELU], "names": None},
    {"layer": "Serial", "layers": [RELU], "names": [["a"]]},
    {"layer": "Serial", "layers": [RELU], "names": [{"a": 1}]},
    {"layer": "Serial", "layers": [RELU], "names": [""]},
    {"layer": "Serial", "layers": [RELU], "names": ["a/b"]},
    {"layer": "Serial", "layers": [RELU], "names": "r"},
    {"layer": "Serial", "layers": [RELU, RELU], "names": ["a", "a"]},
    {"layer": "Serial", "layers": [RELU], "names": ["a", "b"]},
    {"layer": "Serial", "layers": [3], "names": ["a"]},
    {"layer": "Serial", "layers": [[RELU]], "names": ["a"]},
    {"layer": "Serial", "layers": RELU, "names": ["a"]},
    {"layer": "Serial", "layers": {"a": RELU}, "names": ["a"]},
    {"layer": "Parallel", "layers": [RELU], "names": ["a"], "merge": ["add"]},
    {"layer": "Parallel", "layers": [RELU], "names": ["a"], "merge": None},
    {"layer": "Frozen"},
    {"layer": "Frozen", "inner": "ReLU"},
    {"layer": "Frozen", "inner": None},
    {"layer": "Frozen", "inner": [RELU]},
]


@pytest.mark.parametrize("config", HOSTILE, ids=str)
def test_a_hostile_config_is_refused_with_an_error_of_ours(config):
    for model in (config, {"layer": "Serial", "layers": [RELU, config], "names": ["fine", "hostile"]}):
        with pytest.raises((jl.InputError, jl.LayerError)):
            jl.from_config(model)


@pytest.mark.parametrize("config", [None, 3, "Dense", [], [RELU]], ids=str)
def test_a_config_that_is_no_layer_is_refused(config):
    with pytest.raises((jl.InputError, jl.LayerError)):
        jl.from_config(config)


def test_a_config_that_is_nested_without_end_is_refused():
    config = RELU
    for _ in range(5000):
        config = {"layer": "Frozen", "inner": config}
    with pytest.raises((jl.InputError, jl.LayerError)):
        jl.from_config(config)


def test_what_can_not_be_stored_is_named():
    with pytest.raises(jl.InputError, match="to_config: ShapeDtypeStruct can't be stored"):
        jl.to_config(jax.ShapeDtypeStruct((3,), jnp.float32))


def test_a_layer_prints_the_settings_that_are_not_usual():
    assert repr(jl.Conv1D(3, 5, stride=2)) == "Conv1D(channels=3, kernel=5, stride=2)"
    assert repr(jl.serial(jl.Dense(4), out=jl.serial(jl.ReLU()))) == (
        "serial(\n  dense=Dense(units=4),\n  out=serial(\n    relu=ReLU(),\n  ),\n)"
    )
