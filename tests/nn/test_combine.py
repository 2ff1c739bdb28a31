"""Combinators: names, paths, splicing, what a frozen layer keeps, and plain functions as layers."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxlisten as jl
from tests.nn.compiled import apply, init

X = jax.random.normal(jax.random.key(7), (2, 9, 4))


def paths(tree):
    return {"/".join(key.key for key in path) for path, _ in jax.tree_util.tree_leaves_with_path(tree)}


def test_positional_layers_are_named_after_their_type():
    model = jl.serial(jl.LogMel(8000), jl.Conv1D(3, 3), jl.ReLU(), jl.Conv1D(3, 3), jl.BatchNorm(), jl.GlobalPool())
    assert model.names == ("log_mel", "conv1d_0", "relu", "conv1d_1", "batch_norm", "global_pool")
    names = [jl.serial(layer).names[0] for layer in (jl.LSTM(2), jl.GELU(), jl.SiLU(), jl.MaxPool(2), jl.Dense(1))]
    assert names == ["lstm", "gelu", "silu", "max_pool", "dense"]


def test_named_layers_keep_their_names_and_stand_behind_the_others():
    model = jl.serial(jl.Dense(4), first=jl.Dense(3), second=jl.serial(jl.Dense(2)))
    assert model.names == ("dense", "first", "second")
    params, _ = jax.eval_shape(model.init, jax.random.key(0), X)
    want = {f"{layer}/{leaf}" for layer in ("dense", "first", "second/dense") for leaf in ("kernel", "bias")}
    assert paths(params) == want


def test_a_positional_chain_is_spliced_and_a_named_one_is_not():
    inner = jl.serial(jl.Dense(4), jl.ReLU())
    assert jl.serial(inner, jl.Dense(3)).names == ("dense_0", "relu", "dense_1")
    assert jl.serial(inner, inner).names == ("dense_0", "relu_0", "dense_1", "relu_1")
    assert jl.serial(inner=inner).names == ("inner",)
    assert jl.serial(jl.serial(a=jl.Dense(1)), b=jl.ReLU()) == jl.serial(a=jl.Dense(1), b=jl.ReLU())


def test_nested_names_are_the_path_of_params_and_state():
    model = jl.serial(block=jl.serial(jl.residual(jl.Conv1D(4, 3), jl.BatchNorm()), out=jl.Dense(2)))
    params, state = jax.eval_shape(model.init, jax.random.key(0), X)
    assert "block/parallel/body/conv1d/kernel" in paths(params)
    assert paths(state) == {f"block/parallel/body/batch_norm/{name}" for name in ("mean", "variance")}


def test_a_chain_computes_its_layers_one_after_the_other():
    layers = jl.Conv1D(5, 3), jl.Tanh(), jl.Dense(3)
    model = jl.serial(*layers)
    params, state = init(model, jax.random.key(0), X)
    y = X
    for name, layer in zip(model.names, layers, strict=True):
        y, _ = layer.apply(params.get(name, {}), {}, y)
    np.testing.assert_array_equal(model.apply(params, state, X)[0], y)


def test_parallel_concatenates_and_residual_adds():
    branches = {"a": jl.Conv1D(3, 3), "b": jl.Dense(2)}
    model = jl.parallel(**branches)
    params, _ = init(model, jax.random.key(0), X)
    want = [layer.apply(params[name], {}, X)[0] for name, layer in branches.items()]
    np.testing.assert_array_equal(model.apply(params, {}, X)[0], jnp.concatenate(want, -1))
    body = jl.Conv1D(4, 3)
    model = jl.residual(body)
    params, _ = init(model, jax.random.key(0), X)
    want = X + apply(body, params["body"]["conv1d"], {}, X)[0]
    np.testing.assert_allclose(apply(model, params, {}, X)[0], want, rtol=0, atol=1e-6)


def test_branches_that_go_down_and_up_again_are_cut_to_the_shortest():
    down, up = jl.Conv1D(4, 5, stride=2), jl.ConvTranspose1D(4, 4)
    model = jl.residual(down, up)
    params, _ = init(model, jax.random.key(0), X)
    inner = [params["body"][name] for name in ("conv1d", "conv_transpose1d")]
    longer = apply(up, inner[1], {}, apply(down, inner[0], {}, X)[0])[0]
    assert longer.shape[1] == 10
    want = X + longer[:, :9]
    np.testing.assert_allclose(apply(model, params, {}, X)[0], want, rtol=0, atol=1e-6)
    y = apply(model, params, {}, jl.Padded(X, jnp.array([9, 8])))[0]
    np.testing.assert_array_equal(y.length, [9, 8])
    assert [model.out_length(n) for n in (0, 1, 8, 9)] == [0, 1, 8, 9]


def test_going_down_and_up_over_frequency_streams_and_keeps_its_bands():
    down, up = jl.Conv2D(3, (3, 2), stride=(3, 2)), jl.ConvTranspose2D(2, (3, 2), stride=(3, 2))
    model, images = jl.residual(down, jl.ReLU(), up), jax.random.normal(jax.random.key(0), (1, 13, 4, 2))
    params, state = init(model, jax.random.key(1), images)
    streamed = jl.stream(model, params, state, jl.Padded(images, jnp.array([13])))
    want = apply(model, params, state, images)[0]
    np.testing.assert_allclose(streamed.values[streamed.valid], want[0], rtol=0, atol=1e-5)
    odd = images[:, :, :3]
    with pytest.raises(jl.LayerError, match=r"expected branches of one shape, .* strides or channels differ"):
        apply(model, params, state, odd)


def test_branches_of_different_rates_are_not_cut():
    model = jl.residual(jl.Conv1D(4, 3, stride=2))
    with pytest.raises(jl.LayerError, match=r"expected branches of one shape, .* strides or channels differ"):
        apply(model, init(model, jax.random.key(0), X)[0], {}, X)
    assert not model.differ()


def test_branches_of_different_shapes_are_refused_with_their_shapes():
    with pytest.raises(jl.LayerError) as error:
        jl.serial(block=jl.residual(jl.Dense(5)), out=jl.Dense(2)).init(jax.random.key(0), X)
    assert str(error.value) == (
        "block: Parallel: expected branches of one shape, to add them, got body (2, 9, 5), shortcut (2, 9, 4): "
        "strides or channels differ"
    )


def test_a_class_in_place_of_a_layer_is_refused():
    with pytest.raises(jl.LayerError, match=r"expected relu to be a layer, got .*: a class in place of an instance"):
        jl.Serial((jl.ReLU,), ("relu",))
    with pytest.raises(jl.LayerError):
        jl.serial(out=jl.Dense)


def test_a_frozen_layer_is_not_moved_by_weight_decay_nor_by_training():
    model = jl.serial(base=jl.Frozen(jl.serial(jl.Conv1D(3, 3), jl.BatchNorm(), jl.Dropout(0.5))), out=jl.Dense(2))
    params, state = init(model, jax.random.key(0), X)
    assert paths(params) == {"out/kernel", "out/bias"}
    optimizer = optax.adamw(0.1, weight_decay=0.5)

    @jax.jit
    def step(params, state, memory):
        loss = lambda p: (lambda y, s: ((y**2).mean(), s))(*apply(model, p, state, X, train=True))  # noqa: E731
        grads, new_state = jax.grad(loss, has_aux=True)(params)
        updates, memory = optimizer.update(grads, memory, params)
        return optax.apply_updates(params, updates), new_state, memory

    new_params, new_state, memory = params, state, optimizer.init(params)
    with jax.numpy_dtype_promotion("standard"):  # optax divides by an integer count
        for _ in range(3):
            new_params, new_state, memory = step(new_params, new_state, memory)
    jax.tree.map(np.testing.assert_array_equal, new_state, state)
    assert (new_params["out"]["kernel"] != params["out"]["kernel"]).all()


def test_a_frozen_layer_computes_what_the_layer_computes():
    inner = jl.serial(jl.Conv1D(3, 3), jl.BatchNorm())
    params, state = init(inner, jax.random.key(0), X)
    frozen = jl.Frozen.hold(params, state)
    want = apply(inner, params, state, X)[0]
    for train in (False, True):
        np.testing.assert_allclose(apply(jl.Frozen(inner), {}, frozen, X, train=train)[0], want, rtol=0, atol=1e-6)
    jax.tree.map(np.testing.assert_array_equal, init(jl.Frozen(inner), jax.random.key(0), X), ({}, frozen))


def test_lift_makes_a_layer_of_a_function():
    y, state = apply(jl.serial(jl.lift(jnp.abs), jl.lift(lambda x: 2 * x)), {}, {}, X)
    np.testing.assert_array_equal(y, 2 * np.abs(X))
    assert state == {}
    assert jl.lift(jnp.abs) == jl.lift(jnp.abs) != jl.lift(jnp.sin)


def test_a_lifted_function_can_not_be_stored_and_says_so():
    with pytest.raises(jl.InputError, match=r"Lift can't be stored: only layers made with @jaxlisten.layer"):
        jl.to_config(jl.serial(jl.lift(jnp.abs)))
