"""Convolutions of flax NNX, and the layers that compute the same for clips of every length.

Ours give ``ceil(time / stride)`` steps, and ``time * stride`` when they are transposed. So the zeros that flax puts on
the two sides must add up to what leaves that many, and stand in places that do not depend on the length.
"""

from __future__ import annotations

from typing import Any, NoReturn

import jax
import jax.numpy as jnp

from jaxlisten.interop.common import Parts, arrays, refused, usual
from jaxlisten.nn import Conv1D, Conv2D, ConvTranspose1D, ConvTranspose2D, DepthwiseConv1D, DepthwiseConv2D

_Pads = tuple[tuple[int, int], ...]
"""Zeros before and behind, of time, or of time and frequency."""


def conv(module: Any) -> Parts:
    rank = _rank(module)
    usual(module, mask=(None,), conv_general_dilated=(jax.lax.conv_general_dilated,))
    usual(module, input_dilation=(1, None, (1,) * rank))
    kernel, channels, groups = module.kernel_size, module.out_features, module.feature_group_count
    stride, dilation = _each(module.strides, rank), _each(module.kernel_dilation, rank)
    spans = tuple((k - 1) * d for k, d in zip(kernel, dilation, strict=True))
    same = tuple((span // 2, span - span // 2) for span in spans)
    pads = same if _is_same(module, spans, stride) else _explicit(module, rank)
    if module.padding in ("VALID", "CAUSAL"):
        pads = tuple((span if module.padding == "CAUSAL" else 0, 0) for span in spans)
    if pads is None or not _fit(pads, same):
        _refuse_padding(module, same)
    settings = {"kernel": kernel, "stride": stride, "dilation": dilation, "bias": module.use_bias}
    settings["lookahead"] = None if pads == same else pads[0][1]
    params = arrays(module, "kernel", "bias")
    if groups == 1:
        return Parts(_sized((Conv1D, Conv2D), rank, channels=channels, **settings), params, {})
    if not groups == module.in_features == channels:
        cause = "there are no other groups"
        refused(module, f"feature_group_count=1, or {channels} in and out for a depthwise one", groups, cause)
    params["kernel"] = params["kernel"].squeeze(-2)
    return Parts(_sized((DepthwiseConv1D, DepthwiseConv2D), rank, **settings), params, {})


def conv_transpose(module: Any) -> Parts:
    rank = _rank(module)
    usual(module, mask=(None,), kernel_dilation=(None, 1, (1,) * rank))
    kernel, stride = module.kernel_size, _each(module.strides, rank)
    aheads = [(k - 1) // 2 for k in kernel]
    same = tuple((k - 1 - n, s - 1 + n) for k, s, n in zip(kernel, stride, aheads, strict=True))
    pads = _flax_same(kernel, stride) if module.padding == "SAME" else _explicit(module, rank)
    if pads is None or not _fit(pads, same) or pads[0][0] >= kernel[0]:
        _refuse_padding(module, same)
    settings = {"kernel": kernel, "stride": stride, "bias": module.use_bias}
    settings["lookahead"] = None if pads == same else kernel[0] - 1 - pads[0][0]
    params = arrays(module, "kernel", "bias")
    # Theirs is reversed in time against ours, unless it is the transpose of a Conv.
    given, axes = params["kernel"], tuple(range(rank))
    params["kernel"] = jnp.swapaxes(given, -1, -2) if module.transpose_kernel else jnp.flip(given, axes)
    layers = (ConvTranspose1D, ConvTranspose2D)
    return Parts(_sized(layers, rank, channels=module.out_features, **settings), params, {})


def _is_same(module: Any, spans: tuple[int, ...], stride: tuple[int, ...]) -> bool:
    """Whether the padding is "SAME", where flax's is ours; refuse it where it is not."""
    if module.padding != "SAME":
        return False
    if all(s == 1 or span <= 1 for s, span in zip(stride, spans, strict=True)):
        return True
    low = tuple(max(0, span + 1 - s) // 2 for s, span in zip(stride, spans, strict=True))
    fixed = tuple((n, span - n) for n, span in zip(low, spans, strict=True))
    cause = "it depends on the length of the clip"
    if len(spans) == 1:
        cause += f"; set padding={fixed} on the module, which is the same for multiples of the stride"
    refused(module, "padding in numbers where the stride is above 1", "'SAME'", cause)


def _flax_same(kernel: tuple[int, ...], stride: tuple[int, ...]) -> _Pads:
    """Return what flax pads for the padding "SAME" of a transposed convolution, whatever the length."""
    sums = [(k + s - 2, k, s) for k, s in zip(kernel, stride, strict=True)]
    low = [k - 1 if s > k - 1 else -(-total // 2) for total, k, s in sums]
    return tuple((n, total - n) for n, (total, _, _) in zip(low, sums, strict=True))


def _explicit(module: Any, rank: int) -> _Pads | None:
    """Return padding in numbers; None: it is a word."""
    if isinstance(module.padding, str):
        return None
    return tuple((pad, pad) if isinstance(pad, int) else tuple(pad) for pad in _each(module.padding, rank))


def _fit(pads: _Pads, same: _Pads) -> bool:
    """Whether a layer of ours pads like that: by as many zeros as "same", of which only those of time can be moved."""
    as_many = all(sum(pad) == sum(ours) and min(pad) >= 0 for pad, ours in zip(pads, same, strict=True))
    return as_many and pads[1:] == same[1:]


def _refuse_padding(module: Any, same: _Pads) -> NoReturn:
    expected = f"padding={same} or, of time, others with that sum"
    refused(module, expected, repr(module.padding), "it gives another number of steps; train with one that fits")


def _rank(module: Any) -> int:
    rank = len(module.kernel_size)
    if rank > 2:
        refused(module, "a kernel over time, or over time and frequency", module.kernel_size)
    return rank


def _each(value: Any, rank: int) -> tuple[Any, ...]:
    """Return a setting as one value an axis, as flax reads it."""
    if value is None:
        return (1,) * rank
    return (value,) * rank if isinstance(value, int) else tuple(value)


def _sized(layers: tuple[Any, Any], rank: int, **settings: Any) -> Any:
    """Make the layer over time of numbers, or the one over time and frequency of pairs."""
    if rank == 2:
        return layers[1](**settings)
    return layers[0](**{name: value[0] if isinstance(value, tuple) else value for name, value in settings.items()})
