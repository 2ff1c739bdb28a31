"""Models that say what is in a clip symbol by symbol, without having been told when."""

from __future__ import annotations

from jaxlisten.models.convolutional import normed
from jaxlisten.models.heads import some
from jaxlisten.nn import (
    GRU,
    AddChannel,
    AttentionDecoder,
    Bidirectional,
    Conv1D,
    Conv2D,
    Dense,
    Dropout,
    EncoderDecoder,
    FrequencyWarp,
    Layer,
    MergeFrequency,
    Normalize,
    Serial,
    SpecAugment,
    residual,
    serial,
)

_SPANS, _SPAN_SHARE = 4, 0.03
"""Masks along time that hide a part of a symbol, not all of it: a share of a clip may be a whole word."""


def ctc(
    classes: int,
    *,
    filters: tuple[int, ...] = (16, 32),
    channels: tuple[int, ...] = (96, 96),
    kernel: int = 5,
    units: int = 96,
    bidirectional: bool = False,
    dropout: float = 0.2,
    causal: bool = False,
) -> Serial:
    """Convolutions over time and frequency, residual ones over time, a GRU, and logits for each frame that is left.

    It is for transcripts (`jaxlisten.tasks.transcription`): logit 0 is the blank, logit ``i + 1`` symbol i. With frames
    of 10 ms and two blocks it gives logits every 40 ms; speech in characters wants one block less.

    Args:
        classes: how many symbols there are.
        filters, channels, kernel: as in `jaxlisten.models.cnn`.
        units: size of the GRU; 0: there is none.
        bidirectional: the GRU runs both ways, at `units` a direction. Such a model has no streaming form.
        dropout: rate before the last layer.
        causal: no output sees the future, so that the streaming form answers without delay.

    Returns:
        A layer from ``[*batch, time, channel]``, whose channels are bands of frequency, to
        ``[*batch, frames, 1 + classes]``.

    Reference:
        Graves et al. 2006; in the manner of Amodei et al. 2016, *Deep Speech 2*, far smaller.
    """
    recurrent = {} if not units else {"gru": Bidirectional(GRU(units)) if bidirectional else GRU(units)}
    encoder = _encoder(filters, channels, kernel, causal)
    return serial(**encoder, **recurrent, dropout=Dropout(dropout), logits=Dense(1 + classes))


def attention(
    classes: int,
    *,
    front_end: Layer | None = None,
    filters: tuple[int, ...] = (16, 32),
    channels: tuple[int, ...] = (96, 96),
    kernel: int = 5,
    units: int = 96,
    longest: int = 32,
    dropout: float = 0.2,
) -> EncoderDecoder:
    """An encoder like that of `ctc`, with a GRU both ways, and a decoder that writes symbol by symbol.

    It is for transcripts (`jaxlisten.tasks.dictation`): logit 0 is the end, logit ``i + 1`` symbol i. It needs the
    whole clip, and learns clips as long as those that it is to hear.

    Args:
        classes: how many symbols there are.
        front_end: the first layers of the encoder, such as `jaxlisten.models.log_mel`; None: features come in.
        filters, channels, kernel: as in `jaxlisten.models.cnn`.
        units: size of the GRUs of encoder, each way, and decoder.
        longest: symbols that it writes at most.
        dropout: rate before the decoder.

    Returns:
        A layer from raw sound ``[*batch, time]``, or from features without `front_end`, to
        ``[*batch, 1 + longest, 1 + classes]``, with the children `encoder` and `decoder`.

    Reference:
        Bahdanau et al. 2016, *End-to-end attention-based large vocabulary speech recognition*; Chorowski et al. 2015.
    """
    front = {} if front_end is None else {"front_end": front_end}
    layers = _encoder(filters, channels, kernel, causal=False)
    encoder = serial(**front, **layers, gru=Bidirectional(GRU(units)), dropout=Dropout(dropout))
    return EncoderDecoder(encoder, AttentionDecoder(classes, longest, units))


def _encoder(filters: tuple[int, ...], channels: tuple[int, ...], kernel: int, causal: bool) -> dict[str, Layer]:
    """Return the layers from bands to steps at a quarter of their rate, with two blocks; they keep time."""
    some("ctc", "filters", filters)
    some("ctc", "channels", channels)
    lookahead = 0 if causal else None
    layers: dict[str, Layer] = {
        "normalize": Normalize(),
        "warp": FrequencyWarp(),
        "mask": SpecAugment(spans=_SPANS, span_share=_SPAN_SHARE),
        "image": AddChannel(),
    }
    for index, width in enumerate(filters):
        size, stride = ((3, 3), (1, 2)) if index else ((5, 5), (2, 2))
        layers[f"image{index}"] = normed(Conv2D(width, size, stride=stride, lookahead=lookahead, bias=False))
    layers["steps"] = MergeFrequency()
    for index, width in enumerate(channels):
        taps, stride = (kernel, 2) if index else (1, 1)
        layers[f"block{index}"] = serial(
            normed(Conv1D(width, taps, stride=stride, lookahead=lookahead, bias=False)),
            residual=residual(normed(Conv1D(width, kernel, lookahead=lookahead, bias=False))),
        )
    return layers
