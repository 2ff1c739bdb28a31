from pathlib import Path

import jax
import numpy as np
import pytest
from jax import export

import jaxlisten as jl
from jaxlisten.deploy.stablehlo import PLATFORMS, run_stablehlo, to_stablehlo
from tests.deploy.speech import MODELS, SR, ours, padded, speech, trained


@pytest.fixture(scope="module", params=MODELS)
def program(request):
    return request.param, to_stablehlo(*trained(request.param))


@pytest.mark.parametrize("lengths", [(4000, 3999, 2501, 90), (801,)])
def test_program_equals_ours_for_any_batch_and_time(program, lengths):
    name, content = program
    x = padded(speech(lengths))
    _, probabilities = ours(name, x)
    np.testing.assert_allclose(run_stablehlo(content, x.values, x.length), probabilities, rtol=0, atol=1e-6)


def test_program_is_for_every_platform(program):
    assert export.deserialize(bytearray(program[1])).platforms == PLATFORMS


@pytest.mark.wide
def test_program_that_goes_down_and_up_over_frequency_equals_ours_for_any_time():
    net = jl.residual(jl.Conv2D(2, (3, 3), stride=(2, 2)), jl.MaxPool2D((3, 1)), jl.ConvTranspose2D(1, (6, 3), (6, 2)))
    model = jl.serial(jl.LogMel(SR, n_mels=8), jl.AddChannel(), net, jl.FrequencyPool(), jl.GlobalPool())
    x = padded(speech((1700, 90)))
    params, state = model.init(jax.random.key(0), x)
    want = model.apply(params, state, x)[0]
    got = run_stablehlo(to_stablehlo(model, params, state, link=None), x.values, x.length)
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-6 * np.abs(want).max())


def test_program_names_no_folder_of_the_machine_that_wrote_it(program):
    assert b".py" in program[1]
    assert str(Path(jl.__file__).parent).encode() not in program[1]


def test_link_and_time_can_be_chosen():
    x = padded(speech((500, 300)), extra=0)
    content = to_stablehlo(*trained("lstm"), link=None, time=500)
    np.testing.assert_allclose(run_stablehlo(content, x.values, x.length), ours("lstm", x)[0], rtol=0, atol=1e-5)
    with pytest.raises(jl.InputError, match="'identity' or None, got 'tanh'"):
        to_stablehlo(*trained("lstm"), link="tanh")


def test_layer_that_has_to_know_the_shape_is_refused_with_the_remedy():
    model = jl.serial(jl.lift(lambda x: x if x.shape[1] > 100 else -x), jl.LogMel(SR), jl.GlobalPool())
    with pytest.raises(jl.InputError, match=r"know the shape beforehand .*give time="):
        to_stablehlo(model, *model.init(jax.random.key(0), np.zeros((1, 800), np.float32)))
    assert to_stablehlo(model, {}, {}, time=800)


@pytest.mark.parametrize(
    "damage", [lambda program: program[:5000], lambda program: b"", lambda program: b"no program" * 9]
)
def test_what_is_no_program_is_refused(program, damage):
    with pytest.raises(jl.InputError, match="damaged, or no exported one; export it again"):
        run_stablehlo(damage(program[1]), np.zeros((1, 800)), [800])
