"""Modules of flax NNX become layers of ours with equal outputs, or are refused with a remedy."""

import ast
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

import jaxlisten as jl
from tests.thinned import every

RNGS = nnx.Rngs(0)


def linear(*sizes, **settings):
    return nnx.Linear(*sizes, rngs=RNGS, **settings)


def rnn(cell, **settings):
    return nnx.RNN(cell(3, 5, rngs=RNGS), **settings)


def conv(kernel, **settings):
    return nnx.Conv(3, 4, kernel, **{"rngs": RNGS} | settings)


def depthwise(kernel, **settings):
    return nnx.Conv(3, 3, kernel, feature_group_count=3, rngs=RNGS, **settings)


def transposed(kernel, **settings):
    return nnx.ConvTranspose(3, 4, kernel, **{"rngs": RNGS} | settings)


def both(ahead, back):
    return nnx.Bidirectional(rnn(ahead), rnn(back))


def attention(**settings):
    return nnx.MultiHeadAttention(2, 3, 8, **{"decode": False, "rngs": RNGS} | settings)


def max_pool(window, strides, padding="VALID"):
    return functools.partial(nnx.max_pool, window_shape=window, strides=strides, padding=padding)


def avg_pool(window, strides, padding, **settings):
    return functools.partial(nnx.avg_pool, window_shape=window, strides=strides, padding=padding, **settings)


STEPS = {
    "Linear": (lambda: linear(3, 4), jl.Dense(4)),
    "Linear/no bias": (lambda: linear(3, 4, use_bias=False), jl.Dense(4, bias=False)),
    "Conv": (lambda: conv(3), jl.Conv1D(4, 3)),
    "Conv/even": (lambda: conv(4, kernel_dilation=3), jl.Conv1D(4, 4, dilation=3)),
    "Conv/SAME with a kernel of 2": (lambda: conv(2, strides=3), jl.Conv1D(4, 2, stride=3)),
    "Conv/CAUSAL": (lambda: conv(3, padding="CAUSAL", kernel_dilation=2), jl.Conv1D(4, 3, dilation=2, lookahead=0)),
    "Conv/CAUSAL stride": (lambda: conv(3, padding="CAUSAL", strides=2), jl.Conv1D(4, 3, stride=2, lookahead=0)),
    "Conv/numbers": (lambda: conv((5,), padding=[(3, 1)], strides=(2,)), jl.Conv1D(4, 5, stride=2, lookahead=1)),
    "Conv/one number": (
        lambda: conv((3,), padding=1, strides=2, use_bias=False),
        jl.Conv1D(4, 3, stride=2, bias=False),
    ),
    "Conv/kernel of 1": (lambda: conv((1,), padding="VALID", strides=2), jl.Conv1D(4, 1, stride=2)),
    "Conv/depthwise": (lambda: depthwise((3,), padding="CAUSAL"), jl.DepthwiseConv1D(3, lookahead=0)),
    "ConvTranspose": (lambda: transposed((4,), strides=2), jl.ConvTranspose1D(4, 4)),
    "ConvTranspose/odd": (lambda: transposed((3,), strides=2), jl.ConvTranspose1D(4, 3, lookahead=0)),
    "ConvTranspose/numbers": (
        lambda: transposed((5,), strides=3, padding=[(1, 5)]),
        jl.ConvTranspose1D(4, 5, stride=3, lookahead=3),
    ),
    "ConvTranspose/transpose of a Conv": (
        lambda: nnx.ConvTranspose(3, 4, (4,), strides=3, transpose_kernel=True, rngs=RNGS),
        jl.ConvTranspose1D(4, 4, stride=3, lookahead=0),
    ),
    "ConvTranspose/stride above": (lambda: transposed((2,), strides=3), jl.ConvTranspose1D(4, 2, stride=3)),
    "BatchNorm": (lambda: nnx.BatchNorm(3, use_running_average=True, momentum=0.8, rngs=RNGS), jl.BatchNorm(0.8)),
    "BatchNorm/bare": (
        lambda: nnx.BatchNorm(3, use_running_average=True, use_bias=False, use_scale=False, rngs=RNGS),
        jl.BatchNorm(0.99),
    ),
    "LayerNorm": (lambda: nnx.LayerNorm(3, epsilon=1e-3, rngs=RNGS), jl.LayerNorm(1e-3)),
    "Dropout": (lambda: nnx.Dropout(0.3, deterministic=True), jl.Dropout(0.3)),
    "LSTMCell": (lambda: rnn(nnx.LSTMCell), jl.LSTM(5)),
    "OptimizedLSTMCell": (lambda: rnn(nnx.OptimizedLSTMCell), jl.LSTM(5)),
    "GRUCell": (lambda: rnn(nnx.GRUCell), jl.GRU(5)),
    "Bidirectional": (lambda: both(nnx.GRUCell, nnx.GRUCell), jl.Bidirectional(jl.GRU(5))),
    "Bidirectional/LSTM": (lambda: both(nnx.LSTMCell, nnx.OptimizedLSTMCell), jl.Bidirectional(jl.LSTM(5))),
    "MultiHeadAttention": (lambda: attention(), jl.MultiHeadSelfAttention(2, head_size=4)),
    "MultiHeadAttention/no bias": (lambda: attention(use_bias=False), jl.MultiHeadSelfAttention(2, head_size=4)),
    "relu": (lambda: nnx.relu, jl.ReLU()),
    "silu": (lambda: nnx.swish, jl.SiLU()),
    "tanh": (lambda: nnx.tanh, jl.Tanh()),
    "sigmoid": (lambda: nnx.sigmoid, jl.Logistic()),
    "exact gelu": (lambda: functools.partial(nnx.gelu, approximate=False), jl.GELU()),
    "gelu": (lambda: nnx.gelu, jl.lift(nnx.gelu)),
    "leaky_relu": (lambda: nnx.leaky_relu, jl.lift(nnx.leaky_relu)),
    "max_pool": (
        lambda: max_pool((2,), (2,), "SAME"),
        jl.MaxPool(2, stride=2),
    ),
    "max_pool/numbers": (
        lambda: max_pool((3,), (2,), [(1, 1)]),
        jl.MaxPool(3, stride=2),
    ),
    "avg_pool": (
        lambda: avg_pool((4,), None, "SAME", count_include_pad=False),
        jl.MeanPool(4, stride=1),
    ),
    "Sequential": (
        lambda: nnx.Sequential(linear(3, 4), nnx.relu, nnx.Sequential(linear(4, 2), nnx.tanh)),
        jl.serial(jl.Dense(4), jl.ReLU(), jl.Dense(2), jl.Tanh()),
    ),
}
BANDS = {
    "Conv": (lambda: conv((3, 2), kernel_dilation=(1, 2)), jl.Conv2D(4, (3, 2), dilation=(1, 2))),
    "Conv/numbers": (
        lambda: conv((5, 3), padding=[(4, 0), 1], strides=(2, 2)),
        jl.Conv2D(4, (5, 3), stride=(2, 2), lookahead=0),
    ),
    "Conv/depthwise": (lambda: depthwise((3, 3)), jl.DepthwiseConv2D((3, 3))),
    "ConvTranspose": (lambda: transposed((4, 2), strides=(2, 2)), jl.ConvTranspose2D(4, (4, 2))),
    "max_pool": (
        lambda: max_pool((2, 2), (2, 2), "SAME"),
        jl.MaxPool2D((2, 2), stride=(2, 2)),
    ),
    "BatchNorm": (lambda: nnx.BatchNorm(3, use_running_average=True, rngs=RNGS), jl.BatchNorm(0.99)),
}
CASES = {f"steps/{name}": case for name, case in STEPS.items()} | {
    f"bands/{name}": case for name, case in BANDS.items()
}


@pytest.mark.parametrize("name", every(2, CASES))
def test_what_comes_in_computes_the_same_for_clips_of_odd_and_even_length(name):
    make, want = CASES[name]
    module = make()
    noise = np.random.default_rng(0)
    if isinstance(module, nnx.Module):
        for _, variable in nnx.iter_graph(module):
            if isinstance(variable, nnx.Param | nnx.BatchStat):
                variable[...] = jnp.asarray(noise.uniform(0.1, 0.9, variable.shape).astype(np.float32))
    model, params, state = jl.interop.from_nnx(module)
    assert model == want
    bands = (5,) if name.startswith("bands") else ()
    clips = [jnp.asarray(noise.normal(size=(2, time, *bands, 3)).astype(np.float32)) for time in (7, 10)]
    ours, theirs = both_answers(module, model, params, state, clips)
    for y, want in zip(ours, theirs, strict=True):
        assert y.shape == want.shape
        np.testing.assert_allclose(y, want, rtol=0, atol=1e-5 * max(1.0, float(np.abs(want).max())))
    shapes = jax.eval_shape(model.init, jax.random.key(0), clips[0])
    assert jax.tree.map(jnp.shape, (params, state)) == jax.tree.map(jnp.shape, shapes)


def both_answers(module, model, params, state, clips):
    """Return what the model and what the module says of each clip, out of one compilation."""
    stands_alone = nnx.Sequential(module)
    run = nnx.jit(lambda m, p, s, clips: ([model.apply(p, s, x)[0] for x in clips], [m(x) for x in clips]))
    return run(stands_alone, params, state, clips)


def test_tokens_are_embedded_as_by_flax():
    module = nnx.Embed(6, 4, rngs=RNGS)
    model, params, state = jl.interop.from_nnx(module)
    tokens = jnp.array([[3, 1, 5]])
    assert model == jl.Embedding(6, 4)
    np.testing.assert_array_equal(model.apply(params, state, tokens)[0], module(tokens))


class Block(nnx.Module):
    def __init__(self):
        self.inner = linear(3, 3)

    def __call__(self, x):
        return x + nnx.relu(self.inner(x))


def mean(x):
    return x.mean(-2)


REFUSED = {
    "conv/SAME with a stride": (
        lambda: conv((3,), strides=2),
        r"depends on the length of the clip; set padding=\(\(0, 2\),\)",
    ),
    "conv/VALID": (lambda: conv((3,), padding="VALID"), r"expected padding=\(\(1, 1\),\).*another number of steps"),
    "conv/CIRCULAR": (lambda: conv((3,), padding="CIRCULAR"), r"got 'CIRCULAR'"),
    "conv/bands": (lambda: conv((3, 3), padding=[(1, 1), (2, 0)]), r"expected padding=\(\(1, 1\), \(1, 1\)\)"),
    "conv/bands with a stride": (lambda: conv((3, 3), strides=2), "depends on the length"),
    "conv/groups": (lambda: nnx.Conv(4, 8, 3, feature_group_count=2, rngs=RNGS), "feature_group_count=1"),
    "conv/three axes": (lambda: conv((3, 3, 3)), "over time, or over time and frequency"),
    "conv/dilated input": (lambda: conv((3,), input_dilation=2), "input_dilation=1, got 2"),
    "conv/mask": (lambda: conv((1,), mask=jnp.ones((1, 3, 4))), "mask=None"),
    "conv/bfloat16": (lambda: conv((3,), dtype=jnp.bfloat16), "dtype=None, got bfloat16: .*BFloat16"),
    "transposed/VALID": (lambda: transposed((3,), strides=2, padding="VALID"), "another number of steps"),
    "transposed/bands": (lambda: transposed((3, 3), strides=(2, 2)), r"expected padding=\(\(1, 2\), \(1, 2\)\)"),
    "transposed/far": (lambda: transposed((3,), strides=2, padding=[(3, 0)]), "another number of steps"),
    "max_pool/VALID": (
        lambda: max_pool((2,), (2,)),
        r"\(\(0, 1\),\), which is the same for multiples",
    ),
    "max_pool/VALID and overlap": (lambda: max_pool((2,), (1,)), "it has to be trained with"),
    "max_pool/SAME": (
        lambda: max_pool((3,), (3,), "SAME"),
        r"\(\(1, 1\),\)",
    ),
    "avg_pool": (
        lambda: avg_pool((2,), (2,), "SAME"),
        "count_include_pad=False",
    ),
    "min_pool": (lambda: functools.partial(nnx.min_pool, window_shape=(2,)), "can't be read"),
    "rnn/reverse": (lambda: rnn(nnx.GRUCell, reverse=True), "reverse=False, got True"),
    "rnn/cell": (lambda: nnx.RNN(nnx.SimpleCell(3, 5, rngs=RNGS)), "got SimpleCell"),
    "rnn/gate": (
        lambda: nnx.RNN(nnx.GRUCell(3, 5, gate_fn=nnx.hard_sigmoid, rngs=RNGS)),
        "gate_fn=sigmoid, got hard_sigmoid",
    ),
    "two kinds": (lambda: both(nnx.GRUCell, nnx.LSTMCell), "two directions of one kind"),
    "attention/decode": (lambda: attention(decode=True), "decode=False, got True"),
    "attention/width": (lambda: attention(out_features=4), "out_features=3, got 4"),
    "batch norm": (lambda: nnx.BatchNorm(3, axis=1, rngs=RNGS), "axis=-1, got 1"),
    "layer norm": (lambda: nnx.LayerNorm(3, reduction_axes=(-2, -1), rngs=RNGS), "reduction_axes=-1"),
    "a cell alone": (lambda: nnx.GRUCell(3, 5, rngs=RNGS), "a cell within an nnx.RNN"),
    "a class": (lambda: nnx.Linear, "a class in place of an instance"),
    "a layer of ours": (lambda: jl.Dense(3), "expected a module of flax NNX, got Dense.*other way"),
    "other module": (lambda: nnx.GroupNorm(4, num_groups=2, rngs=RNGS), "GroupNorm has no counterpart"),
    "own module": (lambda: Block(), r"Block has no counterpart.*nnx\.Sequential\(module\.a"),
    "function": (lambda: mean, r"function mean does can't be read.*as_nnx\(GlobalPool"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_counterpart_is_refused_with_its_place_and_a_remedy(name):
    make, said = REFUSED[name]
    module = make()
    with pytest.raises(jl.LayerError, match=said):
        jl.interop.from_nnx(module)
    with pytest.raises(jl.LayerError, match=r"^layers/1/layers/0: from_nnx: "):
        jl.interop.from_nnx(nnx.Sequential(nnx.relu, nnx.Sequential(module)))


@pytest.mark.parametrize(("kernel", "stride"), [(3, 2), (7, 3), (4, 4)])
def test_the_padding_that_the_message_names_is_the_same_for_multiples_of_the_stride(kernel, stride):
    module = conv((kernel,), strides=stride)
    with pytest.raises(jl.LayerError, match=r"set padding=\(\(\d, \d\),\)") as error:
        jl.interop.from_nnx(module)
    named = str(error.value).partition("set padding=")[2].partition(" on the module")[0]
    other = conv((kernel,), strides=stride, padding=ast.literal_eval(named))
    model, params, state = jl.interop.from_nnx(other)
    params = {name: getattr(module, name)[...] for name in params}
    (y,), (want,) = both_answers(
        module, model, params, state, [jax.random.normal(jax.random.key(0), (2, 4 * stride, 3))]
    )
    np.testing.assert_allclose(y, want, rtol=0, atol=1e-5)


def test_rules_say_what_to_make_of_a_module_and_of_a_function():
    def block(module):
        inner = jl.interop.from_nnx(nnx.Sequential(module.inner, nnx.relu))
        return jl.residual(inner.model), {"body": inner.params}, {}

    theirs = nnx.Sequential(Block(), mean)
    model, params, state = jl.interop.from_nnx(theirs, rules={Block: block, mean: lambda _: (jl.GlobalPool(), {}, {})})
    x = jax.random.normal(jax.random.key(0), (2, 7, 3))
    np.testing.assert_allclose(model.apply(params, state, x)[0], theirs(x), rtol=0, atol=1e-6)


def test_a_rule_that_gives_something_else_is_named():
    with pytest.raises(jl.LayerError, match=r"expected \(model, params, state\) of the rule for Block, got 3"):
        jl.interop.from_nnx(Block(), rules={Block: lambda block: 3})


def test_a_layer_of_ours_stands_in_a_chain_of_theirs_and_keeps_its_weights():
    ours = jl.serial(first=jl.Dense(4), norm=jl.BatchNorm())
    params, state = ours.init(jax.random.key(0), jnp.zeros((7, 3)))
    pooled = jl.interop.as_nnx(jl.GlobalPool(), {}, {})
    theirs = nnx.Sequential(jl.interop.as_nnx(ours, params, state), linear(4, 2), pooled)
    model, p, s = jl.interop.from_nnx(theirs)
    assert model == jl.serial(ours, jl.Dense(2), jl.GlobalPool())
    assert set(p) == {"first", "norm", "dense"}
    x = jax.random.normal(jax.random.key(1), (2, 7, 3))
    np.testing.assert_allclose(model.apply(p, s, x)[0], theirs(x), rtol=0, atol=1e-6)


def test_a_model_that_came_in_trains_as_it_would_have_there():
    theirs = nnx.Sequential(linear(3, 4), nnx.BatchNorm(4, rngs=RNGS), nnx.relu, linear(4, 1))
    model, params, state = jl.interop.from_nnx(theirs)
    x = jax.random.normal(jax.random.key(0), (8, 3))

    @jax.jit
    def ours(params, state):
        def loss(params):
            y, moved = model.apply(params, state, x, train=True)
            return jnp.square(y - x[:, :1]).mean(), moved

        gradient, moved = jax.grad(loss, has_aux=True)(params)
        return jax.tree.map(lambda p, g: p - 0.1 * g, params, gradient), moved

    @nnx.jit
    def train(module, optimizer):
        optimizer.update(module, nnx.grad(lambda m: jnp.square(m(x) - x[:, :1]).mean())(module))

    train(theirs, nnx.Optimizer(theirs, optax.sgd(0.1), wrt=nnx.Param))
    want = jl.interop.from_nnx(theirs)
    for mine, flax in zip(jax.tree.leaves(ours(params, state)), jax.tree.leaves(want[1:]), strict=True):
        np.testing.assert_allclose(mine, flax, rtol=0, atol=1e-5)
