"""A model without its last layer: the rest of it computes what it did, with the weights that belong to it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxlisten as jl
from jaxlisten.errors import InputError
from jaxlisten.nn import average

X = jnp.asarray(np.random.default_rng(0).standard_normal((3, 20, 5)), jnp.float32)
BODY = jl.serial(conv=jl.Conv1D(4, 3), norm=jl.BatchNorm(), relu=jl.ReLU(), pool=jl.GlobalPool("mean"))
MODEL = jl.serial(BODY, dropout=jl.Dropout(0.1), logits=jl.Dense(2))
WRAPPED = {
    "plain": MODEL,
    "nested": jl.serial(network=MODEL),
    "bfloat16": jl.serial(network=jl.BFloat16(MODEL)),
    "remat": jl.Remat(MODEL),
    "frozen": jl.serial(network=jl.Frozen(MODEL)),
    "head within": jl.serial(body=BODY, head=jl.serial(dropout=jl.Dropout(0.1), logits=jl.Dense(2))),
    "behind an activation": jl.serial(MODEL, logistic=jl.Logistic()),
    "the head alone by name": jl.serial(body=BODY, head=jl.serial(logits=jl.Dense(2))),
}


def started(model):
    params, state = model.init(jax.random.key(0), jax.ShapeDtypeStruct(X.shape, X.dtype))
    return model, params, state


def leaves(tree):
    return sum(np.size(leaf) for leaf in jax.tree.leaves(tree))


@pytest.mark.parametrize("name", WRAPPED)
def test_all_up_to_the_last_dense_layer_is_kept_with_its_weights(name):
    model, params, state = started(WRAPPED[name])
    kept = jl.trunk(model, params, state)
    y, _ = kept.layer.apply(kept.params, kept.state, X)
    assert y.shape == (3, 4)
    # With the head that was left out on top of it, it is the model again.
    head = next(leaf for path, leaf in flat(params, state) if "logits" in path and "kernel" in path)
    expected, _ = model.apply(params, state, X)
    logits = y @ head
    np.testing.assert_allclose(
        jax.nn.sigmoid(logits) if name == "behind an activation" else logits, expected, rtol=1e-5, atol=1e-6
    )
    assert leaves(kept.params) + leaves(kept.state) == leaves(params) + leaves(state) - 4 * 2 - 2
    # It is a layer like any other, that starts, and stands below another head.
    again = jl.serial(trunk=kept.layer, logits=jl.Dense(7))
    fresh, _ = again.init(jax.random.key(1), jax.ShapeDtypeStruct(X.shape, X.dtype))
    assert jax.tree.structure(fresh.get("trunk", {})) == jax.tree.structure(kept.params)


def flat(*trees):
    return [
        (jax.tree_util.keystr(path), leaf) for tree in trees for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    ]


def test_of_an_ensemble_it_is_what_all_members_give():
    members = [started(MODEL), started(jl.serial(MODEL))]
    names = ("run0", "run1")
    whole = average(run0=members[0][0], run1=members[1][0])
    params, state = ({name: one[k] for name, one in zip(names, members, strict=True)} for k in (1, 2))
    kept = jl.trunk(whole, params, state)
    y, _ = kept.layer.apply(kept.params, kept.state, X)
    each = [jl.trunk(*one) for one in members]
    expected = jnp.concatenate([one.layer.apply(one.params, one.state, X)[0] for one in each], axis=-1)
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize(
    ("until", "shape"), [("network/conv", (3, 20, 4)), ("network", (3, 2)), ("network/pool", (3, 4))]
)
def test_a_layer_may_be_named(until, shape):
    kept = jl.trunk(*started(WRAPPED["bfloat16"]), until)
    y, _ = kept.layer.apply(kept.params, kept.state, X)
    assert y.shape == shape
    assert ("norm" in kept.params["network"]) == (until != "network/conv")


def test_a_model_without_such_a_layer_is_refused():
    with pytest.raises(InputError, match="no dense layer at its end"):
        jl.trunk(*started(BODY))
    with pytest.raises(InputError, match="no layer 'pol' in the model; its layers are conv, norm"):
        jl.trunk(*started(BODY), "pol")
