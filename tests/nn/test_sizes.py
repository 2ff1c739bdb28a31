"""What a stored model may ask for: all that people train, and nothing that never ends."""

import itertools

import pytest

import jaxlisten as jl
from jaxlisten.errors import InputError
from jaxlisten.nn import to_config
from jaxlisten.nn.sizes import check_sizes


@pytest.mark.parametrize(("front", "name"), itertools.product(jl.models.FRONT_ENDS, jl.models.MODELS))
def test_every_model_that_can_be_trained_is_let_in(front, name):
    model = jl.serial(jl.models.FRONT_ENDS[front](96_000), jl.models.MODELS[name](1000))
    check_sizes(to_config(jl.OnStreams(model, 96_000)))


@pytest.mark.parametrize(
    "layer",
    [
        jl.LogMel(192_000, n_fft=65_536, hop_length=160, n_mels=128),
        jl.Mel(2_000_000, n_fft=2048, hop_length=1),
        jl.Conv1D(4096, 1024),
        jl.MaxPool(4096),
        jl.SlidingNorm(2**20),
    ],
)
def test_large_settings_are_let_in(layer):
    check_sizes(to_config(layer))


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        ({"layer": "Dense", "units": 2**20 + 1}, "'Dense' has units above 1,048,576"),
        ({"layer": "Dense", "units": -(2**40)}, "units above"),
        ({"layer": "LogMel", "sr": 10**8}, "sr above 10,000,000"),
        ({"layer": "LogMel", "n_fft": 2**20, "hop_length": 1}, "is 1,048,576 steps, more than 4,096"),
        ({"layer": "LogMel", "n_fft": 2**20, "hop_length": 0}, "is 1,048,576 steps"),
        ({"layer": "LogMel", "n_fft": 2**18, "hop_length": 2**18, "n_mels": 2**8}, "a table of more than"),
        ({"layer": "Conv1D", "kernel": 5000}, "is 5,000 steps"),
        ({"layer": "MaxPool2D", "window": [100, 100]}, "is 10,000 steps"),
        ({"layer": "Serial", "layers": [{"layer": "ReLU"}] * 5000}, "5,001 layers, more than 4,096"),
        ({"layer": "Serial", "layers": [{"layer": "Conv1D", "kernel": 10**30}]}, "kernel above"),
    ],
)
def test_what_would_take_forever_is_refused(tree, said):
    with pytest.raises(InputError, match=said):
        check_sizes(tree)


@pytest.mark.parametrize("tree", [None, 5, [], "words", [[[]]], {"layer": None, "n_fft": "a", "window": {}}])
def test_what_is_no_layer_is_left_to_others(tree):
    check_sizes(tree)
