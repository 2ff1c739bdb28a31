"""Which layers of a chain work on images, ``[*batch, time, freq, channel]``: their inference goes a few at a time."""

from __future__ import annotations

from collections.abc import Sequence

from jaxlisten.nn.activation import Activation
from jaxlisten.nn.convolution import Conv2D, ConvTranspose2D, DepthwiseConv2D
from jaxlisten.nn.dropout import Dropout
from jaxlisten.nn.layer import Layer
from jaxlisten.nn.normalize import BatchNorm
from jaxlisten.nn.pool import MaxPool2D, MeanPool2D

_IMAGES = Conv2D, ConvTranspose2D, DepthwiseConv2D, MaxPool2D, MeanPool2D
_ANYTHING = Activation, BatchNorm, Dropout


def stretch(layers: Sequence[Layer]) -> int:
    """Return how many of the first layers take and give images; 0 where the first one does not say that it does."""
    if not layers or not _of_images(layers[0]):
        return 0
    return next((i for i, layer in enumerate(layers) if _of_images(layer) is False), len(layers))


def _of_images(layer: Layer) -> bool | None:
    """Whether a layer takes and gives images; None: it takes anything, and leaves the axes as they are."""
    if isinstance(layer, _IMAGES):
        return True
    if isinstance(layer, _ANYTHING):
        return None
    kinds = [_of_images(child) for child in getattr(layer, "layers", ())]
    return False if not kinds or False in kinds else (True if True in kinds else None)
