"""Every model lowers for devices that are not here: what JAX can't express for them fails now and not at a user's."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax import export

import jaxlisten as jl

ELSEWHERE = ("cuda", "tpu")
BANDS = 16

AUTOENCODERS = {
    "autoencoder": jl.models.autoencoder(BANDS),
    "conv_autoencoder": jl.models.conv_autoencoder(BANDS),
}


@pytest.fixture(autouse=True)
def standard_promotion():
    """optax's Adam raises a Python float to an integer power, which the strict rules of the other tests refuse."""
    with jax.numpy_dtype_promotion("standard"):
        yield


def exported(f, *specs) -> export.Exported:
    program = export.export(jax.jit(f), platforms=ELSEWHERE)(*specs)
    assert program.platforms == ELSEWHERE
    return program


def behind_its_front_end(name: str) -> jl.Layer:
    front = jl.Raw() if name == "crnn" else jl.models.log_mel(8000, n_mels=16)
    return jl.serial(front, jl.models.MODELS[name](3))


def batch(clips: int = 2, samples: int = 4000) -> jl.Batch:
    x = jl.Padded(np.zeros((clips, samples), np.float32), np.full(clips, samples, np.int32))
    return jl.Batch(x, np.zeros(clips, np.int32), np.ones(clips, np.float32))


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in ("cnn", "lstm") else pytest.mark.wide) for name in jl.models.MODELS]
)
def test_training_and_inference_of_every_model_lower_for_devices_that_are_not_here(name):
    model, optimizer = behind_its_front_end(name), optax.adam(1e-3)
    one = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), batch())
    state = jax.eval_shape(lambda key: jl.init_train_state(model, optimizer, key, one.x), jax.random.key(0))
    step = jl.make_train_step(model, optimizer)
    exported(lambda state, batch: step(state, batch), state, one)
    answers = exported(lambda params, state, x: model.apply(params, state, x)[0], state.params, state.state, one.x)
    assert answers.out_avals[0].shape == (2, 3)


@pytest.mark.parametrize("name", AUTOENCODERS)
def test_training_and_inference_of_autoencoders_lower_for_devices_that_are_not_here(name):
    model = AUTOENCODERS[name]
    x = jax.ShapeDtypeStruct((2, 8, BANDS), jnp.float32)
    params, state = jax.eval_shape(model.init, jax.random.key(0), x)

    def error(params, state, x):
        y, state = model.apply(params, state, x, train=True)
        return jnp.square(y - x).mean(), state

    exported(jax.value_and_grad(error, has_aux=True), params, state, x)
    assert exported(lambda p, s, x: model.apply(p, s, x)[0], params, state, x).out_avals[0].shape == x.shape
