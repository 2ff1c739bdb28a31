"""The streaming form of a file. That it equals ours for every layer is a law of tests/test_laws.py."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import onnxruntime
import pytest
import soundfile

import jaxlisten as jl
from jaxlisten.deploy.onnx import emit, emit_step
from jaxlisten.deploy.onnx_step import stream_layer_onnx, stream_onnx, to_onnx_step
from jaxlisten.types import Chunk, Padded
from tests.deploy.speech import CLASSES, FRONT, MODELS, SR, ours, padded, speech, trained

LONGEST = 4000


def exported(name="cnn1d", **settings):
    model, params, state = trained(name)
    return to_onnx_step(jl.streaming(model, LONGEST), params, state, sr=SR, classes=CLASSES, **settings)


def last_valid(out: Chunk) -> np.ndarray:
    """Return the last valid answer of each item that has one."""
    present = out.valid.any(1)
    last = out.valid.shape[1] - 1 - out.valid[:, ::-1].argmax(1)
    return out.values[np.arange(len(last)), last][present]


@pytest.mark.parametrize("name", MODELS)
def test_last_answer_of_a_stream_is_that_of_the_whole_clip_on_real_recordings(name, real):
    paths = sorted((real / "fsdd").rglob("*.wav"))
    if not paths:
        pytest.skip("JAXLISTEN_DATA has no folder fsdd with wav files")
    clips = [soundfile.read(path, dtype="float32")[0][:LONGEST] for path in paths[:: len(paths) // 12]]
    x = padded(clips)
    _, probabilities = ours(name, x)
    proto = exported(name)
    block = jl.streaming(trained(name)[0], LONGEST).timing().block
    for chunk in (block, 10 * block):
        got = last_valid(stream_onnx(proto, x, chunk=chunk))
        np.testing.assert_allclose(got, probabilities[:-1], rtol=0, atol=1e-5)


def test_inputs_outputs_and_metadata_are_those_of_the_contract():
    model = jl.streaming(trained("cnn1d")[0], LONGEST)
    proto, timing = exported(), model.timing()
    shapes = {
        value.name: tuple(dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim)
        for value in [*proto.graph.input, *proto.graph.output]
    }
    inputs, outputs = ([value.name for value in values] for values in (proto.graph.input, proto.graph.output))
    assert inputs[:2] == ["chunk", "chunk_valid"]
    assert outputs[:2] == ["probabilities", "valid"]
    assert shapes["chunk"] == ("batch", "samples")
    assert shapes["probabilities"][::2] == ("batch", 3)
    metadata = {prop.key: prop.value for prop in proto.metadata_props}
    assert json.loads(metadata["classes"]) == [*CLASSES]
    assert (metadata["sr"], metadata["block"]) == ("8000", str(timing.block))
    assert (metadata["delay"], metadata["flush"]) == (str(timing.delay), str(timing.flush))
    carry = json.loads(metadata["carry"])
    assert [part["input"] for part in carry] == inputs[2:]
    assert [part["output"] for part in carry] == outputs[2:]
    assert all(shapes[part[way]] == tuple(part["shape"]) for part in carry for way in ("input", "output"))
    assert {"carry/log_mel/values", "carry/pool/mean/valid", "carry/block1/residual/shortcut/delay/values"} <= {*inputs}
    assert {part["dtype"] for part in carry} == {"float32", "bool"}


@pytest.mark.parametrize(
    ("layer", "names"),
    [
        (jl.LSTM(3), ["carry/h", "carry/c"]),
        (jl.serial(jl.GRU(3)), ["carry/gru"]),
        (jl.Frozen(jl.serial(jl.PCEN(SR, 80))), ["carry/pcen/mean", "carry/pcen/begun"]),
        (jl.serial(jl.Dense(2), jl.SlidingPool(1)), []),
    ],
    ids=repr,
)
def test_a_carry_is_named_after_its_layer_and_what_it_holds(layer, names):
    params, state = jax.jit(layer.init)(jax.random.key(0), jnp.zeros((1, 9, 2)))
    channels = jax.eval_shape(lambda: layer.apply(params, state, jnp.zeros((1, 9, 2)))[0]).shape[-1]
    shape = ("batch", "steps", 2)
    proto = to_onnx_step(layer, params, state, sr=SR, classes=range(channels), link=None, input_shape=shape)
    assert [value.name for value in proto.graph.input][2:] == names


@pytest.mark.parametrize("layer", [jl.LSTM(5), jl.GRU(5), jl.PCEN(SR, 400), jl.PCEN(SR, 400, initial=0.5)], ids=repr)
def test_a_memory_stands_still_in_steps_that_do_not_count(layer):
    noise = np.random.default_rng(0)
    x = np.abs(noise.standard_normal((5, 24, 3))).astype(np.float32)
    valid = noise.random((5, 24)) < np.array([0.2, 0.5, 0.9, 1.0, 0.0])[:, None]
    params, state = jax.jit(layer.init)(jax.random.key(0), x)
    order = np.argsort(~valid, axis=1, kind="stable")
    packed = Padded(np.take_along_axis(x, order[..., None], axis=1), valid.sum(1))  # as if the others were not there
    want = np.asarray(jax.jit(lambda x: layer.apply(params, state, x)[0])(packed).values)
    whole = Chunk(np.where(valid[..., None], x, np.nan), valid)
    for chunk in (1, 4, 24):
        got = stream_layer_onnx(layer, params, state, whole, chunk=chunk)
        np.testing.assert_array_equal(got.valid, valid)
        for row, steps, answers in zip(want, valid, got.values, strict=True):
            np.testing.assert_allclose(answers[steps], row[: steps.sum()], rtol=0, atol=1e-6)


def test_samples_count_where_nothing_else_is_said_and_a_batch_is_free():
    proto = exported("lstm")
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    parts = json.loads(session.get_modelmeta().custom_metadata_map["carry"])
    for batch in (1, 3):
        feeds = {part["input"]: np.zeros((batch, *part["shape"][1:]), part["dtype"]) for part in parts}
        feeds["chunk"] = np.stack(speech([800] * batch))
        without = session.run(None, feeds)
        for a, b in zip(without, session.run(None, {**feeds, "chunk_valid": np.ones((batch, 800), bool)}), strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_chunk_that_is_no_multiple_of_the_block_is_refused():
    with pytest.raises(jl.InputError, match="chunks of a multiple of 320 samples, got 200"):
        stream_onnx(exported(), padded(speech((800,))), chunk=200)
    session = onnxruntime.InferenceSession(exported().SerializeToString(), providers=["CPUExecutionProvider"])
    parts = json.loads(session.get_modelmeta().custom_metadata_map["carry"])
    feeds = {part["input"]: np.zeros((1, *part["shape"][1:]), part["dtype"]) for part in parts}
    with pytest.raises(Exception, match="chunk_has_a_multiple_of_320_samples"):
        session.run(None, {"chunk": np.zeros((1, 200), np.float32), **feeds})


class Remembering(jl.Stepwise):
    """Adds what came before: a stream that `emit` knows nothing of."""

    def forward(self, params, state, x, valid, *, key=None, train=False):
        return jnp.cumsum(x, axis=-2), state

    def start(self, params, state, x):
        return jnp.zeros((*x.values.shape[:-2], x.values.shape[-1]))

    def step(self, params, state, carry, chunk):
        y = jnp.cumsum(chunk.values, axis=-2) + carry[..., None, :]
        return y[..., -1, :], Chunk(y, chunk.valid)


def test_a_layer_with_a_step_of_its_own_is_named_and_can_be_registered():
    x = Padded(np.ones((2, 6, 3), np.float32), np.array([6, 6]))
    one = ("CumSum", lambda graph, x: graph.add("CumSum", x.values, graph.constant(1)))

    class Registered(Remembering):
        pass

    for cls in (Remembering, Registered):
        emit.register(cls, lambda layer, graph, params, state, x: x._replace(values=one[1](graph, x)))
    with pytest.raises(jl.InputError, match=r"Remembering has no streaming ONNX form; register .*emit_step\.register"):
        stream_layer_onnx(jl.serial(Remembering()), {}, {}, x)

    @emit_step.register
    def _(layer: Registered, graph, params, state, carry, x):
        y = graph.add("Add", one[1](graph, x), graph.add("Unsqueeze", carry, graph.constant([1])))
        return graph.add("Gather", y, graph.constant(-1), axis=1), x._replace(values=y)

    got = stream_layer_onnx(jl.serial(Registered()), {}, {}, x, chunk=2)
    np.testing.assert_array_equal(got.values[0, :, 0], [1, 2, 3, 4, 5, 6])


@pytest.mark.parametrize(
    ("model", "settings", "message"),
    [
        (MODELS["cnn1d"], {}, r"no streaming form: pool/mean \(GlobalPool\) needs the whole signal"),
        (jl.serial(FRONT, jl.residual(jl.ClipNorm())), {}, r"parallel/body/clip_norm \(ClipNorm\) needs"),
        (FRONT, {}, r"expected 3 scores at each step.* got \(20,\)"),
        (jl.serial(FRONT, jl.Dense(3)), {"link": "tanh"}, "to_onnx_step: .* or None, got 'tanh'"),
        (jl.serial(FRONT, jl.Dense(3), jl.lift(abs)), {}, "Lift has no ONNX form"),
    ],
)
def test_a_model_that_does_not_fit_is_refused(model, settings, message):
    params, state = jax.jit(model.init)(jax.random.key(0), jnp.zeros((1, SR)))
    with pytest.raises(jl.InputError, match=message):
        to_onnx_step(model, params, state, **({"sr": SR, "classes": CLASSES} | settings))
