"""The laws: what must hold for every registered layer and every model, over the table in cases.py.

Tolerances are relative to the largest value, 1e-5 unless a law says otherwise. The first law holds programs as users
compile them to the mathematics; the others compile without optimizations. What surrounds a layer is NumPy, because each
operation of `jax.numpy` would be compiled for each shape.
"""

from __future__ import annotations

import functools
import json
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxlisten as jl
from jaxlisten.deploy.onnx import run_layer_onnx
from jaxlisten.deploy.onnx_step import stream_layer_onnx
from jaxlisten.types import Chunk, Padded
from tests.cases import CASES, MODELS, Case

BATCH = 4


COMPILED = ("jit", "vmap", "leading axes", "padding", "streaming", "finite differences", "keys", "storing", "export")
"""Laws with programs to compile."""
TELLING = ("Conv1D/stride and dilation", "Serial/phase", "Parallel/down and up", "SlidingPool/max", "gru", "linear")
"""Variants of layers, and models, that they hold for without ``-m slow``."""
ALIKE = (
    *("Mel", "MFCC", "MeanPool", "MeanPool2D", "GELU", "SiLU", "Tanh", "Logistic", "GRU", "EncoderDecoder", "PCENMel"),
    *("DepthwiseConv1D", "ConvTranspose1D", "MaxPool", "Rescaling", "FrequencyPool"),
    *("Frozen", "BFloat16", "SlidingPool/max", "Parallel/down and up", "gru"),
)
"""Lines that share what they are made of with another line; they hold for these behind ``-m wide``."""
PURE = ("jit", "vmap")
"""Laws that jax keeps where a layer is pure; without ``-m wide`` they hold for `KINDS` alone."""
KINDS = ("LogMel", "Conv1D", "MaxPool2D", "GlobalPool", "BatchNorm", "PCEN", "SpecAugment", "LSTM", "Serial", "linear")


def cases(law: str):
    """Run a law over the table, without the cases that are exempt from it."""

    def marks(name: str):
        variant = name in MODELS or "/" in name
        if law not in COMPILED:
            return []
        if variant and name not in (*TELLING, *ALIKE):
            return [pytest.mark.slow]
        return [pytest.mark.wide] if name in ALIKE or (law in PURE and name not in KINDS) else []

    named = [pytest.param(case, id=name, marks=marks(name)) for name, case in CASES.items() if law not in case.exempt]
    return pytest.mark.parametrize("case", named)


@functools.cache
def inputs(item, tokens):
    """Return a batch of inputs."""
    noise = np.random.default_rng(0)
    if tokens:
        return jax.device_put(noise.integers(tokens, size=(BATCH, *item), dtype=np.int32))
    return jax.device_put(noise.standard_normal((BATCH, *item)).astype(np.float32))


@functools.cache
def prepared(layer, item, tokens):
    """Return params and state away from their first values, and a batch of inputs."""
    noise, x = np.random.default_rng(1), inputs(item, tokens)

    def shaken(a):
        return np.asarray(a) + 0.3 * np.abs(noise.standard_normal(a.shape)).astype(np.float32)

    params, state = initial(layer, jax.random.key(0), x)
    return *jax.device_put((jax.tree.map(shaken, params), jax.tree.map(shaken, state))), x


def ready(case: Case):
    return prepared(case.layer, case.item, case.tokens)


@functools.cache
def outlined(layer, item, tokens):
    """Return the same without values, for laws that nothing is computed in."""
    x = inputs(item, tokens)
    return *jax.eval_shape(layer.init, jax.random.key(0), x), x


def shaped(case: Case):
    return outlined(case.layer, case.item, case.tokens)


@functools.partial(jax.jit, static_argnums=0)
def initial(layer, key, x):
    """Initialise a layer."""
    return layer.init(key, x)


@functools.partial(jax.jit, static_argnums=0)
def applied(layer, params, state, x):
    """Apply a layer, compiled once for all the laws that look at what it gives."""
    return layer.apply(params, state, x)


def ragged(x, junk=np.nan) -> Padded:
    """Give the items of a batch different lengths, one of them whole and one absent, with junk behind the ends."""
    length = lengths(x)
    junk = junk if jnp.issubdtype(x.dtype, jnp.floating) else -99  # no token
    values = np.where(valid_steps_of(x, length), np.asarray(x), np.asarray(junk, x.dtype))
    return jax.device_put(Padded(values, length))


def lengths(x):
    time = x.shape[1]
    return np.array([time, time // 2 + 1, max(1, time // 7), 0], np.int32)


def close(got, want, relative=1e-5):
    """Hold two pytrees equal, relative to the largest value of each leaf."""
    assert jax.tree.structure(got) == jax.tree.structure(want)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
        assert a.shape == b.shape
        assert np.isfinite(b).all()
        np.testing.assert_allclose(a, b, rtol=0, atol=relative * max(np.abs(b).max(initial=0), 1e-3))


def loss_of(y):
    """Reduce the valid outputs to a number that depends on each of them and on its place in its item."""
    if isinstance(y, Padded):
        y = Chunk(y.values, jnp.arange(y.values.shape[1]) < y.length[:, None])
    if not isinstance(y, Chunk):
        y = Chunk(y, jnp.ones(y.shape[:2], bool)) if y.ndim > 2 else Chunk(y[:, None], jnp.ones((len(y), 1), bool))
    y = Chunk(y.values.reshape(*y.valid.shape, -1), y.valid)  # of a step over frequency, each value counts alike
    order = jnp.where(y.valid, jnp.cumsum(y.valid, axis=1) - 1, 0).astype(jnp.float32)
    place = jnp.arange(y.values.shape[-1], dtype=jnp.float32) + 2.3 * order[..., None]
    return (jnp.where(y.valid[..., None], y.values, 0.0) * jnp.cos(place).astype(y.values.dtype)).sum()


def graded(loss):
    """Compile a function of ``(params, x)`` that returns ``(loss, aux)`` with its gradients to both (0 for tokens)."""
    gradients = jax.value_and_grad(loss, (0, 1), has_aux=True, allow_int=True)

    @jax.jit
    def run(params, x):
        value, (of_params, of_x) = gradients(params, x)
        return value, (of_params, of_x if jnp.issubdtype(x.dtype, jnp.floating) else jnp.zeros(x.shape))

    return run


@functools.cache
def graded_on_ragged(layer, item, tokens):
    """Return a compiled function of params and values of ragged inputs: loss and ``(y, state)``, and gradients."""
    _, state, x = prepared(layer, item, tokens)

    @graded
    def run(params, values):
        y, new_state = layer.apply(params, state, Padded(values, lengths(x)))
        return loss_of(y if isinstance(y, Padded) else y[:-1]), (y, new_state)

    return run


def test_every_registered_layer_is_in_the_table():
    inside = set()

    def visit(layer):
        inside.add(type(layer).__name__)
        for child in (*getattr(layer, "layers", ()), *([layer.inner] if hasattr(layer, "inner") else [])):
            visit(child)

    for case in CASES.values():
        visit(case.layer)
    ours = {name for name, cls in jl.REGISTRY.items() if getattr(sys.modules[cls.__module__], name, None) is cls}
    ours = {name for name in ours if jl.REGISTRY[name].__module__.startswith("jaxlisten.")}
    assert ours <= inside, f"add a line to tests/cases.py for {ours - inside}"


@cases("jit")
def test_jit_equals_eager(case, optimizations):
    params, state, x = ready(case)
    # Of a composition that is the program without optimizations: its parts are held to eager by themselves.
    plain = applied if isinstance(case.layer, jl.Serial) else type(case.layer).apply
    eager = plain(case.layer, params, state, ragged(x))
    with optimizations():
        jitted = jax.jit(lambda *inputs: case.layer.apply(*inputs))(params, state, ragged(x))
    close(valid_part(jitted[0]), valid_part(eager[0]))
    close(jitted[1], eager[1])


@cases("vmap")
def test_vmap_over_items_equals_batch(case):
    params, state, x = ready(case)
    each = jax.jit(jax.vmap(lambda x: case.layer.apply(params, state, x)[0]))
    for inputs in (x, ragged(x)):
        close(valid_part(each(inputs)), valid_part(applied(case.layer, params, state, inputs)[0]))


@cases("leading axes")
def test_leading_axes_are_free(case):
    params, state, x = ready(case)
    square = np.asarray(x).reshape(2, 2, *x.shape[1:])
    want, got = (np.asarray(applied(case.layer, params, state, a)[0]) for a in (x, square))
    close(got.reshape(want.shape), want)


@cases("padding")
def test_padded_item_equals_item_alone(case):
    params, state, x = ready(case)
    length, batch = lengths(x), graded_on_ragged(case.layer, case.item, case.tokens)

    @graded
    def alone(params, x):
        items = [case.layer.apply(params, state, x[i : i + 1, :n])[0] for i, n in enumerate(length) if n]
        return functools.reduce(jnp.add, map(loss_of, items)), [y[0] for y in items]

    (_, items), (total, total_x) = alone(params, x)
    for junk in (np.nan, 1e4):
        (_, (y, new_state)), (grad, grad_x) = batch(params, ragged(x, junk).values)
        close(new_state, state)
        close(grad, total, 5e-5)
        assert not np.where(valid_steps_of(x, length), 0, grad_x).any(), "a gradient behind the end"
        for i, want in enumerate(items):
            close(valid_part(y)[i], want)
            close(np.asarray(grad_x)[i, : length[i]], np.asarray(total_x)[i, : length[i]], 5e-5)


def valid_steps_of(x, length):
    valid = np.arange(x.shape[1]) < length[:, None]
    return valid.reshape(valid.shape + (1,) * (x.ndim - 2))


@cases("streaming")
def test_streamed_equals_offline(case):
    params, state, x = ready(case)
    padded = ragged(x)
    timing = case.layer.timing()
    assert timing is not None, "a layer without a streaming form has to be exempt by name"
    # A block of junk stands before the stream begins.
    front = np.full((BATCH, timing.block, *x.shape[2:]), -99 if case.tokens else np.nan, x.dtype)
    valid = np.arange(-timing.block, x.shape[1]) < lengths(x)[:, None]
    valid[:, : timing.block] = False

    @graded
    def streamed(params, values):
        whole = Chunk(jnp.concatenate([front, values], 1), jnp.asarray(valid))
        y, one_by_one = (jl.stream(case.layer, params, state, whole, chunk=n * timing.block) for n in (3, 1))
        return loss_of(y), (y, one_by_one)

    (_, (want, _)), wanted = graded_on_ragged(case.layer, case.item, case.tokens)(params, padded.values)
    (_, (got, one_by_one)), grads = streamed(params, padded.values)
    close(valid_part(got), valid_part(want))
    close(valid_part(one_by_one), valid_part(want))
    close(grads, wanted, 5e-5)
    warm_up, came = int(timing.block * timing.ratio) + timing.delay, np.asarray(got.valid)
    assert not came[:, :warm_up].any()
    assert came[0, warm_up : warm_up + int(want.length[0])].all()


def valid_part(y):
    """Cut every item of a `Padded` or a `Chunk` down to what is valid; an array stays as it is."""
    if isinstance(y, Padded):
        return [v[:n] for v, n in zip(np.asarray(y.values), np.asarray(y.length), strict=True)]
    if isinstance(y, Chunk):
        return [v[ok] for v, ok in zip(np.asarray(y.values), np.asarray(y.valid), strict=True)]
    return y


@cases("shapes")
def test_out_length_is_the_length_that_comes_out(case):
    params, state, x = shaped(case)
    y = jax.eval_shape(case.layer.apply, params, state, ragged(x))[0]
    if isinstance(y, Padded):
        assert y.values.shape[1] == case.layer.out_length(x.shape[1])
        assert case.layer.out_length(0) == 0


@cases("finite differences")
def test_gradients_equal_finite_differences(case):
    params, state, x = ready(case)
    leaves, tree = jax.tree.flatten((params, np.asarray(x)[:2]))
    ends = np.cumsum([leaf.size for leaf in leaves])

    @jax.jit
    def graded(at):
        def loss(at):
            parts = jnp.split(at, ends[:-1])
            moved = [part.reshape(leaf.shape) for part, leaf in zip(parts, leaves, strict=True)]
            params, values = jax.tree.unflatten(tree, moved)
            return loss_of(case.layer.apply(params, wide, leaves[-1] if case.tokens else values)[0])

        return jax.value_and_grad(loss)(at)

    with jax.enable_x64(True):  # in float64 the step can be too small to meet a kink of ReLU or max
        wide = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), state)
        at = np.concatenate([np.ravel(np.asarray(leaf, np.float64)) for leaf in leaves])
        gradient = np.asarray(graded(at)[1])
        # Along the gradient, where the signal is largest, and a random direction, so that any wrong entry counts.
        noise = np.random.default_rng(2).standard_normal(gradient.shape)
        along = gradient / np.linalg.norm(gradient) + noise / np.linalg.norm(noise)
        slope = float(graded(at + 1e-6 * along)[0] - graded(at - 1e-6 * along)[0]) / 2e-6
        np.testing.assert_allclose(slope, gradient @ along, rtol=1e-5, atol=1e-7)


@cases("dtype")
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16, pytest.param(jnp.float16, marks=pytest.mark.wide)])
def test_floating_dtype_in_is_dtype_out(case, dtype):
    params, state, x = shaped(case)
    for inputs in (x.astype(dtype), Padded(x.astype(dtype), ragged(x).length)):
        y, new_state = jax.eval_shape(case.layer.apply, params, state, inputs)
        assert (y.values if isinstance(y, Padded) else y).dtype == dtype
        assert jax.tree.map(lambda a: a.dtype, new_state) == jax.tree.map(lambda a: a.dtype, state)


@cases("trace")
def test_equal_layers_and_one_shape_make_one_trace(case):
    params, state, x = shaped(case)
    traces = []

    @functools.partial(jax.jit, static_argnums=0)
    def run(layer, params, state, x):
        traces.append(layer)
        return layer.apply(params, state, x)

    twin = case.layer if "storing" in case.exempt else jl.from_config(jl.to_config(case.layer))
    for layer in (case.layer, twin):
        run.lower(layer, params, state, x)
    assert len(traces) == 1


@cases("keys")
def test_same_key_gives_the_same_result(case):
    params, state, x = ready(case)
    train = jax.jit(lambda key: case.layer.apply(params, state, x, key=key, train=True))
    first, again = train(jax.random.key(3)), train(jax.random.key(3))
    assert all(np.array_equal(a, b) for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(again), strict=True))
    jax.eval_shape(case.layer.apply, params, state, x)  # needs no key
    close(initial(case.layer, jax.random.key(5), x), initial(case.layer, jax.random.key(5), x), 0)


@cases("storing")
def test_stored_and_rebuilt_is_equal(case):
    params, state, x = ready(case)
    rebuilt = jl.from_config(json.loads(json.dumps(jl.to_config(case.layer))))
    assert rebuilt == case.layer
    assert hash(rebuilt) == hash(case.layer)
    assert repr(rebuilt) == repr(case.layer)
    close(applied(rebuilt, params, state, x)[0], applied(case.layer, params, state, x)[0], 0)


@cases("export")
def test_exported_equals_ours(case):
    params, state, x = ready(case)
    for inputs in (x, ragged(x)):
        want = valid_part(applied(case.layer, params, state, inputs)[0])
        close(valid_part(run_layer_onnx(case.layer, params, state, inputs)), want)


@cases("streaming")
def test_exported_stream_equals_offline(case):
    if "export" in case.exempt:
        pytest.skip(case.exempt["export"])
    params, state, x = ready(case)
    padded, timing = ragged(x), case.layer.timing()
    # A block of junk stands before the stream begins.
    junk = np.full((BATCH, timing.block, *x.shape[2:]), -99 if case.tokens else np.nan, x.dtype)
    valid = np.arange(-timing.block, x.shape[1]) < np.asarray(padded.length)[:, None]
    valid[:, : timing.block] = False
    whole = Chunk(np.concatenate([junk, padded.values], 1), valid)
    want = applied(case.layer, params, state, padded)[0]
    for blocks in (1, 3):
        got = stream_layer_onnx(case.layer, params, state, whole, chunk=blocks * timing.block)
        close(valid_part(got), valid_part(want))
        warm_up = int(timing.block * timing.ratio) + timing.delay
        assert not got.valid[:, :warm_up].any()
        assert got.valid[0, warm_up : warm_up + want.length[0]].all()
        assert not got.values[~got.valid].any()


@cases("errors")
def test_bad_input_is_refused_when_tracing_with_the_path(case):
    params, state, x = shaped(case)
    model = jl.serial(part=jl.serial(inner=case.layer))
    params, state = ({"part": {"inner": tree}} if tree else {} for tree in (params, state))
    bad = [x.astype(jnp.float32 if case.tokens else jnp.int32)]
    if len(case.item) == 1 and not case.tokens:
        bad += [x[0, 0], x[:, :0]]
    elif len(case.item) > 1 and params:
        bad += [jnp.zeros((BATCH, *case.item[:-1], case.item[-1] + 1))]
    for inputs in bad:
        with pytest.raises(jl.LayerError, match=r"part/inner.*expected.*got") as error:
            jax.eval_shape(model.apply, params, state, inputs)
        assert error.value.path[:2] == ("part", "inner")


@pytest.mark.parametrize(
    ("cls", "settings"), [pytest.param(type(c.layer), s, id=f"{n} {s}") for n, c in CASES.items() for s in c.refuses]
)
def test_bad_settings_are_refused(cls, settings):
    with pytest.raises(jl.LayerError, match=rf"{cls.__name__}: expected .*, got "):
        cls(**settings)
