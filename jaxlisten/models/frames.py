"""Models that answer at every step: what is heard when."""

from __future__ import annotations

from jaxlisten.models.heads import entry, some
from jaxlisten.nn import (
    GRU,
    AddChannel,
    BatchNorm,
    Bidirectional,
    Conv1D,
    Conv2D,
    Dense,
    Dropout,
    Layer,
    MergeFrequency,
    ReLU,
    Serial,
    residual,
    serial,
)


def event_crnn(
    classes: int,
    *,
    filters: tuple[int, ...] = (16, 32),
    channels: int = 96,
    units: int = 64,
    kernel: int = 5,
    stride: int = 2,
    dropout: float = 0.2,
    causal: bool = False,
) -> Serial:
    """A CRNN for sound event detection: convolutions over time and frequency, a GRU both ways, logits at every step.

    Behind `log_mel` it answers every 20 ms. Train it with ``task="event_detection"``.

    Args:
        classes: how many logits a step has.
        filters: of each convolution over time and frequency, at half the bands of the one before it.
        channels: filters of the residual convolution over time that follows.
        units: size of the GRU in each direction.
        kernel: taps of the convolution over time.
        stride: how many times fewer steps come out than go in.
        dropout: rate before the last layer.
        causal: no output sees the future: the GRU runs forwards only, and the streaming form answers without delay.
            Otherwise there is no streaming form, because every output depends on the whole clip.

    Returns:
        A layer from ``[*batch, time, channel]``, whose channels are bands of frequency, to
        ``[*batch, time / stride, classes]``, rounded up.

    Reference:
        In the manner of Çakır et al. 2017, *Convolutional recurrent neural networks for polyphonic sound event
        detection*.
    """
    some("event_crnn", "filters", filters)
    lookahead = 0 if causal else None
    images = dict[str, Layer]()
    for index, width in enumerate(filters):
        size, by = ((3, 3), 1) if index else ((5, 5), stride)
        image = Conv2D(width, size, stride=(by, 2), lookahead=lookahead, bias=False)
        images[f"image{index}"] = serial(image, BatchNorm(), ReLU())
    block = serial(
        serial(Conv1D(channels, 1, bias=False), BatchNorm(), ReLU()),
        residual=residual(serial(Conv1D(channels, kernel, lookahead=lookahead, bias=False), BatchNorm(), ReLU())),
    )
    recurrence = GRU(units) if causal else Bidirectional(GRU(units))
    return serial(
        **entry(),
        image=AddChannel(),
        **images,
        steps=MergeFrequency(),
        block=block,
        gru=recurrence,
        dropout=Dropout(dropout),
        logits=Dense(classes),
    )


def event_linear(classes: int) -> Serial:
    """One dense layer on each step by itself: logistic regression of every frame, to compare with.

    Args:
        classes: how many logits a step has.

    Returns:
        A layer from ``[*batch, time, channel]`` to ``[*batch, time, classes]``.
    """
    return serial(**entry(), logits=Dense(classes))
