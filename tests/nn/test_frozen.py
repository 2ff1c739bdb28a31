"""Freezing layers by path, and thawing them: the model computes what it did."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxlisten as jl
from jaxlisten.nn.frozen import frozen, thawed

X = jnp.asarray(np.random.default_rng(0).standard_normal((3, 12, 5)), jnp.float32)
BODY = jl.serial(conv=jl.Conv1D(4, 3), norm=jl.BatchNorm(), relu=jl.ReLU())
MODELS = {
    "flat": (jl.serial(BODY, out=jl.Dense(2)), ("conv", "norm")),
    "nested": (jl.serial(body=BODY, more=jl.residual(jl.Dense(4)), out=jl.Dense(2)), ("body/norm", "more/body")),
    "in a wrapper": (jl.serial(body=jl.BFloat16(BODY), out=jl.Dense(2)), ("body/conv",)),
    "all of a wrapper": (jl.serial(body=jl.BFloat16(BODY), out=jl.Dense(2)), ("body",)),
}


@pytest.mark.parametrize("name", MODELS)
def test_what_is_frozen_leaves_the_params_and_the_answers_stay(name):
    model, paths = MODELS[name]
    params, state = model.init(jax.random.key(0), X)
    held = frozen(model, params, state, paths)
    np.testing.assert_array_equal(held.layer.apply(held.params, held.state, X)[0], model.apply(params, state, X)[0])
    shapes = jax.eval_shape(held.layer.init, jax.random.key(0), X)
    assert jax.tree.structure(shapes) == jax.tree.structure((held.params, held.state)), "it is the model that it says"
    trained = {"/".join(str(k.key) for k in path) for path, _ in jax.tree_util.tree_leaves_with_path(held.params)}
    assert trained
    assert not any(leaf.startswith(path + "/") for leaf in trained for path in paths)
    again = thawed(*held)
    assert again.layer == model
    jax.tree.map(np.testing.assert_array_equal, (again.params, again.state), (params, state))


def test_a_path_that_is_not_there_is_refused():
    model, _ = MODELS["nested"]
    with pytest.raises(jl.InputError, match="no layer 'body/block0' in the model; its layers are body, body/conv"):
        frozen(model, *model.init(jax.random.key(0), X), ("body/block0",))
