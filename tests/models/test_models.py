"""The models: shapes, sizes worked out by hand, names, delay and that they learn."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxlisten as jl
from jaxlisten.losses import cross_entropy
from jaxlisten.types import Padded

MODELS = {
    "cnn1d": jl.models.cnn1d(3, channels=(6, 8), kernel=3),
    "cnn1d/causal": jl.models.cnn1d(3, channels=(6, 8), kernel=3, causal=True),
    "lstm": jl.models.lstm(3, units=(6, 5)),
    "lstm/mean": jl.models.lstm(3, units=(6,), pool="mean"),
    "gru": jl.models.gru(3, units=(6, 5)),
    "cnn/causal": jl.models.cnn(3, filters=(3,), channels=(4,), causal=True),
    "resnet/causal": jl.models.resnet(3, filters=(3,), channels=(4,), causal=True),
    "ds_cnn/causal": jl.models.ds_cnn(3, channels=4, blocks=2, causal=True),
    "crnn/causal": jl.models.crnn(3, channels=(4, 3), units=5, causal=True),
    "mlp": jl.models.mlp(3, units=(6, 5)),
    "linear": jl.models.linear(3),
}
ALL = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)


def names(tree):
    paths = jax.tree_util.tree_leaves_with_path(tree)
    return {"/".join(key.key for key in path): leaf.shape for path, leaf in paths}


def size(tree):
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


@ALL
def test_logits_are_one_row_a_clip(model):
    for shape in ((20, 5), (4, 20, 5), (2, 3, 20, 5)):
        x = jax.ShapeDtypeStruct(shape, jnp.float32)
        params, state = jax.eval_shape(model.init, jax.random.key(0), x)
        y, _ = jax.eval_shape(model.apply, params, state, x)
        assert y.shape == (*shape[:-2], 3)


def test_parameters_of_cnn1d_are_those_worked_out_by_hand():
    params, state = jax.eval_shape(MODELS["cnn1d"].init, jax.random.key(0), jnp.zeros((20, 5)))
    block0 = 3 * 5 * 6 + 2 * 6 + 3 * 6 * 6 + 2 * 6
    block1 = 3 * 6 * 8 + 2 * 8 + 3 * 8 * 8 + 2 * 8
    assert size(params) == block0 + block1 + 2 * 8 * 3 + 3
    assert size(state) == 1 + 2 * 5 + 2 * (2 * 6) + 2 * (2 * 8)
    assert jl.summary(MODELS["cnn1d"], (20, 5)).parameters == size(params)


def test_parameters_of_cnn_are_those_worked_out_by_hand():
    model = jl.models.cnn(3, filters=(2, 3), channels=(4, 5), kernel=3)
    params, _ = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((20, 9)))
    images = 5 * 5 * 2 + 2 * 2 + 3 * 3 * 2 * 3 + 2 * 3
    block0 = 3 * 3 * 4 + 2 * 4 + 3 * 4 * 4 + 2 * 4  # of 3 channels of each of the 3 bands that are left
    block1 = 3 * 4 * 5 + 2 * 5 + 3 * 5 * 5 + 2 * 5
    assert size(params) == images + block0 + block1 + 2 * 5 * 3 + 3


def test_parameters_of_resnet_are_those_worked_out_by_hand():
    model = jl.models.resnet(3, filters=(2, 3), channels=(4,))
    params, _ = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((20, 9)))
    images = 5 * 5 * 2 + 2 * 2 + 3 * 3 * 2 * 3 + 2 * 3
    block = 3 * 3 * 3 * 4 + 2 * 4 + 3 * 3 * 4 * 4 + 2 * 4
    assert size(params) == images + block + 2 * 4 * 3 + 3


def test_parameters_of_lstm_are_those_worked_out_by_hand():
    params, _ = jax.eval_shape(MODELS["lstm"].init, jax.random.key(0), jnp.zeros((20, 5)))
    assert size(params) == 4 * 6 * (5 + 6 + 1) + 4 * 5 * (6 + 5 + 1) + 5 * 3 + 3


def test_paths_of_params_and_state_are_readable():
    params, state = jax.eval_shape(MODELS["cnn1d"].init, jax.random.key(0), jnp.zeros((20, 5)))
    block = {
        "conv1d/kernel",
        "batch_norm/scale",
        "batch_norm/bias",
        "residual/body/conv1d/kernel",
        "residual/body/batch_norm/scale",
        "residual/body/batch_norm/bias",
    }
    want = {f"block{i}/{name}" for i in range(2) for name in block} | {"logits/kernel", "logits/bias"}
    assert set(names(params)) == want
    assert names(params)["block1/conv1d/kernel"] == (3, 6, 8)
    assert {"normalize/count", "block0/residual/body/batch_norm/variance"} < set(names(state))
    params, _ = jax.eval_shape(MODELS["lstm"].init, jax.random.key(0), jnp.zeros((20, 5)))
    layers = {f"lstm{i}/{name}" for i in range(2) for name in ("kernel", "recurrent", "bias")}
    assert set(names(params)) == layers | {"logits/kernel", "logits/bias"}


def test_only_models_that_see_no_future_answer_without_delay():
    delays = {name: jl.streaming(model, longest=100).timing().delay for name, model in MODELS.items()}
    assert delays.pop("cnn1d") > 0
    assert set(delays.values()) == {0}
    for name in delays:
        assert jl.streaming(MODELS[name], longest=100).timing().flush == 0


def test_behind_a_front_end_a_causal_model_waits_for_that_alone():
    front = jl.LogMel(8000, n_fft=128, hop_length=40, n_mels=5)
    for name, blocks in (("lstm", 1), ("cnn1d/causal", 4)):
        timing = jl.streaming(jl.serial(front, MODELS[name]), longest=800).timing()
        assert timing.block == 40 * blocks
        # The front end is one frame late; a stride of 2 rounds that up to a whole step of its own.
        assert front.timing().delay == timing.delay == 1


def test_causal_outputs_do_not_see_the_future():
    streamed = jl.streaming(MODELS["cnn1d/causal"], longest=40)
    x = jax.random.normal(jax.random.key(1), (21, 5))
    params, state = jax.jit(streamed.init)(jax.random.key(0), x)
    run = jax.jit(lambda x: streamed.apply(params, state, x)[0])
    changed = np.asarray(run(x) != run(x.at[10:].add(1.0))).any(axis=1)
    np.testing.assert_array_equal(changed, np.arange(6) * 4 >= 10)


@pytest.mark.parametrize(
    "name", ["cnn1d", *(pytest.param(name, marks=pytest.mark.wide) for name in ("lstm", "cnn/causal", "crnn/causal"))]
)
def test_loss_goes_down_in_five_steps_of_plain_gradient_descent(name):
    model = MODELS[name]
    rng = np.random.default_rng(0)
    y = np.arange(12) % 3
    x = Padded(
        jnp.asarray(rng.standard_normal((12, 20, 5)) + y[:, None, None], jnp.float32), jnp.asarray(8 + np.arange(12))
    )
    params, state = jax.jit(model.init)(jax.random.key(0), x)
    _, state = jax.jit(lambda: model.apply(params, state, x, key=jax.random.key(1), train=True))()
    optimizer = optax.sgd(0.05)

    @jax.jit
    def step(params, state):
        def loss(params):
            logits, new = model.apply(params, state, x, key=jax.random.key(1), train=True)
            return cross_entropy(logits, jnp.asarray(y), jnp.ones(12)), new

        (value, state), grads = jax.value_and_grad(loss, has_aux=True)(params)
        updates, _ = optimizer.update(grads, optimizer.init(params))
        return optax.apply_updates(params, updates), state, value

    losses = []
    for _ in range(6):
        params, state, value = step(params, state)
        losses.append(float(value))
    assert np.isfinite(losses).all()
    assert (np.diff(losses) < 0).all()


def test_the_size_of_a_block_is_a_setting_and_its_number_is_that_of_the_channels():
    params, _ = jax.eval_shape(
        jl.models.cnn1d(2, channels=(4, 4, 4), kernel=7).init, jax.random.key(0), jnp.zeros((9, 3))
    )
    assert [name for name in params if name.startswith("block")] == ["block0", "block1", "block2"]
    assert params["block2"]["conv1d"]["kernel"].shape == (7, 4, 4)
    assert params["logits"]["kernel"].shape == (8, 2)


def test_a_model_without_layers_is_refused():
    with pytest.raises(jl.LayerError, match="cnn1d: expected at least one size in channels"):
        jl.models.cnn1d(3, channels=())
    with pytest.raises(jl.LayerError, match="lstm: expected at least one size in units"):
        jl.models.lstm(3, units=())


@pytest.mark.parametrize("pool", ["last", "mean"])
def test_a_bidirectional_stack_gives_both_directions_to_the_logits(pool):
    model = jl.models.gru(3, units=(6, 5), bidirectional=True, pool=pool)
    params, _ = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((20, 4)))
    assert params["logits"]["kernel"].shape == (2 * 5, 3)
    assert params["gru1"]["backward"]["kernel"].shape == (2 * 6, 3 * 5)


def test_the_networks_of_mlperf_tiny_have_their_size():
    """Parameters as published: 24,908 and 267,928 with biases and scales folded (Banbury et al. 2021, table 1)."""
    front = jl.MFCC(sr=16_000, n_mfcc=10, n_fft=1024, win_length=640, hop_length=320)
    model = jl.serial(front, jl.models.ds_cnn(12))
    assert jl.summary(model, (16_000,)).rows[0].output == (51, 10)
    weights = 10 * 4 * 64 + 4 * (3 * 3 * 64 + 64 * 64) + 2 * 64 * 12 + 12
    scales = 2 * 64 * (1 + 2 * 4)
    assert jl.summary(model, (16_000,)).parameters == weights + scales
    dense = jl.models.autoencoder(640, units=(128,) * 4)
    weights = 640 * 128 + 3 * 128 * 128 + 128 * 8 + 8 + 8 * 128 + 3 * 128 * 128 + 128 * 640 + 640
    assert jl.summary(dense, (640,)).parameters == weights + 2 * 128 * 8


@pytest.mark.wide
def test_encoder_and_decoder_are_named_children_that_run_on_their_own():
    for model in (jl.models.autoencoder(4), jl.models.conv_autoencoder(4)):
        x = jax.random.normal(jax.random.key(1), (2, 8, 4))
        params, state = jax.jit(model.init)(jax.random.key(0), x)
        code, _ = model.encoder.apply(params["encoder"], state["encoder"], x)
        again, _ = model.decoder.apply(params["decoder"], state["decoder"], code)
        assert code.shape[-1] == 8
        np.testing.assert_allclose(again, model.apply(params, state, x)[0], rtol=1e-6)
        assert again.shape == x.shape
    with pytest.raises(AttributeError, match=r"Serial has no 'middle'; its layers are encoder, decoder"):
        _ = model.middle


@pytest.mark.wide
def test_every_model_that_a_command_can_name_trains_behind_its_front_end():
    for name, make in jl.models.MODELS.items():
        model = jl.serial(jl.models.raw(8000) if name == "crnn" else jl.models.log_mel(8000), make(4))
        params, state = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((2, 4000)))
        y, _ = jax.eval_shape(lambda p, s, m=model: m.apply(p, s, jnp.zeros((2, 4000))), params, state)
        assert y.shape == (2, 4)
        assert jl.streaming(model, longest=4000).timing() is not None
