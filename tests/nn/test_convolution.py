"""Convolutions against flax NNX on an input that is padded by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxlisten as jl
from jaxlisten.types import Padded
from tests.nn.compiled import apply, init
from tests.thinned import every

X = np.random.default_rng(0).standard_normal((2, 17, 4)).astype(np.float32)
IMAGES = np.random.default_rng(1).standard_normal((2, 11, 7, 3)).astype(np.float32)


def weighted(layer, x=X):
    """Return params whose bias is not 0."""
    params, _ = init(layer, jax.random.key(0), x)
    return params | {"bias": jax.random.normal(jax.random.key(1), params["bias"].shape)}


def compare(layer, oracle, params, kernel, x):
    """Hold a layer equal to that of flax with the same weights."""
    from flax import nnx

    oracle.kernel[...], oracle.bias[...] = kernel, params["bias"]
    got, want = apply(layer, params, {}, x)[0], nnx.jit(oracle)(x)
    assert got.shape[1] == layer.out_length(x.shape[1])
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-5 * np.abs(want).max())


# settings, and zeros that stand before and behind the clip
CONVOLUTIONS = [
    ({"kernel": 3}, 1, 1),
    ({"kernel": 4}, 1, 2),
    ({"kernel": 5, "stride": 2}, 2, 2),
    ({"kernel": 3, "dilation": 3}, 3, 3),
    ({"kernel": 4, "stride": 3, "dilation": 2}, 3, 3),
    ({"kernel": 4, "lookahead": 0}, 3, 0),
    ({"kernel": 3, "stride": 2, "dilation": 2, "lookahead": 1}, 3, 1),
    ({"kernel": 3, "lookahead": 2}, 0, 2),
]


@pytest.mark.parametrize(("settings", "before", "behind"), every(2, CONVOLUTIONS), ids=str)
def test_conv1d_equals_flax_with_explicit_padding(settings, before, behind):
    from flax import nnx

    layer = jl.Conv1D(6, **settings)
    params = weighted(layer)
    oracle = nnx.Conv(
        4,
        6,
        settings["kernel"],
        strides=settings.get("stride", 1),
        kernel_dilation=settings.get("dilation", 1),
        padding=[(before, behind)],
        rngs=nnx.Rngs(0),
    )
    compare(layer, oracle, params, params["kernel"], X)


# settings, and zeros before and behind, of time and of frequency
CONVOLUTIONS2D = [
    ({"kernel": (3, 3)}, (1, 1), (1, 1)),
    ({"kernel": (4, 2), "stride": (2, 3)}, (1, 2), (0, 1)),
    ({"kernel": (3, 4), "dilation": (2, 2), "stride": (1, 2)}, (2, 2), (3, 3)),
    ({"kernel": (5, 3), "lookahead": 1}, (3, 1), (1, 1)),
]


@pytest.mark.parametrize(
    ("settings", "time", "freq", "depthwise"),
    every(2, [*((*case, False) for case in CONVOLUTIONS2D), *((*case, True) for case in CONVOLUTIONS2D[1:3])]),
    ids=str,
)
def test_convolution_over_frequency_equals_flax_with_explicit_padding(settings, time, freq, depthwise):
    from flax import nnx

    layer = jl.DepthwiseConv2D(**settings) if depthwise else jl.Conv2D(6, **settings)
    params = weighted(layer, IMAGES)
    oracle = nnx.Conv(
        3,
        3 if depthwise else 6,
        settings["kernel"],
        strides=settings.get("stride", 1),
        kernel_dilation=settings.get("dilation", 1),
        padding=[time, freq],
        feature_group_count=3 if depthwise else 1,
        rngs=nnx.Rngs(0),
    )
    compare(layer, oracle, params, params["kernel"][..., None, :] if depthwise else params["kernel"], IMAGES)


@pytest.mark.parametrize(("settings", "before", "behind"), CONVOLUTIONS[2:6:3], ids=str)
def test_depthwise_conv1d_equals_flax_with_explicit_padding(settings, before, behind):
    from flax import nnx

    layer = jl.DepthwiseConv1D(**settings)
    params = weighted(layer)
    settings = {"strides": settings.get("stride", 1), "padding": [(before, behind)], "feature_group_count": 4}
    oracle = nnx.Conv(4, 4, layer.kernel, **settings, rngs=nnx.Rngs(0))
    compare(layer, oracle, params, params["kernel"][:, None], X)


TRANSPOSED = [
    jl.ConvTranspose1D(5, 4),
    jl.ConvTranspose1D(5, 5, stride=3),
    jl.ConvTranspose1D(5, 2, stride=3),
    jl.ConvTranspose1D(5, 7, stride=2, lookahead=0),
    jl.ConvTranspose1D(5, 7, stride=2, lookahead=6),
    jl.ConvTranspose2D(5, (4, 3)),
    jl.ConvTranspose2D(5, (3, 6), stride=(3, 1), lookahead=2),
]


@pytest.mark.parametrize("layer", every(3, TRANSPOSED), ids=repr)
def test_transposed_convolution_equals_flax_with_explicit_padding(layer):
    from flax import nnx

    x = X if layer.step_ndim == 1 else IMAGES
    params, axes = weighted(layer, x), tuple(range(layer.step_ndim))
    sizes = params["kernel"].shape[: layer.step_ndim]
    strides = layer.stride if isinstance(layer.stride, tuple) else (layer.stride,)
    places = [(n - 1) // 2 for n in sizes]
    if layer.lookahead is not None:
        places[0] = layer.lookahead
    padding = [(n - 1 - p, s - 1 + p) for n, s, p in zip(sizes, strides, places, strict=True)]
    oracle = nnx.ConvTranspose(x.shape[-1], 5, sizes, strides=strides, padding=padding, rngs=nnx.Rngs(0))
    compare(layer, oracle, params, jnp.flip(params["kernel"], axes), x)
    assert layer.out_length(17) == 17 * strides[0]


@pytest.mark.parametrize(("kernel", "stride"), [(4, 2), (5, 3), (2, 3)])
def test_the_transposed_convolution_is_the_transpose_of_the_convolution(kernel, stride):
    down, up = jl.Conv1D(5, kernel, stride=stride, bias=False), jl.ConvTranspose1D(4, kernel, stride=stride, bias=False)
    whole = jnp.asarray(X[:, : 17 // stride * stride])
    params, _ = init(down, jax.random.key(0), whole)
    y, back = jax.vjp(lambda x: apply(down, params, {}, x)[0], whole)
    gradient = jax.random.normal(jax.random.key(1), y.shape)
    want = apply(up, {"kernel": params["kernel"].swapaxes(1, 2)}, {}, gradient)[0]
    np.testing.assert_allclose(back(gradient)[0], want, rtol=0, atol=1e-5)


def test_weights_start_as_they_are_documented():
    def deviation(layer, *shape):
        params, state = init(layer, jax.random.key(0), jax.ShapeDtypeStruct(shape, jnp.float32))
        assert state == {}
        assert not params["bias"].any()
        return params["kernel"].std()

    # He: the square root of 2 over how many inputs an output sees
    np.testing.assert_allclose(deviation(jl.Conv1D(200, 5), 9, 40), np.sqrt(2 / (5 * 40)), rtol=0.02)
    np.testing.assert_allclose(deviation(jl.Conv2D(99, (3, 4)), 9, 9, 40), np.sqrt(2 / (3 * 4 * 40)), rtol=0.02)
    np.testing.assert_allclose(deviation(jl.DepthwiseConv1D(5), 9, 9999), np.sqrt(2 / 5), rtol=0.02)
    np.testing.assert_allclose(deviation(jl.DepthwiseConv2D((3, 4)), 9, 9, 9999), np.sqrt(2 / (3 * 4)), rtol=0.02)
    np.testing.assert_allclose(deviation(jl.ConvTranspose1D(200, 6), 9, 40), np.sqrt(2 / (3 * 40)), rtol=0.02)
    up = jl.ConvTranspose2D(200, (6, 4), stride=(3, 2))
    np.testing.assert_allclose(deviation(up, 9, 9, 40), np.sqrt(2 / (2 * 2 * 40)), rtol=0.02)


def test_without_bias_there_is_none():
    for layer in (jl.Conv1D(3, 2, bias=False), jl.DepthwiseConv1D(2, bias=False), jl.ConvTranspose1D(3, 2, bias=False)):
        params, _ = init(layer, jax.random.key(0), X)
        assert set(params) == {"kernel"}


def test_other_channels_than_at_first_are_refused_with_both_shapes():
    hint = "the layer was initialised for 4 channels; has n_mels or a layer before it changed?"
    model = jl.serial(body=jl.serial(conv=jl.Conv1D(3, 5)))
    params, state = init(model, jax.random.key(0), X)
    with pytest.raises(jl.LayerError) as error:
        apply(model, params, state, X[..., :3])
    assert str(error.value) == f"body/conv: Conv1D: expected x [*batch, time, 4], got (2, 17, 3): {hint}"
    params, state = init(jl.Conv2D(3, (3, 3)), jax.random.key(0), X[..., None, :])
    with pytest.raises(jl.LayerError) as error:
        apply(jl.Conv2D(3, (3, 3)), params, state, IMAGES)
    assert str(error.value) == f"Conv2D: expected x [*batch, time, freq, 4], got (2, 11, 7, 3): {hint}"


def test_raw_sound_before_a_convolution_is_refused_with_the_likely_cause():
    with pytest.raises(jl.LayerError) as error:
        init(jl.serial(jl.Conv1D(3, 5)), jax.random.key(0), X[0, :, 0])
    want = "conv1d: Conv1D: expected x [*batch, time, channel], got (17,): is the front end missing?"
    assert str(error.value) == want


def test_a_spectrogram_before_a_convolution_over_frequency_is_refused_with_the_likely_cause():
    with pytest.raises(
        jl.LayerError, match=r"\[\*batch, time, freq, channel\], got \(17, 4\): is an AddChannel missing"
    ):
        init(jl.Conv2D(3, (3, 3)), jax.random.key(0), X[0])
    params, _ = init(jl.Conv2D(3, (3, 3)), jax.random.key(0), X)
    with pytest.raises(jl.LayerError, match=r"wrong number of axes; is an AddChannel missing\?"):
        apply(jl.Conv2D(3, (3, 3)), params, {}, Padded(X, np.array([17, 3])))


def test_a_number_in_place_of_a_pair_is_refused_with_what_is_wanted():
    with pytest.raises(jl.LayerError) as error:
        jl.Conv2D(3, 5)
    assert str(error.value) == "Conv2D: expected kernel (time, freq), two whole numbers above 0, got 5"


@pytest.mark.parametrize(
    ("layer", "ratio", "delay", "flush"),
    [
        (jl.ConvTranspose1D(1, 4), 2, 2, 1),
        (jl.ConvTranspose1D(1, 4, lookahead=0), 2, 0, 0),
        (jl.ConvTranspose1D(1, 9, stride=3), 3, 6, 2),
        (jl.ConvTranspose2D(1, (4, 9)), 2, 2, 1),
    ],
)
def test_timing_of_a_transposed_convolution_is_worked_out_by_hand(layer, ratio, delay, flush):
    timing = layer.timing()
    assert (timing.block, timing.ratio, timing.delay, timing.flush) == (1, ratio, delay, flush)
