"""Models of dense layers alone: linear, multi-layer, and autoencoders, also behind a front end."""

from __future__ import annotations

import math

from jaxlisten.models.heads import entry, head, pooled, some
from jaxlisten.nn import (
    BatchNorm,
    Conv1D,
    ConvTranspose1D,
    Dense,
    Description,
    Layer,
    LogMel,
    Normalize,
    Novelty,
    Reconstruction,
    ReLU,
    Serial,
    Stack,
    serial,
)


def linear(classes: int, *, dropout: float = 0.0) -> Serial:
    """One dense layer on the mean and the maximum of each feature: logistic regression, or linear regression.

    Args:
        classes: how many logits, or numbers, come out.
        dropout: rate before the dense layer.

    Returns:
        A layer from ``[*batch, time, channel]`` to ``[*batch, classes]``.
    """
    return serial(**entry(), **head(classes, dropout, pooled()))


def mlp(classes: int, *, units: tuple[int, ...] = (128, 128), dropout: float = 0.2) -> Serial:
    """Dense layers on each step by itself, pooled over the clip, and one on top.

    Args:
        classes: how many logits come out.
        units: size of each dense layer, the one nearest to the input first.
        dropout: rate before the last layer.

    Returns:
        A layer from ``[*batch, time, channel]`` to ``[*batch, classes]``.
    """
    some("mlp", "units", units)
    return serial(**entry(), **_dense("dense", units), **head(classes, dropout, pooled()))


def autoencoder(features: int, *, units: tuple[int, ...] = (128, 128), code: int = 8) -> Serial:
    """Dense encoder and decoder of each step, mirror images of each other.

    ``model.encoder.apply(params["encoder"], state["encoder"], x)`` gives the code.

    Args:
        features: size of the last axis of what goes in, and comes out.
        units: size of each layer of the encoder; the decoder has them in reverse.
        code: size of the code.

    Returns:
        A layer from ``[*batch, features]`` to the same shape, with the children `encoder` and `decoder`. What comes out
        is compared with what went in.

    Reference:
        With ``features=640, units=(128, 128, 128, 128)`` the network of MLPerf Tiny's anomaly detection (Koizumi et al.
        2020, DCASE task 2), which sees 5 frames of 128 bands at once.
    """
    some("autoencoder", "units", units)
    encoder = serial(normalize=Normalize(), **_dense("dense", units), code=Dense(code))
    return serial(encoder=encoder, decoder=serial(**_dense("dense", units[::-1]), features=Dense(features)))


def conv_autoencoder(
    features: int, *, channels: tuple[int, ...] = (64, 32), code: int = 8, kernel: int = 5, causal: bool = False
) -> Serial:
    """Convolutional encoder and decoder over time, mirror images of each other.

    Args:
        features: size of the last axis of what goes in, and comes out.
        channels: filters of each convolution of the encoder, each at half the rate of the one before it.
        code: size of a step of the code.
        kernel: taps of each convolution.
        causal: no output sees the future.

    Returns:
        A layer from ``[*batch, time, features]`` to as many steps, rounded up to a multiple of ``2 ** len(channels)``,
        with the children `encoder` and `decoder`.
    """
    some("conv_autoencoder", "channels", channels)
    lookahead = 0 if causal else None
    down, up = dict[str, Layer](), dict[str, Layer]()
    for index, width in enumerate(channels):
        conv = Conv1D(width, kernel, stride=2, lookahead=lookahead, bias=False)
        down[f"block{index}"] = serial(conv, BatchNorm(), ReLU())
    for index, width in enumerate(channels[::-1]):
        conv = ConvTranspose1D(width, kernel, stride=2, lookahead=lookahead, bias=False)
        up[f"block{index}"] = serial(conv, BatchNorm(), ReLU())
    return serial(
        encoder=serial(normalize=Normalize(), **down, code=Dense(code)),
        decoder=serial(**up, features=Dense(features)),
    )


def reconstruction(
    sr: int,
    *,
    n_mels: int | None = None,
    frames: int = 5,
    units: tuple[int, ...] = (128, 128, 128, 128),
    code: int = 8,
    divergence: float = 0.0,
) -> Serial:
    """A dense autoencoder behind log-mel spectrograms, which says how badly it knows a sound and how strange it is.

    It sees `frames` frames of 64 ms every 32 ms at once, each band at mean 0 and deviation 1. `jaxlisten.fit` trains it
    with the task "reconstruction" or "denoising", `jaxlisten.calibrate` makes it tell normal sounds from others.

    Args:
        sr: sample rate in Hz.
        n_mels: mel bands; None: 128, or below 16 kHz 64.
        frames: how many the network sees at once.
        units: size of each layer of the encoder; the decoder has them in reverse.
        code: size of the code.
        divergence: above 0 it is variational; see `jaxlisten.Reconstruction`.

    Returns:
        A layer from raw sound ``[*batch, time]`` to ``[*batch, 2]``, the mean error and the novelty, with the children
        `reconstruction` (and in it `front_end`, `encoder` and `decoder`), `description` and `novelty`.

    Reference:
        With the defaults, the inputs and the network of MLPerf Tiny's anomaly detection (Koizumi et al. 2020).
    """
    bands = (128 if sr >= 16_000 else 64) if n_mels is None else n_mels
    n_fft = 2 ** round(math.log2(0.064 * sr))
    mel = LogMel(sr, n_fft=n_fft, hop_length=n_fft // 2, n_mels=bands, amin=1e-6)
    network = autoencoder(frames * bands, units=units, code=2 * code if divergence else code)
    return serial(
        reconstruction=Reconstruction(
            serial(mel=mel, normalize=Normalize(), stack=Stack(frames)), network.encoder, network.decoder, divergence
        ),
        description=Description(),
        novelty=Novelty(),
    )


def _dense(name: str, units: tuple[int, ...]) -> dict[str, Layer]:
    return {f"{name}{index}": serial(Dense(size, bias=False), BatchNorm(), ReLU()) for index, size in enumerate(units)}
