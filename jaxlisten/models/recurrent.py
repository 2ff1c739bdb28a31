"""Recurrent models."""

from __future__ import annotations

from jaxlisten.errors import LayerError
from jaxlisten.nn import LSTM, Dense, Dropout, GlobalPool, Normalize, Serial, serial


def lstm(classes: int, *, units: tuple[int, ...] = (128,), pool: str = "last", dropout: float = 0.2) -> Serial:
    """Stacked LSTMs over time and a dense layer on top. It sees no future, so it streams without delay.

    Args:
        classes: how many logits come out.
        units: size of each LSTM, the one nearest to the input first.
        pool: how the steps of the last one become one: "last", "mean" or "max".
        dropout: rate before the last layer.

    Returns:
        A layer from ``[*batch, time, channel]`` to ``[*batch, classes]``.
    """
    if not units:
        raise LayerError("lstm: expected at least one size in units, got none")
    return serial(
        normalize=Normalize(),
        **{f"lstm{index}": LSTM(size) for index, size in enumerate(units)},
        pool=GlobalPool(pool),
        dropout=Dropout(dropout),
        logits=Dense(classes),
    )
