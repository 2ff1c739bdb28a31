"""Recurrent models, with and without convolutions before them."""

from __future__ import annotations

from jaxlisten.models.heads import entry, head, some
from jaxlisten.nn import GRU, LSTM, BatchNorm, Bidirectional, Conv1D, GlobalPool, Normalize, ReLU, Serial, serial


def lstm(
    classes: int,
    *,
    units: tuple[int, ...] = (128,),
    bidirectional: bool = False,
    pool: str = "last",
    dropout: float = 0.2,
) -> Serial:
    """Stacked LSTMs over time and a dense layer on top. It sees no future, so it streams without delay.

    Args:
        classes: how many logits come out.
        units: size of each LSTM, the one nearest to the input first.
        bidirectional: each one runs both ways, at `units` a direction. Such a model has no streaming form.
        pool: how the steps of the last one become one: "last" (of both directions), "mean" or "max".
        dropout: rate before the last layer.

    Returns:
        A layer from ``[*batch, time, channel]`` to ``[*batch, classes]``.
    """
    return _stack(LSTM, classes, units, bidirectional, pool, dropout)


def gru(
    classes: int,
    *,
    units: tuple[int, ...] = (128,),
    bidirectional: bool = False,
    pool: str = "last",
    dropout: float = 0.2,
) -> Serial:
    """Stacked GRUs over time and a dense layer on top; the settings are those of `lstm`."""
    return _stack(GRU, classes, units, bidirectional, pool, dropout)


def crnn(
    classes: int,
    *,
    channels: tuple[int, ...] = (32, 64, 64),
    kernel: int = 9,
    stride: int = 4,
    units: int = 96,
    dropout: float = 0.2,
    causal: bool = False,
) -> Serial:
    """End to end: convolutions on the raw waveform, a GRU over what they find, and a dense layer on top.

    The first convolution is a bank of filters of 10 times `kernel` samples; each later one lowers the rate by `stride`.
    At 16 kHz the default GRU runs 62 times a second.

    Args:
        classes: how many logits come out.
        channels: filters of each convolution.
        kernel: taps of the convolutions behind the first one.
        stride: how many times fewer steps each of those gives than it takes; the first one gives four times fewer yet.
        units: size of the GRU.
        dropout: rate before the last layer.
        causal: no output sees the future, so that the streaming form answers without delay.

    Returns:
        A layer from ``[*batch, time, 1]``, as `Raw` gives, to ``[*batch, classes]``.
    """
    some("crnn", "channels", channels)
    lookahead = 0 if causal else None
    taps = (10 * kernel, *(kernel,) * (len(channels) - 1))
    strides = (4 * stride, *(stride,) * (len(channels) - 1))
    blocks = {
        f"block{index}": serial(Conv1D(width, n, stride=step, lookahead=lookahead, bias=False), BatchNorm(), ReLU())
        for index, (width, n, step) in enumerate(zip(channels, taps, strides, strict=True))
    }
    return serial(normalize=Normalize(), **blocks, gru=GRU(units), **head(classes, dropout, GlobalPool("mean")))


def _stack(
    cell: type[LSTM] | type[GRU], classes: int, units: tuple[int, ...], bidirectional: bool, pool: str, dropout: float
) -> Serial:
    name = cell.__name__.lower()
    some(name, "units", units)
    layers, ends = {}, bidirectional and pool == "last"
    for index, size in enumerate(units):
        last = ends and index == len(units) - 1
        layers[f"{name}{index}"] = Bidirectional(cell(size), last=last) if bidirectional else cell(size)
    top = head(classes, dropout, GlobalPool(pool))
    if ends:  # the last of both directions is one step already
        del top["pool"]
    return serial(**entry(), **layers, **top)
