import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import soundfile

import jaxlisten as jl
from jaxlisten.deploy.onnx import emit, run_layer_onnx, run_onnx, to_onnx
from jaxlisten.types import Padded
from tests.cases import CASES
from tests.deploy.speech import CLASSES, MODELS, SR, logits, ours, padded, speech, trained
from tests.thinned import every

CONVOLUTIONS = [
    *(jl.Conv1D(5, kernel, stride=stride) for kernel, stride in ((4, 1), (5, 2), (4, 3))),
    jl.Conv1D(5, 4, stride=2, lookahead=0),
    jl.Conv1D(5, 5, stride=3, lookahead=2),
    jl.Conv1D(3, 1, stride=3),
    jl.Conv1D(3, 3, dilation=3, bias=False),
    jl.Conv1D(3, 4, stride=2, dilation=2),
    jl.Conv1D(3, 2, dilation=5, lookahead=1),
    jl.Conv1D(3, 41),
    jl.DepthwiseConv1D(4, stride=3, lookahead=1),
    *(jl.ConvTranspose1D(5, kernel, stride=stride) for kernel, stride in ((4, 2), (5, 3), (2, 5), (3, 1))),
    jl.ConvTranspose1D(5, 7, stride=2, lookahead=0, bias=False),
    jl.ConvTranspose1D(5, 7, stride=2, lookahead=6),
]
OVER_FREQUENCY = [
    jl.Conv2D(5, (4, 3), stride=(2, 3), dilation=(1, 2), lookahead=1),
    jl.DepthwiseConv2D((3, 4), stride=(1, 2), bias=False),
    jl.ConvTranspose2D(5, (4, 7), stride=(2, 3)),
    jl.ConvTranspose2D(5, (2, 1), stride=(3, 2), lookahead=0),
    *(pool(*setting) for pool in (jl.MaxPool2D, jl.MeanPool2D) for setting in (((2, 2),), ((4, 3), (3, 1)))),
    jl.FrequencyPool(),
    jl.residual(jl.Conv2D(4, (3, 3), stride=(2, 2)), jl.BatchNorm(), jl.ConvTranspose2D(3, (2, 2))),
    jl.serial(jl.Conv2D(4, (3, 3)), jl.BatchNorm(), jl.MergeFrequency(), jl.AddChannel(), jl.MergeFrequency()),
]
POOLS = [
    *(pool(*setting) for pool in (jl.MaxPool, jl.MeanPool) for setting in ((3,), (4, 3), (3, 7))),
    *(jl.SlidingPool(window, kind) for window in (4, 60) for kind in ("mean", "max")),
    jl.SlidingPool(3, "last"),
    *(jl.GlobalPool(kind) for kind in ("mean", "max", "last")),
]
STEPWISE = [
    jl.Dense(5), jl.Dense(5, bias=False), jl.Normalize(), jl.Normalize(epsilon=0.3), jl.BatchNorm(), jl.Dropout(0.4),
    jl.Identity(), jl.ReLU(), jl.GELU(), jl.SiLU(), jl.Tanh(), jl.Logistic(),
]  # fmt: skip
TREES = [
    jl.LSTM(6),
    jl.serial(jl.GRU(3), jl.Bidirectional(jl.GRU(5))),
    jl.Bidirectional(jl.LSTM(3), last=True),
    jl.PCEN(8000, 400, gain=0.7, bias=1.0, power=0.3, initial=1.0),
    jl.MultiHeadSelfAttention(2, causal=True, rotary=True),
    jl.serial(jl.ClipNorm(), jl.MultiHeadSelfAttention(1, window=4), jl.LayerNorm(), jl.AttentionPool()),
    jl.serial(jl.Conv1D(4, 4, stride=2), jl.LSTM(3), jl.LSTM(5), jl.GlobalPool("last")),
    jl.serial(jl.Dense(4), jl.ReLU(), jl.MaxPool(2), jl.Conv1D(3, 3), jl.MeanPool(3, stride=2)),
    jl.parallel(jl.Conv1D(4, 7), jl.Identity(), last=jl.Conv1D(2, 2)),
    jl.parallel(mean=jl.GlobalPool("mean"), max=jl.GlobalPool("max")),
    jl.residual(jl.Conv1D(5, 6, stride=2), shortcut=jl.Conv1D(5, 1, stride=2)),
    jl.parallel(jl.Tanh()),
    jl.Frozen(jl.serial(jl.Conv1D(4, 5, stride=2), jl.BatchNorm(), jl.Dropout(0.3))),
]
FRONT_ENDS = [
    jl.Raw(),
    jl.Mel(SR, n_fft=128, hop_length=40, n_mels=12),
    jl.MFCC(SR, n_mfcc=5, n_fft=64, hop_length=50, n_mels=8, lifter=3.0),
    jl.LogMel(SR, n_fft=128, hop_length=40, n_mels=12),
    jl.LogMel(SR, n_fft=64, hop_length=50, n_mels=8, win_length=51, fmin=90.0, fmax=3000.0),
    jl.LogMel(SR, n_fft=106, hop_length=101, n_mels=5),  # twice a prime
    jl.LogMel(SR, n_fft=90, hop_length=100, n_mels=5, amin=2.0),
]


def prepared(layer, item, seed=0):
    noise = np.random.default_rng(seed)
    x = noise.standard_normal((4, *item)).astype(np.float32)
    trees = jax.eval_shape(layer.init, jax.random.key(0), x)
    return *jax.tree.map(lambda a: noise.uniform(0.1, 1.0, a.shape).astype(np.float32), trees), x


def compare(layer, params, state, x, tolerance=1e-5):
    """Hold the exported layer equal to ours, on valid steps, relative to the largest value."""
    got, want = run_layer_onnx(layer, params, state, x), logits(layer, params, state, x)
    assert isinstance(got, Padded) == isinstance(want, Padded)
    if isinstance(want, Padded):
        np.testing.assert_array_equal(got.length, want.length)
        valid = np.arange(want.values.shape[1]) < np.asarray(want.length)[:, None]
        assert got.values.shape == want.values.shape
        got, want = got.values[valid], want.values[valid]
    assert got.shape == want.shape
    np.testing.assert_allclose(got, want, rtol=0, atol=tolerance * np.abs(want).max())


@pytest.mark.parametrize("layer", every(4, CONVOLUTIONS + POOLS + TREES), ids=repr)
def test_layer_over_time_equals_ours_with_junk_behind_the_ends(layer):
    params, state, x = prepared(layer, (23, 4))
    length = np.array([23, 16, 1, 0], np.int32)
    junk = np.where(np.arange(23)[:, None] < length[:, None, None], x, np.nan)
    compare(layer, params, state, Padded(junk, length))


@pytest.mark.parametrize("layer", [*CONVOLUTIONS[:3], *POOLS[::4], *TREES[:4:3]], ids=repr)
def test_layer_over_time_equals_ours_without_lengths(layer):
    params, state, x = prepared(layer, (22, 4))
    compare(layer, params, state, x)


@pytest.mark.parametrize("layer", every(3, OVER_FREQUENCY), ids=repr)
def test_layer_over_frequency_equals_ours_with_junk_behind_the_ends_and_without(layer):
    params, state, x = prepared(layer, (13, 6, 3))
    length = np.array([13, 8, 1, 0], np.int32)
    steps = np.arange(13)[:, None, None]
    compare(layer, params, state, Padded(np.where(steps < length[:, None, None, None], x, np.nan), length))
    compare(layer, params, state, x)


@pytest.mark.parametrize("layer", STEPWISE, ids=repr)
def test_layer_of_single_steps_equals_ours(layer):
    params, state, x = prepared(layer, (9, 4))
    compare(layer, params, state, x[:, 0])
    length = np.array([9, 4, 1, 0], np.int32)
    compare(layer, params, state, Padded(np.where(np.arange(9)[:, None] < length[:, None, None], x, np.nan), length))


@pytest.mark.parametrize("layer", every(3, FRONT_ENDS), ids=repr)
def test_front_end_equals_ours(layer):
    batch = padded([*speech((512, 401, 400, 1)), np.full(300, 50, np.float32)])
    compare(layer, {}, {}, batch)
    compare(layer, {}, {}, batch.values[[0, 1, 4], :300])


@pytest.mark.parametrize("layer", [jl.Normalize(), jl.BatchNorm()], ids=repr)
def test_statistics_far_from_zero_lose_no_digits(layer):
    params, state, x = prepared(layer, (4,))
    state = {**state, "mean": np.full(4, -100, np.float32), "variance": np.full(4, 1e-4, np.float32)}
    compare(layer, params, state, x * 0.01 - 100)


def test_every_registered_layer_has_an_emitter_or_is_exempt_by_name():
    ours = {name: cls for name, cls in jl.REGISTRY.items() if cls.__module__.startswith("jaxlisten.nn.")}
    missing = {name for name, cls in ours.items() if emit.dispatch(cls) is emit.dispatch(object)}
    assert missing == {name for name, case in CASES.items() if name in ours and "export" in case.exempt}


def exported(name, **settings):
    return to_onnx(*trained(name), **({"sr": SR, "classes": CLASSES} | settings))


@pytest.mark.parametrize("name", MODELS)
def test_model_equals_ours_with_junk_behind_the_ends(name):
    x = padded(speech())
    scores, probabilities = ours(name, x)
    np.testing.assert_allclose(run_onnx(exported(name), x.values, x.length), probabilities, rtol=0, atol=1e-5)
    got = run_onnx(exported(name, link=None), x.values, x.length)
    np.testing.assert_allclose(got, scores, rtol=0, atol=1e-5 * np.abs(scores).max())


@pytest.mark.parametrize("name", MODELS)
def test_clip_alone_equals_batch_and_length_may_be_left_out(name):
    clips, proto = speech(), exported(name)
    x = padded(clips)
    together = run_onnx(proto, x.values, x.length)
    for clip, row in zip(clips, together, strict=False):
        np.testing.assert_allclose(run_onnx(proto, clip[None])[0], row, rtol=0, atol=1e-6)
    same = np.stack(speech((800, 800, 800)))
    np.testing.assert_array_equal(run_onnx(proto, same), run_onnx(proto, same, [800] * 3))
    np.testing.assert_array_equal(run_onnx(proto, same), run_onnx(proto, same, [9000] * 3))


@pytest.mark.parametrize("name", MODELS)
def test_model_equals_ours_on_real_recordings(name, real):
    paths = sorted((real / "fsdd").rglob("*.wav"))
    if not paths:
        pytest.skip("JAXLISTEN_DATA has no folder fsdd with wav files")
    x = padded([soundfile.read(path, dtype="float32")[0] for path in paths[:: len(paths) // 24]])
    scores, probabilities = ours(name, x)
    np.testing.assert_allclose(run_onnx(exported(name), x.values, x.length), probabilities, rtol=0, atol=1e-5)
    got = run_onnx(exported(name, link=None), x.values, x.length)
    np.testing.assert_allclose(got, scores, rtol=0, atol=1e-5 * np.abs(scores).max())


def test_inputs_outputs_and_metadata_are_those_of_the_contract():
    proto = exported("cnn1d")
    shapes = {
        value.name: [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in [*proto.graph.input, *proto.graph.output]
    }
    assert [*shapes] == ["waveform", "length", "probabilities"]
    assert shapes["waveform"] == ["batch", "time"]
    assert shapes["probabilities"] == ["batch", 3]
    metadata = {prop.key: prop.value for prop in proto.metadata_props}
    assert json.loads(metadata["classes"]) == [*CLASSES]
    assert "três" in metadata["classes"]
    assert metadata["sr"] == "8000"
    assert "longest" not in metadata
    assert (proto.producer_name, proto.producer_version) == ("jaxlisten", jl.version.__version__)
    assert proto.ir_version <= 10


def test_names_are_paths():
    proto = exported("cnn1d")
    nodes, weights = {node.name for node in proto.graph.node}, {tensor.name for tensor in proto.graph.initializer}
    assert {"block0/conv1d/Conv", "block1/residual/body/relu/Relu", "pool/mean/ReduceSum"} <= nodes
    assert {"block0/conv1d/kernel", "normalize/mean", "block1/conv1d/bias", "logits/kernel"} <= weights
    assert len(nodes) == len(proto.graph.node)


def test_weights_of_the_front_end_stay_small():
    layer = jl.serial(jl.LogMel(16_000, n_fft=2048), jl.GlobalPool())
    assert to_onnx(layer, {}, {}, sr=16_000, classes=range(64)).ByteSize() < 400_000


def test_model_of_features():
    model = jl.serial(jl.Conv1D(4, 3), jl.GlobalPool("max"), jl.Dense(3))
    params, state, x = prepared(model, (12, 5))
    proto = to_onnx(model, params, state, sr=SR, classes=CLASSES, link=None, input_shape=("batch", "time", 5))
    np.testing.assert_allclose(run_onnx(proto, x), model.apply(params, state, x)[0], atol=1e-5)
    params, state, x = prepared(jl.Dense(3), (5,))
    proto = to_onnx(jl.Dense(3), params, state, sr=SR, classes=CLASSES, input_shape=("batch", 5))
    np.testing.assert_allclose(run_onnx(proto, x), jax.nn.softmax(x @ params["kernel"] + params["bias"]), atol=1e-6)


class Negative(jl.Stepwise):
    def forward(self, params, state, x, valid, *, key=None, train=False):
        return -x, state


def test_unknown_layer_is_named_and_can_be_registered():
    x = np.ones((2, 3), np.float32)
    with pytest.raises(jl.InputError, match=r"Negative has no ONNX form; register .*emit\.register"):
        run_layer_onnx(jl.serial(Negative()), {}, {}, x)

    class Registered(Negative):
        pass

    emit.register(Registered, lambda layer, graph, params, state, x: x._replace(values=graph.add("Neg", x.values)))
    np.testing.assert_array_equal(run_layer_onnx(jl.serial(Registered()), {}, {}, x), -x)


@pytest.mark.parametrize(
    ("model", "settings", "message"),
    [
        (MODELS["cnn1d"], {"classes": "ab"}, r"expected 2 scores .* got \(3,\)"),
        (jl.LogMel(SR), {}, r"expected 3 scores .* GlobalPool"),
        (MODELS["cnn1d"], {"link": "tanh"}, r"'identity' or None, got 'tanh'"),
    ],
)
def test_model_that_does_not_fit_is_refused(model, settings, message):
    params, state = jax.eval_shape(model.init, jax.random.key(0), jax.ShapeDtypeStruct((1, SR), jnp.float32))
    with pytest.raises(jl.InputError, match=message):
        to_onnx(model, params, state, **({"sr": SR, "classes": CLASSES} | settings))


def test_missing_package_is_named_with_the_remedy(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(jl.InputError, match=r"onnx is missing.*pip install 'jaxlisten\[export\]'"):
        exported("lstm")
