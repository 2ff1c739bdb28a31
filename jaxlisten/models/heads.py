"""What every model begins and ends with."""

from __future__ import annotations

from jaxlisten.errors import LayerError
from jaxlisten.nn import Dense, Dropout, GlobalPool, Layer, Normalize, Parallel, SpecAugment, parallel


def entry() -> dict[str, Layer]:
    """Return the first layers of a model: features of mean 0 and deviation 1, in training with masks."""
    return {"normalize": Normalize(), "mask": SpecAugment()}


def pooled() -> Parallel:
    """Return the pooling of a clip to the mean and the largest value of each channel."""
    return parallel(mean=GlobalPool("mean"), max=GlobalPool("max"))


def head(classes: int, dropout: float, pool: Layer) -> dict[str, Layer]:
    """Return the last layers of a model, from steps to logits."""
    return {"pool": pool, "dropout": Dropout(dropout), "logits": Dense(classes)}


def some(name: str, what: str, sizes: tuple[int, ...]) -> None:
    """Refuse a model without any block."""
    if not sizes:
        raise LayerError(f"{name}: expected at least one size in {what}, got none")
