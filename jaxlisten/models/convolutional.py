"""Convolutional models."""

from __future__ import annotations

from jaxlisten.errors import LayerError
from jaxlisten.nn import (
    BatchNorm,
    Conv1D,
    Dense,
    Dropout,
    GlobalPool,
    Normalize,
    ReLU,
    Serial,
    parallel,
    residual,
    serial,
)


def cnn1d(
    classes: int,
    *,
    channels: tuple[int, ...] = (64, 96, 128),
    kernel: int = 5,
    dropout: float = 0.2,
    causal: bool = False,
) -> Serial:
    """Residual convolutions over time, each block at half the rate of the one before it.

    Args:
        classes: how many logits come out.
        channels: filters of each block.
        kernel: taps of each convolution over time.
        dropout: rate before the last layer.
        causal: no output sees the future, so that the streaming form answers without delay.

    Returns:
        A layer from ``[*batch, time, channel]`` to ``[*batch, classes]``.

    Reference:
        In the manner of the temporal ResNets of Choi et al. 2019 (TC-ResNet), with pre-pooled mean and maximum.
    """
    if not channels:
        raise LayerError("cnn1d: expected at least one block of channels, got none")
    lookahead = 0 if causal else None
    blocks = {}
    for index, width in enumerate(channels):
        blocks[f"block{index}"] = serial(
            Conv1D(width, kernel, stride=2, lookahead=lookahead, bias=False),
            BatchNorm(),
            ReLU(),
            residual=residual(
                Conv1D(width, kernel, lookahead=lookahead, bias=False),
                BatchNorm(),
                ReLU(),
            ),
        )
    return serial(
        normalize=Normalize(),
        **blocks,
        pool=parallel(mean=GlobalPool("mean"), max=GlobalPool("max")),
        dropout=Dropout(dropout),
        logits=Dense(classes),
    )
