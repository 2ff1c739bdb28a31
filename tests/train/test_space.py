"""What a search draws from, and what it refuses."""

import json

import jax
import numpy as np
import pytest

import jaxlisten as jl
from jaxlisten.errors import InputError
from jaxlisten.train import Configuration, Space, read_space
from tests.train.small import sines


def test_the_default_recipe_comes_first_and_those_of_a_shape_differ_in_their_numbers():
    drawn = Space().draw(27, together=3, seed=1)
    assert drawn[0] == Configuration()
    shapes = [one.shape for one in drawn]
    assert {shapes.count(shape) for shape in shapes} == {3}
    assert len(set(drawn)) == 27
    assert Space().draw(27, together=3, seed=1) == drawn != Space().draw(27, together=3, seed=2)
    space = Space()
    for one in drawn[1:]:
        assert one.model in space.model
        assert one.front_end in space.front_end
        assert one.n_mels in space.n_mels
        assert one.batch_size in space.batch_size
    for name in ("learning_rate", "weight_decay"):
        low, high = getattr(space, name)
        rates = np.array([getattr(one, name) for one in drawn[1:]])
        assert low <= rates.min() < np.sqrt(low * high) < rates.max() <= high


def test_only_what_goes_together_is_drawn():
    drawn = Space(model=["cnn", "crnn"], front_end=["raw", "mfcc", "filter_bank"], n_mels=[20]).draw(12, together=1)
    kinds = {(one.model, one.front_end, one.n_mels) for one in drawn[1:]}
    assert kinds == {("cnn", "mfcc", 20), ("cnn", "filter_bank", None), ("crnn", "raw", None)}
    assert len({one.shape for one in Space(model=["mlp"], batch_size=[8]).draw(9, together=3)[1:]}) == 3


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"model": []}, "a list for 'model', and not empty"),
        ({"model": "cnn"}, "a list for 'model'"),
        ({"model": ["rnn"]}, "'model' of resnet, cnn, .* got 'rnn'"),
        ({"front_end": [3]}, "'front_end' of log_mel, .* got 3"),
        ({"n_mels": [40.0]}, "whole numbers of at least 1 for 'n_mels', got 40.0"),
        ({"batch_size": [0]}, "whole numbers of at least 1 for 'batch_size', got 0"),
        ({"learning_rate": [1e-2, 1e-3]}, "'learning_rate' from one number above 0 to another"),
        ({"weight_decay": [0, 1e-3]}, "'weight_decay' from one number above 0"),
        ({"weight_decay": [1e-3]}, "'weight_decay' from one number above 0"),
        ({"weight_decay": ["a", "b"]}, "'weight_decay' from one number above 0"),
        ({"model": ["crnn"], "front_end": ["mfcc"]}, "crnn goes with raw"),
        ({"dropout": [0.1]}, "any of model, front_end, .* got 'dropout'"),
        ([], "an object with any of model"),
    ],
)
def test_a_file_that_is_no_space_is_refused_by_name(tmp_path, given, why):
    path = tmp_path / "space.json"
    path.write_text(json.dumps(given))
    with pytest.raises(InputError, match=why) as error:
        read_space(path)
    assert str(path) in str(error.value)


def test_a_file_may_give_some_fields(tmp_path):
    path = tmp_path / "space.json"
    path.write_text('{"model": ["gru"], "learning_rate": [1e-3, 1]}')
    assert read_space(path) == Space(model=("gru",), learning_rate=(1e-3, 1))
    path.write_text("{model: cnn}")
    with pytest.raises(InputError, match="expected JSON"):
        read_space(path)
    with pytest.raises(InputError, match=r"none\.json"):
        read_space(tmp_path / "none.json")


def test_the_default_configuration_builds_the_default_model():
    train = sines()
    assert Configuration().build(train) == jl.serial(jl.models.log_mel(train.sr), jl.models.resnet(3))
    model = Configuration("linear", "mfcc", 30).build(train)
    assert model == jl.serial(jl.models.mfcc(train.sr, n_mels=30), jl.models.linear(3))
    numbers = jl.data.arrays(train.audio, np.arange(24.0), sr=train.sr)
    model = Configuration("linear").build(numbers)
    assert model == jl.serial(
        jl.models.log_mel(train.sr, relative=False),
        jl.models.linear(1),
        units=jl.Rescaling(scale=(float(np.arange(24).std()),), offset=(11.5,)),
    )
    assert jax.eval_shape(model.init, jax.random.key(0), jax.ShapeDtypeStruct((1, 2000), np.float32))
