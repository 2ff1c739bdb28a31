"""Convolutional models: over time, and over time and frequency."""

from __future__ import annotations

from jaxlisten.models.heads import entry, head, pooled, some
from jaxlisten.nn import (
    AddChannel,
    BatchNorm,
    Conv1D,
    Conv2D,
    DepthwiseConv2D,
    FrequencyPool,
    Layer,
    MergeFrequency,
    ReLU,
    Serial,
    residual,
    serial,
)


def cnn1d(
    classes: int,
    *,
    channels: tuple[int, ...] = (64, 96, 128),
    kernel: int = 5,
    stride: int = 2,
    dropout: float = 0.2,
    causal: bool = False,
) -> Serial:
    """Residual convolutions over time, each block at a lower rate than the one before it.

    On raw samples (`Raw`) it wants more of it: ``channels=(32, 64, 96, 128), kernel=9, stride=4``.

    Args:
        classes: how many logits come out.
        channels: filters of each block.
        kernel: taps of each convolution over time.
        stride: how many times fewer steps each block gives than it takes.
        dropout: rate before the last layer.
        causal: no output sees the future, so that the streaming form answers without delay.

    Returns:
        A layer from ``[*batch, time, channel]`` to ``[*batch, classes]``.

    Reference:
        In the manner of the temporal ResNets of Choi et al. 2019 (TC-ResNet), with pre-pooled mean and maximum.
    """
    some("cnn1d", "channels", channels)
    lookahead = 0 if causal else None
    blocks = {
        f"block{index}": serial(
            normed(Conv1D(width, kernel, stride=stride, lookahead=lookahead, bias=False)),
            residual=residual(normed(Conv1D(width, kernel, lookahead=lookahead, bias=False))),
        )
        for index, width in enumerate(channels)
    }
    return serial(**entry(), **blocks, **head(classes, dropout, pooled()))


def cnn(
    classes: int,
    *,
    filters: tuple[int, ...] = (16, 32),
    channels: tuple[int, ...] = (96, 96, 128),
    kernel: int = 5,
    dropout: float = 0.2,
    causal: bool = False,
) -> Serial:
    """Convolutions over time and frequency, which know a sound wherever it lies, then residual ones over time.

    Args:
        classes: how many logits come out.
        filters: of each convolution over time and frequency, at half the bands of the one before it; the first one
            halves the steps too.
        channels: filters of each block over time; from the second on each has half the steps of the one before it.
        kernel: taps of each convolution over time.
        dropout: rate before the last layer.
        causal: no output sees the future, so that the streaming form answers without delay.

    Returns:
        A layer from ``[*batch, time, channel]``, whose channels are bands of frequency, to ``[*batch, classes]``.
    """
    some("cnn", "filters", filters)
    some("cnn", "channels", channels)
    lookahead = 0 if causal else None
    images, blocks = dict[str, Layer](), dict[str, Layer]()
    for index, width in enumerate(filters):
        size, stride = ((3, 3), (1, 2)) if index else ((5, 5), (2, 2))
        images[f"image{index}"] = normed(Conv2D(width, size, stride=stride, lookahead=lookahead, bias=False))
    for index, width in enumerate(channels):
        taps, stride = (kernel, 2) if index else (1, 1)
        blocks[f"block{index}"] = serial(
            normed(Conv1D(width, taps, stride=stride, lookahead=lookahead, bias=False)),
            residual=residual(normed(Conv1D(width, kernel, lookahead=lookahead, bias=False))),
        )
    return serial(
        **entry(), image=AddChannel(), **images, steps=MergeFrequency(), **blocks, **head(classes, dropout, pooled())
    )


def resnet(
    classes: int,
    *,
    filters: tuple[int, ...] = (16, 32),
    channels: tuple[int, ...] = (64, 128),
    dropout: float = 0.2,
    causal: bool = False,
) -> Serial:
    """Residual convolutions over time and frequency to the end, whose bands are averaged: a small ResNet.

    A step of training costs one and a half times that of `cnn`.

    Args:
        classes: how many logits come out.
        filters: of each convolution, 5 x 5 the first and 3 x 3 the others, at half the bands of the one before it; the
            first one halves the steps too.
        channels: filters of each block, two 3 x 3 convolutions at half the steps and half the bands of the one before.
        dropout: rate before the last layer.
        causal: no output sees the future, so that the streaming form answers without delay.

    Returns:
        A layer from ``[*batch, time, channel]``, whose channels are bands of frequency, to ``[*batch, classes]``.

    Reference:
        He et al. 2016; Tang and Lin 2018, *Deep residual learning for small-footprint keyword spotting*, with strides
        in place of dilation and the largest value beside the mean over time.
    """
    some("resnet", "filters", filters)
    some("resnet", "channels", channels)

    def conv(width: int, size: int, stride: tuple[int, int] = (1, 1)) -> Serial:
        return normed(Conv2D(width, (size, size), stride=stride, lookahead=0 if causal else None, bias=False))

    first, *others = filters
    images = {"image0": conv(first, 5, (2, 2))}
    images |= {f"image{index}": conv(width, 3, (1, 2)) for index, width in enumerate(others, 1)}
    blocks = {
        f"block{index}": serial(conv(width, 3, (2, 2)), residual=residual(conv(width, 3)))
        for index, width in enumerate(channels)
    }
    return serial(
        **entry(),
        image=AddChannel(),
        **images,
        **blocks,
        bands=FrequencyPool("mean"),
        **head(classes, dropout, pooled()),
    )


def ds_cnn(classes: int, *, channels: int = 64, blocks: int = 4, dropout: float = 0.2, causal: bool = False) -> Serial:
    """Depthwise separable convolutions over time and frequency, small enough for a microcontroller.

    With the front end ``jl.MFCC(sr=16_000, n_mfcc=10, n_fft=1024, win_length=640, hop_length=320)`` it is the network
    of the keyword-spotting task of MLPerf Tiny.

    Args:
        classes: how many logits come out.
        channels: filters of every layer.
        blocks: pairs of a 3 x 3 convolution of each channel and a 1 x 1 convolution over the channels.
        dropout: rate before the last layer.
        causal: no output sees the future, so that the streaming form answers without delay.

    Returns:
        A layer from ``[*batch, time, channel]``, whose channels are bands of frequency, to ``[*batch, classes]``.

    Reference:
        Zhang et al. 2017, *Hello edge*, DS-CNN; Banbury et al. 2021 (MLPerf Tiny).
    """
    some("ds_cnn", "blocks", (channels,) * blocks)
    lookahead = 0 if causal else None
    first = Conv2D(channels, (10, 4), stride=(2, 2), lookahead=lookahead, bias=False)
    separable = {
        f"block{index}": serial(
            depthwise=normed(DepthwiseConv2D((3, 3), lookahead=lookahead, bias=False)),
            pointwise=normed(Conv2D(channels, (1, 1), bias=False)),
        )
        for index in range(blocks)
    }
    return serial(
        **entry(),
        image=AddChannel(),
        first=normed(first),
        **separable,
        bands=FrequencyPool("mean"),
        **head(classes, dropout, pooled()),
    )


def normed(convolution: Layer) -> Serial:
    return serial(convolution, BatchNorm(), ReLU())
