"""The laws: what must hold for every registered layer and every model, over the table in cases.py.

Tolerances are relative to the largest value, 1e-5 unless a law says otherwise. The first law holds programs as users
compile them to the mathematics; the others compile without optimizations.
"""

from __future__ import annotations

import functools
import json
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import jaxlisten as jl
from jaxlisten.deploy.onnx import run_layer_onnx
from jaxlisten.deploy.onnx_step import stream_layer_onnx
from jaxlisten.types import Chunk, Padded
from tests.cases import CASES, Case

BATCH = 4


def cases(law: str):
    """Run a law over the table, without the cases that are exempt from it."""
    named = [pytest.param(case, id=name) for name, case in CASES.items() if law not in case.exempt]
    return pytest.mark.parametrize("case", named)


@functools.cache
def prepared(layer, item, tokens):
    """Return params and state away from their first values, and a batch of inputs."""
    x = jax.random.normal(jax.random.key(1), (BATCH, *item))
    if tokens:
        x = jax.random.randint(jax.random.key(1), (BATCH, *item), 0, tokens)
    params, state = jax.jit(layer.init)(jax.random.key(0), x)
    noise = np.random.default_rng(0)
    shake = lambda a: a + 0.3 * np.abs(noise.standard_normal(a.shape)).astype(np.float32)  # noqa: E731
    return jax.tree.map(shake, params), jax.tree.map(shake, state), x


def ready(case: Case):
    return prepared(case.layer, case.item, case.tokens)


@functools.partial(jax.jit, static_argnums=0)
def applied(layer, params, state, x):
    """Apply a layer, compiled once for all the laws that look at what it gives."""
    return layer.apply(params, state, x)


def ragged(x, junk=jnp.nan) -> Padded:
    """Give the items of a batch different lengths, one of them whole and one absent, with junk behind the ends."""
    time = x.shape[1]
    length = jnp.array([time, time // 2 + 1, max(1, time // 7), 0])
    junk = junk if jnp.issubdtype(x.dtype, jnp.floating) else -99  # no token
    return Padded(jnp.where(valid_steps_of(x, length), x, junk), length)


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
    flat, square = (applied(case.layer, params, state, a)[0] for a in (x, x.reshape(2, 2, *x.shape[1:])))
    close(square.reshape(flat.shape), flat)


@cases("padding")
def test_padded_item_equals_item_alone(case):
    params, state, x = ready(case)
    length = ragged(x).length

    @graded
    def batch(params, values):
        y, new_state = case.layer.apply(params, state, Padded(values, length))
        return loss_of(y if isinstance(y, Padded) else y[:-1]), (y, new_state)

    @graded
    def alone(params, item):
        y = case.layer.apply(params, state, item[None])[0]
        return loss_of(y), y[0]

    items = [alone(params, x[i, :n]) for i, n in enumerate(length) if n]
    total = functools.reduce(lambda a, b: jax.tree.map(jnp.add, a, b), [grad for _, (grad, _) in items])
    for junk in (jnp.nan, 1e4):
        (_, (y, new_state)), (grad, grad_x) = batch(params, ragged(x, junk).values)
        close(new_state, state)
        close(grad, total, 5e-5)
        assert not np.asarray(jnp.where(valid_steps_of(x, length), 0, grad_x)).any(), "a gradient behind the end"
        for i, ((_, want), (_, want_x)) in enumerate(items):
            close(valid_part(y)[i], want)
            close(grad_x[i, : length[i]], want_x, 5e-5)


def valid_steps_of(x, length):
    valid = jnp.arange(x.shape[1]) < length[:, None]
    return valid.reshape(valid.shape + (1,) * (x.ndim - 2))


@cases("streaming")
def test_streamed_equals_offline(case):
    params, state, x = ready(case)
    padded = ragged(x)
    timing = case.layer.timing()
    assert timing is not None, "a layer without a streaming form has to be exempt by name"
    # A block of junk stands before the stream begins.
    front = jnp.full((BATCH, timing.block, *x.shape[2:]), -99 if case.tokens else jnp.nan, x.dtype)

    def streamed(params, values, blocks=3):
        valid = jnp.arange(x.shape[1]) < padded.length[:, None]
        never = jnp.zeros(front.shape[:2], bool)
        whole = Chunk(jnp.concatenate([front, values], 1), jnp.concatenate([never, valid], 1))
        y = jl.stream(case.layer, params, state, whole, chunk=blocks * timing.block)
        return loss_of(y), y

    @graded
    def offline(params, values):
        y = case.layer.apply(params, state, Padded(values, padded.length))[0]
        return loss_of(y), y

    (_, want), wanted = offline(params, padded.values)
    (_, got), grads = graded(streamed)(params, padded.values)
    _, one_by_one = jax.jit(functools.partial(streamed, blocks=1))(params, padded.values)
    close(valid_part(got), valid_part(want))
    close(valid_part(one_by_one), valid_part(want))
    close(grads, wanted, 5e-5)
    warm_up = int(timing.block * timing.ratio) + timing.delay
    assert not np.asarray(got.valid[:, :warm_up]).any()
    assert np.asarray(got.valid[0, warm_up : warm_up + want.length[0]]).all()


def valid_part(y):
    """Cut every item of a `Padded` or a `Chunk` down to what is valid; an array stays as it is."""
    if isinstance(y, Padded):
        return [np.asarray(v)[:n] for v, n in zip(y.values, y.length, strict=True)]
    if isinstance(y, Chunk):
        return [np.asarray(v)[np.asarray(ok)] for v, ok in zip(y.values, y.valid, strict=True)]
    return y


@cases("shapes")
def test_out_length_is_the_length_that_comes_out(case):
    params, state, x = ready(case)
    y = jax.eval_shape(case.layer.apply, params, state, ragged(x))[0]
    if isinstance(y, Padded):
        assert y.values.shape[1] == case.layer.out_length(x.shape[1])
        assert case.layer.out_length(0) == 0


@cases("finite differences")
def test_gradients_equal_finite_differences(case):
    params, state, x = ready(case)

    x = x[:2]

    @jax.jit
    def f(at):
        return loss_of(case.layer.apply(at[0], state, x if case.tokens else at[1])[0])

    with jax.enable_x64(True):  # in float64 the step can be too small to meet a kink of ReLU or max
        state = jax.tree.map(lambda a: jnp.asarray(a, jnp.float64), state)
        at, back = ravel_pytree(jax.tree.map(lambda a: jnp.asarray(a, jnp.float64), (params, x)))
        gradient = ravel_pytree(jax.grad(f)(back(at)))[0]
        # Along the gradient, where the signal is largest, and a random direction, so that any wrong entry counts.
        noise = jnp.asarray(np.random.default_rng(2).standard_normal(gradient.shape))
        along = gradient / jnp.linalg.norm(gradient) + noise / jnp.linalg.norm(noise)
        slope = (f(back(at + 1e-6 * along)) - f(back(at - 1e-6 * along))) / 2e-6
        np.testing.assert_allclose(slope, gradient @ along, rtol=1e-5, atol=1e-7)


@cases("dtype")
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16, jnp.float16])
def test_floating_dtype_in_is_dtype_out(case, dtype):
    params, state, x = ready(case)
    for inputs in (x.astype(dtype), Padded(x.astype(dtype), ragged(x).length)):
        y, new_state = jax.eval_shape(case.layer.apply, params, state, inputs)
        assert (y.values if isinstance(y, Padded) else y).dtype == dtype
        assert jax.tree.map(lambda a: a.dtype, new_state) == jax.tree.map(lambda a: a.dtype, state)


@cases("trace")
def test_equal_layers_and_one_shape_make_one_trace(case):
    params, state, x = ready(case)
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
    init = jax.jit(lambda key: case.layer.init(key, x))
    close(init(jax.random.key(5)), init(jax.random.key(5)), 0)


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
    params, state, x = ready(case)
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
